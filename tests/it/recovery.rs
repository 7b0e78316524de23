//! A service that was dead comes back, and is not run over by what has waited for it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{FakeService, Reply, TestHub, eventually, pause};

const MAX_IN_FLIGHT: usize = 64;

/// What the service saw after it came back, in order of arrival.
#[derive(Default)]
struct Arrivals {
    under_way: usize,
    /// How many were under way with each, itself included, and when.
    seen: Vec<(usize, Instant)>,
}

/// How many may be under way once `answers` were good: two trials, then a window of 1 that doubles
/// with as many good answers as it is wide.
fn window(answers: usize) -> usize {
    let window = match answers {
        0..=2 => 1,
        answers => 1 << (answers - 1).ilog2(),
    };
    window.min(MAX_IN_FLIGHT)
}

fn comes_back(waiting: usize) -> Vec<(usize, Instant)> {
    let hub = TestHub::with(&[
        ("max_queue_size", "1000000"),
        ("circuit_breaker_reset_timeout", "0.5"),
        ("base_retry_delay", "0.1"),
    ]);
    let address = FakeService::start().address();
    let registration = json!({
        "service": "billing", "url": format!("http://{address}"), "max_in_flight": MAX_IN_FLIGHT,
    });
    hub.register(&registration).is(201);
    for part in (0..waiting).collect::<Vec<_>>().chunks(5000) {
        let message = |number: &usize| json!({"destination": "billing", "payload": number});
        let messages: Vec<Value> = part.iter().map(message).collect();
        assert_eq!(hub.batch(&json!(messages)).is(202)["accepted"], part.len());
    }
    eventually("the circuit opens", || {
        hub.circuit("billing")["state"] == "OPEN"
    });

    let arrivals = Arc::new(Mutex::new(Arrivals::default()));
    let watching = arrivals.clone();
    let _service = FakeService::back_at_deciding(address, move |request| {
        let mut arrivals = watching.lock().unwrap();
        arrivals.under_way += 1;
        let under_way = arrivals.under_way;
        arrivals.seen.push((under_way, request.at));
        drop(arrivals);
        pause();
        watching.lock().unwrap().under_way -= 1;
        Reply::Status(200)
    });
    let all = waiting as f64;
    let mut delivered = 0.0;
    while delivered < all {
        let before = delivered;
        eventually("more is delivered", || {
            delivered = hub.in_state("delivered");
            delivered > before
        });
    }
    assert_eq!(hub.circuit("billing")["state"], "CLOSED");
    hub.assert_conservation();
    let seen = std::mem::take(&mut arrivals.lock().unwrap().seen);
    for (index, (under_way, _)) in seen.iter().enumerate() {
        assert!(
            *under_way <= window(index),
            "{under_way} with arrival {index}"
        );
    }
    seen
}

#[test]
fn a_returning_service_gets_a_trial_and_then_a_doubling_window() {
    let seen = comes_back(2000);
    assert_eq!(seen.len(), 2000);
    let most = seen.iter().map(|(under_way, _)| *under_way).max();
    assert!(most > Some(MAX_IN_FLIGHT / 4), "{most:?}");
}

/// Prints the curve that docs/explanation/measured.md tells of.
#[test]
#[ignore = "takes a minute"]
fn a_hundred_thousand_wait_for_a_returning_service() {
    let seen = comes_back(100_000);
    let first = seen[0].1;
    let step = Duration::from_millis(100);
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for (under_way, at) in seen {
        let index = (at.duration_since(first).as_millis() / step.as_millis()) as usize;
        counts.resize(counts.len().max(index + 1), (0, 0));
        counts[index].0 += 1;
        counts[index].1 = counts[index].1.max(under_way);
    }
    for (index, (count, under_way)) in counts.iter().enumerate() {
        println!(
            "{:>5} ms: {count:>5} requests, {under_way:>3} under way",
            index * 100
        );
    }
}
