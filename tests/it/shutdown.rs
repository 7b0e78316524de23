//! SIGTERM: finish or give back what is in flight, write everything, leave with 0.

use serde_json::json;

use crate::support::load::Load;
use crate::support::{FakeService, Reply, TestHub, eventually};

#[test]
fn a_stop_under_load_loses_nothing_and_spends_no_attempt() {
    let mut hub = TestHub::start();
    let load = Load::start(&hub, None);
    for _ in 0..3 {
        let before = load.acked();
        eventually("the load goes on", || load.acked() > before + 100);
        hub.terminate();
        assert_eq!(hub.exit_code(), Some(0), "{}", hub.log());
        hub = hub.restart();
        load.move_to(&hub);
    }
    load.judge(&hub);
}

#[test]
fn a_push_under_way_is_finished() {
    let mut hub = TestHub::start();
    let service = FakeService::answering(Reply::After(std::time::Duration::from_millis(500), 200));
    hub.register_at("billing", &service.url());
    let id = hub.send_to("billing", 1);
    service.wait_for(1);
    hub.terminate();
    assert_eq!(hub.exit_code(), Some(0));
    let hub = hub.restart();
    assert_eq!(hub.state(&id), "delivered");
    assert_eq!(service.count(), 1);
}

#[test]
fn a_push_that_does_not_end_is_repeated_as_the_same_attempt() {
    let mut hub = TestHub::with(&[("shutdown_timeout", "1")]);
    let service = FakeService::start().then([Reply::Hang]);
    hub.register_at("billing", &service.url());
    let id = hub.send_to("billing", 1);
    service.wait_for(1);
    hub.terminate();
    assert_eq!(hub.exit_code(), Some(0));
    let hub = hub.restart();
    eventually("it is delivered", || hub.state(&id) == "delivered");
    assert_eq!(hub.message(&id)["delivery_attempts"], 1);
    let received = service.received();
    assert_eq!(received[1].header("x-hub-attempt"), Some("1/5"));
}

#[test]
fn a_draining_hub_takes_nothing_in_and_says_so() {
    let mut hub = TestHub::with(&[("shutdown_timeout", "10")]);
    let service = FakeService::answering(Reply::Hang);
    hub.register_at("billing", &service.url());
    hub.send_to("billing", 1);
    service.wait_for(1);
    let client = hub.client();
    let waiting = std::thread::spawn(move || client.receive("mail", &json!({"wait_ms": 60_000})));
    eventually("somebody waits for mail", || {
        hub.service("mail").status == 200
    });
    hub.terminate();
    eventually("it drains", || hub.get("/health/ready").status == 503);
    assert_eq!(hub.get("/health/ready").json()["phase"], "draining");
    hub.send(&json!({"destination": "billing", "payload": 1}))
        .refuses(503, "SERVICE_UNAVAILABLE");
    hub.get("/health/live").is(200);
    let released = waiting.join().unwrap().is(200);
    assert_eq!(released["messages"], json!([]));
    drop(service);
    assert_eq!(hub.exit_code(), Some(0));
}

/// Its message is on disk, so that it has no reason to send it again.
#[test]
fn who_waits_for_the_outcome_is_answered_and_the_connection_ends() {
    for _ in 0..5 {
        let mut hub = TestHub::with(&[("shutdown_timeout", "25")]);
        hub.register_puller("billing");
        let waiting: Vec<_> = (0..10)
            .map(|n| {
                let client = hub.client();
                let message = json!({"source": "shop", "destination": "billing", "payload": n});
                let path = "/v1/messages?wait_ms=60000";
                std::thread::spawn(move || client.post(path, &message))
            })
            .collect();
        eventually("they wait", || {
            hub.queue_status("service=billing").is(200)["total_size"] == 10
        });
        hub.terminate();
        for sender in waiting {
            let answer = sender.join().unwrap();
            assert_eq!(answer.header("connection"), Some("close"));
            assert_eq!(answer.is(202)["status"], "accepted");
        }
        assert_eq!(hub.exit_code(), Some(0));
        let hub = hub.restart();
        assert_eq!(
            hub.queue_status("service=billing").is(200)["total_size"],
            10
        );
    }
}

#[test]
fn an_idle_hub_stops_at_once() {
    let mut hub = TestHub::with(&[("shutdown_timeout", "25")]);
    let connection = hub.connect().unwrap();
    hub.terminate();
    assert_eq!(hub.exit_code(), Some(0));
    drop(connection);
}
