//! Clearing queues: what waits is cancelled, and counted once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of};
use crate::support::{Client, FakeService, Reply, TestHub, eventually, pause};

#[test]
fn clearing_cancels_what_waits_and_leaves_what_is_under_way() {
    let hub = TestHub::start();
    let hanging = FakeService::answering(Reply::Hang);
    hub.register(&json!({"service": "pushed", "url": hanging.url(), "max_in_flight": 1}))
        .is(201);
    hub.register_puller("billing");
    hub.register_puller("mail");
    let send = |mut message: Value| {
        message["destination"] = json!("billing");
        message["payload"] = json!(1);
        id_of(&hub.send(&message).is(202))
    };
    let (leased, retrying) = (send(json!({})), send(json!({})));
    let lease = hub.pull_one("billing")["lease"].clone();
    let refused = hub.pull_one("billing")["lease"].clone();
    hub.nack(&[&refused], 300.0).is(200);
    let low = send(json!({"priority": "low"}));
    let waiting = [
        send(json!({})),
        send(json!({"delay": 3600})),
        send(json!({"ordering_key": "k"})),
        send(json!({"ordering_key": "k", "priority": "CRITICAL"})),
        retrying,
    ];
    let elsewhere = hub.send_to("mail", 1);
    let pushed: Vec<_> = (0..3).map(|number| hub.send_to("pushed", number)).collect();
    hanging.wait_for(1);

    let cleared = hub.clear_queue("service=billing&priority=LOW").is(200);
    assert_eq!(cleared, json!({"service": "billing", "cancelled": 1}));
    assert_eq!(hub.state(&low), "cancelled");
    assert_eq!(hub.state(&waiting[0]), "queued");
    let cleared = |query: &str| hub.clear_queue(query).is(200)["cancelled"].clone();
    assert_eq!(cleared("service=billing&priority=1"), 1);
    assert_eq!(cleared("service=billing"), 4);
    assert_eq!(cleared("service=billing"), 0);
    for id in &waiting {
        assert_eq!(hub.state(id), "cancelled");
    }
    assert_eq!(cleared("service=pushed"), 2);
    let states: Vec<_> = pushed.iter().map(|id| hub.state(id)).collect();
    assert_eq!(states, ["delivering", "cancelled", "cancelled"]);
    assert_eq!(hub.state(&elsewhere), "parked");
    assert_eq!(hub.state(&leased), "delivering");
    hub.ack(&[&lease]).is(200);
    assert_eq!(hub.state(&leased), "delivered");
    // The key that cancelled messages had is free again.
    send(json!({"ordering_key": "k"}));
    assert_eq!(hub.pull("billing", 9).len(), 1);
    assert_eq!(hub.in_state("cancelled"), 8.0);
    hub.assert_conservation();
}

#[test]
fn twenty_thousand_messages_are_cleared_by_two_at_once() {
    let mut hub = TestHub::start();
    hub.register_puller("billing");
    for priority in ["NORMAL", "LOW"] {
        let message = json!({"destination": "billing", "payload": 1, "priority": priority});
        hub.batch(&json!(vec![message; 10_000])).is(202);
    }
    let clear = || {
        let cleared = hub.clear_queue("service=billing").is(200);
        cleared["cancelled"].as_u64().unwrap()
    };
    let (one, other) = thread::scope(|scope| {
        let other = scope.spawn(clear);
        (clear(), other.join().unwrap())
    });
    assert_eq!(one + other, 20_000);
    assert_eq!(hub.in_state("cancelled"), 20_000.0);
    assert_eq!(
        hub.queue_status("service=billing").is(200)["total_messages"],
        0
    );
    hub.assert_conservation();
    hub.kill9();
    let hub = hub.restart();
    assert_eq!(hub.in_state("cancelled"), 20_000.0);
    assert!(hub.pull_now("billing").is_empty());
    hub.assert_conservation();
}

#[test]
fn clearing_while_others_pull_counts_every_message_once() {
    const ALL: u64 = 4000;
    let hub = TestHub::start();
    hub.register_puller("billing");
    let message = json!({"destination": "billing", "payload": 1});
    hub.batch(&json!(vec![message; ALL as usize])).is(202);
    let is_done = AtomicBool::new(false);
    let work = |client: Client| {
        let mut handled = 0;
        while !is_done.load(Ordering::SeqCst) {
            let answer = client.receive("billing", &json!({"max": 50, "wait_ms": 0}));
            let messages = array(&answer.is(200)["messages"]);
            let leases: Vec<_> = messages.iter().map(|message| &message["lease"]).collect();
            if !leases.is_empty() {
                client.ack(&leases).is(200);
            }
            handled += leases.len() as u64;
        }
        handled
    };
    let (mut cleared, mut handled) = (0, 0);
    thread::scope(|scope| {
        let pullers: Vec<_> = (0..4)
            .map(|_| {
                let client = hub.client();
                scope.spawn(move || work(client))
            })
            .collect();
        eventually("some were pulled", || {
            let statistics = &hub.queue_status("").is(200)["statistics"];
            statistics["messages_dequeued"].as_u64() >= Some(100)
        });
        while hub.queue_status("").is(200)["total_messages"] != 0 {
            let answer = hub.clear_queue("service=billing&priority=NORMAL").is(200);
            cleared += answer["cancelled"].as_u64().unwrap();
            pause();
        }
        is_done.store(true, Ordering::SeqCst);
        for puller in pullers {
            handled += puller.join().unwrap();
        }
    });
    assert_eq!(hub.in_state("delivered"), handled as f64);
    assert_eq!(hub.in_state("cancelled"), cleared as f64);
    assert_eq!(handled + cleared, ALL);
    hub.assert_conservation();
}
