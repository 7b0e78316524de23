//! How much of what jobs and clients send again is owed at once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{matched, wait_until};
use crate::support::verbs::text;
use crate::support::{FakeService, Reply, TestHub, eventually};

const LETTERS: usize = 80;
const LETTER_BYTES: usize = 900_000;
/// So many of them are 64 MiB.
const MOST_OWED: u64 = 74;

/// A hub with large dead letters of a subscription, which is paused by now; the service takes all.
fn paused_with_dead_events() -> (TestHub, FakeService, String) {
    let hub = TestHub::with(&[("circuit_breaker_rejection_threshold", "0")]);
    let service = FakeService::answering(Reply::Status(400));
    let id = hub.subscribed("billing", "order.*", &service.url());
    let payload = "x".repeat(LETTER_BYTES);
    let batch = json!(vec![
        json!({"event_type": "order.paid", "payload": payload});
        10
    ]);
    for _ in 0..LETTERS / 10 {
        hub.publish_batch(&batch).is(202);
    }
    eventually("all are dead", || matched(&hub, &Value::Null) == LETTERS);
    hub.switch_subscription(&id, "pause");
    service.now_answers(Reply::Status(200));
    (hub, service, id)
}

/// Waits until as many dead letters are owed as may be, and the job says that it waits for that.
fn wait_until_full(hub: &TestHub, job: &str) {
    let mut view = Value::Null;
    // Earlier it may wait for a moment, as long as what it asked for is not in the journal.
    eventually("the job waits for room", || {
        view = hub.redrive_job(job);
        let redriven = view["redriven"].as_u64().unwrap();
        assert!(redriven <= MOST_OWED, "{view}");
        redriven == MOST_OWED
            && view["cause"]
                .as_str()
                .is_some_and(|cause| cause.contains("not settled"))
    });
    assert_eq!(view["status"], "running");
}

/// A client that wants to send a dead letter again is told to come back; now and then the job is
/// just trying the same one.
fn has_no_room(hub: &TestHub, dead_letter: &str) {
    let mut refused = hub.reprocess(dead_letter, &json!({}));
    eventually("the dead letter is free", || {
        if refused.status == 409 {
            refused = hub.reprocess(dead_letter, &json!({}));
        }
        refused.status != 409
    });
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refuses(429, "QUEUE_FULL");
}

#[test]
fn a_job_waits_for_room_and_goes_on_with_the_rest_after_a_kill() {
    let (mut hub, service, id) = paused_with_dead_events();
    let before = service.count();
    assert_eq!(before, LETTERS);
    let job = hub.start_redrive(&json!({"rate": 1000}));
    wait_until_full(&hub, &job);
    let dead_letter = text(&hub.dead_letters("limit=1")[0]["id"]);
    has_no_room(&hub, &dead_letter);
    hub.kill9();
    let hub = hub.restart();
    wait_until_full(&hub, &job);
    has_no_room(&hub, &dead_letter);
    assert_eq!(service.count(), before, "the subscription is paused");

    hub.switch_subscription(&id, "resume");
    let done = wait_until(&hub, &job, "done");
    assert_eq!(
        (&done["redriven"], &done["skipped"]),
        (&json!(LETTERS), &json!(0))
    );
    let received = service.wait_for(before + LETTERS);
    let ids: BTreeSet<_> = received[before..]
        .iter()
        .map(|one| one.header("webhook-id").unwrap())
        .collect();
    assert_eq!((ids.len(), received.len()), (LETTERS, before + LETTERS));
    eventually("nothing is left", || matched(&hub, &Value::Null) == 0);
}
