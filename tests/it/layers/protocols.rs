//! What speaks a protocol sees the application and plain data. Some of it still reaches below, or
//! over to the other protocol; each file is listed with how many names it reaches.

use std::collections::BTreeMap;

use super::lists;
use super::named;
use super::source::{is_within, sources};

const PROTOCOLS: [&str; 2] = ["http", "websocket"];
/// What the application stands in front of.
const BELOW: [&str; 4] = ["actors", "adapters", "metrics", "ports"];

#[test]
fn protocols_see_the_application_only() {
    let mut reaching = BTreeMap::new();
    for source in sources() {
        let Some(own) = PROTOCOLS.iter().find(|protocol| source.is_in(protocol)) else {
            continue;
        };
        let names = named(source);
        let count = names.iter().filter(|path| is_beyond(own, path)).count();
        if count > 0 {
            reaching.insert(source.file.clone(), count);
        }
    }
    let instead = "let src/hub do it, and src/api say what both protocols say";
    lists::may_only_shrink("beyond_the_hub.txt", &reaching, instead);
}

/// Whether a protocol's file should not know this.
fn is_beyond(own: &str, path: &str) -> bool {
    let others = PROTOCOLS.iter().filter(|protocol| **protocol != own);
    BELOW
        .iter()
        .chain(others)
        .any(|module| is_within(path, module))
}

#[test]
fn the_other_protocol_is_as_far_as_an_actor() {
    for path in [
        "ports::archive",
        "actors::messages::Credit",
        "websocket::texts",
    ] {
        assert!(is_beyond("http", path), "{path}");
    }
    for path in ["http::page", "hub::access", "domain::ids", "logic::page"] {
        assert!(!is_beyond("http", path), "{path}");
    }
    assert!(is_beyond("websocket", "http::page"));
}
