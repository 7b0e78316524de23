use serde_json::{Value, json};

use super::event;
use crate::faults::lock_archive;
use crate::support::TestHub;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn named() -> Value {
    json!({
        "id": ID, "event_type": "order.paid", "payload": {"a": 1, "b": [2]},
        "stream_id": "order", "expected_version": 0,
    })
}

#[test]
fn an_id_again_is_no_second_event_also_after_a_restart_and_a_kill() {
    let mut hub = TestHub::start();
    let first = hub.publish(&named()).is(201);
    for round in 0..3 {
        let mut repeat = hub.publish(&named()).is(200);
        assert_eq!(repeat["duplicate"].take(), true);
        repeat.as_object_mut().unwrap().remove("duplicate");
        assert_eq!(repeat, first, "as it was answered then");
        let mut alike = named();
        alike["payload"] = json!({"b": [2], "a": 1});
        alike["timestamp"] = json!("2026-01-01T00:00:00Z");
        hub.publish(&alike).is(200);
        for (field, value) in [
            ("payload", json!({"a": 1, "b": [3]})),
            ("event_type", json!("order.sent")),
            ("stream_id", json!("other")),
            ("metadata", json!(1)),
            ("causation_id", json!("c")),
            ("correlation_id", json!("c")),
            ("source", json!("mail")),
        ] {
            let mut other = named();
            other[field] = value;
            let details = hub.publish(&other).refuses(409, "CONFLICT");
            assert_eq!(details["field"], "id", "{other}");
        }
        if round == 0 {
            hub = hub.restart();
        } else if round == 1 {
            hub.kill9();
            hub = hub.restart();
        }
    }
    assert_eq!(hub.events_in_journal().len(), 1);
    let next = hub.publish(&event(1)).is(201);
    assert_eq!(next["sequence"], 2);
}

#[test]
fn an_id_the_hub_gave_out_can_be_sent_back() {
    let hub = TestHub::start();
    let mut again = event(1);
    let receipt = hub.publish(&again).is(201);
    again["id"] = receipt["id"].clone();
    let repeat = hub.publish(&again).is(200);
    assert_eq!(
        (&repeat["duplicate"], &repeat["sequence"]),
        (&json!(true), &json!(1))
    );
    again["payload"] = json!(2);
    hub.publish(&again).refuses(409, "CONFLICT");
}

#[test]
fn a_repeat_of_an_event_that_cannot_be_read_is_still_one() {
    let hub = TestHub::start();
    hub.publish(&named()).is(201);
    let lock = lock_archive(&hub);
    let repeat = hub.publish(&named()).is(200);
    assert_eq!(
        (&repeat["duplicate"], &repeat["sequence"]),
        (&json!(true), &Value::Null)
    );
    drop(lock);
}
