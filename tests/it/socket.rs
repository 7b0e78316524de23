//! The WebSocket: what a client says and hears.

mod consuming;
mod events;
mod flood;
mod leaving;
mod losing;
mod many;
mod named;
mod protocol;
mod settling;

use serde_json::json;

use crate::support::TestHub;

#[test]
fn a_plain_get_is_told_to_upgrade() {
    let hub = TestHub::start();
    for path in ["/events", "/v1/events/stream"] {
        let answer = hub.get(path);
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        answer.refuses(426, "UPGRADE_REQUIRED");
        hub.socket_at(path).hears_nothing();
    }
    hub.get("/events?arrays=perhaps")
        .refuses(400, "INVALID_REQUEST");
}

#[test]
fn with_keys_only_who_has_one_gets_in() {
    let hub = TestHub::with(&[("service_keys", "{shop: [s], billing: [b]}")]);
    let refused = [
        (hub.nameless(), "/events"),
        (hub.named("shop", "b"), "/events"),
        (hub.named("shop", "b"), "/events?name=shop&key=s"),
        (hub.named("shop", "s"), "/events?name=billing&key=b"),
        (hub.named("shop", "s"), "/events?key=s"),
        (hub.nameless(), "/events?name=shop&key=b"),
        (hub.nameless(), "/events?name=shop"),
        (hub.nameless(), "/v1/events/stream?key=s"),
        (hub.nameless(), "/v1/messages?name=shop&key=s"),
    ];
    for (client, target) in refused {
        match client.try_socket(target) {
            Ok(_) => panic!("{target} was opened"),
            Err(answer) => answer.refuses(401, "AUTH_FAILED"),
        };
    }
    hub.named("shop", "s").socket().hears_nothing();
    let mut socket = hub.nameless().socket_at("/events?name=shop&key=s");
    socket.say(&json!({"type": "consume", "service": "billing"}));
    socket.is_refused("AUTH_FAILED");
    socket.say(&json!({"type": "subscribe", "service": "billing", "event_types": ["#"]}));
    socket.is_refused("AUTH_FAILED");
    // That, and not what else is wrong with it.
    let named = |service: &str| {
        json!({"type": "subscribe", "service": service, "event_types": ["#"],
               "subscription": "mine", "ref": 1})
    };
    assert_eq!(socket.ask(&named("shop"))["type"], "subscribed");
    socket.say(&named("billing"));
    socket.is_refused("AUTH_FAILED");
    assert_eq!(socket.ask(&named("shop"))["type"], "subscribed");
    socket.say(&json!({"type": "consume", "ref": 1}));
    assert_eq!(socket.hear(), json!({"type": "ok", "ref": 1}));
    assert!(!hub.log().contains("key=s"), "{}", hub.log());
}

#[test]
fn open_sockets_and_their_frames_are_counted() {
    let hub = TestHub::start();
    let mut sockets: Vec<_> = (0..3).map(|_| hub.socket()).collect();
    for socket in &mut sockets {
        socket.hears_nothing();
    }
    let metric = |name: &str| {
        let text = hub.get("/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(metric("message_hub_open_sockets "), "3");
    let received = "message_hub_socket_frames_total{direction=\"received\"} ";
    assert_eq!(metric(received), "3");
    drop(sockets);
    crate::support::eventually("they are gone", || {
        metric("message_hub_open_sockets ") == "0"
    });
}

#[test]
fn what_is_sent_is_answered_as_over_http() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let mut socket = hub.socket();
    let message = json!({"destination": "billing", "payload": {"n": 1}});
    let answer = socket.ask(&json!({"type": "send", "message": message, "ref": "one"}));
    assert_eq!(answer["type"], "accepted", "{answer}");
    assert_eq!(answer["ref"], "one");
    assert_eq!(answer["durability"], "disk");
    assert_eq!(
        hub.message(answer["id"].as_str().unwrap())["payload"],
        json!({"n": 1})
    );

    let id = "0190b8a0-0000-4000-8000-000000000001";
    let with_id = json!({"id": id, "destination": "billing", "payload": 1});
    let ask = json!({"type": "send", "message": with_id});
    assert_eq!(socket.ask(&ask)["id"], id);
    assert_eq!(socket.ask(&ask)["duplicate"], true);
    let other = json!({"id": id, "destination": "billing", "payload": 2});
    socket.say(&json!({"type": "send", "message": other, "ref": 7}));
    let refused = socket.hears("error");
    assert_eq!(
        (&refused["ref"], &refused["error"]["code"]),
        (&json!(7), &json!("CONFLICT"))
    );
    socket.say(&json!({"type": "send", "message": {"destination": "nobody", "payload": 1}}));
    let error = socket.is_refused("SERVICE_NOT_FOUND");
    assert_eq!(error["details"]["field"], "destination");
    hub.assert_conservation();
}

#[test]
fn an_array_is_answered_as_one_in_its_order() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let mut socket = hub.socket();
    let message = json!({"destination": "billing", "payload": 1});
    socket.say(&json!([
        {"type": "send", "message": message, "ref": 1},
        {"type": "nonsense", "ref": 2},
        {"type": "ping", "ref": 3},
        {"type": "send", "message": {"destination": "billing"}, "ref": 4},
        {"type": "send", "message": message, "ref": 5},
    ]));
    let kinds: Vec<_> = (1..=5)
        .map(|reference| {
            let answer = socket.hear();
            assert_eq!(answer["ref"], reference, "{answer}");
            answer["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(kinds, ["accepted", "error", "pong", "error", "accepted"]);
    assert_eq!(socket.texts, 1);
}

#[test]
fn what_one_socket_sends_keeps_its_order() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let mut socket = hub.socket();
    for n in 0..300 {
        let message = json!({"destination": "billing", "payload": n});
        socket.say(&json!({"type": "send", "message": message, "ref": n}));
    }
    for _ in 0..300 {
        socket.hears("accepted");
    }
    let pulled = hub.pull("billing", 300);
    let payloads: Vec<_> = pulled.iter().map(|one| one["payload"].as_u64()).collect();
    assert_eq!(payloads, (0..300).map(Some).collect::<Vec<_>>());
}

#[test]
fn a_hub_that_stops_says_goodbye() {
    let mut hub = TestHub::start();
    hub.register_puller("billing");
    let id = hub.send_to("billing", 1);
    let mut consumer = hub.socket();
    consumer.consume("billing", 10);
    consumer.hears("message");
    let mut idle = hub.socket();
    idle.hears_nothing();
    hub.terminate();
    assert_eq!(idle.is_closed(1001), "{}");
    assert_eq!(consumer.is_closed(1001), "{}");
    assert_eq!(hub.exit_code(), Some(0));
    let hub = hub.restart();
    assert_eq!(hub.state(&id), "parked");
    let again = hub.pull_one("billing");
    assert_eq!(again["attempt"], 1);
}
