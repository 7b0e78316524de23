use serde_json::{Value, json};

use super::{event, expecting};
use crate::support::TestHub;
use crate::support::verbs::array;

fn atomic(events: &[Value]) -> Value {
    json!({"events": events, "atomic": true})
}

#[test]
fn one_conflict_and_nothing_is_published() {
    let hub = TestHub::start();
    hub.publish(&expecting("a", 0)).is(201);
    let events = [expecting("b", 0), event(1), expecting("a", 0), event(2)];
    let details = hub
        .publish_batch(&atomic(&events))
        .refuses(409, "VERSION_CONFLICT");
    assert_eq!(details["index"], 2);
    assert_eq!(details["expected_version"], 0);
    assert_eq!(details["current_version"], 1);
    let results = array(&details["results"]);
    let codes: Vec<_> = results
        .iter()
        .map(|result| result["error"]["code"].clone())
        .collect();
    let expected = ["CONFLICT", "CONFLICT", "VERSION_CONFLICT", "CONFLICT"];
    assert_eq!(codes, expected);
    assert_eq!(hub.events_in_journal().len(), 1);
    let again = hub.publish_batch(&atomic(&[expecting("b", 0), expecting("a", 1)]));
    assert_eq!(again.is(202)["results"][0]["sequence"], 2);
}

#[test]
fn one_wrong_body_and_nothing_is_published() {
    let hub = TestHub::start();
    let events = [event(1), json!({"event_type": "a"}), json!(7)];
    let details = hub
        .publish_batch(&atomic(&events))
        .refuses(400, "INVALID_MESSAGE");
    assert_eq!(
        (&details["index"], &details["field"]),
        (&json!(1), &json!("payload"))
    );
    let results = array(&details["results"]);
    assert_eq!(results[0]["error"]["code"], "CONFLICT");
    assert_eq!(results[2]["error"]["details"]["field"], "body");
    assert!(hub.events_in_journal().is_empty());
}

#[test]
fn the_first_bad_event_is_told_whatever_is_wrong_with_it() {
    let hub = TestHub::start();
    let not_ours = json!({"event_type": "service.registered", "payload": 1});
    let unreadable = json!({"event_type": "a"});
    let details = hub
        .publish_batch(&atomic(&[not_ours.clone(), unreadable.clone()]))
        .refuses(403, "AUTH_FAILED");
    assert_eq!(details["index"], 0);
    let events = [event(1), unreadable, not_ours];
    let details = hub
        .publish_batch(&atomic(&events))
        .refuses(400, "INVALID_MESSAGE");
    assert_eq!(details["index"], 1);
    let results = array(&details["results"]);
    assert_eq!(results[2]["error"]["code"], "AUTH_FAILED");
    assert!(hub.events_in_journal().is_empty());
}

#[test]
fn repeating_a_batch_publishes_nothing_again() {
    let hub = TestHub::start();
    let mut events = [expecting("a", 0), expecting("a", 1)];
    for (number, event) in events.iter_mut().enumerate() {
        event["id"] = json!(format!("01890a5d-ac96-774b-bcce-b302099a805{number}"));
    }
    hub.publish_batch(&atomic(&events)).is(202);
    let again = hub.publish_batch(&atomic(&events)).is(202);
    for result in array(&again["results"]) {
        assert_eq!(result["duplicate"], true);
    }
    let more = [events[0].clone(), expecting("a", 2)];
    let more = hub.publish_batch(&atomic(&more)).is(202);
    assert_eq!(more["results"][1]["stream_version"], 3);
    let mut other = events[1].clone();
    other["payload"] = json!(2);
    let details = hub
        .publish_batch(&atomic(&[event(1), other]))
        .refuses(409, "CONFLICT");
    assert_eq!(
        (&details["index"], &details["field"]),
        (&json!(1), &json!("id"))
    );
    assert_eq!(hub.events_in_journal().len(), 3);
}
