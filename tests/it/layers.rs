//! The layers of the architecture, read from the paths in the code: who may know whom. And fences
//! around what the files are: no circles, short enough, names that mean one thing.

mod asks;
mod circles;
mod lengths;
mod lists;
mod names;
mod paths;
mod source;

use std::collections::BTreeSet;

use source::{Source, is_within, plain, sources};

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
            "actors::children",
            "actors::circuit",
            "actors::event_reader",
            "actors::timer",
            "actors::invariants",
            "actors::messages",
            "actors::off_thread",
            "actors::pending_mailbox",
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
    ("web", WEB),
    ("http", HTTP),
    ("websocket", WEBSOCKET),
    ("routes", &["http", "routes", "web", "websocket"]),
    // It reaches the actors themselves.
    ("hub::clients", &["actors", "hub"]),
    (
        "hub",
        &[
            "actors::event_reader",
            "actors::messages",
            "clock",
            "config",
            "domain",
            "hub",
            "live",
            "logic",
            "metrics",
            "patience",
            "phase",
            "pool",
            "ports",
            "request_rates",
        ],
    ),
    (
        "api",
        &["actors::messages", "api", "domain", "hub", "logic"],
    ),
    ("exit", &[]),
    ("open_files", &[]),
    (
        "opening",
        &["adapters", "config", "exit", "ports", "telemetry"],
    ),
    ("metrics", &["domain", "logic", "metrics"]),
    ("phase", &[]),
    ("live", &[]),
    ("patience", &[]),
    ("pool", &["domain"]),
    ("request_rates", &["domain", "logic::token_bucket"]),
    ("clock", &["domain"]),
    ("config", &["config", "domain", "logic::limits"]),
    ("config_file", &["config"]),
    ("telemetry", &["config"]),
];

/// What REST and WebSocket have in common sees the application and plain data: no actor, port,
/// adapter or series, and no protocol.
const WEB: &[&str] = &[
    "api", "clock", "config", "domain", "hub", "logic", "patience", "phase", "pool", "web",
];

/// What speaks a protocol sees no more than that and itself, and so no other protocol.
const HTTP: &[&str] = &[
    "api", "domain", "http", "hub", "logic", "patience", "phase", "pool", "web",
];
const WEBSOCKET: &[&str] = &[
    "api",
    "domain",
    "hub",
    "logic",
    "patience",
    "phase",
    "pool",
    "web",
    "websocket",
];

/// Parents, which know the children they start.
const CHILDREN: [(&str, &str); 4] = [
    ("actors::dispatcher", "actors::circuit_breaker"),
    ("actors::registry", "actors::health_probe"),
    ("actors::subscriptions", "actors::subscription"),
    ("actors::subscriptions", "actors::callback_circuit"),
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

/// Everything of this crate that the code names, as paths from its root.
fn named(source: &Source) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for line in source.code.lines() {
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
        for path in named(source) {
            if !may_name(source, &path, allowed) {
                wrong.push(format!("{} names {path}", source.module));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_top_sees_adapters() {
    for source in sources() {
        let may = ["adapters", "opening", "runtime", "cli", "main"];
        if may.iter().any(|module| source.is_in(module)) {
            continue;
        }
        for path in named(source) {
            let sees = ["adapters", "opening", "runtime"];
            let sees = sees.iter().any(|module| is_within(&path, module));
            assert!(!sees, "{} names {path}", source.module);
        }
    }
}

#[test]
fn the_command_line_is_beside_the_runtime() {
    for (here, there) in [("cli", "runtime"), ("runtime", "cli")] {
        for source in sources().iter().filter(|source| source.is_in(here)) {
            for path in named(source) {
                assert!(!is_within(&path, there), "{} names {path}", source.module);
            }
        }
    }
}

#[test]
fn domain_and_logic_are_pure() {
    let mut wrong = Vec::new();
    let pure = |source: &&Source| source.is_in("domain") || source.is_in("logic");
    for source in sources().iter().filter(pure) {
        for line in source.code.lines() {
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
        file: String::new(),
        module: module.to_owned(),
        code: plain(code),
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
    let rest = source("http::services", "");
    assert!(may_name(&rest, "web::page::Part", HTTP));
    assert!(!may_name(&rest, "websocket::PATHS", HTTP));
    assert!(names("let now = Instant::now();", "Instant"));
    assert!(!names("struct InstantMessage;", "Instant"));
}
