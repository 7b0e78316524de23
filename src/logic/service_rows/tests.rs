use super::*;

fn name(text: &str) -> ServiceName {
    ServiceName::parse(text).unwrap()
}

fn summary(service: &str, status: Health) -> ServiceSummary {
    ServiceSummary {
        service: name(service),
        status,
        instances: [1, 0, 1, 0],
        available: 1,
        consumers: 0,
        is_failing: false,
    }
}

fn depths(queued: usize, oldest: Option<i64>) -> QueueDepths {
    let oldest = oldest.map(Timestamp::from_millis);
    QueueDepths {
        queued,
        oldest: [None, None, oldest, None, None],
        ..QueueDepths::default()
    }
}

/// Of services that are known to some and not to others.
fn rows() -> Vec<ServiceRow> {
    let queues = [
        (name("away"), depths(7, Some(10))),
        (name("gone"), depths(0, None)),
        (name("shop"), depths(3, Some(5))),
    ];
    let dead_letters = BTreeMap::from([(name("old"), 2), (name("shop"), 9)]);
    let sources = RowSources {
        services: &[
            summary("mail", Health::Healthy),
            summary("shop", Health::Degraded),
        ],
        circuits: &[
            CircuitSummary::of("shop", CircuitState::Open),
            CircuitSummary::of("callback:http://a", CircuitState::Open),
        ],
        queues: &queues,
        dead_letters: Some(&dead_letters),
    };
    join(&sources, Timestamp::default())
}

fn names(chosen: &ChosenRows<'_>) -> Vec<String> {
    let rows = chosen.rows.iter();
    rows.map(|row| row.service.to_string()).collect()
}

const ALL: (Option<&ServiceName>, usize) = (None, 100);

#[test]
fn there_is_a_row_for_who_is_there_and_for_whom_something_is_left() {
    let rows = rows();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.service.as_str(),
                row.health,
                row.depths.waiting(),
                row.dead_letters,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("away", Health::Unknown, 7, Some(0)),
            ("mail", Health::Healthy, 0, Some(0)),
            ("old", Health::Unknown, 0, Some(2)),
            ("shop", Health::Degraded, 3, Some(9)),
        ]
    );
    let shop = &rows[3];
    assert_eq!((shop.instances, shop.available), (2, 1));
    assert_eq!(shop.circuit, CircuitState::Open);
    assert_eq!(rows[0].circuit, CircuitState::Closed);
}

#[test]
fn figures_sort_the_largest_first_and_equal_ones_by_name() {
    let rows = rows();
    for (sort, expected) in [
        (RowSort::Name, ["away", "mail", "old", "shop"]),
        (RowSort::Queued, ["away", "shop", "mail", "old"]),
        (RowSort::OldestAge, ["shop", "away", "mail", "old"]),
        (RowSort::DeadLetters, ["shop", "old", "away", "mail"]),
        (RowSort::InRate, ["away", "mail", "old", "shop"]),
    ] {
        let chosen = choose(&rows, &RowFilter::default(), (sort, false), ALL);
        assert_eq!(
            (names(&chosen), chosen.total),
            (expected.map(str::to_owned).into(), 4)
        );
    }
    let fewest = choose(&rows, &RowFilter::default(), (RowSort::Queued, true), ALL);
    assert_eq!(names(&fewest), ["mail", "old", "shop", "away"]);
}

#[test]
fn what_is_asked_for_is_chosen_and_the_rest_is_counted() {
    let rows = rows();
    let by = |filter: RowFilter| {
        let chosen = choose(&rows, &filter, (RowSort::Name, false), ALL);
        names(&chosen)
    };
    let none = RowFilter::default();
    assert_eq!(
        by(RowFilter {
            part: Some("A".into()),
            ..none.clone()
        }),
        ["away", "mail"]
    );
    assert_eq!(
        by(RowFilter {
            service: Some(name("shop")),
            ..none.clone()
        }),
        ["shop"]
    );
    let unknown = RowFilter {
        health: Some(Health::Unknown),
        ..none.clone()
    };
    assert_eq!(by(unknown), ["away", "old"]);
    let open = RowFilter {
        circuit: Some(CircuitState::Open),
        ..none.clone()
    };
    assert_eq!(by(open), ["shop"]);
    assert!(
        by(RowFilter {
            is_paused: Some(true),
            ..none.clone()
        })
        .is_empty()
    );
    assert_eq!(
        by(RowFilter {
            is_paused: Some(false),
            ..none
        })
        .len(),
        4
    );
}

#[test]
fn pages_by_name_follow_each_other_in_both_directions() {
    let rows = rows();
    let page = |after: &str, reversed| {
        let after = name(after);
        let part = (Some(&after), 2);
        let chosen = choose(
            &rows,
            &RowFilter::default(),
            (RowSort::Name, reversed),
            part,
        );
        assert_eq!(chosen.total, 4);
        names(&chosen)
    };
    assert_eq!(page("away", false), ["mail", "old"]);
    assert_eq!(page("nobody", false), ["old", "shop"]);
    assert_eq!(page("shop", true), ["old", "mail"]);
    assert!(page("shop", false).is_empty());
}
