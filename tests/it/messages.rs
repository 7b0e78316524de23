//! `/v1/messages`: sending one message, looking at it, taking it back.

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of, text};
use crate::support::{FakeService, Reply, TestHub, eventually};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn to_billing(fields: &Value) -> Value {
    let mut message = json!({"destination": "billing", "payload": {"amount": 5}});
    for (name, value) in fields.as_object().unwrap() {
        message[name] = value.clone();
    }
    message
}

#[test]
fn the_least_message_gets_its_defaults() {
    let hub = TestHub::with_puller("billing");
    let receipt = hub.send(&to_billing(&json!({}))).is(202);
    assert_eq!(receipt["status"], "accepted");
    assert_eq!(receipt["durability"], "disk");
    assert_eq!(receipt["correlation_id"], receipt["id"]);
    let view = hub.message(&id_of(&receipt));
    assert_eq!(view["status"], "pending");
    assert_eq!(view["type"], "service_message");
    assert_eq!(view["source"], "shop");
    assert_eq!(view["priority"], "NORMAL");
    assert_eq!(view["payload"], json!({"amount": 5}));
    assert_eq!(view["delivery_attempts"], 0);
    assert_eq!(view["settled_at"], Value::Null);
    assert!(view["waiting_for"].is_string());
}

#[test]
fn all_routes_and_spellings_mean_the_same() {
    let hub = TestHub::with_puller("billing");
    for route in ["/v1/messages/send", "/v1/messages", "/message"] {
        let message = to_billing(&json!({"message_type": "invoice", "priority": 1}));
        let id = id_of(&hub.post(route, &message).is(202));
        for view in [hub.message(&id), hub.get(&format!("/message/{id}")).is(200)] {
            assert_eq!(view["type"], "invoice", "{route}");
            assert_eq!(view["priority"], "CRITICAL", "{route}");
        }
    }
}

#[test]
fn headers_of_the_request_label_the_message() {
    let hub = TestHub::with_puller("billing");
    let client = hub
        .with_header("X-Correlation-ID: order-7")
        .with_header("X-Request-ID: request-1");
    let answer = client.send(&to_billing(&json!({})));
    assert_eq!(answer.header("x-request-id"), Some("request-1"));
    assert_eq!(answer.is(202)["correlation_id"], "order-7");
    let own = client.send(&to_billing(&json!({"correlation_id": "mine"})));
    assert_eq!(own.is(202)["correlation_id"], "mine");
    assert!(hub.get("/nowhere").header("x-request-id").is_some());
}

#[test]
fn wrong_messages_are_refused_with_their_field() {
    let hub = TestHub::with_puller("billing");
    for (fields, field) in [
        (json!({"ttl": 0}), "ttl"),
        (json!({"priority": 6}), "priority"),
        (json!({"id": "x"}), "id"),
        (json!({"destination": "a b"}), "destination"),
        (json!({"destination": null}), "destination"),
        (json!({"on_unavailable": "drop"}), "on_unavailable"),
        (json!({"delay": -1}), "delay"),
    ] {
        let details = hub
            .send(&to_billing(&fields))
            .refuses(400, "INVALID_MESSAGE");
        assert_eq!(details["field"], field);
    }
    let nameless = hub.nameless().send(&to_billing(&json!({})));
    assert_eq!(nameless.refuses(400, "INVALID_MESSAGE")["field"], "source");
    let unknown = hub.send(&json!({"destination": "nobody", "payload": 1}));
    unknown.refuses(404, "SERVICE_NOT_FOUND");
    hub.assert_conservation();
}

#[test]
fn payloads_arrive_byte_for_byte() {
    let hub = TestHub::with_puller("billing");
    let payload = r#"{"a": 1e400, "a":"\ud800" , "n":12345678901234567890123}"#;
    let body = format!(r#"{{"destination":"billing","payload":{payload}}}"#);
    let sent = hub.ask("POST", "/message", body.as_bytes());
    assert_eq!(sent.status, 202, "{}", sent.body);
    let got = hub.receive("billing", &json!({"wait_ms": 20_000}));
    assert!(got.body.contains(payload), "{}", got.body);
    let id = sent.body.split('"').nth(3).unwrap();
    let view = hub.get(&format!("/v1/messages/{id}"));
    assert!(view.body.contains(payload), "{}", view.body);
}

#[test]
fn waiting_for_a_delivery_tells_its_end() {
    let hub = TestHub::start();
    let service = FakeService::start().then([Reply::Status(200), Reply::Status(404)]);
    hub.register_at("billing", &service.url());
    let delivered = hub.send_waiting(20_000, &to_billing(&json!({}))).is(200);
    assert_eq!(delivered["status"], "delivered");
    let failed = hub.send_waiting(20_000, &to_billing(&json!({})));
    let details = failed.refuses(502, "DELIVERY_FAILED");
    assert_eq!(details["reason"], "rejected");
    assert_eq!(details["last_error"], "HTTP 404");
}

#[test]
fn waiting_ends_with_its_time() {
    let hub = TestHub::with_puller("billing");
    let open = hub.send_waiting(20, &to_billing(&json!({}))).is(202);
    assert_eq!(open["status"], "accepted");
    assert_eq!(hub.message(&id_of(&open))["status"], "pending");
    hub.send_waiting(60_001, &to_billing(&json!({})))
        .refuses(400, "INVALID_REQUEST");
}

#[test]
fn waiting_ends_when_the_message_expires() {
    let hub = TestHub::with_puller("billing");
    let answer = hub.send_waiting(20_000, &to_billing(&json!({"ttl": 0.05})));
    let details = answer.refuses(502, "DELIVERY_FAILED");
    assert_eq!(details["reason"], "expired");
}

#[test]
fn the_same_message_again_is_a_duplicate() {
    let hub = TestHub::with_puller("billing");
    let message = to_billing(&json!({"id": ID}));
    let first = hub.send(&message).is(202);
    assert_eq!(first.get("duplicate"), None);
    let mut later = message.clone();
    later["timestamp"] = json!("2026-01-01T00:00:00Z");
    let again = hub.send(&later).is(200);
    assert_eq!(again["duplicate"], true);
    assert_eq!(again["status"], "accepted");
    let other = hub.send(&to_billing(&json!({"id": ID, "payload": 6})));
    assert_eq!(other.refuses(409, "CONFLICT")["field"], "id");

    let leased = hub.pull_one("billing");
    hub.ack(&[&leased["lease"]]).is(200);
    assert_eq!(hub.send(&message).is(200)["status"], "delivered");
    let waited = hub.send_waiting(20_000, &message).is(200);
    assert_eq!(waited["status"], "delivered");
    assert_eq!(hub.metric("message_hub_messages_accepted_total"), 1.0);

    let hub = hub.restart();
    assert_eq!(hub.send(&message).is(200)["duplicate"], true);
    hub.send(&to_billing(&json!({"id": ID, "payload": 6})))
        .refuses(409, "CONFLICT");
}

#[test]
fn an_id_given_by_the_hub_is_known_too() {
    let hub = TestHub::with_puller("billing");
    let id = hub.send_to("billing", json!({"amount": 5}));
    let again = hub.send(&to_billing(&json!({"id": id}))).is(200);
    assert_eq!(again["duplicate"], true);
    hub.send(&to_billing(&json!({"id": id, "payload": 6})))
        .refuses(409, "CONFLICT");
}

#[test]
fn a_delayed_message_comes_in_its_time() {
    let hub = TestHub::with_puller("billing");
    let long = hub.send(&to_billing(&json!({"delay": 3600}))).is(202);
    let view = hub.message(&id_of(&long));
    assert_eq!(view["state"], "scheduled");
    assert!(text(&view["waiting_for"]).starts_with("scheduled"));
    assert!(view["next_attempt"].is_string());
    let short = hub.send(&to_billing(&json!({"delay": 0.1}))).is(202);
    assert_eq!(hub.pull_one("billing")["id"], short["id"]);
    let past = to_billing(&json!({"deliver_at": "2020-01-01T00:00:00Z"}));
    let past = hub.send(&past).is(202);
    assert_eq!(hub.pull_one("billing")["id"], past["id"]);
    hub.assert_conservation();
}

#[test]
fn what_expires_becomes_a_dead_letter() {
    let hub = TestHub::with_puller("billing");
    let id = id_of(&hub.send(&to_billing(&json!({"ttl": 0.05}))).is(202));
    eventually("it expires", || hub.state(&id) == "expired");
    let dead_letter = hub.dead_letter(&id).is(200);
    assert_eq!(dead_letter["reason"], "expired");
    assert_eq!(dead_letter["status"], "failed");
    let pulled = hub.receive("billing", &json!({})).is(200);
    assert_eq!(array(&pulled["messages"]).len(), 0);
    hub.assert_conservation();
}

#[test]
fn the_more_important_message_goes_first() {
    let hub = TestHub::with_puller("billing");
    for priority in ["DEFERRED", "low", "Normal", "HIGH", "CRITICAL"] {
        hub.send(&to_billing(&json!({"priority": priority})))
            .is(202);
    }
    hub.send(&to_billing(&json!({"priority": 4}))).is(202);
    let pulled = hub.pull("billing", 10);
    let order: Vec<_> = pulled.iter().map(|one| text(&one["priority"])).collect();
    let expected = ["CRITICAL", "HIGH", "NORMAL", "LOW", "LOW", "DEFERRED"];
    assert_eq!(order, expected);
}

#[test]
fn a_near_deadline_lifts_a_message() {
    let hub = TestHub::with_puller("billing");
    let normal = hub.send_to("billing", 1);
    let urgent = to_billing(&json!({"priority": 5, "deadline": "2020-01-01T00:00:00Z"}));
    let urgent = id_of(&hub.send(&urgent).is(202));
    let pulled = hub.pull("billing", 10);
    assert_eq!(pulled[0]["id"], json!(urgent));
    assert_eq!(pulled[1]["id"], json!(normal));
}

#[test]
fn messages_of_one_key_follow_each_other() {
    let hub = TestHub::with_puller("billing");
    let mut of_key = Vec::new();
    for _ in 0..3 {
        let message = to_billing(&json!({"ordering_key": "customer-1"}));
        of_key.push(id_of(&hub.send(&message).is(202)));
    }
    let other = to_billing(&json!({"ordering_key": "customer-2"}));
    let other = id_of(&hub.send(&other).is(202));
    let pulled = hub.pull("billing", 10);
    let ids: Vec<_> = pulled.iter().map(id_of).collect();
    assert_eq!(ids, [of_key[0].clone(), other]);
    assert!(text(&hub.message(&of_key[1])["waiting_for"]).contains("ordering_key"));
    let mut held = pulled[0].clone();
    for next in &of_key[1..] {
        hub.ack(&[&held["lease"]]).is(200);
        held = hub.pull_one("billing");
        assert_eq!(&id_of(&held), next);
    }
}

#[test]
fn only_what_is_not_settled_can_be_cancelled() {
    let hub = TestHub::with_puller("billing");
    let id = hub.send_to("billing", 1);
    let cancelled = hub.cancel(&id).is(200);
    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(hub.message(&id)["status"], "failed");
    hub.cancel(&id).is(204);
    hub.cancel(&id).refuses(404, "NOT_FOUND");
    hub.dead_letter(&id).refuses(404, "NOT_FOUND");
    hub.cancel(ID).refuses(404, "NOT_FOUND");
    hub.cancel("x").refuses(400, "INVALID_REQUEST");
    assert_eq!(hub.in_state("cancelled"), 1.0);
    hub.assert_conservation();
}

#[test]
fn cancelling_wins_over_a_lease() {
    let hub = TestHub::with_puller("billing");
    let id = hub.send_to("billing", 1);
    let leased = hub.pull_one("billing");
    assert_eq!(hub.state(&id), "delivering");
    hub.cancel(&id).is(200);
    hub.ack(&[&leased["lease"]]).refuses(409, "CONFLICT");
    assert_eq!(hub.state(&id), "cancelled");
}

#[test]
fn a_push_under_way_cannot_be_cancelled() {
    let hub = TestHub::start();
    let service = FakeService::answering(Reply::Hang);
    hub.register_at("billing", &service.url());
    let id = hub.send_to("billing", 1);
    service.wait_for(1);
    hub.cancel(&id).refuses(409, "CONFLICT");
    assert_eq!(hub.state(&id), "delivering");
}

#[test]
fn lists_are_filtered() {
    let hub = TestHub::with_puller("billing");
    hub.register_puller("mail");
    let billing = hub.send_to("billing", 1);
    let mail = id_of(
        &hub.send(&json!({"destination": "mail", "payload": 1, "correlation_id": "c-1"}))
            .is(202),
    );
    let acked = hub.pull_one("mail");
    hub.ack(&[&acked["lease"]]).is(200);
    let ids = |query: &str| {
        let page = hub.messages(query).is(200);
        let found = array(&page["messages"]);
        assert_eq!(page["count"], found.len());
        found.iter().map(id_of).collect::<Vec<_>>()
    };
    assert_eq!(ids(""), [&*mail, &*billing]);
    assert_eq!(ids("destination=billing"), [&*billing]);
    assert_eq!(ids("status=delivered"), [&*mail]);
    assert_eq!(ids("status=pending"), [&*billing]);
    assert_eq!(ids("state=delivered"), [&*mail]);
    assert_eq!(ids("correlation_id=c-1"), [&*mail]);
    assert_eq!(ids(&format!("correlation_id={billing}")), [&*billing]);
    assert_eq!(ids("source=shop&destination=mail"), [&*mail]);
    assert_eq!(ids("source=other").len(), 0);
    assert_eq!(ids("since=2100-01-01T00:00:00Z").len(), 0);
    assert_eq!(ids("until=2100-01-01T00:00:00Z").len(), 2);
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat() {
    let hub = TestHub::with_puller("billing");
    let sent: Vec<_> = (0..7).map(|n| hub.send_to("billing", n)).collect();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = hub.messages(&format!("limit=3&cursor={cursor}")).is(200);
        seen.extend(array(&page["messages"]).iter().map(id_of));
        if page["next_cursor"].is_null() {
            break;
        }
        cursor = text(&page["next_cursor"]);
    }
    seen.reverse();
    assert_eq!(seen, sent);
}

#[test]
fn a_full_lane_refuses_and_others_still_take() {
    let hub = TestHub::with(&[("max_queue_size", "3")]);
    hub.register_puller("billing");
    for _ in 0..3 {
        hub.send_to("billing", 1);
    }
    let refused = hub.send(&to_billing(&json!({})));
    assert!(refused.header("retry-after").is_some());
    refused.refuses(429, "QUEUE_FULL");
    hub.send(&to_billing(&json!({"priority": "HIGH"}))).is(202);
    let leased = hub.pull("billing", 4);
    hub.send(&to_billing(&json!({}))).refuses(429, "QUEUE_FULL");
    hub.ack(&[&leased[1]["lease"]]).is(200);
    hub.send(&to_billing(&json!({}))).is(202);
}

#[test]
fn who_asks_not_to_queue_is_told_at_once() {
    let hub = TestHub::start();
    let service = FakeService::start();
    hub.register_at("billing", &service.url());
    let reject = json!({"on_unavailable": "reject"});
    hub.send(&to_billing(&reject)).is(202);
    hub.delete("/v1/services/billing").is(204);
    eventually("the hub knows that nobody is there", || {
        hub.send(&to_billing(&reject)).status == 503
    });
    hub.send(&to_billing(&reject))
        .refuses(503, "SERVICE_UNAVAILABLE");
    hub.send(&to_billing(&json!({}))).is(202);
}

#[test]
fn payloads_stay_as_they_are_in_every_list() {
    let hub = TestHub::with_puller("billing");
    let payload = r#"{ "b": 1e400, "a":"\ud800","a":2 }"#;
    let message = format!(r#"{{"destination":"billing","payload":{payload},"ttl":0.001}}"#);
    let receipt = hub.ask("POST", "/v1/messages", message.as_bytes()).is(202);
    let id = id_of(&receipt);
    eventually("an expired message", || {
        hub.get("/v1/dlq").body.contains(&id)
    });
    for list in ["/v1/messages", "/v1/dlq", &format!("/v1/dlq/{id}")] {
        let answer = hub.get(list);
        assert_eq!(answer.status, 200, "{list}");
        assert!(answer.body.contains(payload), "{list}: {}", answer.body);
    }
}
