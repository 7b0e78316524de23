use std::collections::BTreeSet;
use std::thread;

use serde_json::json;

use super::{event, expecting};
use crate::support::verbs::text;
use crate::support::{Client, TestHub};

/// What each of so many clients at once answers for itself.
fn at_once<T: Send>(
    hub: &TestHub,
    count: usize,
    work: impl Fn(Client, usize) -> T + Sync,
) -> Vec<T> {
    let work = &work;
    thread::scope(|scope| {
        let start = |number| {
            let client = hub.client();
            scope.spawn(move || work(client, number))
        };
        let running: Vec<_> = (0..count).map(start).collect();
        let ended = running.into_iter().map(|thread| thread.join().unwrap());
        ended.collect()
    })
}

#[test]
fn fifty_writers_leave_no_gap() {
    let hub = TestHub::start();
    let publish = |client: Client, number: usize| {
        let mut sequences = Vec::new();
        for round in 0..10 {
            let mut one = event(round);
            one["stream_id"] = json!(format!("stream-{}", number % 5));
            sequences.push(client.publish(&one).is(201)["sequence"].as_u64().unwrap());
            let conflict = client.publish(&expecting("nowhere", 7));
            conflict.refuses(409, "VERSION_CONFLICT");
        }
        assert!(sequences.is_sorted(), "{sequences:?}");
        sequences
    };
    let sequences: Vec<_> = at_once(&hub, 50, publish).concat();
    let all: BTreeSet<_> = sequences.iter().copied().collect();
    assert_eq!(all.len(), 500);
    assert_eq!((all.first(), all.last()), (Some(&1), Some(&500)));
    let mut versions = [0; 5];
    for (sequence, event) in (1..).zip(hub.events_in_journal()) {
        assert_eq!(event["sequence"], sequence);
        let stream = text(&event["stream"]["id"]);
        let version = &mut versions[stream["stream-".len()..].parse::<usize>().unwrap()];
        *version += 1;
        assert_eq!(event["stream"]["version"], *version);
    }
    assert_eq!(versions, [100; 5]);
}

#[test]
fn of_sixty_four_writers_with_one_expectation_one_wins() {
    let hub = TestHub::start();
    for version in 0..5 {
        let publish = |client: Client, _| {
            let answer = client.publish(&expecting("contended", version));
            match answer.status {
                201 => Some(answer.is(201)["stream_version"].as_i64().unwrap()),
                _ => {
                    let details = answer.refuses(409, "VERSION_CONFLICT");
                    assert_eq!(details["expected_version"], version);
                    assert_eq!(details["current_version"], version + 1);
                    None
                }
            }
        };
        let won: Vec<_> = at_once(&hub, 64, publish).into_iter().flatten().collect();
        assert_eq!(won, [version + 1]);
    }
    assert_eq!(hub.events_in_journal().len(), 5);
}

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
