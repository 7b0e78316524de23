//! What the queues promise, one by one; [`walk`] compares long random runs with a [`model`].

mod model;
mod walk;

use std::time::Duration;

use super::view::QueueDepths;
use super::*;
use crate::domain::fact::{AttemptFailed, AttemptOutcome, Recorded, Redrive};
use crate::domain::ids::Label;
use crate::domain::message::{Extras, Priority};
use crate::logic::wal::samples;

const START: i64 = 1_780_000_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn billing() -> ServiceName {
    ServiceName::parse("billing").unwrap()
}

fn attempt(number: u32, at: Timestamp, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        number,
        at,
        instance: None,
        outcome,
        status_code: None,
        duration_ms: 0,
        error: None,
    }
}

fn token(number: u128) -> LeaseToken {
    LeaseToken(samples::id(number).0)
}

fn token_maker(first: u128) -> impl FnMut() -> LeaseToken {
    let mut next = first;
    move || {
        next += 1;
        token(next - 1)
    }
}

fn queues() -> Queues {
    let retries = RetryPolicy::default();
    let ranks = RankPolicy::default();
    Queues::new(QueuePolicy { ranks, retries })
}

/// Queues for one destination with an open door, and a journal position to go on from.
struct Bench {
    queues: Queues,
    position: Position,
}

impl Bench {
    fn new() -> Self {
        let mut queues = queues();
        queues.set_window(&billing(), 100, Outlook::Ready);
        let position = 0;
        Self { queues, position }
    }

    fn apply(&mut self, fact: &Fact, now: Timestamp) -> Option<Fact> {
        self.position += 1;
        self.queues.apply(self.position, fact, now)
    }

    /// Accepts message `number` at `START`, changed by `change`.
    fn accept(&mut self, number: u128, change: impl FnOnce(&mut Message)) -> MessageId {
        let mut message = samples::message(number, "null");
        message.destination = billing();
        message.accepted_at = at(0);
        change(&mut message);
        assert_eq!(self.apply(&Fact::Accepted(Arc::new(message)), at(0)), None);
        samples::id(number)
    }

    fn push_out(&mut self, now: Timestamp) -> Vec<(MessageId, u32)> {
        let out = self.queues.push_out(&billing(), now);
        assert!(out.expired.is_empty());
        pairs(out.items.iter())
    }

    fn lease_one(&mut self, number: u128, now: Timestamp) -> LeaseToken {
        let length = Duration::from_secs(30);
        let out = self
            .queues
            .lease(&billing(), 1, length, now, token_maker(number));
        out.items[0].token
    }

    fn state(&self, id: MessageId) -> Option<State> {
        self.queues.inspect(id).map(|open| open.state)
    }
}

fn pairs<'a>(deliveries: impl Iterator<Item = &'a Delivery>) -> Vec<(MessageId, u32)> {
    let pair = |delivery: &Delivery| (delivery.message.id, delivery.attempt);
    deliveries.map(pair).collect()
}

fn keyed(key: &str) -> impl FnOnce(&mut Message) {
    let key = Label::parse(key).unwrap();
    move |message| extras(message).ordering_key = Some(key)
}

fn extras(message: &mut Message) -> &mut Extras {
    message.extras.get_or_insert_default()
}

fn failed(id: MessageId, number: u32, retry_at: Timestamp) -> Fact {
    let attempt = attempt(number, at(0), AttemptOutcome::Failed);
    Fact::AttemptFailed(AttemptFailed {
        id,
        attempt,
        retry_at,
    })
}

#[test]
fn more_urgent_first_and_then_in_order_of_acceptance() {
    let mut bench = Bench::new();
    let low = bench.accept(1, |message| message.priority = Priority::Low);
    let first = bench.accept(2, |_| {});
    let second = bench.accept(3, |_| {});
    let critical = bench.accept(4, |message| message.priority = Priority::Critical);
    let order: Vec<_> = bench
        .push_out(at(0))
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(order, [critical, first, second, low]);
}

#[test]
fn a_window_bounds_what_is_with_the_dispatcher() {
    let mut bench = Bench::new();
    let ids = [1, 2, 3].map(|number| bench.accept(number, |_| {}));
    bench.queues.set_window(&billing(), 2, Outlook::Ready);
    assert_eq!(bench.push_out(at(0)).len(), 2);
    assert_eq!(bench.push_out(at(0)), []);
    bench.apply(&samples::delivered(1), at(0));
    assert_eq!(bench.push_out(at(0)), [(ids[2], 1)]);
    bench.queues.set_window(&billing(), 1, Outlook::Ready);
    bench.accept(4, |_| {});
    assert_eq!(
        bench.push_out(at(0)),
        [],
        "a smaller window waits for what is out"
    );
}

#[test]
fn nothing_goes_out_before_the_window_is_known() {
    let mut queues = queues();
    queues.apply(1, &samples::accepted(1), at(0));
    let service = ServiceName::parse("service-1").unwrap();
    assert!(queues.push_out(&service, at(0)).items.is_empty());
    assert_eq!(queues.depths_of(&service).parked, 1);
}

#[test]
fn what_comes_back_keeps_its_place_and_its_attempts() {
    let mut bench = Bench::new();
    let ids = [1, 2, 3].map(|number| bench.accept(number, |_| {}));
    let before = bench.push_out(at(0));
    assert_eq!(bench.queues.give_back(&[ids[1], ids[0], ids[2]], at(5)), []);
    assert_eq!(bench.push_out(at(5)), before);
}

#[test]
fn what_expired_while_it_was_out_is_settled_when_it_comes_back() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |message| message.expires_at = Some(at(1_000)));
    assert_eq!(bench.push_out(at(0)), [(id, 1)]);
    assert_eq!(
        bench.queues.due(id, at(1_000)),
        None,
        "it may yet be delivered"
    );
    let facts = bench.queues.give_back(&[id], at(1_000));
    assert!(matches!(&facts[..], [Fact::Expired(settlement)] if settlement.attempt.is_none()));
    assert_eq!(bench.push_out(at(1_000)), []);
}

#[test]
fn the_expired_in_the_middle_of_a_lane_are_settled_and_passed_over() {
    let mut bench = Bench::new();
    bench.accept(1, |_| {});
    let short = bench.accept(2, |message| message.expires_at = Some(at(1_000)));
    bench.accept(3, |_| {});
    let out = bench.queues.push_out(&billing(), at(1_000));
    assert_eq!(
        pairs(out.items.iter()),
        [(samples::id(1), 1), (samples::id(3), 1)]
    );
    let settled: Vec<_> = out.expired.iter().filter_map(Fact::message_id).collect();
    assert_eq!(settled, [short]);
    assert_eq!(
        bench.queues.depths_of(&billing()).open(),
        3,
        "open until it is written"
    );
}

#[test]
fn a_failed_attempt_waits_for_its_time_and_counts() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |_| {});
    bench.push_out(at(0));
    assert_eq!(bench.apply(&failed(id, 1, at(1_000)), at(10)), None);
    assert_eq!(bench.state(id), Some(State::Retrying));
    assert_eq!(bench.queues.due(id, at(999)), None);
    assert_eq!(bench.push_out(at(999)), []);
    assert_eq!(bench.queues.due(id, at(1_000)), None);
    assert_eq!(bench.push_out(at(1_000)), [(id, 2)]);
}

#[test]
fn a_message_that_expired_during_its_attempt_is_settled_with_it() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |message| message.expires_at = Some(at(500)));
    bench.push_out(at(0));
    let follows = bench.apply(&failed(id, 1, at(1_000)), at(500));
    assert!(matches!(follows, Some(Fact::Expired(_))));
    assert!(
        bench.queues.cancel(id, at(500)).is_err(),
        "its end is being written"
    );
}

#[test]
fn a_scheduled_message_waits_for_its_time() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |message| extras(message).deliver_at = Some(at(1_000)));
    assert_eq!(bench.state(id), Some(State::Scheduled));
    assert_eq!(bench.push_out(at(999)), []);
    assert_eq!(bench.queues.due(id, at(1_000)), None);
    assert_eq!(bench.push_out(at(1_000)), [(id, 1)]);
}

#[test]
fn messages_of_one_ordering_key_go_one_after_the_other() {
    let mut bench = Bench::new();
    let first = bench.accept(1, keyed("k"));
    let urgent = bench.accept(2, |message| {
        message.priority = Priority::Critical;
        keyed("k")(message);
    });
    let other = bench.accept(3, keyed("other"));
    assert_eq!(bench.push_out(at(0)), [(first, 1), (other, 1)]);
    bench.apply(&failed(first, 1, at(1_000)), at(0));
    assert_eq!(
        bench.push_out(at(0)),
        [],
        "the key is held until the first is settled"
    );
    bench.apply(&samples::dead_lettered(1), at(0));
    assert_eq!(bench.push_out(at(0)), [(urgent, 1)]);
}

#[test]
fn cancelling_the_holder_of_a_key_lets_the_next_go() {
    let mut bench = Bench::new();
    let holder = bench.accept(1, keyed("k"));
    let next = bench.accept(2, keyed("k"));
    let fact = bench.queues.cancel(holder, at(0)).unwrap();
    assert_eq!(bench.push_out(at(0)), [], "not before it is written");
    bench.apply(&fact, at(0));
    assert_eq!(bench.push_out(at(0)), [(next, 1)]);
}

#[test]
fn a_message_behind_its_key_counts_in_its_level() {
    let mut bench = Bench::new();
    bench.accept(1, keyed("k"));
    bench.accept(2, |message| {
        message.priority = Priority::Low;
        keyed("k")(message);
    });
    let depths = bench.queues.depths_of(&billing());
    assert_eq!((depths.levels, depths.queued), ([0, 0, 1, 1, 0], 2));
}

#[test]
fn an_acked_message_is_delivered_and_its_token_is_stale() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |_| {});
    let token = bench.lease_one(7, at(0));
    let facts = bench.queues.ack(&[token, token], at(10)).unwrap();
    assert!(matches!(&facts[..], [Fact::Delivered(settlement)] if settlement.id == id));
    let stale = Refusal::StaleLeases { stale: vec![token] };
    assert_eq!(bench.queues.ack(&[token], at(10)), Err(stale));
    bench.apply(&facts[0], at(10));
    assert_eq!((bench.state(id), bench.queues.len()), (None, 0));
}

#[test]
fn one_stale_token_spoils_the_whole_list() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |_| {});
    let good = bench.lease_one(7, at(0));
    let stale = Refusal::StaleLeases {
        stale: vec![token(99)],
    };
    let tokens = [good, token(99)];
    assert_eq!(bench.queues.ack(&tokens, at(0)), Err(stale.clone()));
    let nack = bench.queues.nack(&tokens, None, None, at(0), || 0.0);
    assert_eq!(nack, Err(stale.clone()));
    let extend = bench.queues.extend(&tokens, Duration::from_secs(90), at(0));
    assert_eq!(extend, Err(stale));
    assert_eq!(bench.queues.lease_holders(&[good]), Ok(vec![id]));
    assert_eq!(bench.queues.next_lease_end(), Some(at(30_000)));
}

#[test]
fn a_nack_is_a_failed_attempt_and_names_the_next() {
    let mut bench = Bench::new();
    bench.accept(1, |_| {});
    let token = bench.lease_one(7, at(0));
    let delay = Some(Duration::from_secs(7));
    let reason = Some("busy".to_owned());
    let facts = bench
        .queues
        .nack(&[token], delay, reason, at(100), || 0.9)
        .unwrap();
    let [Fact::AttemptFailed(failed)] = &facts[..] else {
        panic!("{facts:?}");
    };
    assert_eq!(failed.retry_at, at(7_100));
    assert_eq!(failed.attempt.number, 1);
    assert_eq!(failed.attempt.error.as_deref(), Some("busy"));
    assert_eq!(failed.attempt.duration_ms, 100);
}

#[test]
fn a_lease_that_runs_out_is_a_failed_attempt() {
    let mut bench = Bench::new();
    bench.accept(1, |_| {});
    let token = bench.lease_one(7, at(0));
    assert_eq!(bench.queues.expire_leases(at(29_999), || 0.0), []);
    let until = bench
        .queues
        .extend(&[token], Duration::from_secs(30), at(10_000));
    assert_eq!(until, Ok(at(40_000)));
    assert_eq!(bench.queues.expire_leases(at(30_000), || 0.0), []);
    let facts = bench.queues.expire_leases(at(40_000), || 0.0);
    let [Fact::AttemptFailed(failed)] = &facts[..] else {
        panic!("{facts:?}");
    };
    assert_eq!(failed.attempt.outcome, AttemptOutcome::LeaseExpired);
    assert!(bench.queues.ack(&[token], at(40_000)).is_err());
}

#[test]
fn the_end_of_its_ttl_ends_a_lease() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |message| message.expires_at = Some(at(1_000)));
    let token = bench.lease_one(7, at(0));
    assert!(matches!(
        bench.queues.due(id, at(1_000)),
        Some(Fact::Expired(_))
    ));
    assert!(bench.queues.ack(&[token], at(1_000)).is_err());
    assert_eq!(bench.queues.next_lease_end(), None);
}

#[test]
fn a_cancel_wins_over_a_lease_but_not_over_a_push() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |_| {});
    bench.push_out(at(0));
    assert!(matches!(
        bench.queues.cancel(id, at(0)),
        Err(Refusal::WrongState { .. })
    ));
    bench.queues.give_back(&[id], at(0));
    let token = bench.lease_one(7, at(0));
    assert!(matches!(
        bench.queues.cancel(id, at(0)),
        Ok(Fact::Cancelled(_))
    ));
    assert!(bench.queues.ack(&[token], at(0)).is_err());
    assert_eq!(
        bench.queues.cancel(samples::id(9), at(0)),
        Err(Refusal::NotFound)
    );
}

#[test]
fn retry_now_is_for_retrying_messages() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |_| {});
    assert!(matches!(
        bench.queues.retry_now(id),
        Err(Refusal::WrongState { .. })
    ));
    bench.push_out(at(0));
    bench.apply(&failed(id, 1, at(60_000)), at(0));
    assert_eq!(bench.queues.retry_now(id), Ok(()));
    assert_eq!(bench.push_out(at(1)), [(id, 2)]);
}

#[test]
fn a_redriven_message_begins_anew() {
    let mut bench = Bench::new();
    let id = bench.accept(1, |_| {});
    bench.push_out(at(0));
    bench.apply(&failed(id, 1, at(1_000)), at(0));
    bench.apply(&samples::dead_lettered(1), at(0));
    let mut message = samples::message(1, "null");
    message.destination = billing();
    let (times, from) = (1, State::Dead);
    let redrive = Redrive {
        message,
        times,
        from,
    };
    bench.apply(&Fact::Redriven(Arc::new(redrive)), at(5));
    let open = bench.queues.inspect(id).unwrap();
    assert_eq!((open.redriven, open.attempts.len()), (1, 0));
    assert_eq!(bench.push_out(at(5)), [(id, 1)]);
}

#[test]
fn facts_about_unknown_messages_change_nothing() {
    let mut bench = Bench::new();
    for fact in [
        failed(samples::id(1), 1, at(0)),
        samples::delivered(1),
        samples::service_seen(1),
    ] {
        assert_eq!(bench.apply(&fact, at(0)), None);
    }
    assert!(bench.queues.is_empty());
    assert_eq!(bench.queues.due(samples::id(1), at(0)), None);
}

#[test]
fn says_in_words_why_a_message_waits() {
    let mut bench = Bench::new();
    let until = at(9_000);
    bench
        .queues
        .set_window(&billing(), 0, Outlook::CircuitOpen { until });
    let first = bench.accept(1, keyed("k"));
    let behind = bench.accept(2, keyed("k"));
    let why = |id| bench.queues.inspect(id).unwrap().waiting_for;
    assert_eq!(bench.state(first), Some(State::Parked));
    assert!(why(first).contains("circuit is open"), "{}", why(first));
    assert!(why(behind).contains(&first.to_string()), "{}", why(behind));
}
