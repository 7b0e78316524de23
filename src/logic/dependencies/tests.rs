use super::*;
use proptest::prelude::*;

fn name(text: &str) -> ServiceName {
    ServiceName::parse(text).unwrap()
}

fn needs(service: &str, minimum_instances: u32, critical: bool) -> Dependency {
    Dependency {
        service: name(service),
        minimum_instances,
        critical,
        version: None,
    }
}

fn version(dependency: Dependency, version: &str) -> Dependency {
    Dependency {
        version: Some(Label::parse(version).unwrap()),
        ..dependency
    }
}

#[test]
fn issues_say_what_is_missing() {
    for (dependency, found, issue) in [
        (
            needs("rules-service", 2, true),
            1,
            Some("Requires 2 instances of rules-service, found 1"),
        ),
        (
            needs("rules-service", 1, false),
            0,
            Some("Requires 1 instance of rules-service, found 0"),
        ),
        (
            version(needs("rules-service", 1, true), "2.0"),
            0,
            Some("Requires 1 instance of rules-service version 2.0, found 0"),
        ),
        (needs("rules-service", 2, true), 2, None),
        (needs("rules-service", 2, true), 3, None),
    ] {
        let finding = DependencyStatus { dependency, found };
        assert_eq!(finding.issue().as_deref(), issue);
        assert_eq!(finding.is_met(), issue.is_none());
    }
}

#[test]
fn one_of_several_that_is_missing_is_enough_to_be_unsatisfied() {
    let dependencies = vec![needs("a", 1, true), needs("b", 1, false)];
    let findings = check(dependencies, |dependency| {
        u32::from(dependency.service == name("a"))
    });
    let report = DependencyReport {
        findings,
        cycles: Vec::new(),
    };
    assert!(!report.is_satisfied());
    assert_eq!(report.issues(), ["Requires 1 instance of b, found 0"]);
    assert!(DependencyReport::default().is_satisfied());
}

#[test]
fn instances_need_together_the_most_that_any_needs() {
    let all = [
        needs("b", 1, false),
        needs("a", 3, false),
        needs("a", 1, true),
        version(needs("a", 2, false), "2.0"),
    ];
    assert_eq!(
        union(&all),
        [
            needs("a", 3, true),
            version(needs("a", 2, false), "2.0"),
            needs("b", 1, false),
        ]
    );
}

/// Who needs whom.
type Edges = &'static [(&'static str, &'static str)];

fn graph(edges: Edges) -> BTreeMap<ServiceName, Vec<ServiceName>> {
    let mut graph: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(name(from)).or_default().push(name(to));
    }
    graph
}

#[test]
fn cycles_are_found_by_the_shortest_way() {
    let cases: [(Edges, &[&[&str]]); 6] = [
        (&[], &[]),
        (&[("a", "b"), ("b", "c")], &[]),
        (&[("a", "a")], &[&["a", "a"]]),
        (&[("a", "b"), ("b", "a")], &[&["a", "b", "a"]]),
        // A cycle that does not lead through the service is not its own.
        (&[("a", "b"), ("b", "c"), ("c", "b")], &[]),
        (
            &[
                ("a", "b"),
                ("a", "c"),
                ("b", "c"),
                ("c", "a"),
                ("b", "d"),
                ("d", "c"),
            ],
            &[&["a", "b", "c", "a"], &["a", "c", "a"]],
        ),
    ];
    for (edges, expected) in cases {
        let found = cycles(&name("a"), &graph(edges));
        let found: Vec<Vec<_>> = found
            .iter()
            .map(|cycle| cycle.iter().map(ServiceName::as_str).collect())
            .collect();
        assert_eq!(found, expected, "{edges:?}");
    }
}

fn reaches(graph: &BTreeMap<ServiceName, Vec<ServiceName>>, from: &ServiceName) -> bool {
    let mut seen = Vec::new();
    let mut stack = vec![from.clone()];
    while let Some(at) = stack.pop() {
        if at == name("n0") {
            return true;
        }
        if !seen.contains(&at) {
            stack.extend(graph.get(&at).into_iter().flatten().cloned());
            seen.push(at);
        }
    }
    false
}

proptest! {
    #[test]
    fn there_is_a_cycle_for_each_need_that_leads_back(
        edges in prop::collection::btree_set((0u8..6, 0u8..6), 0..20),
    ) {
        let mut needs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (from, to) in edges {
            needs.entry(name(&format!("n{from}"))).or_default().push(name(&format!("n{to}")));
        }
        let found = cycles(&name("n0"), &needs);
        for cycle in &found {
            prop_assert_eq!(cycle.first(), cycle.last());
            prop_assert_eq!(&cycle[0], &name("n0"));
            for step in cycle.windows(2) {
                prop_assert!(needs[&step[0]].contains(&step[1]));
            }
        }
        let direct = needs.get(&name("n0")).cloned().unwrap_or_default();
        let back = direct.iter().filter(|needed| reaches(&needs, needed));
        prop_assert_eq!(found.len(), back.count());
    }
}
