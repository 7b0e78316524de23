//! The hub is killed at random moments under load: what it acknowledged is delivered, unchanged,
//! and its books agree.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::load::Load;
use crate::support::verbs::id_of;
use crate::support::{FakeService, TestHub, eventually, pause};

fn survives_kills(times: usize) {
    let settings = [
        ("max_retry_attempts", "100"),
        ("wal_segment_bytes", "1048576"),
    ];
    let mut hub = TestHub::with(&settings);
    let load = Load::start(&hub, Some(10));
    for _ in 0..times {
        let before = load.acked();
        eventually("the load goes on", || load.acked() > before + 10);
        work_for(Duration::from_millis(rand::random_range(0..300)));
        hub.kill9();
        hub = hub.restart();
        load.move_to(&hub);
    }
    load.judge(&hub);
}

/// Lets the others go on for a while; nothing depends on how long.
fn work_for(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        pause();
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_20_kills() {
    survives_kills(20);
}

#[test]
#[ignore = "takes minutes; nightly"]
fn nothing_acknowledged_is_lost_by_200_kills() {
    survives_kills(200);
}

#[test]
fn the_same_id_100_times_at_once_is_one_message() {
    let mut hub = TestHub::start();
    let service = FakeService::start();
    hub.register_at("billing", &service.url());
    let message = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "destination": "billing", "payload": 1,
    });
    let send_100 = |hub: &TestHub| {
        let senders: Vec<_> = (0..100)
            .map(|_| {
                let (client, message) = (hub.client(), message.clone());
                std::thread::spawn(move || client.send(&message).status)
            })
            .collect();
        let statuses = senders.into_iter().map(|sender| sender.join().unwrap());
        statuses.collect::<Vec<_>>()
    };
    let statuses = send_100(&hub);
    let new = statuses.iter().filter(|status| **status == 202).count();
    assert_eq!(new, 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 202].contains(status)));
    let id = id_of(&message);
    eventually("it is delivered", || hub.state(&id) == "delivered");
    hub.kill9();
    let hub = hub.restart();
    assert!(send_100(&hub).iter().all(|status| *status == 200));
    assert_eq!(service.count(), 1);
    assert_eq!(hub.metric("message_hub_messages_accepted_total"), 1.0);
    hub.assert_conservation();
}
