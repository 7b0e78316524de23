//! Files build on each other without circles: each can be understood by what it builds on.

use std::collections::{BTreeMap, BTreeSet};

use super::lists;
use super::paths::Modules;
use super::source::sources;

const LIST: &str = "circles.txt";

/// For each file those that it names.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_file_is_in_a_circle_with_others() {
    let now = circles(&graph());
    let text = lists::read(LIST);
    let listed: Vec<BTreeSet<String>> = text
        .split("\n\n")
        .map(|block| block.lines().map(str::to_owned).collect())
        .collect();
    let is_listed = |circle: &&BTreeSet<_>| listed.iter().any(|known| circle.is_subset(known));
    let new = now.iter().filter(|circle| !is_listed(circle));
    let new: Vec<String> = new.map(told).collect();
    assert!(new.is_empty(), "new or larger circles:\n{}", new.join("\n"));
    let shown: Vec<String> = now.iter().map(lines).collect();
    let shown = shown.join("\n");
    assert!(shown == text, "good; now {LIST} is only:\n{shown}");
}

fn lines(circle: &BTreeSet<String>) -> String {
    circle.iter().map(|file| format!("{file}\n")).collect()
}

/// Who names whom within the circle.
fn told(circle: &BTreeSet<String>) -> String {
    let graph = graph();
    let named = |file: &String| {
        let named = graph[file].intersection(circle).cloned();
        format!("{file} names {}\n", named.collect::<Vec<_>>().join(", "))
    };
    circle.iter().map(named).collect()
}

fn graph() -> Graph {
    let sources = sources();
    let modules = Modules::of(sources);
    let names = |source| {
        let named = modules.named_by(source).into_iter();
        named
            .map(|module| modules.file(&module).to_owned())
            .collect()
    };
    let edges = sources
        .iter()
        .map(|source| (source.file.clone(), names(source)));
    edges.collect()
}

/// The largest sets of files each of which leads to each other, in the order of their first.
fn circles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = graph
        .keys()
        .map(|from| (from, reachable(graph, from)))
        .collect();
    let mut circles = BTreeSet::new();
    for (from, to) in &reached {
        let back = |other: &&&String| reached[*other].contains(from);
        let circle: BTreeSet<String> = to.iter().filter(back).map(|file| (*file).clone()).collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reachable<'a>(graph: &'a Graph, from: &String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&String> = graph[from].iter().collect();
    while let Some(file) = ahead.pop() {
        if reached.insert(file) {
            ahead.extend(&graph[file]);
        }
    }
    reached
}

#[test]
fn circles_are_found() {
    let edges = [
        ("a", "b"),
        ("b", "c"),
        ("c", "a"),
        ("c", "d"),
        ("d", "e"),
        ("f", "g"),
        ("g", "f"),
        ("f", "a"),
    ];
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry(to.to_owned()).or_default();
        graph
            .entry(from.to_owned())
            .or_default()
            .insert(to.to_owned());
    }
    let found: Vec<String> = circles(&graph).iter().map(lines).collect();
    assert_eq!(found, ["a\nb\nc\n", "f\ng\n"]);
}
