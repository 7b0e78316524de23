//! Names: which may be given, and whose they are.

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of};
use crate::support::{TestHub, eventually};

#[test]
fn no_name_is_a_step_in_a_path() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    for dots in [".", ".."] {
        let refused = |field: &str, answer: crate::support::wire::Answer| {
            let body = answer.is(400);
            assert_eq!(body["error"]["details"]["field"], field, "{body}");
        };
        refused("service", hub.register(&json!({"service": dots})));
        refused(
            "instance_id",
            hub.register(&json!({"service": "a", "instance_id": dots})),
        );
        let message = |field: &str| {
            let mut message = json!({"destination": "billing", "payload": 1});
            message[field] = json!(dots);
            message
        };
        for field in ["destination", "source", "correlation_id", "reply_to"] {
            refused(field, hub.send(&message(field)));
        }
        for field in ["stream_id", "correlation_id", "source"] {
            let mut event = json!({"event_type": "a", "payload": 1});
            event[field] = json!(dots);
            refused(field, hub.publish(&event));
        }
        let header = hub.with_header(&format!("x-correlation-id: {dots}"));
        refused("X-Correlation-ID", header.send(&message("type")));
        let mut socket = hub.socket();
        let frame = json!({"type": "subscribe", "event_types": ["#"], "subscription": dots});
        socket.say(&frame);
        assert_eq!(socket.hear()["error"]["details"]["field"], "subscription");
        // Only by who sends paths as they are.
        refused(
            "service",
            hub.post(&format!("/v1/services/{dots}/receive"), &json!({})),
        );
    }
    assert_eq!(hub.get("/v1/services").is(200)["count"], 1);
}

#[test]
fn what_no_path_can_name_is_removed_by_a_query() {
    let hub = TestHub::start();
    for instance in ["one", "two"] {
        hub.register(&json!({"service": "billing", "instance_id": instance}))
            .is(201);
    }
    let remove = |query: &str| hub.delete(&format!("/v1/services?{query}"));
    for (query, field) in [
        ("", "service"),
        ("service=", "service"),
        ("service=billing&instance_id=", "instance_id"),
        ("service=billing&instance=one", "instance"),
    ] {
        let details = remove(query).refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{query}");
    }
    remove("service=billing&instance_id=one").is(204);
    let left = hub.get("/v1/services/billing").is(200);
    assert_eq!(array(&left["instances"]).len(), 1, "{left}");
    remove("service=billing").is(204);
    remove("service=billing").refuses(404, "NOT_FOUND");
    remove("service=..").refuses(404, "NOT_FOUND");
    remove("service=%2E").refuses(404, "NOT_FOUND");
}

#[test]
fn what_means_something_else_where_it_travels_is_found_by_its_name() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    for (number, name) in ["a/b", "a+b c", "50%", "ä?x=1&y#z", "q\"uo'te\\"]
        .into_iter()
        .enumerate()
    {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        hub.send(&json!({"destination": "billing", "payload": 1, "correlation_id": name}))
            .is(202);
        let event = json!({"event_type": "a", "payload": number, "stream_id": name, "correlation_id": name});
        hub.publish(&event).is(201);
        assert_eq!(
            hub.get(&format!("/v1/streams/{encoded}")).is(200)["version"],
            1,
            "{name}"
        );
        assert_eq!(
            hub.get(&format!("/v1/correlations/{encoded}")).is(200)["count"],
            2,
            "{name}"
        );
        assert_eq!(
            hub.get(&format!("/v1/events?stream_id={encoded}")).is(200)["count"],
            1,
            "{name}"
        );
        assert_eq!(
            hub.messages(&format!("correlation_id={encoded}")).is(200)["count"],
            1,
            "{name}"
        );
    }
}

#[test]
fn what_is_published_can_be_asked_for_by_its_type_exactly() {
    let hub = TestHub::start();
    for bad in [
        "a,b",
        "*",
        "a.#",
        "a..b",
        ".a",
        "a.",
        " a",
        "a ",
        "a\u{202e}b",
        "a\u{2028}b",
    ] {
        let answer = hub.publish(&json!({"event_type": bad, "payload": 1}));
        assert_eq!(
            answer.refuses(400, "INVALID_MESSAGE")["field"],
            "event_type",
            "{bad:?}"
        );
    }
    let good = ["order created", "ä.b+c", "ORDER/x"];
    for event_type in good {
        hub.publish(&json!({"event_type": event_type, "payload": 1}))
            .is(201);
    }
    for event_type in good {
        let encoded: String = event_type
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        let found = hub
            .get(&format!("/v1/events?event_type=nothing,{encoded}"))
            .is(200);
        assert_eq!(found["count"], 1, "{event_type}");
        let replay = json!({"mode": "from_beginning", "event_types": [event_type]});
        assert_eq!(
            hub.post("/v1/events/replay", &replay).is(200)["count"],
            1,
            "{event_type}"
        );
    }
}

#[test]
fn the_hubs_name_and_its_events_are_its_own() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    for name in ["message-hub", "Message-Hub"] {
        for answer in [
            hub.register(&json!({"service": name})),
            hub.post(&format!("/v1/services/{name}/receive"), &json!({})),
            hub.send(&json!({"destination": "billing", "payload": 1, "source": name})),
            hub.publish(&json!({"event_type": "a", "payload": 1, "source": name})),
            hub.named(name, "")
                .publish(&json!({"event_type": "a", "payload": 1})),
        ] {
            answer.refuses(403, "AUTH_FAILED");
        }
        let mut socket = hub.socket();
        socket.say(&json!({"type": "consume", "service": name}));
        socket.is_refused("AUTH_FAILED");
    }
    for event_type in [
        "service.health_changed",
        "circuit.state_changed",
        "message.dead_lettered",
    ] {
        let details = hub
            .publish(&json!({"event_type": event_type, "payload": 1}))
            .refuses(403, "AUTH_FAILED");
        assert_eq!(details["field"], "event_type");
    }
    hub.publish(&json!({"event_type": "service.health", "payload": 1}))
        .is(201);
}

#[test]
fn who_receives_a_message_cannot_unsend_it_nor_give_it_up() {
    let hub = TestHub::with(&[
        ("service_keys", "{shop: [s], billing: [b], boss: [o]}"),
        ("operators", "[boss]"),
    ]);
    let (shop, billing, boss) = (
        hub.named("shop", "s"),
        hub.named("billing", "b"),
        hub.named("boss", "o"),
    );
    billing.register_puller("billing");
    let send = |ttl: Value| {
        let message = json!({"destination": "billing", "payload": 1, "ttl": ttl});
        id_of(&shop.send(&message).is(202))
    };
    let (one, other) = (send(Value::Null), send(Value::Null));
    billing.cancel(&one).refuses(403, "AUTH_FAILED");
    shop.cancel(&one).is(200);
    boss.cancel(&other).is(200);
    let (one, other) = (send(json!(0.05)), send(json!(0.05)));
    for id in [&one, &other] {
        eventually("it is a dead letter", || shop.dead_letter(id).status == 200);
        billing
            .delete(&format!("/v1/dlq/{id}"))
            .refuses(403, "AUTH_FAILED");
    }
    shop.delete(&format!("/v1/dlq/{one}")).is(204);
    boss.delete(&format!("/v1/dlq/{other}")).is(204);
}

#[test]
fn the_root_shows_the_way_and_encoded_bodies_are_refused() {
    let hub = TestHub::with(&[("service_keys", "{shop: [s]}")]);
    let signs = hub.nameless().get("/").is(200);
    assert_eq!(signs["documentation"], "/docs");
    let shop = hub.named("shop", "s");
    let packed = shop.with_header("content-encoding: gzip");
    let answer = packed.post("/v1/messages", &json!({}));
    assert_eq!(
        answer.refuses(415, "INVALID_REQUEST")["field"],
        "Content-Encoding"
    );
    let plain = shop.with_header("content-encoding: Identity");
    plain
        .post("/v1/messages", &json!({}))
        .refuses(400, "INVALID_MESSAGE");
}
