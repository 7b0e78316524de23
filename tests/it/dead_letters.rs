//! `/v1/dlq`: what the hub gave up on.

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of, text};
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

/// A hub with dead letters of messages and of events in turn, and their ids, the newest first.
fn hub_with_both_kinds() -> (TestHub, FakeService, Vec<String>) {
    let hub = TestHub::with(&[("circuit_breaker_rejection_threshold", "0")]);
    let service = FakeService::answering(Reply::Status(400));
    hub.register_at("billing", &service.url());
    hub.subscribed("billing", "order.*", &service.url());
    for n in 0..3 {
        let payload = json!({"n": n, "text": "x".repeat(600)});
        hub.send_to("billing", payload.clone());
        let dead = || hub.dead_letters("").len();
        eventually("the message is dead", || dead() == 2 * n + 1);
        let event = json!({"event_type": "order.paid", "payload": payload});
        hub.publish(&event).is(201);
        eventually("the event is dead", || dead() == 2 * n + 2);
    }
    let ids = hub.dead_letters("").iter().map(id_of).collect();
    (hub, service, ids)
}

/// The ids of all pages of a list, each of `limit`.
fn paged(hub: &TestHub, path: &str, list: &str, limit: usize) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = hub.get(&format!("{path}&limit={limit}&cursor={cursor}"));
        let page = page.is(200);
        found.extend(array(&page[list]).iter().map(id_of));
        assert_eq!(page["searched"]["complete"], page["next_cursor"].is_null());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return found,
        }
    }
}

#[test]
fn messages_and_events_are_looked_through_as_one_list() {
    let (hub, _service, ids) = hub_with_both_kinds();
    let events = [&*ids[0], &*ids[2], &*ids[4]];
    let messages = [&*ids[1], &*ids[3], &*ids[5]];
    for (query, expected) in [
        ("payload_at=/n&payload_is=1", &ids[2..4]),
        ("payload_contains=xxx", &ids[..]),
        ("error_contains=400&destination=billing", &ids[..]),
        ("error=HTTP%20%23", &ids[..]),
        ("error=none", &[]),
    ] {
        let page = hub.get(&format!("/v1/dlq?{query}")).is(200);
        let found: Vec<_> = array(&page["dead_letters"]).iter().map(id_of).collect();
        assert_eq!(found, expected, "{query}");
        assert_eq!(page["searched"]["rows"], 6, "{query}");
        assert_eq!(page["searched"]["complete"], true, "{query}");
    }
    let found = |query: &str| paged(&hub, &format!("/v1/dlq?{query}"), "dead_letters", 1);
    assert_eq!(found("payload_contains=xxx"), ids);
    assert_eq!(found("type=order.paid"), events);
    assert_eq!(found("priority=NORMAL"), messages);
    // Of each as much is shown as was asked for, whatever was looked into.
    for query in ["payload=head", "payload=head&payload_contains=xxx"] {
        for dead_letter in hub.dead_letters(query) {
            assert!(dead_letter.get("payload").is_none(), "{dead_letter}");
            assert_eq!(text(&dead_letter["payload_head"]).len(), 512);
            assert!(dead_letter["payload_bytes"].as_u64().unwrap() > 600);
        }
    }
    let group = hub.get("/v1/dlq/groups").is(200)["groups"][0].clone();
    assert_eq!(group["count"], 6);
    assert_eq!(group["error"], "HTTP #");
    assert_eq!(group["sample"], json!(ids[0]));
    let groups = hub.get("/v1/dlq/groups?by=reason&type=order.paid").is(200);
    let [group] = &array(&groups["groups"])[..] else {
        panic!("{groups}");
    };
    assert_eq!(group["count"], 3);
    assert!(group.get("error").is_none() && group.get("destination").is_none());
}

#[test]
fn events_are_looked_through_in_either_order() {
    let (hub, _service, _) = hub_with_both_kinds();
    let all = hub.get("/v1/events?event_type=order.paid").is(200);
    assert!(all.get("searched").is_none());
    let ids: Vec<_> = array(&all["events"]).iter().map(id_of).collect();
    let found = |query: &str| paged(&hub, &format!("/v1/events?{query}"), "events", 1);
    assert_eq!(found("type=order.paid"), ids);
    assert_eq!(found("payload_contains=xxx"), ids);
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(found("type=order.paid&order=desc"), newest_first);
    assert_eq!(found("payload_at=/n&payload_is=1"), [&*ids[1]]);
    assert_eq!(found("payload_at=/m&source=shop").len(), 0);
}
