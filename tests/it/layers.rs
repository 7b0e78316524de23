//! The layers of the architecture, read from the `use` lines: who may know whom.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A layer and what it may name of this crate; a longer prefix of a path wins over a shorter one.
const RULES: &[(&str, &[&str])] = &[
    ("domain", &["domain"]),
    // The transport's data is what a push is made of and an answer is read from.
    ("logic", &["domain", "logic", "ports::transport"]),
    ("ports", &["domain", "logic", "ports"]),
    (
        "adapters",
        &["adapters", "domain", "logic", "patience", "ports"],
    ),
    (
        "actors",
        &[
            "actors::alarm",
            "actors::messages",
            "actors::off_thread",
            "actors::seat",
            "actors::death_watch",
            "actors::warden",
            "clock",
            "domain",
            "logic",
            "metrics",
            "pool",
            "ports",
            "request_rates",
        ],
    ),
    (
        "http",
        &[
            "actors::messages",
            "clock",
            "config",
            "domain",
            "door",
            "error",
            "http",
            "live",
            "logic",
            "metrics",
            "patience",
            "pool",
            "ports",
            "request_rates",
        ],
    ),
    (
        "error",
        &["actors::messages", "domain", "logic::limits", "ports"],
    ),
    ("metrics", &["domain", "logic", "metrics"]),
    ("door", &[]),
    ("live", &[]),
    ("patience", &[]),
    ("pool", &["domain"]),
    ("request_rates", &["domain", "logic::token_bucket"]),
    ("clock", &["domain"]),
    ("config", &["config", "domain", "logic::limits"]),
    ("telemetry", &["config"]),
];

/// Parents, which know the children they start.
const CHILDREN: [(&str, &str); 5] = [
    ("actors::dispatcher", "actors::circuit_breaker"),
    ("actors::registry", "actors::health_probe"),
    ("actors::event_bus", "actors::subscription"),
    ("actors::event_bus", "actors::callback_circuit"),
    // What the tests of the actors share.
    ("actors::fixtures", "actors::probe"),
];

/// What makes a function impure; none of it belongs into `domain` or `logic`.
const IMPURE: [&str; 11] = [
    "actix",
    "tokio",
    "diesel",
    "SystemTime",
    "Instant",
    "rand::rng",
    "rand::random",
    "thread_rng",
    "std::fs",
    "std::net",
    "std::env",
];

struct Source {
    /// As in `actors::scheduler::pollers`.
    module: String,
    /// Without its tests.
    code: String,
}

impl Source {
    fn is_in(&self, layer: &str) -> bool {
        is_within(&self.module, layer)
    }
}

fn is_within(path: &str, module: &str) -> bool {
    path == module
        || path
            .strip_prefix(module)
            .is_some_and(|rest| rest.starts_with("::"))
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let read = |file: &PathBuf| {
        let module = file.strip_prefix(&root).unwrap().with_extension("");
        let module = module.to_str().unwrap().replace('/', "::");
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        Source {
            module,
            code: code.to_owned(),
        }
    };
    files.iter().map(read).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|name| name == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// Everything of this crate that the code names, as paths from its root.
fn named(source: &Source) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for line in code_lines(source) {
        for (start, _) in line.match_indices("crate::") {
            let rest = &line[start + "crate::".len()..];
            if rest.starts_with('{') {
                paths.insert("(a list from the root; name each by itself)".to_owned());
            } else {
                paths.insert(path_at(rest));
            }
        }
        for (start, _) in line.match_indices("super::") {
            let is_first = !line[..start].ends_with("super::");
            if is_first {
                paths.extend(above(&source.module, &line[start..]));
            }
        }
    }
    paths
}

fn code_lines(source: &Source) -> impl Iterator<Item = &str> {
    let lines = source.code.lines();
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

fn path_at(text: &str) -> String {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let path = &text[..end.unwrap_or(text.len())];
    path.trim_end_matches(':').to_owned()
}

/// What `super::…` means in this module, if that is a module and not an item of the parent.
fn above(module: &str, mut text: &str) -> Option<String> {
    let mut at = Some(module);
    while let Some(rest) = text.strip_prefix("super::") {
        at = at.and_then(|module| module.rsplit_once("::").map(|(parent, _)| parent));
        text = rest;
    }
    let path = path_at(text);
    if path.is_empty() || !path.contains("::") {
        return at.map(str::to_owned);
    }
    match at {
        Some(parent) => Some(format!("{parent}::{path}")),
        None => Some(path),
    }
}

fn may_name(source: &Source, path: &str, allowed: &[&str]) -> bool {
    let is_own = is_within(path, &source.module) || is_within(&source.module, path);
    let siblings = source.module.split("::").count() > 2
        && is_within(path, source.module.rsplit_once("::").unwrap().0);
    let is_child = CHILDREN
        .iter()
        .any(|(parent, child)| source.is_in(parent) && is_within(path, child));
    is_own || siblings || is_child || allowed.iter().any(|module| is_within(path, module))
}

#[test]
fn every_layer_names_only_what_lies_below() {
    let mut wrong = Vec::new();
    for source in sources() {
        let rule = RULES.iter().find(|(layer, _)| source.is_in(layer));
        // Only the runtime, the command line and main see everything.
        let Some((_, allowed)) = rule else { continue };
        for path in named(&source) {
            if !may_name(&source, &path, allowed) {
                wrong.push(format!("{} names {path}", source.module));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_top_sees_adapters() {
    for source in sources() {
        let may = ["adapters", "runtime", "cli", "main"];
        if may.iter().any(|module| source.is_in(module)) {
            continue;
        }
        for path in named(&source) {
            let sees = is_within(&path, "adapters") || is_within(&path, "runtime");
            assert!(!sees, "{} names {path}", source.module);
        }
    }
}

#[test]
fn domain_and_logic_are_pure() {
    let mut wrong = Vec::new();
    let pure = |source: &Source| source.is_in("domain") || source.is_in("logic");
    for source in sources().into_iter().filter(pure) {
        for line in code_lines(&source) {
            for word in IMPURE.iter().filter(|word| names(line, word)) {
                wrong.push(format!("{} names {word}: {}", source.module, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether the line has this word, and not only as a part of another.
fn names(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

#[test]
fn the_rules_notice_a_breach() {
    let source = |module: &str, code: &str| Source {
        module: module.to_owned(),
        code: code.to_owned(),
    };
    let scheduler = source(
        "actors::scheduler::pollers",
        "use super::super::registry::Registry;\n// crate::ignored\nlet a = crate::http::Hub;\n",
    );
    let named = named(&scheduler);
    let expected = ["actors::registry::Registry", "http::Hub"];
    assert_eq!(
        named.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
    for path in &named {
        assert!(!may_name(&scheduler, path, &["actors::messages", "domain"]));
    }
    assert!(names("let now = Instant::now();", "Instant"));
    assert!(!names("struct InstantMessage;", "Instant"));
}
