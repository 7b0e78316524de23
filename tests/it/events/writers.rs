use std::thread;

use super::event;
use crate::support::TestHub;

#[test]
fn what_was_acknowledged_outlives_kills_without_a_gap() {
    let mut hub = TestHub::start();
    let mut acknowledged = Vec::new();
    for _ in 0..5 {
        let stop_at = acknowledged.len() + 100;
        let clients: Vec<_> = (0..4).map(|_| hub.client()).collect();
        let (told, answers) = std::sync::mpsc::channel();
        let publishers: Vec<_> = clients
            .into_iter()
            .map(|client| {
                let told = told.clone();
                thread::spawn(move || {
                    let body = event(1).to_string();
                    // Until the hub is gone.
                    while let Ok(answer) = client.try_ask("POST", "/events", body.as_bytes()) {
                        let receipt = answer.is(201);
                        let _ = told.send((receipt["sequence"].clone(), receipt["id"].clone()));
                    }
                })
            })
            .collect();
        drop(told);
        while acknowledged.len() < stop_at {
            acknowledged.push(answers.recv().unwrap());
        }
        hub.kill9();
        for publisher in publishers {
            publisher.join().unwrap();
        }
        acknowledged.extend(answers);
        hub = hub.restart();
    }
    let next = hub.publish(&event(2)).is(201);
    acknowledged.push((next["sequence"].clone(), next["id"].clone()));
    let events = hub.events_in_journal();
    for (sequence, event) in (1..).zip(&events) {
        assert_eq!(event["sequence"], sequence);
    }
    assert_eq!(next["sequence"], events.len());
    for (sequence, id) in acknowledged {
        let place = sequence.as_u64().unwrap() as usize - 1;
        assert_eq!(events[place]["id"], id);
    }
}
