//! Events over sockets.

use serde_json::{Value, json};

use crate::support::socket::Socket;
use crate::support::{TestHub, eventually};

fn publish(event_type: &str, payload: impl Into<Value>) -> Value {
    json!({
        "type": "publish",
        "event": {"event_type": event_type, "payload": payload.into()},
    })
}

/// Publishes that many events, in arrays.
#[track_caller]
fn publish_many(socket: &mut Socket, count: usize, payload: &Value) {
    let mut left = count;
    while left > 0 {
        let portion = left.min(100);
        socket.say(&json!(vec![
            publish("shop.order.placed", payload.clone());
            portion
        ]));
        for _ in 0..portion {
            socket.hears("accepted");
        }
        left -= portion;
    }
}

#[test]
fn a_published_event_reaches_its_subscriber_as_the_contract_says() {
    let hub = TestHub::start();
    let (mut publisher, mut subscriber) = (hub.socket(), hub.socket());
    let subscribed = subscriber.subscribe(&["shop.#", "a.b"], None);
    assert_eq!(subscribed["event_types"], json!(["shop.#", "a.b"]));
    assert_eq!(subscribed["sequence"], 0);
    let event = json!({
        "event_type": "shop.order.placed", "payload": {"n": 1}, "stream_id": "order-1",
        "correlation_id": "talk",
    });
    let answer = publisher.ask(&json!({"type": "publish", "event": event, "ref": "p"}));
    assert_eq!(answer["type"], "accepted", "{answer}");
    assert_eq!(
        (&answer["ref"], &answer["sequence"]),
        (&json!("p"), &json!(1))
    );
    assert_eq!(
        (&answer["stream_version"], &answer["durability"]),
        (&json!(1), &json!("disk"))
    );
    let heard = subscriber.hears_event(1);
    let mut names: Vec<_> = heard.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "attempt",
            "correlation_id",
            "data",
            "id",
            "sequence",
            "source",
            "stream_id",
            "stream_version",
            "timestamp",
            "type",
        ]
    );
    assert_eq!(heard["id"], answer["id"]);
    assert_eq!(heard["type"], "shop.order.placed");
    assert_eq!(heard["data"], json!({"n": 1}));
    assert_eq!(heard["source"], "shop");
    assert_eq!(
        (&heard["stream_id"], &heard["stream_version"]),
        (&json!("order-1"), &json!(1))
    );
    assert_eq!(heard["correlation_id"], "talk");
}

#[test]
fn only_what_matches_comes() {
    let hub = TestHub::start();
    let (mut publisher, mut subscriber) = (hub.socket(), hub.socket());
    subscriber.subscribe(&["shop.*"], None);
    for event_type in ["shop.a", "other.a", "shop.a.b", "shop.b"] {
        publisher.say(&publish(event_type, 1));
        publisher.hears("accepted");
    }
    subscriber.hears_event(1);
    subscriber.hears_event(4);
    subscriber.hears_nothing();
}

#[test]
fn refusals_are_those_of_http() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    let event = json!({
        "event_type": "a", "payload": 1, "stream_id": "s", "expected_version": 3,
    });
    socket.say(&json!({"type": "publish", "event": event}));
    let error = socket.is_refused("VERSION_CONFLICT");
    assert_eq!(error["details"]["current_version"], 0);
    socket.say(&json!({"type": "publish", "event": {"event_type": "a"}}));
    assert_eq!(
        socket.is_refused("INVALID_MESSAGE")["details"]["field"],
        "payload"
    );
}

#[test]
fn a_repeat_is_told_the_place_of_its_original() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    let event = json!({
        "id": "0190b8a0-0000-4000-8000-000000000001", "event_type": "a", "payload": 1,
        "stream_id": "s",
    });
    let named = json!({"type": "publish", "event": event});
    socket.ask(&publish("a", 1));
    assert_eq!(socket.ask(&named)["sequence"], 2);
    let is_repeat = |answer: &Value| {
        let expected = json!({
            "type": "accepted", "id": event["id"], "sequence": 2, "stream_id": "s",
            "stream_version": 1, "duplicate": true, "durability": "disk",
        });
        assert_eq!(*answer, expected);
    };
    is_repeat(&socket.ask(&named));
    socket.say(&json!([publish("a", 1), named, publish("a", 1), named]));
    assert_eq!(socket.hears("accepted")["sequence"], 3);
    is_repeat(&socket.hear());
    assert_eq!(socket.hears("accepted")["sequence"], 4);
    is_repeat(&socket.hear());
}

#[test]
fn a_subscribe_begins_at_most_with_the_next_event() {
    let hub = TestHub::start();
    let mut publisher = hub.socket();
    publish_many(&mut publisher, 5, &json!(1));
    for name in [Value::Null, json!("orders")] {
        let mut subscriber = hub.socket();
        let asked = |from: u64| {
            json!({
                "type": "subscribe", "service": "shop", "event_types": ["#"],
                "from_sequence": from, "subscription": name,
            })
        };
        subscriber.say(&asked(7));
        let error = subscriber.is_refused("INVALID_SUBSCRIPTION");
        assert_eq!(error["details"]["field"], "from_sequence");
        let told = "from_sequence: is beyond the newest event (5)";
        assert_eq!(error["message"], told);
        assert_eq!(subscriber.ask(&asked(6))["type"], "subscribed");
        subscriber.hears_nothing();
    }
}

#[test]
fn what_is_gone_is_said_to_be_gone() {
    let hub = TestHub::start();
    publish_many(&mut hub.socket(), 5, &json!(1));
    // Events are old within a second, and go at once.
    let short = [
        ("event_retention_days", "0.00001"),
        ("compaction_interval", "0.02"),
    ];
    let hub = hub.restart_with(&short);
    eventually("all events are gone", || {
        hub.get("/v1/events").is(200)["count"] == 0
    });
    let mut subscriber = hub.socket();
    for name in [Value::Null, json!("orders")] {
        subscriber.say(&json!({
            "type": "subscribe", "service": "shop", "event_types": ["#"], "from_sequence": 5,
            "subscription": name,
        }));
        let error = subscriber.is_refused("GONE");
        assert_eq!(error["details"]["oldest_sequence"], 6);
    }
    subscriber.subscribe(&["#"], Some(6));
}

#[test]
fn a_second_subscribe_adds_and_an_unsubscribe_takes_away() {
    let hub = TestHub::start();
    let (mut publisher, mut subscriber) = (hub.socket(), hub.socket());
    let mut tell = |event_type: &str| {
        publisher.say(&publish(event_type, 1));
        publisher.hears("accepted");
    };
    subscriber.subscribe(&["a"], None);
    tell("a");
    subscriber.hears_event(1);
    let both = subscriber.subscribe(&["b", "a"], None);
    assert_eq!(both["event_types"], json!(["a", "b"]));
    tell("b");
    tell("a");
    subscriber.hears_event(2);
    subscriber.hears_event(3);
    let left = subscriber.ask(&json!({"type": "unsubscribe", "event_types": ["a"], "ref": 1}));
    assert_eq!(
        left,
        json!({"type": "unsubscribed", "event_types": ["b"], "ref": 1})
    );
    tell("a");
    tell("b");
    subscriber.hears_event(5);
    let none = subscriber.ask(&json!({"type": "unsubscribe"}));
    assert_eq!(none, json!({"type": "unsubscribed", "event_types": []}));
    tell("b");
    subscriber.hears_nothing();
    subscriber.subscribe(&["b"], None);
    tell("b");
    subscriber.hears_event(7);
    let asked = json!({
        "type": "subscribe", "service": "shop", "event_types": ["c"], "from_sequence": 1,
    });
    subscriber.say(&asked);
    let error = subscriber.is_refused("INVALID_SUBSCRIPTION");
    assert_eq!(error["details"]["field"], "from_sequence");
}

#[test]
fn the_past_goes_over_into_the_present_without_a_gap() {
    let hub = TestHub::start();
    let mut publisher = hub.socket();
    publish_many(&mut publisher, 500, &json!("past"));
    let live = std::thread::spawn(move || {
        publish_many(&mut publisher, 2000, &json!("live"));
    });
    let mut subscribers: Vec<Socket> = (0..3)
        .map(|_| hub.socket_at("/events?arrays=true"))
        .collect();
    for (index, subscriber) in subscribers.iter_mut().enumerate() {
        let from = 1 + 200 * index as u64;
        subscriber.subscribe(&["#"], Some(from));
        for sequence in from..=2500 {
            subscriber.hears_event(sequence);
        }
    }
    live.join().unwrap();
    for subscriber in &mut subscribers {
        subscriber.hears_nothing();
    }
}

#[test]
fn a_subscriber_resumes_after_a_crash() {
    let mut hub = TestHub::start();
    let (mut publisher, mut subscriber) = (hub.socket(), hub.socket());
    subscriber.subscribe(&["#"], None);
    publish_many(&mut publisher, 300, &json!(1));
    for sequence in 1..=200 {
        subscriber.hears_event(sequence);
    }
    hub.kill9();
    let hub = hub.restart();
    let mut subscriber = hub.socket();
    assert_eq!(subscriber.subscribe(&["#"], Some(201))["sequence"], 300);
    for sequence in 201..=300 {
        subscriber.hears_event(sequence);
    }
    let mut publisher = hub.socket();
    publisher.say(&publish("a", 1));
    assert_eq!(publisher.hears("accepted")["sequence"], 301);
    subscriber.hears_event(301);
}

#[test]
fn a_stop_says_where_to_resume() {
    let mut hub = TestHub::start();
    let (mut publisher, mut subscriber) = (hub.socket(), hub.socket());
    let mut idle = hub.socket();
    subscriber.subscribe(&["#"], None);
    idle.subscribe(&["nothing"], None);
    publish_many(&mut publisher, 10, &json!(1));
    for sequence in 1..=10 {
        subscriber.hears_event(sequence);
    }
    hub.terminate();
    assert_eq!(subscriber.is_closed(1001), r#"{"sequence":10}"#);
    assert_eq!(idle.is_closed(1001), r#"{"sequence":0}"#);
    assert_eq!(publisher.is_closed(1001), "{}");
    assert_eq!(hub.exit_code(), Some(0));
}

/// More than memory keeps of the events: those who do not read hold up nobody, cost next to
/// nothing, and find everything when they come back to reading.
#[test]
fn who_reads_slowly_is_fed_from_the_archive() {
    let hub = TestHub::start();
    let mut publisher = hub.socket();
    let mut slow: Vec<Socket> = (0..20).map(|_| hub.socket()).collect();
    for subscriber in &mut slow {
        subscriber.subscribe(&["#"], None);
    }
    let mut quick = hub.socket_at("/events?arrays=true");
    quick.subscribe(&["#"], None);
    let payload = json!("x".repeat(8000));
    // Twice what memory keeps.
    let count = 4000;
    let reader = std::thread::spawn(move || {
        for sequence in 1..=count {
            quick.hears_event(sequence);
        }
    });
    publish_many(&mut publisher, count as usize, &payload);
    reader.join().unwrap();
    let memory = hub.memory();
    assert!(memory < 250 << 20, "{memory} bytes");
    for subscriber in slow.iter_mut().take(1) {
        for sequence in 1..=count {
            subscriber.hears_event(sequence);
        }
    }
    drop(slow);
    eventually("they are gone", || {
        hub.get("/metrics")
            .body
            .contains("message_hub_open_sockets 2\n")
            || hub
                .get("/metrics")
                .body
                .contains("message_hub_open_sockets 1\n")
    });
}
