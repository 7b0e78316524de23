//! `/v1/dlq`: what the hub gave up on.

use serde_json::{Value, json};

use crate::support::verbs::{id_of, text};
use crate::support::{FakeService, Reply, TestHub, eventually};

/// A hub with a service that rejects everything, and a message that was rejected.
fn hub_with_dead_letter() -> (TestHub, FakeService, String) {
    let hub = TestHub::start();
    let service = FakeService::answering(Reply::Status(400));
    hub.register_at("billing", &service.url());
    let id = rejected(&hub);
    (hub, service, id)
}

fn rejected(hub: &TestHub) -> String {
    let id = hub.send_to("billing", json!({"amount": 5}));
    eventually("it is rejected", || hub.state(&id) == "dead");
    id
}

#[test]
fn a_dead_letter_keeps_its_whole_history() {
    let (hub, _service, id) = hub_with_dead_letter();
    let dead_letter = hub.dead_letter(&id).is(200);
    assert_eq!(dead_letter["id"], json!(id));
    assert_eq!(dead_letter["reason"], "rejected");
    assert_eq!(dead_letter["destination"], "billing");
    assert_eq!(dead_letter["payload"], json!({"amount": 5}));
    assert_eq!(dead_letter["redriven"], 0);
    let attempt = &dead_letter["attempts"][0];
    assert_eq!(attempt["outcome"], "rejected");
    assert_eq!(attempt["status_code"], 400);
    assert!(attempt["at"].is_string());
    assert!(attempt["instance"].is_string());
    assert!(attempt["duration_ms"].is_number());
}

#[test]
fn the_list_is_filtered_and_paged() {
    let (hub, _service, first) = hub_with_dead_letter();
    let second = rejected(&hub);
    let ids = |query: &str| {
        let dead_letters = hub.dead_letters(query);
        dead_letters.iter().map(id_of).collect::<Vec<_>>()
    };
    assert_eq!(ids(""), [&*second, &*first]);
    assert_eq!(
        ids("reason=rejected&destination=billing&source=shop").len(),
        2
    );
    assert_eq!(ids("reason=expired").len(), 0);
    assert_eq!(ids("destination=mail").len(), 0);
    assert_eq!(ids(&format!("correlation_id={first}")), [&*first]);
    let page = hub.get("/v1/dlq?limit=1").is(200);
    assert_eq!(page["count"], 1);
    let cursor = text(&page["next_cursor"]);
    assert_eq!(ids(&format!("limit=1&cursor={cursor}")), [&*first]);
    for (query, field) in [
        ("reason=bored", "reason"),
        ("subscription_id=7", "subscription_id"),
        ("since=yesterday", "since"),
        ("until=tomorrow", "until"),
    ] {
        let refused = hub.get(&format!("/v1/dlq?{query}"));
        let details = refused.refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{query}");
    }
}

#[test]
fn a_reprocessed_dead_letter_is_delivered_once() {
    let (hub, service, id) = hub_with_dead_letter();
    service.now_answers(Reply::Status(200));
    hub.reprocess(&id, &json!({})).is(202);
    eventually("it is delivered", || hub.state(&id) == "delivered");
    assert_eq!(service.count(), 2);
    assert_eq!(service.received()[1].header("x-hub-attempt"), Some("1/5"));
    let view = hub.message(&id);
    assert_eq!(view["redriven"], 1);
    hub.dead_letter(&id).refuses(404, "NOT_FOUND");
    assert_eq!(hub.dead_letters("").len(), 0);
    hub.reprocess(&id, &json!({})).refuses(404, "NOT_FOUND");
    assert_eq!(hub.metric("message_hub_messages_accepted_total"), 1.0);
    hub.assert_conservation();
}

#[test]
fn dead_letters_survive_a_restart() {
    let (mut hub, service, id) = hub_with_dead_letter();
    hub.kill9();
    let hub = hub.restart();
    assert_eq!(hub.dead_letter(&id).is(200)["reason"], "rejected");
    service.now_answers(Reply::Status(200));
    hub.reprocess(&id, &Value::Object(Default::default()))
        .is(202);
    eventually("it is delivered", || hub.state(&id) == "delivered");
    hub.assert_conservation();
}

#[test]
fn an_expired_dead_letter_lives_anew() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let message = json!({"destination": "billing", "payload": 1, "ttl": 1});
    let id = id_of(&hub.send(&message).is(202));
    eventually("it expires", || hub.state(&id) == "expired");
    hub.reprocess(&id, &json!({})).is(202);
    let leased = hub.pull_one("billing");
    hub.ack(&[&leased["lease"]]).is(200);
    assert_eq!(hub.state(&id), "delivered");
    assert_eq!(hub.in_state("expired"), 0.0);
    hub.assert_conservation();
}
