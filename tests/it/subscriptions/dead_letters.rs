//! Events that a subscription did not get, in the list of dead letters.

use serde_json::json;

use super::{hub, payloads, publish};
use crate::support::verbs::{array, text};
use crate::support::{FakeService, Reply, eventually};

#[test]
fn a_dead_event_is_in_the_list_and_sent_again_once() {
    let hub = hub();
    let service = FakeService::start().then([Reply::Status(400)]);
    let id = hub.subscribed("billing", "order.*", &service.url());
    publish(&hub, "order.paid", [1]);
    eventually("it is dead", || hub.dead_letters("").len() == 1);
    let dead_letter = hub.dead_letters("destination=billing").remove(0);
    for (field, value) in [
        ("type", json!("event")),
        ("event_type", json!("order.paid")),
        ("subscription_id", json!(id)),
        ("source", json!("shop")),
        ("destination", json!("billing")),
        ("reason", json!("rejected")),
        ("redriven", json!(0)),
        ("payload", json!(1)),
    ] {
        assert_eq!(dead_letter[field], value, "{field}");
    }
    assert_eq!(array(&dead_letter["attempts"])[0]["status_code"], 400);
    let dead_letter = text(&dead_letter["id"]);
    assert_eq!(hub.dead_letter(&dead_letter).is(200)["subscription_id"], id);
    let elsewhere = json!({"destination": "mail"});
    let refused = hub.reprocess(&dead_letter, &elsewhere);
    assert_eq!(
        refused.refuses(400, "INVALID_REQUEST")["field"],
        "destination"
    );
    hub.reprocess(&dead_letter, &json!({})).is(202);
    assert_eq!(payloads(&service.wait_for(2)), [1, 1]);
    eventually("it is off the list", || hub.dead_letters("").is_empty());
    hub.reprocess(&dead_letter, &json!({}))
        .refuses(404, "NOT_FOUND");
}

#[test]
fn a_dead_letter_dies_again_with_its_history() {
    let hub = hub();
    let service = FakeService::answering(Reply::Status(400));
    hub.subscribed("billing", "order.*", &service.url());
    publish(&hub, "order.paid", [1]);
    eventually("it is dead", || hub.dead_letters("").len() == 1);
    let dead_letter = text(&hub.dead_letters("")[0]["id"]);
    hub.reprocess(&dead_letter, &json!({})).is(202);
    service.wait_for(2);
    eventually("it is dead again", || {
        let dead_letters = hub.dead_letters("");
        dead_letters.len() == 1 && dead_letters[0]["redriven"] == 1
    });
    let again = hub.dead_letter(&dead_letter).is(200);
    assert_eq!(array(&again["attempts"]).len(), 2);
}

#[test]
fn messages_and_events_share_a_list() {
    let hub = hub();
    let service = FakeService::answering(Reply::Status(400));
    hub.register_at("mail", &service.url());
    hub.subscribed("billing", "order.*", &service.url());
    for number in 1..=2 {
        publish(&hub, "order.paid", [number]);
        let dead = hub.send_to("mail", number);
        eventually("both are dead", || {
            hub.state(&dead) == "dead" && hub.dead_letters("").len() as u64 == 2 * number
        });
    }
    let mut seen = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = hub.get(&format!("/v1/dlq?{query}")).is(200);
        seen.extend(
            array(&page["dead_letters"])
                .iter()
                .map(|one| text(&one["id"])),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        query = format!("limit=1&cursor={cursor}");
    }
    let all = hub.dead_letters("");
    assert_eq!(
        seen,
        all.iter().map(|one| text(&one["id"])).collect::<Vec<_>>()
    );
    assert_eq!(seen.len(), 4);
}

#[test]
fn a_dead_letter_of_a_subscription_that_is_no_more_can_only_be_deleted() {
    let hub = hub();
    let service = FakeService::answering(Reply::Status(400));
    let id = hub.subscribed("billing", "order.*", &service.url());
    publish(&hub, "order.paid", [1]);
    eventually("it is dead", || hub.dead_letters("").len() == 1);
    hub.delete(&format!("/v1/subscriptions/{id}")).is(204);
    let dead_letter = text(&hub.dead_letters("")[0]["id"]);
    hub.reprocess(&dead_letter, &json!({}))
        .refuses(409, "CONFLICT");
    hub.delete_dead_letter(&dead_letter).is(204);
    assert!(hub.dead_letters("").is_empty());
}
