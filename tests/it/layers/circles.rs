//! Files build on each other without circles: each can be understood by what it builds on.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::Modules;
use super::source::sources;

/// For each file those that it names.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_file_is_in_a_circle_with_others() {
    let found = circles(&graph());
    let found: Vec<String> = found.iter().map(told).collect();
    assert!(found.is_empty(), "circles:\n{}", found.join("\n"));
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
    let listed = |circle: BTreeSet<String>| Vec::from_iter(circle).join(" ");
    let found: Vec<String> = circles(&graph).into_iter().map(listed).collect();
    assert_eq!(found, ["a b c", "f g"]);
}
