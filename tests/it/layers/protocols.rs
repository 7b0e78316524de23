//! What speaks one protocol does not see the other. Some of it still does; each file is listed with
//! how many names it reaches.

use std::collections::BTreeMap;

use super::lists;
use super::named;
use super::source::{is_within, sources};

const PROTOCOLS: [&str; 2] = ["http", "websocket"];

#[test]
fn protocols_do_not_see_each_other() {
    let mut reaching = BTreeMap::new();
    for source in sources() {
        let Some(own) = PROTOCOLS.iter().find(|protocol| source.is_in(protocol)) else {
            continue;
        };
        let names = named(source);
        let count = names.iter().filter(|path| is_across(own, path)).count();
        if count > 0 {
            reaching.insert(source.file.clone(), count);
        }
    }
    let instead = "let src/hub do it, src/api say what both protocols say, and src/web have what both need of HTTP";
    lists::may_only_shrink("across_protocols.txt", &reaching, instead);
}

/// Whether a file of the protocol `own` reaches over to another by this.
fn is_across(own: &str, path: &str) -> bool {
    let mut others = PROTOCOLS.iter().filter(|protocol| **protocol != own);
    others.any(|protocol| is_within(path, protocol))
}

#[test]
fn a_protocol_sees_itself() {
    assert!(is_across("http", "websocket::texts"));
    assert!(is_across("websocket", "http::page"));
    for path in ["http::page", "hub::access", "domain::ids"] {
        assert!(!is_across("http", path), "{path}");
    }
}
