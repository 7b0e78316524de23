//! What operators and quotas do to the queues, and how the queues explain themselves.

use super::*;
use crate::domain::dead_letter::DeadReason;
use crate::domain::fact::control::{ControlFact, QueueSwitched, QuotaSet};
use crate::domain::fact::message::{DeadLetterDeleted, MessageFact, Redrive};
use crate::domain::service::TypeCapacity;
use crate::logic::queues::pause::Pause;

pub(super) fn switch(service: Option<ServiceName>, paused: bool) -> Fact {
    Fact::Control(ControlFact::QueueSwitched(QueueSwitched {
        service,
        at: at(7),
        paused,
        by: Some("ops".to_owned()),
    }))
}

fn since(pause: Option<&Pause>) -> Option<Timestamp> {
    pause.map(|pause| pause.since)
}

pub(super) fn quota(deliver_rate: Option<f64>, max_in_flight: Option<u32>) -> Quota {
    Quota {
        deliver_rate,
        max_in_flight,
        ..Quota::default()
    }
}

pub(super) fn quota_set(quota: Option<Quota>) -> Fact {
    Fact::Control(ControlFact::QuotaSet(QuotaSet {
        service: billing(),
        at: at(0),
        quota,
    }))
}

/// The window is wide open.
pub(super) fn ready_queues(messages: impl IntoIterator<Item = Message>) -> Queues {
    let mut queues = queues_with(messages);
    queues.set_window(&billing(), 9, Outlook::Ready, &[], at(0));
    queues
}

fn explained(queues: &Queues, number: u128, now: Timestamp) -> String {
    queues.inspect(id(number), now).unwrap().waiting_for.text
}

#[track_caller]
fn assert_explains(queues: &Queues, number: u128, now: Timestamp, parts: &[&str]) {
    let words = explained(queues, number, now);
    for part in parts {
        assert!(words.contains(part), "{part:?} in {words:?}");
    }
}

#[test]
fn a_paused_queue_hands_out_nothing_by_push_or_pull() {
    for service in [None, Some(billing())] {
        let mut queues = ready_queues([message(1), message(2)]);
        queues.apply(3, &switch(service.clone(), true), at(7));
        assert!(push(&mut queues, at(7)).is_empty());
        assert!(lease(&mut queues, 9, 1, at(7)).is_empty());
        assert_eq!(state(&queues, 1), State::Queued);
        assert_eq!(
            since(queues.depths_of(&billing()).paused.as_ref()),
            Some(at(7))
        );
        assert_explains(
            &queues,
            2,
            at(7),
            &["paused since", "by ops", "1 message is ahead of it"],
        );
        queues.apply(4, &switch(service, false), at(8));
        assert_eq!(queues.take_ready(), [billing()]);
        assert_eq!(push(&mut queues, at(8)), [id(1), id(2)]);
    }
}

#[test]
fn pausing_again_changes_neither_since_when_nor_by_whom() {
    for service in [None, Some(billing())] {
        let mut queues = ready_queues([message(1)]);
        let mut position = 2;
        let mut switch = |queues: &mut Queues, paused, by: &str, now| {
            let switched = queues.switched(service.clone(), paused, Some(by.to_owned()), now);
            queues.apply(
                position,
                &Fact::Control(ControlFact::QueueSwitched(switched)),
                now,
            );
            position += 1;
        };
        switch(&mut queues, true, "ops", at(7));
        switch(&mut queues, true, "dev", at(9));
        let pause = queues.pause_of(Some(&billing())).cloned();
        assert_eq!(pause.unwrap().by.as_deref(), Some("ops"));
        assert_eq!(since(queues.pause_of(Some(&billing()))), Some(at(7)));
        switch(&mut queues, false, "dev", at(10));
        assert_eq!(since(queues.pause_of(Some(&billing()))), None);
        switch(&mut queues, true, "dev", at(11));
        assert_eq!(since(queues.pause_of(Some(&billing()))), Some(at(11)));
    }
}

#[test]
fn resuming_all_leaves_paused_what_was_paused_by_name() {
    let mut queues = ready_queues([message(1)]);
    queues.apply(2, &switch(Some(billing()), true), at(7));
    queues.apply(3, &switch(None, true), at(7));
    queues.apply(4, &switch(None, false), at(7));
    assert!(push(&mut queues, at(7)).is_empty());
    assert_eq!(since(queues.pause_of(None)), None);
    assert_eq!(since(queues.pause_of(Some(&billing()))), Some(at(7)));
}

#[test]
fn what_expires_in_a_paused_queue_is_settled() {
    let mut queues = ready_queues([expiring(1, 10)]);
    queues.apply(2, &switch(None, true), at(7));
    assert!(matches!(
        queues.due(id(1), at(10)),
        Some(Fact::Message(MessageFact::Expired(_)))
    ));
}

#[test]
fn the_rate_delays_in_order_and_says_until_when() {
    let mut queues = ready_queues((1..=5).map(message));
    queues.apply(6, &quota_set(Some(quota(Some(2.0), None))), at(0));
    assert_eq!(push(&mut queues, at(0)), [id(1), id(2)]);
    assert_eq!(queues.next_paced(), Some(at(500)));
    assert_explains(
        &queues,
        3,
        at(0),
        &["deliver_rate of 2 per second", "0 messages"],
    );
    queues.take_ready();
    queues.wake_paced(at(499));
    assert!(queues.take_ready().is_empty());
    queues.wake_paced(at(500));
    assert_eq!(queues.take_ready(), [billing()]);
    assert_eq!(push(&mut queues, at(500)), [id(3)]);
    // A puller waits for the same tokens.
    assert!(lease(&mut queues, 9, 1, at(999)).is_empty());
    assert_eq!(lease(&mut queues, 9, 1, at(1000)), [id(4)]);
}

#[test]
fn what_is_given_back_costs_no_rate() {
    let mut queues = ready_queues([message(1)]);
    queues.apply(2, &quota_set(Some(quota(Some(1.0), None))), at(0));
    assert_eq!(push(&mut queues, at(0)), [id(1)]);
    queues.give_back(&[id(1)], at(0));
    assert_eq!(push(&mut queues, at(0)), [id(1)]);
}

#[test]
fn max_in_flight_counts_pushes_and_leases_together() {
    let mut queues = ready_queues((1..=5).map(message));
    queues.apply(6, &quota_set(Some(quota(None, Some(2)))), at(0));
    assert_eq!(lease(&mut queues, 1, 1, at(0)), [id(1)]);
    assert_eq!(push(&mut queues, at(0)), [id(2)]);
    assert_explains(&queues, 3, at(0), &["max_in_flight of 2"]);
    let fact = queues.ack(&[token(1)], at(1)).unwrap().remove(0);
    queues.apply(7, &fact, at(1));
    assert_eq!(push(&mut queues, at(1)), [id(3)]);
    queues.apply(8, &quota_set(None), at(1));
    assert_eq!(push(&mut queues, at(1)), [id(4), id(5)]);
}

#[test]
fn a_configured_quota_holds_until_another_is_set_and_again_after() {
    let quotas = BTreeMap::from([(billing(), quota(None, Some(1)))]);
    let mut queues = Queues::new(QueuePolicy {
        ranks: RankPolicy::default(),
        retries: RetryPolicy::default(),
        quotas: Arc::new(quotas),
    });
    let facts: Vec<_> = (1..=5).map(message).map(accepted).collect();
    learn(&mut queues, &facts, at(0));
    queues.set_window(&billing(), 9, Outlook::Ready, &[], at(0));
    assert_eq!(push(&mut queues, at(0)), [id(1)]);
    queues.apply(6, &quota_set(Some(quota(None, Some(3)))), at(0));
    assert_eq!(push(&mut queues, at(0)), [id(2), id(3)]);
    queues.apply(7, &quota_set(None), at(0));
    assert!(push(&mut queues, at(0)).is_empty());
}

#[test]
fn a_type_nobody_takes_is_parked_while_others_go() {
    let image = MessageType::parse("image").unwrap();
    let odd = Message {
        message_type: image.clone(),
        ..message(1)
    };
    let mut queues = queues_with([odd, message(2)]);
    let capacities = |image_capacity: u32| {
        let named = TypeCapacity {
            types: [image.clone()].into(),
            capacity: image_capacity,
            parks: image_capacity == 0,
        };
        let others = TypeCapacity {
            types: [].into(),
            capacity: 9,
            parks: false,
        };
        [named, others]
    };
    queues.set_window(&billing(), 9, Outlook::Ready, &capacities(0), at(0));
    assert_eq!(push(&mut queues, at(0)), [id(2)]);
    assert_eq!(state(&queues, 1), State::Parked);
    assert_eq!(queues.depths_of(&billing()).parked, 1);
    assert_explains(&queues, 1, at(0), &["takes messages of type image"]);
    queues.set_window(&billing(), 9, Outlook::Ready, &capacities(1), at(0));
    assert_eq!(push(&mut queues, at(0)), [id(1)]);
}

/// Accepted a second after the one before.
fn one_by_one(messages: impl IntoIterator<Item = Message>) -> Vec<Message> {
    let mut later = Vec::new();
    for (seconds, message) in (0..).zip(messages) {
        later.push(Message {
            accepted_at: at(1_000 * seconds),
            ..message
        });
    }
    later
}

#[test]
fn state_and_depths_agree_on_what_waits_for_a_key_and_for_somebody_who_takes_it() {
    let mut queues = ready_queues([with_key(1), with_key(2)]);
    let named = TypeCapacity {
        types: [MessageType::parse("image").unwrap()].into(),
        capacity: 9,
        parks: false,
    };
    let others = TypeCapacity {
        types: [].into(),
        capacity: 0,
        parks: true,
    };
    let capacities = [named, others];
    for (outlook, states) in [
        (Outlook::Ready, [State::Parked, State::Queued]),
        (
            Outlook::CircuitOpen { until: at(9) },
            [State::Parked, State::Parked],
        ),
    ] {
        queues.set_window(&billing(), 9, outlook, &capacities, at(0));
        assert_eq!([state(&queues, 1), state(&queues, 2)], states);
        let depths = queues.depths_of(&billing());
        let parked = states.iter().filter(|state| **state == State::Parked);
        assert_eq!((depths.parked, depths.waiting()), (parked.count(), 2));
    }
}

#[test]
fn what_waits_for_a_key_has_an_age_too() {
    let messages = one_by_one([with_key(1), with_key(2), with_key(3), message(4)]);
    let mut queues = ready_queues(messages);
    let oldest = |queues: &Queues| queues.depths_of(&billing()).oldest();
    assert_eq!(oldest(&queues), Some(at(0)));
    assert_eq!(push(&mut queues, at(0)), [id(1), id(4)]);
    assert_eq!(oldest(&queues), Some(at(1_000)), "2 waits for 1");
    let fact = queues.cancel(id(2), at(0)).unwrap();
    queues.apply(5, &fact, at(0));
    assert_eq!(oldest(&queues), Some(at(2_000)), "3 waits for 1");
}

#[test]
fn clearing_takes_what_waits_and_leaves_what_is_under_way() {
    let low = Message {
        priority: Priority::Low,
        ..message(5)
    };
    let mut queues = queues_with([message(1), message(2), with_key(3), with_key(4), low]);
    assert_eq!(lease(&mut queues, 1, 1, at(0)), [id(1)]);
    queues.apply(6, &attempt_failed(2, at(9_000)), at(0));
    let normal = queues.waiting(&billing(), Some(Priority::Normal));
    let facts = queues.cancel_waiting(&normal, at(1));
    let mut cancelled: Vec<_> = facts.iter().filter_map(Fact::message_id).collect();
    cancelled.sort_unstable();
    assert_eq!(cancelled, [id(2), id(3), id(4)]);
    assert!(
        facts
            .iter()
            .all(|fact| matches!(fact, Fact::Message(MessageFact::Cancelled(_))))
    );
    assert_eq!(queues.waiting(&billing(), None), [id(5)]);
    assert!(
        queues
            .waiting(&ServiceName::parse("mail").unwrap(), None)
            .is_empty()
    );
    // Asked for once more, it finds nothing: the facts are on their way.
    assert!(queues.cancel_waiting(&normal, at(1)).is_empty());
}

// ---- ordering_on_failure: hold ----

fn holding_queues(messages: impl IntoIterator<Item = Message>) -> Queues {
    let mut queues = Queues::new(QueuePolicy {
        ranks: RankPolicy::default(),
        retries: RetryPolicy {
            max_attempts: 1,
            hold_keys: true,
            ..RetryPolicy::default()
        },
        quotas: Arc::default(),
    });
    let facts: Vec<Fact> = messages.into_iter().map(accepted).collect();
    learn(&mut queues, &facts, at(0));
    queues
}

/// Message 1 is leased and fails for good.
fn dead_event_of(queues: &mut Queues) -> Fact {
    assert_eq!(lease(queues, 9, 1, at(0)), [id(1)]);
    let facts = queues.nack(&[token(1)], None, None, at(1), || 0.0).unwrap();
    let fact = facts.into_iter().next().unwrap();
    let (state, settlement) = fact.settlement().unwrap();
    assert_eq!(settlement.reason, Some(DeadReason::AttemptsExhausted));
    assert!(state == State::Dead && settlement.holds_key);
    fact
}

fn redriven(destination: Option<ServiceName>) -> Fact {
    Fact::Message(MessageFact::Redriven(Arc::new(Redrive {
        message: with_key(1).redriven(at(5), destination, None),
        times: 1,
        from: State::Dead,
        position: None,
        job: None,
    })))
}

#[test]
fn a_dead_letter_holds_its_key_until_it_is_deleted() {
    let mut queues = holding_queues([with_key(1), with_key(2), with_key(3)]);
    let dead_letter = dead_event_of(&mut queues);
    queues.apply(4, &dead_letter, at(1));
    assert!(lease(&mut queues, 9, 2, at(1)).is_empty());
    let held_by = format!("dead letter {} holds", id(1));
    assert_explains(&queues, 2, at(1), &[&held_by, "ordering_on_failure"]);
    let deleted = DeadLetterDeleted {
        job: None,
        id: id(1),
        at: at(2),
    };
    queues.apply(
        5,
        &Fact::Message(MessageFact::DeadLetterDeleted(deleted)),
        at(2),
    );
    assert_eq!(lease(&mut queues, 9, 2, at(2)), [id(2)]);
}

#[test]
fn a_held_dead_letter_sent_again_goes_first() {
    let mut queues = holding_queues([with_key(1), with_key(2)]);
    let dead_letter = dead_event_of(&mut queues);
    queues.apply(3, &dead_letter, at(1));
    queues.apply(4, &redriven(None), at(5));
    assert_eq!(lease(&mut queues, 9, 2, at(5)), [id(1)]);
    let fact = queues.ack(&[token(2)], at(6)).unwrap().remove(0);
    queues.apply(5, &fact, at(6));
    assert_eq!(lease(&mut queues, 9, 3, at(6)), [id(2)]);
}

#[test]
fn a_held_dead_letter_sent_elsewhere_lets_its_key_go() {
    let mut queues = holding_queues([with_key(1), with_key(2)]);
    let dead_letter = dead_event_of(&mut queues);
    queues.apply(3, &dead_letter, at(1));
    queues.apply(4, &redriven(ServiceName::parse("mail").ok()), at(5));
    assert_eq!(lease(&mut queues, 9, 2, at(5)), [id(2)]);
}

#[test]
fn after_a_restart_the_dead_letter_still_holds() {
    let mut queues = holding_queues([with_key(1), with_key(2)]);
    let dead_letter = dead_event_of(&mut queues);
    let mut again = holding_queues([with_key(1), with_key(2)]);
    again.apply(3, &dead_letter, at(1));
    assert!(lease(&mut again, 9, 2, at(1)).is_empty());
    // Whoever runs with `continue` now goes on.
    let mut going_on = queues_with([with_key(1), with_key(2)]);
    going_on.apply(3, &dead_letter, at(1));
    assert_eq!(lease(&mut going_on, 9, 2, at(1)), [id(2)]);
}
