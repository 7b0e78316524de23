//! A type's name has one owner: who reads it elsewhere knows what is meant.

use std::collections::BTreeMap;

use super::lists;
use super::source::{is_word, sources};

/// Each actor has its own: whom it tells, and what it is set to.
const OF_EACH_ACTOR: [&str; 2] = ["Hops", "Settings"];

#[test]
fn a_name_means_one_type() {
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources() {
        for name in source.code.lines().filter_map(declared) {
            *owners.entry(name.to_owned()).or_default() += 1;
        }
    }
    owners.retain(|name, owners| *owners > 1 && !OF_EACH_ACTOR.contains(&&**name));
    let instead = "several types have this name; say in it what makes them different";
    lists::may_only_shrink("shared_names.txt", &owners, instead);
}

/// The type that a line declares for others, if it does.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let item = line
        .strip_prefix("pub ")
        .or(line.strip_prefix("pub(crate) "))?;
    let (what, rest) = item.split_once(' ')?;
    let is_type = ["struct", "enum", "trait", "type", "union"].contains(&what);
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    // What a macro declares has its name elsewhere.
    (is_type && end > 0).then_some(&rest[..end])
}

#[test]
fn types_for_others_are_told_from_the_rest() {
    for (line, expected) in [
        ("pub struct Hops {", Some("Hops")),
        ("    pub(crate) type Reply<T> = Sender<T>;", Some("Reply")),
        ("pub trait Journal: Send {", Some("Journal")),
        ("struct Private;", None),
        ("pub(super) enum Near {", None),
        ("type Result = ();", None),
        ("pub fn structure() {", None),
        ("pub struct $name(Arc<str>);", None),
    ] {
        assert_eq!(declared(line), expected, "{line}");
    }
}
