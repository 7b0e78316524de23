//! Lists of what the fences put up with: they may only shrink.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::source::root;

fn path(list: &str) -> PathBuf {
    root().join("tests/it/layers").join(list)
}

fn read(list: &str) -> String {
    fs::read_to_string(path(list)).unwrap()
}

/// Holds the numbers there are against those in the list, whose lines are a name and a number.
///
/// # Panics
/// If a number is higher than the list has it, and if it is lower: then the list is to follow.
#[track_caller]
pub(super) fn may_only_shrink(list: &str, now: &BTreeMap<String, usize>, instead: &str) {
    let text = read(list);
    let listed: BTreeMap<String, usize> = text.lines().map(entry).collect();
    let (grown, shrunk) = compare(&listed, now);
    assert!(grown.is_empty(), "{instead}: {grown:#?}");
    let path = path(list);
    let path = path.display();
    assert!(
        shrunk.is_empty(),
        "good; now tell so in {path}: {shrunk:#?}"
    );
    let sorted: Vec<String> = listed
        .iter()
        .map(|(name, n)| format!("{name} {n}"))
        .collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), sorted, "sort {path}");
}

fn entry(line: &str) -> (String, usize) {
    let (name, number) = line.rsplit_once(' ').expect("a name and a number");
    (name.to_owned(), number.parse().unwrap())
}

/// What became more than it was, and what is less, in words.
fn compare(
    listed: &BTreeMap<String, usize>,
    now: &BTreeMap<String, usize>,
) -> (Vec<String>, Vec<String>) {
    let (mut grown, mut shrunk) = (Vec::new(), Vec::new());
    for (name, number) in now {
        let before = listed.get(name).copied().unwrap_or(0);
        if *number > before {
            grown.push(format!("{name} {number}, listed {before}"));
        } else if *number < before {
            shrunk.push(format!("write `{name} {number}`"));
        }
    }
    let gone = listed.keys().filter(|name| !now.contains_key(*name));
    shrunk.extend(gone.map(|name| format!("delete `{name}`")));
    (grown, shrunk)
}

#[test]
fn a_list_notices_both_directions() {
    let map = |entries: &[&str]| entries.iter().map(|line| entry(line)).collect();
    let (grown, shrunk) = compare(
        &map(&["same 2", "more 2", "less 3", "gone 2"]),
        &map(&["same 2", "more 3", "less 2", "new 2"]),
    );
    assert_eq!(grown, ["more 3, listed 2", "new 2, listed 0"]);
    assert_eq!(shrunk, ["write `less 2`", "delete `gone`"]);
}
