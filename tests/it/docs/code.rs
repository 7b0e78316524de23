//! What the sources say that a reference has to have, read from their text.

use std::collections::BTreeSet;

use super::pages::{files_below, read};

/// The sources below a directory of the crate, without tests.
fn sources(directory: &str) -> Vec<String> {
    let files = files_below(directory, "rs").into_iter();
    let own = files.filter(|path| !path.ends_with("/tests.rs") && !path.contains("/tests/"));
    own.map(|path| without_tests(&read(&path))).collect()
}

fn without_tests(source: &str) -> String {
    let own = source.split("#[cfg(test)]\nmod tests {").next();
    own.unwrap_or_default().to_owned()
}

/// The text that begins behind an opening quote, and what is behind its end.
fn literal(text: &str) -> (String, &str) {
    let (mut said, mut rest) = (String::new(), text.chars());
    while let Some(next) = rest.next() {
        match next {
            '"' => break,
            '\\' if rest.as_str().starts_with('\n') => rest = rest.as_str().trim_start().chars(),
            '\\' => said.extend(rest.next()),
            next => said.push(next),
        }
    }
    (said, rest.as_str())
}

/// The texts in the arguments of a call, behind its opening parenthesis.
fn texts_of_call(mut text: &str) -> Vec<String> {
    let (mut texts, mut depth) = (Vec::new(), 1);
    while depth > 0 {
        let at = text.find(['(', ')', '"']).expect("the call ends");
        let (found, rest) = (text.as_bytes()[at], &text[at + 1..]);
        text = rest;
        match found {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {
                let (said, rest) = literal(text);
                texts.push(said);
                text = rest;
            }
        }
    }
    texts
}

/// With `…` in place of what is filled in.
fn with_gaps(text: &str) -> String {
    let mut parts = text.split('{');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, fixed) = part.split_once('}').expect("what is opened is closed");
        whole.push('…');
        whole.push_str(fixed);
    }
    whole
}

/// The names of all series of the metrics.
pub(super) fn series() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let top = without_tests(&read("src/metrics.rs"));
    for source in sources("src/metrics").into_iter().chain([top]) {
        for (at, _) in source.match_indices("\"message_hub_") {
            let (name, _) = literal(&source[at + 1..]);
            let is_name = |letter: char| letter == '_' || letter.is_ascii_lowercase();
            if name.chars().all(is_name) {
                names.insert(name);
            }
        }
    }
    names
}

/// What is logged as a warning or an error.
pub(super) fn lines_of_the_log() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for source in sources("src") {
        for call in ["tracing::warn!(", "tracing::error!("] {
            for (at, _) in source.match_indices(call) {
                let texts = texts_of_call(&source[at + call.len()..]);
                lines.extend(texts.last().map(|text| with_gaps(text)));
            }
        }
    }
    // Notices and warnings of the configuration are whole sentences from elsewhere.
    lines.remove("…");
    lines
}

/// The numbers with which the process may end.
pub(super) fn numbers_of_exits() -> BTreeSet<u8> {
    let source = read("src/exit.rs");
    let variants = source
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','));
    let numbers = variants.filter_map(|variant| variant.split_once(" = ")?.1.parse().ok());
    numbers.collect()
}

#[test]
fn what_is_filled_into_a_text_is_a_gap() {
    let call = "queue = 1, \"{count} more to \\\n   {}\", f(\")\")) and \"more\"";
    assert_eq!(texts_of_call(call), ["{count} more to {}", ")"]);
    assert_eq!(with_gaps("{count} more to {}"), "… more to …");
}
