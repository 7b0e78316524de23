//! `/v1/messages/batch`: many messages in one request and one journal write.

use serde_json::{Value, json};

use crate::support::TestHub;
use crate::support::verbs::{array, id_of, text};

fn message(payload: impl Into<Value>) -> Value {
    json!({"destination": "billing", "payload": payload.into()})
}

#[test]
fn arrays_objects_and_lines_are_taken_alike() {
    let hub = TestHub::with_puller("billing");
    let messages = json!([message(1), message(2)]);
    let lines = format!("{}\n\n{}\n", messages[0], messages[1]);
    let ndjson = hub.with_header("content-type: application/x-ndjson; charset=utf-8");
    for answer in [
        hub.batch(&messages),
        hub.batch(&json!({"messages": messages})),
        ndjson.ask("POST", "/v1/messages/batch", lines.as_bytes()),
    ] {
        let answer = answer.is(202);
        assert_eq!(answer["accepted"], 2);
        assert_eq!(answer["rejected"], 0);
        for (index, result) in array(&answer["results"]).iter().enumerate() {
            assert_eq!(result["index"], index);
            assert_eq!(result["status"], "accepted");
            assert_eq!(hub.message(&id_of(result))["status"], "pending");
        }
    }
    hub.assert_conservation();
}

#[test]
fn a_bad_item_does_not_fail_the_others() {
    let hub = TestHub::with_puller("billing");
    let mut bad = message(2);
    bad["ttl"] = json!(-1);
    let unknown = json!({"destination": "nobody", "payload": 3});
    let items = json!([message(1), bad, 5, unknown, message(4)]);
    let answer = hub.batch(&items).is(202);
    assert_eq!(answer["accepted"], 2);
    assert_eq!(answer["rejected"], 3);
    let results = array(&answer["results"]);
    assert_eq!(results[1]["error"]["code"], "INVALID_MESSAGE");
    assert_eq!(results[1]["error"]["details"]["field"], "ttl");
    assert_eq!(results[2]["error"]["code"], "INVALID_MESSAGE");
    assert_eq!(results[3]["error"]["code"], "SERVICE_NOT_FOUND");
    let payloads: Vec<_> = hub.pull("billing", 10);
    let payloads: Vec<_> = payloads.iter().map(|one| one["payload"].clone()).collect();
    assert_eq!(payloads, [json!(1), json!(4)]);
}

#[test]
fn a_batch_without_any_success_is_an_error() {
    let hub = TestHub::with(&[("max_queue_size", "2")]);
    hub.register_puller("billing");
    let unknown = json!({"destination": "nobody", "payload": 3});
    let all_alike = hub.batch(&json!([unknown, unknown]));
    let details = all_alike.refuses(404, "SERVICE_NOT_FOUND");
    assert_eq!(array(&details["results"]).len(), 2);

    let mixed = hub.batch(&json!([unknown, {"destination": "billing"}]));
    mixed.refuses(400, "INVALID_MESSAGE");

    hub.batch(&json!([message(1), message(2)])).is(202);
    let full = hub.batch(&json!([message(3), message(4)]));
    assert!(full.header("retry-after").is_some());
    full.refuses(429, "QUEUE_FULL");
}

#[test]
fn what_is_no_batch_is_refused() {
    let hub = TestHub::with_puller("billing");
    for body in [json!(5), json!({}), json!([]), json!({"messages": 1})] {
        let details = hub.batch(&body).refuses(400, "INVALID_MESSAGE");
        assert!(["body", "messages"].contains(&&*text(&details["field"])));
    }
    let many: Vec<_> = (0..10_001).map(|_| 1).collect();
    hub.batch(&json!(many)).refuses(400, "INVALID_MESSAGE");
}
