use std::sync::Arc;

use super::*;
use crate::domain::ids::ServiceName;
use crate::domain::subscription::{Callback, Channel, SigningSecret, Subscription, SubscriptionId};
use crate::logic::queues::pause::Pause;

const NOW: i64 = 1_000_000;

fn name(text: &str) -> ServiceName {
    ServiceName::parse(text).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

/// What waits since `oldest`.
fn waiting(count: usize, oldest: i64, outlook: Outlook) -> QueueDepths {
    QueueDepths {
        parked: count,
        oldest: [None, None, Some(at(oldest)), None, None],
        outlook: Some(outlook),
        ..QueueDepths::default()
    }
}

#[derive(Default)]
struct World {
    circuits: Vec<CircuitSummary>,
    queues: QueueSurvey,
    admission: AdmissionSurvey,
    subscriptions: Vec<SubscriptionView>,
    jobs: Vec<RedriveJob>,
    dead_lately: Option<u64>,
    archive_lag: Option<i64>,
}

impl World {
    fn told(&self) -> Vec<AttentionItem> {
        attention(&AttentionSources {
            refusal: None,
            archive_is_away: false,
            archive_lag: self.archive_lag,
            circuits: &self.circuits,
            queues: &self.queues,
            admission: &self.admission,
            subscriptions: &self.subscriptions,
            jobs: &self.jobs,
            dead_lately: self.dead_lately,
            now: at(NOW).into(),
        })
    }

    fn kinds(&self) -> Vec<&'static str> {
        let told = self.told();
        told.iter().map(|item| item.kind.name()).collect()
    }
}

fn open(service: &str) -> CircuitSummary {
    CircuitSummary::of(service, CircuitState::Open)
}

#[test]
fn nothing_is_told_while_all_is_well() {
    let mut world = World {
        dead_lately: Some(0),
        archive_lag: Some(MOST_LAG),
        ..World::default()
    };
    let services = &mut world.queues.held_back;
    services.push((name("busy"), waiting(5, 0, Outlook::Ready)));
    services.push((name("new"), waiting(5, NOW - 59, Outlook::Left)));
    let since = at(NOW - 59);
    services.push((name("back"), waiting(5, 0, Outlook::NoInstance { since })));
    assert!(world.told().is_empty(), "{:?}", world.told());
}

#[test]
fn of_open_circuits_the_one_that_most_wait_for_comes_first() {
    let mut world = World {
        circuits: vec![open("few"), open("many"), open("callback:http://a.example")],
        ..World::default()
    };
    let until = at(NOW + 10);
    let outlook = Outlook::CircuitOpen { until };
    world.queues.held_back = vec![
        (name("few"), waiting(2, 0, outlook)),
        (name("many"), waiting(9, 0, outlook)),
    ];
    world.circuits[1].reason = Some("HTTP 503".into());
    world.circuits[1].since = Some(at(NOW - 5));
    let told = world.told();
    let subjects: Vec<_> = told
        .iter()
        .map(|item| item.subject.as_deref().unwrap())
        .collect();
    assert_eq!(subjects, ["many", "few", "callback:http://a.example"]);
    assert_eq!(
        told[0].text,
        "the circuit of many is open, 9 messages wait: HTTP 503"
    );
    assert_eq!((told[0].since, told[0].count), (Some(at(NOW - 5)), Some(9)));
    assert_eq!(told[0].view, "/services/many");
    assert_eq!(told[2].view, "/subscriptions");
}

/// A subscription that is sent its events there.
fn called_back(url: &str, n: u8) -> SubscriptionView {
    SubscriptionView::begun(Arc::new(Subscription {
        id: SubscriptionId::generate(at(1), [n; 10]),
        service: name("guild"),
        event_types: Arc::new([]),
        created_at: at(1),
        changed_at: at(1),
        after: 0,
        channel: Channel::Callback(Callback {
            url: url.to_owned(),
            secret: SigningSecret::new(String::new()),
            previous: None,
            max_in_flight: 1,
            durable: true,
        }),
        paused: None,
    }))
}

#[test]
fn the_circuit_of_a_callback_leads_to_the_one_subscription_that_is_sent_there() {
    let mut world = World {
        circuits: vec![open("callback:http://a.example:80")],
        subscriptions: vec![
            called_back("http://b.example/events", 1),
            called_back("http://A.example/events", 2),
        ],
        ..World::default()
    };
    let id = world.subscriptions[1].subscription.id;
    assert_eq!(world.told()[0].view, format!("/subscriptions/{id}"));
    let more = called_back("http://a.example/more", 3);
    world.subscriptions.push(more);
    assert_eq!(world.told()[0].view, "/subscriptions");
}

#[test]
fn who_waits_for_nobody_is_told_after_a_minute() {
    let mut world = World::default();
    let since = at(NOW - 60);
    world.queues.held_back = vec![
        (name("away"), waiting(1, 0, Outlook::NoInstance { since })),
        (name("left"), waiting(2, 0, Outlook::Left)),
    ];
    let told = world.told();
    assert_eq!(world.kinds(), ["no_instance", "no_instance"]);
    assert_eq!(
        told[1].text,
        "1 message waits for away, of which no instance is available"
    );
    assert_eq!((told[0].since, told[1].since), (None, Some(since)));
}

#[test]
fn each_kind_has_its_place_however_many_of_a_worse_kind_there_are() {
    let mut world = World {
        dead_lately: Some(38),
        archive_lag: Some(MOST_LAG + 1),
        ..World::default()
    };
    for n in 0..100 {
        world.circuits.push(open(&format!("s{n:03}")));
    }
    world.admission.full.push(name("full"));
    let pause = Pause {
        since: at(3),
        by: None,
    };
    let held = QueueDepths {
        paused: Some(pause),
        ..waiting(1, 0, Outlook::Ready)
    };
    world.queues.held_back = vec![(name("held"), held)];
    let kinds = world.kinds();
    assert_eq!(kinds.len(), MOST);
    assert_eq!(kinds[0], "archive_lag");
    assert_eq!(kinds[17..], ["overloaded", "paused", "dead_letters"]);
    let told = world.told();
    assert_eq!(told[1].subject.as_deref(), Some("s000"));
    assert_eq!(told[19].text, "38 dead letters in the last hour");
    assert_eq!(told[18].since, Some(at(3)));
}
