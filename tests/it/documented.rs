//! What an operator sees of a hub is in the documentation: every series of metrics, and every line
//! of the log that tells of something wrong. Read from the sources, so that nothing new is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The sources below `directory`, without tests.
fn sources(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).unwrap();
            let own = text.split("#[cfg(test)]\nmod tests {").next();
            found.extend(own.map(str::to_owned));
        }
    }
    found
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

#[test]
fn every_series_is_described() {
    let page = page("docs/reference/metrics.md");
    let mut names = BTreeSet::new();
    for source in sources(&root().join("src/metrics"))
        .into_iter()
        .chain([page_of_metrics()])
    {
        for (at, _) in source.match_indices("\"message_hub_") {
            let (name, _) = literal(&source[at + 1..]);
            let is_name = |letter: char| letter == '_' || letter.is_ascii_lowercase();
            if name.chars().all(is_name) {
                names.insert(name);
            }
        }
    }
    assert!(names.len() > 50, "{names:?}");
    let is_described = |name: &String| {
        ["`", "{"]
            .iter()
            .any(|end| page.contains(&format!("`{name}{end}")))
    };
    let missing: Vec<_> = names.iter().filter(|name| !is_described(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn page_of_metrics() -> String {
    let text = page("src/metrics.rs");
    let own = text.split("#[cfg(test)]\nmod tests {").next();
    own.unwrap_or_default().to_owned()
}

#[test]
fn every_line_of_the_log_that_tells_of_something_wrong_is_described() {
    let page = page("docs/guides/what-the-log-says.md");
    let mut lines = BTreeSet::new();
    for source in sources(&root().join("src")) {
        for call in ["tracing::warn!(", "tracing::error!("] {
            for (at, _) in source.match_indices(call) {
                let texts = texts_of_call(&source[at + call.len()..]);
                lines.extend(texts.last().map(|text| with_gaps(text)));
            }
        }
    }
    // Notices and warnings of the configuration are whole sentences from elsewhere.
    lines.remove("…");
    assert!(lines.len() > 40, "{lines:?}");
    let missing: Vec<_> = lines
        .iter()
        .filter(|line| !page.contains(&format!("`{line}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
