//! `waiting_for`: a message says why it has not been delivered yet.

use serde_json::{Value, json};

use crate::support::verbs::{id_of, text};
use crate::support::{FakeService, Reply, TestHub, eventually};

#[track_caller]
fn assert_waits_for(hub: &TestHub, id: &str, parts: &[&str]) {
    let words = hub.waiting_for(id);
    for part in parts {
        assert!(words.contains(part), "{part:?} in {words:?}");
    }
}

fn pulled_hub() -> TestHub {
    let hub = TestHub::start();
    hub.register_puller("billing");
    // Somebody polls, so that nothing is parked.
    assert!(hub.pull_now("billing").is_empty());
    hub
}

fn send(hub: &TestHub, mut message: Value) -> String {
    message["destination"] = json!("billing");
    message["payload"] = json!(1);
    id_of(&hub.send(&message).is(202))
}

#[test]
fn a_pause_says_since_when() {
    let hub = pulled_hub();
    hub.pause_queue(&json!({"service": "billing"})).is(200);
    let (_, second) = (send(&hub, json!({})), send(&hub, json!({})));
    let since = |query: &str| text(&hub.queue_status(query).is(200)["paused_since"]);
    let own = format!("the queue is paused since {}", since("service=billing"));
    assert_waits_for(&hub, &second, &[&own, "1 message is ahead of it"]);
    let since_when = since("service=billing");
    let expected = json!({"code": "paused", "since": since_when, "until": null, "ahead": 1, "subject": "billing"});
    assert_eq!(hub.message(&second)["waiting"], expected);
    hub.pause_queue(&json!({})).is(200);
    let all = format!("all queues are paused since {}", since(""));
    assert_waits_for(&hub, &second, &[&all]);
    hub.resume_queue(&json!({})).is(200);
    assert_waits_for(&hub, &second, &[&own]);
}

#[test]
fn a_quota_says_which_limit_and_until_when() {
    let hub = pulled_hub();
    hub.set_quota(
        "billing",
        &json!({"deliver_rate": 0.001, "max_in_flight": 1}),
    )
    .is(200);
    for _ in 0..3 {
        send(&hub, json!({}));
    }
    let last = send(&hub, json!({}));
    let leased = hub.pull_one("billing");
    let parts = [
        "the quota max_in_flight of 1 is used up",
        "2 messages are ahead of it",
    ];
    assert_waits_for(&hub, &last, &parts);
    hub.ack(&[&leased["lease"]]).is(200);
    let parts = [
        "the quota deliver_rate of 0.001 per second lets the next message go at 20",
        "2 messages are ahead of it",
    ];
    assert_waits_for(&hub, &last, &parts);
    hub.delete_quota("billing").is(204);
    assert_waits_for(
        &hub,
        &last,
        &["2 messages are ahead of it", "or a consumer asks"],
    );
}

#[test]
fn nobody_there_is_said_since_when() {
    let hub = TestHub::start();
    let service = FakeService::start();
    hub.register(&json!({"service": "billing", "url": service.url(), "instance_id": "one"}))
        .is(201);
    hub.delete("/v1/services/billing/instances/one").is(204);
    let id = send(&hub, json!({}));
    eventually("it is parked", || hub.state(&id) == "parked");
    let parts = [
        "no instance is available since 20",
        "0 messages are ahead of it",
    ];
    assert_waits_for(&hub, &id, &parts);
    let hub = hub.restart();
    assert_waits_for(&hub, &id, &["no instance", "since", "0 messages are ahead"]);
}

#[test]
fn an_open_circuit_says_until_when() {
    let hub = TestHub::with(&[
        ("base_retry_delay", "0.01"),
        ("max_retry_delay", "0.01"),
        ("max_retry_attempts", "100"),
    ]);
    let service = FakeService::answering(Reply::Status(500));
    hub.register_at("billing", &service.url());
    send(&hub, json!({}));
    eventually("the circuit opens", || {
        hub.circuit("billing")["state"] == "OPEN"
    });
    let until = text(&hub.circuit("billing")["open_until"]);
    let last = send(&hub, json!({}));
    let open = format!("the circuit is open and tried again at {until}");
    assert_waits_for(&hub, &last, &[&open]);
}

#[test]
fn a_key_names_the_message_that_holds_it() {
    for (setting, on_failure) in [
        ("continue", None),
        ("hold", Some("ordering_on_failure: hold")),
    ] {
        let hub = TestHub::with(&[
            ("ordering_on_failure", setting),
            ("max_retry_attempts", "1"),
        ]);
        hub.register_puller("billing");
        let [first, second, third] = [(); 3].map(|()| send(&hub, json!({"ordering_key": "k"})));
        let lease = hub.pull_one("billing")["lease"].clone();
        let unsettled =
            |id: &str| format!("message {id} with the same ordering_key is not settled");
        assert_waits_for(&hub, &second, &[&unsettled(&first)]);
        assert_waits_for(&hub, &third, &[&unsettled(&first)]);
        hub.nack(&[&lease], 0.0).is(200);
        assert_eq!(hub.state(&first), "dead");
        match on_failure {
            None => assert_waits_for(&hub, &third, &[&unsettled(&second)]),
            Some(why) => {
                let dead_letter = format!("dead letter {first} holds the same ordering_key");
                assert_waits_for(&hub, &second, &[&dead_letter, why]);
            }
        }
    }
}

#[test]
fn an_attempt_a_lease_and_a_delay_say_when_they_are() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let hanging = FakeService::answering(Reply::Hang);
    hub.register_at("pushed", &hanging.url());
    let pushed = hub.send_to("pushed", 1);
    hanging.wait_for(1);
    assert_waits_for(&hub, &pushed, &["an attempt is under way since 20"]);

    let later = send(&hub, json!({"deliver_at": "2100-01-01T00:00:00Z"}));
    let scheduled = "scheduled: it may be delivered from 2100-01-01T00:00:00.000Z on";
    assert_eq!(hub.waiting_for(&later), scheduled);

    let id = send(&hub, json!({}));
    let lease = hub.pull_one("billing")["lease"].clone();
    assert_waits_for(&hub, &id, &["leased to a consumer since 20", "until 20"]);
    hub.nack(&[&lease], 300.0).is(200);
    let next = text(&hub.message(&id)["next_attempt"]);
    let retrying = format!("1 of 5 attempts failed; the next one is at {next}");
    assert_eq!(hub.waiting_for(&id), retrying);
    hub.cancel(&id).is(200);
    assert_eq!(hub.message(&id)["waiting_for"], Value::Null);
    assert_eq!(hub.message(&id)["waiting"], Value::Null);
}
