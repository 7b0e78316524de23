//! Events of named subscriptions that are not settled: sent again, slowed down, given up.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::socket::{Frame, Socket};
use crate::support::verbs::text;
use crate::support::{TestHub, eventually};

fn hub(settings: &[(&str, &str)]) -> TestHub {
    let mut all = vec![
        ("base_retry_delay", "0.02"),
        ("max_retry_delay", "0.1"),
        ("delivery_limit", "3"),
    ];
    all.extend(settings);
    let hub = TestHub::with(&all);
    for n in 1..=4 {
        publish(&hub, n);
    }
    hub
}

fn publish(hub: &TestHub, payload: u32) {
    let event = json!({"event_type": "a.b", "source": "shop", "payload": payload});
    hub.post("/v1/events", &event).is(201);
}

fn subscribed(hub: &TestHub) -> Socket {
    let mut socket = hub.socket();
    let asked = json!({
        "type": "subscribe", "service": "shop", "event_types": ["a.#"], "subscription": "orders",
        "from_sequence": 1,
    });
    assert_eq!(socket.ask(&asked)["type"], "subscribed");
    socket
}

/// The sequence of the next event, and the number of the attempt.
fn hears(socket: &mut Socket) -> (u64, u64) {
    let event = socket.hears("event")["event"].clone();
    let number = |field: &str| event[field].as_u64().unwrap();
    (number("sequence"), number("attempt"))
}

fn done(socket: &mut Socket, frame: &Value) {
    let mut frame = frame.clone();
    frame["ref"] = json!("done");
    assert_eq!(socket.ask(&frame), json!({"type": "ok", "ref": "done"}));
}

/// The answer of this type, past the events that come before it.
fn answered(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let heard = socket.hear();
        if heard["type"] != "event" {
            assert_eq!(heard["type"], kind);
            return heard;
        }
    }
}

/// The only one there is.
fn its_subscription(hub: &TestHub) -> Value {
    hub.get("/v1/subscriptions").is(200)["subscriptions"][0].clone()
}

fn dead_letters(hub: &TestHub) -> Vec<Value> {
    hub.dead_letters("destination=shop")
}

#[test]
fn an_event_that_ends_its_clients_becomes_a_dead_letter_and_the_position_goes_on() {
    let hub = hub(&[]);
    for attempt in 1..=3 {
        let mut socket = subscribed(&hub);
        assert_eq!(hears(&mut socket), (1, attempt));
        if attempt == 1 {
            assert_eq!(hears(&mut socket), (2, 1));
        }
        drop(socket);
        let connected = || its_subscription(&hub)["connected"] == true;
        eventually("it is gone", || !connected());
    }
    let mut socket = subscribed(&hub);
    assert_eq!(hears(&mut socket), (2, 1), "the others begin anew");
    assert_eq!(its_subscription(&hub)["connected"], true);
    eventually("it is a dead letter", || dead_letters(&hub).len() == 1);
    let dead_letter = dead_letters(&hub).remove(0);
    let subscription = its_subscription(&hub);
    assert_eq!(
        dead_letter["subscription_id"],
        subscription["subscription_id"]
    );
    assert_eq!(dead_letter["reason"], "attempts_exhausted");
    let words = text(&dead_letter["last_error"]);
    assert!(words.contains("3 times in a row"), "{words}");
    eventually("the position passed it", || {
        its_subscription(&hub)["position"] == 1
    });
    // Sent again, it comes once, and its ack moves nothing.
    hub.reprocess(&text(&dead_letter["id"]), &json!({})).is(202);
    assert_eq!(hears(&mut socket), (3, 1));
    assert_eq!(hears(&mut socket), (4, 1));
    assert_eq!(hears(&mut socket), (1, 2));
    done(&mut socket, &json!({"type": "ack", "sequence": 1}));
    eventually("it is no dead letter", || dead_letters(&hub).is_empty());
    assert_eq!(its_subscription(&hub)["position"], 1);
    done(&mut socket, &json!({"type": "ack", "sequence": 4}));
    assert_eq!(its_subscription(&hub)["position"], 4);
    socket.hears_nothing();
}

#[test]
fn a_refused_event_comes_again_with_all_that_follow() {
    let hub = hub(&[]);
    let mut socket = subscribed(&hub);
    for sequence in 1..=4 {
        assert_eq!(hears(&mut socket), (sequence, 1));
    }
    for (attempt, seconds) in [(2, 0.1_f64), (3, 0.0)] {
        let started = Instant::now();
        let nack = json!({"type": "nack", "sequence": 2, "delay": seconds, "reason": "no"});
        done(&mut socket, &nack);
        assert_eq!(its_subscription(&hub)["position"], 1);
        assert_eq!(hears(&mut socket), (2, attempt));
        let waited = started.elapsed();
        assert!(
            seconds == 0.0 || waited >= Duration::from_millis(90),
            "{waited:?}"
        );
        assert_eq!(hears(&mut socket), (3, 1));
        assert_eq!(hears(&mut socket), (4, 1));
    }
    for (sequence, problem) in [(1, "acknowledged already"), (5, "not sent yet")] {
        socket.say(&json!({"type": "nack", "sequence": sequence}));
        let error = socket.is_refused("INVALID_REQUEST");
        assert_eq!(error["details"]["field"], "sequence");
        assert!(text(&error["message"]).contains(problem), "{error}");
    }
    done(
        &mut socket,
        &json!({"type": "nack", "sequence": 2, "reason": "never"}),
    );
    assert_eq!(hears(&mut socket), (3, 1));
    assert_eq!(hears(&mut socket), (4, 1));
    eventually("it is a dead letter", || dead_letters(&hub).len() == 1);
    let words = text(&dead_letters(&hub)[0]["last_error"]);
    assert!(words.starts_with("never; "), "{words}");
    assert_eq!(dead_letters(&hub)[0]["payload"], 2);
    let mut other = hub.socket();
    other.say(&json!({"type": "nack", "sequence": 1}));
    other.is_refused("INVALID_REQUEST");
}

#[test]
fn a_dead_letter_waits_for_a_socket_and_is_one_again_if_it_is_refused() {
    let hub = hub(&[("delivery_limit", "1")]);
    let mut socket = subscribed(&hub);
    for sequence in 1..=4 {
        assert_eq!(hears(&mut socket), (sequence, 1));
    }
    done(&mut socket, &json!({"type": "nack", "sequence": 1}));
    for sequence in 2..=4 {
        assert_eq!(hears(&mut socket), (sequence, 1));
    }
    done(&mut socket, &json!({"type": "ack", "sequence": 2}));
    eventually("it is a dead letter", || dead_letters(&hub).len() == 1);
    let dead_letter = text(&dead_letters(&hub)[0]["id"]);
    drop(socket);
    eventually("it is gone", || {
        its_subscription(&hub)["connected"] == false
    });
    hub.reprocess(&dead_letter, &json!({})).is(202);
    let hub = hub.restart();
    let mut socket = subscribed(&hub);
    let mut heard = vec![hears(&mut socket), hears(&mut socket), hears(&mut socket)];
    heard.sort_unstable();
    assert_eq!(heard, [(1, 2), (3, 1), (4, 1)]);
    done(
        &mut socket,
        &json!({"type": "nack", "sequence": 1, "reason": "still not"}),
    );
    eventually("it is a dead letter again", || {
        let dead_letters = dead_letters(&hub);
        dead_letters.len() == 1 && dead_letters[0]["last_error"] == "still not"
    });
    assert_eq!(dead_letters(&hub)[0]["redriven"], 1);
}

#[test]
fn stops_of_the_hub_do_not_count() {
    let mut hub = hub(&[("delivery_limit", "2")]);
    for _ in 0..3 {
        let mut socket = subscribed(&hub);
        assert_eq!(hears(&mut socket), (1, 1));
        hub.terminate();
        while !matches!(socket.hear_frame(), Frame::Close(1001, _) | Frame::End) {}
        drop(socket);
        assert_eq!(hub.exit_code(), Some(0));
        hub = hub.restart();
    }
    assert!(dead_letters(&hub).is_empty());
}

#[test]
fn whoever_unsubscribes_before_it_settles_counts_like_one_that_is_lost() {
    let hub = hub(&[]);
    // In good order: the subscription is let go of, then the connection.
    let mut socket = subscribed(&hub);
    assert_eq!(hears(&mut socket), (1, 1));
    socket.say(&json!({"type": "unsubscribe"}));
    answered(&mut socket, "unsubscribed");
    drop(socket);
    let connected = || its_subscription(&hub)["connected"] == true;
    eventually("it is gone", || !connected());
    // Of one type only, which is that of the event.
    let mut socket = subscribed(&hub);
    assert_eq!(hears(&mut socket), (1, 2));
    socket.say(&json!({
        "type": "subscribe", "service": "shop", "event_types": ["c.d"], "subscription": "orders",
    }));
    answered(&mut socket, "subscribed");
    socket.say(&json!({"type": "unsubscribe", "event_types": ["a.#"]}));
    let left = answered(&mut socket, "unsubscribed");
    assert_eq!(left["event_types"], json!(["c.d"]));
    drop(socket);
    eventually("it is gone", || !connected());
    let mut socket = subscribed(&hub);
    assert_eq!(hears(&mut socket), (1, 3));
    drop(socket);
    eventually("it is gone", || !connected());
    let mut last = subscribed(&hub);
    assert_eq!(hears(&mut last), (2, 1));
    eventually("it is a dead letter", || dead_letters(&hub).len() == 1);
    assert_eq!(dead_letters(&hub)[0]["payload"], 1);
}
