//! Pulling: receive, ack, nack, extend.

use serde_json::{Value, json};

use crate::support::verbs::{array, text};
use crate::support::{TestHub, eventually};

fn hub_with_billing() -> TestHub {
    let hub = TestHub::with(&[("base_retry_delay", "0.05"), ("max_retry_attempts", "3")]);
    hub.register_puller("billing");
    hub
}

#[test]
fn an_acknowledged_message_is_delivered() {
    let hub = hub_with_billing();
    let id = hub.send_to("billing", json!({"n": 1}));
    let leased = hub.pull_one("billing");
    assert_eq!(leased["id"], json!(id));
    assert_eq!(leased["payload"], json!({"n": 1}));
    assert_eq!(leased["attempt"], 1);
    assert_eq!(leased["max_attempts"], 3);
    assert_eq!(hub.state(&id), "delivering");
    hub.ack(&[&leased["lease"]]).is(200);
    let view = hub.message(&id);
    assert_eq!(view["state"], "delivered");
    assert_eq!(view["delivery_attempts"], 1);
    assert!(view["settled_at"].is_string());
    hub.assert_conservation();
}

#[test]
fn receiving_makes_a_service_known() {
    let hub = TestHub::start();
    hub.send(&json!({"destination": "billing", "payload": 1}))
        .refuses(404, "SERVICE_NOT_FOUND");
    let nothing = hub.receive("billing", &json!({})).is(200);
    assert_eq!(array(&nothing["messages"]).len(), 0);
    hub.send_to("billing", 1);
    assert_eq!(hub.pull("billing", 1).len(), 1);
}

#[test]
fn a_nack_is_a_failed_attempt() {
    let hub = hub_with_billing();
    let id = hub.send_to("billing", 1);
    for attempt in 1..=3 {
        let leased = hub.pull_one("billing");
        assert_eq!(leased["attempt"], attempt);
        hub.nack(&[&leased["lease"]], 0.0).is(200);
    }
    eventually("it is given up", || hub.state(&id) == "dead");
    let dead_letter = hub.dead_letter(&id).is(200);
    assert_eq!(dead_letter["reason"], "attempts_exhausted");
    assert_eq!(array(&dead_letter["attempts"]).len(), 3);
    assert!(text(&dead_letter["last_error"]).contains("not now"));
    hub.assert_conservation();
}

#[test]
fn a_nack_may_name_its_delay() {
    let hub = hub_with_billing();
    let id = hub.send_to("billing", 1);
    let leased = hub.pull_one("billing");
    hub.nack(&[&leased["lease"]], 3600.0).is(200);
    let view = hub.message(&id);
    assert_eq!(view["state"], "retrying");
    assert_eq!(view["delivery_attempts"], 1);
    assert!(view["next_attempt"].is_string());
}

#[test]
fn a_lease_that_runs_out_is_a_failed_attempt() {
    let hub = hub_with_billing();
    let id = hub.send_to("billing", 1);
    let asked = json!({"wait_ms": 20_000, "lease": 0.05});
    let leased = hub.receive("billing", &asked).is(200);
    let lease = &leased["messages"][0]["lease"];
    let again = hub.pull_one("billing");
    assert_eq!(again["id"], json!(id));
    assert_eq!(again["attempt"], 2);
    hub.ack(&[lease]).refuses(409, "CONFLICT");
    hub.ack(&[&again["lease"]]).is(200);
    let view = hub.message(&id);
    assert_eq!(view["delivery_attempts"], 2);
    assert_eq!(view["attempts"][0]["outcome"], "lease_expired");
}

#[test]
fn an_extended_lease_runs_longer() {
    let hub = hub_with_billing();
    let id = hub.send_to("billing", 1);
    let asked = json!({"wait_ms": 20_000, "lease": 2});
    let leased = hub.receive("billing", &asked).is(200);
    let lease = &leased["messages"][0]["lease"];
    let until = text(&hub.extend(&[lease], 3600.0).is(200)["until"]);
    assert!(text(&hub.message(&id)["waiting_for"]).contains(&until));
    hub.extend(&[lease], 0.0).refuses(400, "INVALID_REQUEST");
    hub.ack(&[lease]).is(200);
    hub.extend(&[lease], 60.0).refuses(409, "CONFLICT");
}

#[test]
fn a_list_with_a_stale_lease_changes_nothing() {
    let hub = hub_with_billing();
    let ids = [hub.send_to("billing", 1), hub.send_to("billing", 2)];
    let leased = hub.pull("billing", 2);
    let stale = json!("01890a5d-ac96-774b-bcce-b302099a8057");
    let leases = [&leased[0]["lease"], &stale, &leased[1]["lease"]];
    for answer in [
        hub.ack(&leases),
        hub.nack(&leases, 0.0),
        hub.extend(&leases, 60.0),
    ] {
        let details = answer.refuses(409, "CONFLICT");
        assert_eq!(details["leases"], json!([stale]));
    }
    for id in &ids {
        assert_eq!(hub.state(id), "delivering");
    }
    hub.ack(&[leases[0], leases[2]]).is(200);
    assert_eq!(hub.in_state("delivered"), 2.0);
}

#[test]
fn a_lease_twice_in_a_list_settles_once() {
    let hub = hub_with_billing();
    let id = hub.send_to("billing", 1);
    let leased = hub.pull_one("billing");
    let lease = &leased["lease"];
    let status = hub.ack(&[lease, lease]).status;
    assert!(status == 200 || status == 409, "{status}");
    if status == 409 {
        hub.ack(&[lease]).is(200);
    }
    assert_eq!(hub.state(&id), "delivered");
    hub.assert_conservation();
}

#[test]
fn a_waiting_receiver_wakes_up() {
    let hub = hub_with_billing();
    let client = hub.client();
    let waiting = std::thread::spawn(move || client.pull_one("billing"));
    eventually("the receiver is waiting", || {
        !hub.service("billing").is(200)["last_seen"].is_null()
    });
    let id = hub.send_to("billing", 1);
    assert_eq!(waiting.join().unwrap()["id"], json!(id));
}

#[test]
fn an_empty_wait_ends_with_its_time() {
    let hub = hub_with_billing();
    let nothing = hub.receive("billing", &json!({"wait_ms": 50})).is(200);
    assert_eq!(array(&nothing["messages"]).len(), 0);
}

#[test]
fn what_a_vanished_receiver_was_given_comes_back_unspent() {
    let hub = hub_with_billing();
    let body = json!({"wait_ms": 60_000}).to_string();
    let request = format!(
        "POST /v1/services/billing/receive HTTP/1.1\r\nhost: hub\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..3 {
        let mut receiver = hub.connect().unwrap();
        receiver.say(request.as_bytes()).unwrap();
        receiver.leave();
    }
    let id = hub.send_to("billing", 1);
    let leased = hub.pull_one("billing");
    assert_eq!(leased["id"], json!(id));
    assert_eq!(leased["attempt"], 1);
}

#[test]
fn leases_do_not_survive_a_restart() {
    let mut hub = hub_with_billing();
    let id = hub.send_to("billing", 1);
    let before = hub.pull_one("billing");
    hub.kill9();
    let hub = hub.restart();
    hub.ack(&[&before["lease"]]).refuses(409, "CONFLICT");
    let after = hub.pull_one("billing");
    assert_eq!(after["id"], json!(id));
    assert_eq!(after["attempt"], 1);
}

#[test]
fn wrong_requests_are_refused_with_their_field() {
    let hub = hub_with_billing();
    for (body, field) in [
        (json!({"max": 0}), "max"),
        (json!({"max": 1001}), "max"),
        (json!({"wait_ms": -1}), "wait_ms"),
        (json!({"wait_ms": 60_001}), "wait_ms"),
        (json!({"lease": 0}), "lease"),
    ] {
        let details = hub
            .receive("billing", &body)
            .refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{body}");
    }
    let wrong = |body: &Value| {
        let details = hub
            .post("/v1/leases/ack", body)
            .refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], "leases");
    };
    for body in [
        json!({}),
        json!({"leases": []}),
        json!({"leases": "x"}),
        json!({"leases": ["x"]}),
    ] {
        wrong(&body);
    }
}
