//! Random lives against the model, then the promises one by one.

mod clocks;
mod forgetting;
mod life;
mod model;
mod operations;
mod wait_reasons;

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::domain::attempt::AttemptOutcome;
use crate::domain::fact::message::{AttemptFailed, MessageFact};
use crate::domain::ids::{Label, MessageType};
use crate::domain::message::{Extras, Priority};
use crate::domain::payload::Payload;
use crate::domain::service::Outlook;
use crate::logic::journal::samples::id;
use life::Life;

fn billing() -> ServiceName {
    ServiceName::parse("billing").unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + millis)
}

fn token(number: u128) -> LeaseToken {
    LeaseToken(Uuid::from_u128(number))
}

/// Accepted at second 0.
fn message(number: u128) -> Message {
    Message {
        id: id(number),
        destination: billing(),
        source: ServiceName::parse("shop").unwrap(),
        message_type: MessageType::parse("service_message").unwrap(),
        priority: Priority::Normal,
        accepted_at: at(0),
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse("null").unwrap(),
        extras: None,
    }
}

fn attempt(number: u32, outcome: AttemptOutcome, now: Timestamp) -> Attempt {
    Attempt {
        number,
        at: now,
        instance: None,
        outcome,
        status_code: Some(503),
        duration_ms: 1,
        error: None,
    }
}

fn with_extras(number: u128, extras: Extras) -> Message {
    Message {
        extras: Some(Box::new(extras)),
        ..message(number)
    }
}

fn with_key(number: u128) -> Message {
    let ordering_key = Some(Label::parse("customer-7").unwrap());
    let extras = Extras {
        ordering_key,
        ..Extras::default()
    };
    with_extras(number, extras)
}

fn expiring(number: u128, millis: i64) -> Message {
    Message {
        expires_at: Some(at(millis)),
        ..message(number)
    }
}

fn accepted(message: Message) -> Fact {
    Fact::Message(MessageFact::Accepted(message.into()))
}

fn attempt_failed(number: u128, retry_at: Timestamp) -> Fact {
    Fact::Message(MessageFact::AttemptFailed(AttemptFailed {
        id: id(number),
        attempt: attempt(1, AttemptOutcome::Failed, at(0)),
        retry_at,
    }))
}

fn learn(queues: &mut Queues, facts: &[Fact], now: Timestamp) {
    for (position, fact) in (1..).zip(facts) {
        queues.apply(position, fact, now);
    }
}

/// Knows these messages, in this order, since second 0.
fn queues_with(messages: impl IntoIterator<Item = Message>) -> Queues {
    let mut queues = Queues::new(QueuePolicy {
        ranks: RankPolicy::default(),
        retries: RetryPolicy::default(),
        quotas: Arc::default(),
    });
    let facts: Vec<Fact> = messages.into_iter().map(accepted).collect();
    learn(&mut queues, &facts, at(0));
    queues
}

/// Leases up to `max` for 5 s, the tokens being numbered from `first` on.
fn lease(queues: &mut Queues, max: usize, first: u128, now: Timestamp) -> Vec<MessageId> {
    let mut tokens = (first..).map(token);
    let generate = || tokens.next().unwrap();
    let out = queues.lease(&billing(), max, Some(Duration::from_secs(5)), now, generate);
    let ids = out.items.iter().map(|leased| leased.delivery.message.id);
    ids.collect()
}

fn push(queues: &mut Queues, now: Timestamp) -> Vec<MessageId> {
    let out = queues.push_out(&billing(), now);
    out.items.iter().map(|item| item.message.id).collect()
}

fn state(queues: &Queues, number: u128) -> State {
    queues.inspect(id(number), at(0)).unwrap().state
}

fn stale(numbers: &[u128]) -> Refusal {
    let stale = numbers.iter().copied().map(token).collect();
    Refusal::StaleLeases { stale }
}

#[test]
fn queues_behave_as_the_model_for_100_000_steps() {
    let (mut given_up, mut forgotten) = (0, 0);
    for seed in 0..20 {
        let mut life = Life::new(seed);
        for _ in 0..5_000 {
            life.step();
        }
        life.has_seen_everything();
        given_up += life.given_up();
        forgotten += life.forgotten;
    }
    assert!(given_up > 250, "only {given_up} lost their consumers");
    assert!(forgotten > 100, "only {forgotten} were forgotten");
}

/// Else what one of them shows, another one may not.
#[test]
fn a_seed_leads_one_life() {
    let lives = [0, 0, 1].map(|seed| {
        let mut life = Life::new(seed);
        (0..500).for_each(|_| life.step());
        life.into_journal()
    });
    assert_eq!(lives[0], lives[1]);
    assert_ne!(lives[0], lives[2]);
}

#[test]
fn a_hand_out_to_a_puller_ends_by_bytes_too() {
    let json = Payload::parse(&format!("\"{}\"", "x".repeat(1_000_000))).unwrap();
    // Base64 makes 1,200,000 of them.
    let bytes = Payload::raw(vec![0xff; 900_000], None);
    for (payload, hand_outs) in [(json, [5, 5, 2, 0]), (bytes, [4, 4, 4, 0])] {
        let large = |number| Message {
            payload: payload.clone(),
            ..message(number)
        };
        let mut queues = queues_with((1..=12).map(large));
        let mut found = Vec::new();
        for expected in hand_outs {
            let first = found.len() as u128 + 1;
            let leased = lease(&mut queues, 1000, first, at(0));
            assert_eq!(leased.len(), expected);
            found.extend(leased);
        }
        assert_eq!(found, (1..=12).map(id).collect::<Vec<_>>());
    }
}

#[test]
fn an_ack_with_a_stale_lease_settles_nothing() {
    let mut queues = queues_with([message(1), message(2)]);
    lease(&mut queues, 2, 1, at(0));
    let refused = queues.ack(&[token(1), token(9), token(2)], at(1));
    assert_eq!(refused.unwrap_err(), stale(&[9]));
    let facts = queues.ack(&[token(1), token(2), token(1)], at(1)).unwrap();
    assert_eq!(facts.len(), 2);
    assert!(
        facts
            .iter()
            .all(|fact| matches!(fact, Fact::Message(MessageFact::Delivered(_))))
    );
}

#[test]
fn a_lease_is_good_for_one_answer() {
    let mut queues = queues_with([message(1)]);
    lease(&mut queues, 1, 1, at(0));
    assert!(queues.ack(&[token(1)], at(1)).is_ok());
    let again = [token(1)];
    assert_eq!(queues.ack(&again, at(1)).unwrap_err(), stale(&[1]));
    let nack = queues.nack(&again, None, None, at(1), || 0.0);
    assert_eq!(nack.unwrap_err(), stale(&[1]));
    let extend = queues.extend(&again, Duration::from_secs(1), at(1));
    assert_eq!(extend.unwrap_err(), stale(&[1]));
}

#[test]
fn a_lease_that_ran_out_is_a_failed_attempt_and_its_token_stale() {
    let mut queues = queues_with([message(1)]);
    lease(&mut queues, 1, 1, at(0));
    assert!(queues.expire_leases(at(4_999), || 0.0).is_empty());
    let facts = queues.expire_leases(at(5_000), || 0.0);
    let [Fact::Message(MessageFact::AttemptFailed(failed))] = &facts[..] else {
        panic!("{facts:?}");
    };
    assert_eq!(failed.attempt.outcome, AttemptOutcome::LeaseExpired);
    assert_eq!(failed.attempt.duration_ms, 5_000);
    assert_eq!(failed.retry_at, at(6_000));
    let late = queues.ack(&[token(1)], at(5_000));
    assert_eq!(late.unwrap_err(), stale(&[1]));
}

#[test]
fn an_extended_lease_ends_later() {
    let mut queues = queues_with([message(1)]);
    lease(&mut queues, 1, 1, at(0));
    let until = queues.extend(&[token(1)], Duration::from_secs(9), at(1_000));
    assert_eq!(until, Ok(at(10_000)));
    assert_eq!(queues.next_lease_end(), Some(at(10_000)));
    assert!(queues.expire_leases(at(9_999), || 0.0).is_empty());
    assert_eq!(queues.expire_leases(at(10_000), || 0.0).len(), 1);
}

#[test]
fn a_cancel_wins_over_a_lease() {
    let mut queues = queues_with([message(1)]);
    lease(&mut queues, 1, 1, at(0));
    let fact = queues.cancel(id(1), at(1)).unwrap();
    let late = queues.ack(&[token(1)], at(1));
    assert_eq!(late.unwrap_err(), stale(&[1]));
    queues.apply(2, &fact, at(1));
    assert!(queues.is_empty());
    assert_eq!(queues.next_lease_end(), None);
}

#[test]
fn a_cancel_does_not_stop_an_attempt_under_way() {
    let mut queues = queues_with([message(1)]);
    queues.set_window(&billing(), 1, Outlook::Ready, &[], at(0));
    push(&mut queues, at(0));
    let refused = queues.cancel(id(1), at(1)).unwrap_err();
    assert!(matches!(refused, Refusal::WrongState { .. }));
    assert_eq!(state(&queues, 1), State::Delivering);
}

#[test]
fn what_expired_is_found_anywhere_in_the_lane() {
    let mut queues = queues_with([message(1), expiring(2, 10), message(3), expiring(4, 10)]);
    queues.set_window(&billing(), 9, Outlook::Ready, &[], at(0));
    let out = queues.push_out(&billing(), at(10));
    let expired: Vec<_> = out.expired.iter().filter_map(Fact::message_id).collect();
    let handed_out: Vec<_> = out.items.iter().map(|item| item.message.id).collect();
    assert_eq!(
        (handed_out, expired),
        (vec![id(1), id(3)], vec![id(2), id(4)])
    );
}

#[test]
fn a_timer_expires_what_is_not_next() {
    let mut queues = queues_with([message(1), expiring(2, 10)]);
    assert!(queues.due(id(2), at(9)).is_none());
    assert!(matches!(
        queues.due(id(2), at(10)),
        Some(Fact::Message(MessageFact::Expired(_)))
    ));
    assert!(queues.due(id(2), at(10)).is_none());
    assert_eq!(lease(&mut queues, 9, 1, at(0)), [id(1)]);
}

#[test]
fn the_window_bounds_what_is_with_the_dispatcher() {
    let mut queues = queues_with((1..=5).map(message));
    assert!(push(&mut queues, at(0)).is_empty());
    queues.set_window(&billing(), 2, Outlook::Ready, &[], at(0));
    assert_eq!(push(&mut queues, at(0)), [id(1), id(2)]);
    assert!(push(&mut queues, at(0)).is_empty());
    queues.apply(6, &attempt_failed(1, at(1_000)), at(0));
    assert_eq!(push(&mut queues, at(0)), [id(3)]);
    queues.set_window(&billing(), 1, Outlook::Trial, &[], at(0));
    assert!(push(&mut queues, at(0)).is_empty());
}

#[test]
fn what_was_given_back_goes_first_and_has_spent_no_attempt() {
    let mut queues = queues_with([message(1), message(2)]);
    queues.set_window(&billing(), 1, Outlook::Ready, &[], at(0));
    push(&mut queues, at(0));
    assert!(queues.give_back(&[id(1), id(2)], at(1)).is_empty());
    let out = queues.push_out(&billing(), at(1));
    assert_eq!((out.items[0].message.id, out.items[0].attempt), (id(1), 1));
}

#[test]
fn a_key_is_held_through_retries_until_its_message_is_settled() {
    let mut queues = queues_with([with_key(1), with_key(2), message(3)]);
    assert_eq!(lease(&mut queues, 9, 1, at(0)), [id(1), id(3)]);
    queues.apply(4, &attempt_failed(1, at(1_000)), at(0));
    assert!(lease(&mut queues, 9, 3, at(0)).is_empty());
    let fact = queues.cancel(id(1), at(1)).unwrap();
    assert!(lease(&mut queues, 9, 3, at(1)).is_empty());
    queues.apply(5, &fact, at(1));
    assert_eq!(lease(&mut queues, 9, 3, at(1)), [id(2)]);
}

/// Message 1 was not due before 2 had failed; after the restart all three are.
#[test]
fn after_a_restart_a_key_still_goes_by_order_of_acceptance() {
    let mut first = with_key(1);
    first.extras.as_mut().unwrap().deliver_at = Some(at(10));
    let messages = [first, with_key(2), with_key(3)];
    let mut facts: Vec<Fact> = messages.into_iter().map(accepted).collect();
    facts.push(attempt_failed(2, at(1_000)));
    let mut queues = queues_with([]);
    learn(&mut queues, &facts, at(500));
    for (expected, now) in [(1, 500), (2, 1_000), (3, 1_000)] {
        assert!(queues.due(id(2), at(now)).is_none());
        assert_eq!(lease(&mut queues, 9, expected, at(now)), [id(expected)]);
        let fact = queues.ack(&[token(expected)], at(now)).unwrap().remove(0);
        queues.apply(9, &fact, at(now));
    }
}

/// It may have been settled and redriven since, further on in the journal.
#[test]
fn a_failure_replayed_after_the_ttl_waits_for_the_timer() {
    let mut queues = queues_with([expiring(1, 10)]);
    queues.apply(2, &attempt_failed(1, at(5)), at(20));
    assert_eq!(state(&queues, 1), State::Retrying);
    assert!(matches!(
        queues.due(id(1), at(20)),
        Some(Fact::Message(MessageFact::Expired(_)))
    ));
}

#[test]
fn only_a_retrying_message_is_retried_now() {
    let mut queues = queues_with([message(1)]);
    assert_eq!(queues.retry_now(id(9)), Err(Refusal::NotFound));
    assert!(matches!(
        queues.retry_now(id(1)),
        Err(Refusal::WrongState {
            state: State::Parked,
            ..
        })
    ));
    queues.apply(2, &attempt_failed(1, at(99_000)), at(0));
    assert_eq!(queues.retry_now(id(1)), Ok(()));
    assert_eq!(lease(&mut queues, 9, 1, at(1)), [id(1)]);
}
