//! Durable subscriptions over sockets.

use serde_json::{Value, json};

use crate::support::socket::Socket;
use crate::support::verbs::array;
use crate::support::{TestHub, eventually};

fn publish(hub: &TestHub, count: usize) {
    for _ in 0..count {
        let event = json!({"event_type": "a.b", "payload": 1});
        hub.post("/v1/events", &event).is(201);
    }
}

/// Subscribes under a name.
#[track_caller]
fn subscribe(socket: &mut Socket, from_sequence: Option<u64>) {
    let mut asked = json!({
        "type": "subscribe", "service": "shop", "event_types": ["#"], "subscription": "orders",
    });
    if let Some(from) = from_sequence {
        asked["from_sequence"] = json!(from);
    }
    let answer = socket.ask(&asked);
    assert_eq!(answer["type"], "subscribed", "{answer}");
}

fn ack(sequence: u64) -> Value {
    json!({"type": "ack", "sequence": sequence, "ref": "ack"})
}

#[test]
fn a_named_subscription_goes_on_after_what_was_acknowledged() {
    let mut hub = TestHub::start();
    publish(&hub, 10);
    let mut socket = hub.socket();
    subscribe(&mut socket, Some(0));
    for sequence in 1..=10 {
        socket.hears_event(sequence);
    }
    assert_eq!(socket.ask(&ack(4)), json!({"type": "ok", "ref": "ack"}));
    socket.say(&ack(11));
    let error = socket.is_refused("INVALID_REQUEST");
    assert_eq!(error["details"]["field"], "sequence");
    hub.kill9();
    let hub = hub.restart();
    publish(&hub, 1);
    let mut socket = hub.socket();
    subscribe(&mut socket, Some(1));
    for sequence in 5..=11 {
        socket.hears_event(sequence);
    }
    socket.hears_nothing();
}

#[test]
fn the_newest_socket_has_the_subscription() {
    let hub = TestHub::start();
    let (mut first, mut second) = (hub.socket(), hub.socket());
    subscribe(&mut first, None);
    publish(&hub, 1);
    first.hears_event(1);
    subscribe(&mut second, None);
    first.is_refused("CONFLICT");
    first.say(&ack(1));
    first.is_refused("INVALID_REQUEST");
    second.hears_event(1);
    publish(&hub, 1);
    second.hears_event(2);
    first.hears_nothing();
    assert_eq!(second.ask(&ack(2))["type"], "ok");
}

#[test]
fn a_socket_has_one_named_subscription_at_most() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    subscribe(&mut socket, None);
    let other = json!({
        "type": "subscribe", "service": "shop", "event_types": ["b"], "subscription": "others",
    });
    socket.say(&other);
    let error = socket.is_refused("CONFLICT");
    assert_eq!(error["details"]["field"], "subscription");
    let more = json!({"type": "subscribe", "service": "shop", "event_types": ["b"]});
    assert_eq!(socket.ask(&more)["event_types"], json!(["#", "b"]));
    publish(&hub, 1);
    socket.hears_event(1);
}

#[test]
fn a_named_subscription_stays_with_its_service() {
    let hub = TestHub::start();
    let mut owner = hub.socket();
    let asked = |service: &str, name: Option<&str>| {
        json!({
            "type": "subscribe", "service": service, "event_types": ["c"], "subscription": name,
        })
    };
    owner.say(&asked("billing", Some("orders")));
    owner.hears("subscribed");
    let mut socket = hub.socket();
    subscribe(&mut socket, None);
    for name in [Some("orders"), None] {
        socket.say(&asked("billing", name));
        let error = socket.is_refused("CONFLICT");
        assert_eq!(error["details"]["field"], "subscription", "{name:?}");
    }
    publish(&hub, 1);
    socket.hears_event(1);
    owner.hears_nothing();
    assert_eq!(owner.ask(&asked("billing", None))["type"], "subscribed");
}

/// The id of the only subscription.
fn only_subscription(hub: &TestHub) -> String {
    let list = hub.get("/v1/subscriptions").is(200);
    let subscriptions = array(&list["subscriptions"]);
    assert_eq!(subscriptions.len(), 1, "{list}");
    let id = subscriptions[0]["subscription_id"].as_str();
    id.unwrap().to_owned()
}

#[test]
fn the_socket_of_a_deleted_subscription_is_told() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    subscribe(&mut socket, None);
    publish(&hub, 1);
    socket.hears_event(1);
    let id = only_subscription(&hub);
    let answer = hub.delete(&format!("/v1/subscriptions/{id}"));
    assert_eq!(answer.status, 204);
    let deleted = "subscription orders: was deleted";
    assert_eq!(socket.is_refused("NOT_FOUND")["message"], deleted);
    publish(&hub, 1);
    socket.hears_nothing();
    socket.say(&ack(1));
    assert_eq!(socket.is_refused("NOT_FOUND")["message"], deleted);
}

/// Publishes so many events that a socket is told it has missed nothing, none of which it wants.
fn publish_what_nobody_wants(hub: &TestHub) {
    let event = json!({"event_type": "quiet", "payload": 1});
    for _ in 0..2 {
        hub.publish_batch(&json!(vec![event.clone(); 1000])).is(202);
    }
}

#[test]
fn a_position_follows_what_nobody_wanted_once_everything_sent_is_acknowledged() {
    let hub = TestHub::start();
    let asked = json!({
        "type": "subscribe", "service": "shop", "event_types": ["a.#"], "subscription": "orders",
    });
    let mut socket = hub.socket();
    assert_eq!(socket.ask(&asked)["type"], "subscribed");
    publish(&hub, 1);
    socket.hears_event(1);
    publish_what_nobody_wants(&hub);
    publish(&hub, 1);
    socket.hears_event(2002);
    assert_eq!(socket.ask(&ack(1))["type"], "ok");
    let id = only_subscription(&hub);
    drop(socket);
    let sockets = |count: usize| {
        let line = format!("message_hub_open_sockets {count}\n");
        hub.get("/metrics").body.contains(&line)
    };
    eventually("it is gone", || sockets(0));
    assert_eq!(hub.subscription(&id)["position"], 1);

    let mut socket = hub.socket();
    assert_eq!(socket.ask(&asked)["type"], "subscribed");
    socket.hears_event(2002);
    assert_eq!(socket.ask(&ack(2002))["type"], "ok");
    publish_what_nobody_wants(&hub);
    // What the EventLog sent before it answered this has come in when the socket answers.
    let view = hub.subscription(&id);
    assert_eq!((&view["position"], &view["lag"]), (&json!(2002), &json!(0)));
    socket.hears_nothing();
    drop(socket);
    eventually("the position follows", || {
        hub.subscription(&id)["position"].as_u64() >= Some(3002)
    });
}
