//! What a message waits for, as programs read it: every code, with its times and its subject.

use super::operations::{quota, quota_set, ready_queues, switch};
use super::*;
use crate::domain::service::TypeCapacity;
use crate::logic::queues::wait_reason::{WaitCode, WaitReason};

fn reason(queues: &Queues, number: u128) -> WaitReason {
    queues.inspect(id(number), at(3)).unwrap().waiting_for
}

/// Since, until, ahead and the subject.
type Expected<'a> = (
    Option<Timestamp>,
    Option<Timestamp>,
    Option<usize>,
    Option<&'a str>,
);

#[track_caller]
fn assert_reason(queues: &Queues, number: u128, code: WaitCode, expected: Expected<'_>) {
    let found = reason(queues, number);
    let parts = (
        found.since,
        found.until,
        found.ahead,
        found.subject.as_deref(),
    );
    assert_eq!((found.code, parts), (code, expected), "{}", found.text);
}

#[test]
fn a_service_that_takes_nothing_is_the_subject() {
    let mut queues = queues_with([message(1), message(2)]);
    let ahead = Some(1);
    let subject = Some("billing");
    assert_reason(
        &queues,
        2,
        WaitCode::NoInstance,
        (None, None, ahead, subject),
    );
    for (outlook, code, since, until) in [
        (
            Outlook::NoInstance { since: at(1) },
            WaitCode::NoInstance,
            Some(at(1)),
            None,
        ),
        (Outlook::Left, WaitCode::NoInstance, None, None),
        (
            Outlook::CircuitOpen { until: at(9) },
            WaitCode::CircuitOpen,
            None,
            Some(at(9)),
        ),
        (Outlook::Trial, WaitCode::CircuitHalfOpen, None, None),
    ] {
        queues.set_window(&billing(), 0, outlook, &[], at(0));
        assert_reason(&queues, 2, code, (since, until, ahead, subject));
    }
    let others = TypeCapacity {
        types: [].into(),
        capacity: 0,
        parks: true,
    };
    queues.set_window(&billing(), 9, Outlook::Ready, &[others], at(0));
    let subject = Some("service_message");
    assert_reason(
        &queues,
        2,
        WaitCode::NoInstanceForType,
        (None, None, ahead, subject),
    );
}

#[test]
fn a_pause_of_all_queues_has_no_subject_and_that_of_one_has() {
    let mut queues = ready_queues([message(1)]);
    assert_reason(&queues, 1, WaitCode::Room, (None, None, Some(0), None));
    queues.apply(2, &switch(Some(billing()), true), at(7));
    let own = (Some(at(7)), None, Some(0), Some("billing"));
    assert_reason(&queues, 1, WaitCode::Paused, own);
    queues.apply(3, &switch(None, true), at(7));
    let all = (Some(at(7)), None, Some(0), None);
    assert_reason(&queues, 1, WaitCode::Paused, all);
}

#[test]
fn a_quota_names_the_limit() {
    let mut queues = ready_queues((1..=3).map(message));
    queues.apply(4, &quota_set(Some(quota(None, Some(1)))), at(0));
    assert_eq!(push(&mut queues, at(0)), [id(1)]);
    let limit = (None, None, Some(1), Some("max_in_flight"));
    assert_reason(&queues, 3, WaitCode::Quota, limit);
    queues.apply(5, &quota_set(Some(quota(Some(1.0), None))), at(0));
    assert_eq!(push(&mut queues, at(0)), [id(2)]);
    let found = reason(&queues, 3);
    assert_eq!(found.subject.as_deref(), Some("deliver_rate"));
    assert!(found.until > Some(at(3)), "{found:?}");
}

#[test]
fn what_stands_in_no_line_has_nothing_ahead() {
    let extras = Extras {
        deliver_at: Some(at(9_000)),
        ..Extras::default()
    };
    let later = with_extras(4, extras);
    let mut queues = ready_queues([with_key(1), with_key(2), message(3), later]);
    let holder = id(1).to_string();
    let held = (None, None, None, Some(holder.as_str()));
    assert_reason(&queues, 2, WaitCode::OrderingKey, held);
    let scheduled = (None, Some(at(9_000)), None, None);
    assert_reason(&queues, 4, WaitCode::Scheduled, scheduled);
    assert_eq!(lease(&mut queues, 1, 1, at(1)), [id(1)]);
    let leased = (Some(at(1)), Some(at(5_001)), None, None);
    assert_reason(&queues, 1, WaitCode::Leased, leased);
    assert_eq!(push(&mut queues, at(2)), [id(3)]);
    assert_reason(
        &queues,
        3,
        WaitCode::Attempt,
        (Some(at(2)), None, None, None),
    );
    queues.apply(5, &attempt_failed(3, at(60_000)), at(2));
    let retry = (None, Some(at(60_000)), None, None);
    assert_reason(&queues, 3, WaitCode::Retry, retry);
    queues.ack(&[token(1)], at(3)).unwrap();
    let settling = (None, None, None, None);
    assert_reason(&queues, 1, WaitCode::Attempt, settling);
}

#[test]
fn no_more_than_a_thousand_ahead_are_counted() {
    let queues = ready_queues((1..=1_500).map(message));
    let last = reason(&queues, 1_500);
    assert_eq!(last.ahead, Some(WaitReason::MOST_AHEAD));
    assert!(last.text.contains("1000 messages or more"), "{}", last.text);
    assert_eq!(reason(&queues, 1_000).ahead, Some(999));
}
