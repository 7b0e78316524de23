//! What the system's clock does to messages, and what it does not.

use super::*;
use crate::domain::moment::StampOrigin;

const HOUR: i64 = 3_600_000;
const YEARS: i64 = 10 * 365 * 24 * HOUR;

/// The hub has run for so long; the system's clock is so far ahead of its own.
fn moment(passed: i64, wall_ahead: i64) -> Moment {
    Moment {
        hub: at(passed),
        wall: at(passed + wall_ahead),
    }
}

/// Accepted when the system's clock showed this.
fn message_of(number: u128, accepted: i64, extras: Extras) -> Message {
    Message {
        accepted_at: at(accepted),
        ..with_extras(number, extras)
    }
}

fn delayed(number: u128, accepted: i64, millis: i64) -> Message {
    let extras = Extras {
        deliver_at: Some(at(accepted + millis)),
        is_delayed: true,
        ..Extras::default()
    };
    message_of(number, accepted, extras)
}

fn order(queues: &mut Queues, now: Moment) -> Vec<MessageId> {
    let mut tokens = (1..).map(token);
    let generate = || tokens.next().unwrap();
    let out = queues.lease(&billing(), 99, None, now, generate);
    let ids = out.items.iter().map(|leased| leased.delivery.message.id);
    ids.collect()
}

#[test]
fn a_step_forward_expires_nothing_and_a_step_back_keeps_the_order() {
    let mut queues = queues_with([expiring(1, 600_000)]);
    let steps = [(2, HOUR), (3, -HOUR), (4, -YEARS), (5, 0)];
    for (passed, (number, wall_ahead)) in (1..).zip(steps) {
        let message = message_of(number, wall_ahead + passed, Extras::default());
        let now = moment(passed, wall_ahead);
        queues.learn(
            number as Position,
            &accepted(message),
            now,
            StampOrigin::News,
        );
        assert!(queues.due(id(1), now).is_none());
    }
    let ids = [id(1), id(2), id(3), id(4), id(5)];
    assert_eq!(order(&mut queues, moment(10, 0)), ids);
}

#[test]
fn after_years_in_the_future_a_delay_of_seconds_ends_in_seconds() {
    let mut queues = queues_with([]);
    let facts = [
        accepted(delayed(1, YEARS, 5_000)),
        accepted(Message {
            accepted_at: at(YEARS),
            ..expiring(2, YEARS + 5_000)
        }),
    ];
    learn(&mut queues, &facts, at(0));
    assert_eq!(state(&queues, 1), State::Scheduled);
    queues.due(id(1), at(5_000));
    assert_ne!(state(&queues, 1), State::Scheduled);
    assert!(queues.due(id(2), at(4_999)).is_none());
    assert!(queues.due(id(2), at(5_000)).is_some());
}

#[test]
fn who_came_while_the_clock_was_ahead_is_not_behind_newer_ones_for_years() {
    let mut queues = queues_with([]);
    let low = Message {
        priority: Priority::Low,
        ..message_of(1, YEARS, Extras::default())
    };
    learn(&mut queues, &[accepted(low)], at(0));
    // After the patience of its level it goes before what is more important and newer.
    let newer = message_of(2, 250_000, Extras::default());
    queues.learn(2, &accepted(newer), moment(250_000, 0), StampOrigin::News);
    assert_eq!(order(&mut queues, moment(250_000, 0)), [id(1), id(2)]);
}

#[test]
fn a_date_is_one_of_the_wall_and_a_delay_is_not() {
    let mut queues = queues_with([]);
    let dated = Extras {
        deliver_at: Some(at(HOUR)),
        ..Extras::default()
    };
    let facts = [
        accepted(message_of(1, 0, dated)),
        accepted(delayed(2, 0, HOUR)),
    ];
    learn(&mut queues, &facts, at(0));
    let now = moment(1, HOUR);
    queues.due(id(1), now);
    queues.due(id(2), now);
    assert_ne!(state(&queues, 1), State::Scheduled);
    assert_eq!(state(&queues, 2), State::Scheduled);
    // What is shown is what the clock on the wall will show by then.
    let shown = queues.inspect(id(2), now).unwrap().next_attempt;
    assert_eq!(shown, Some(at(2 * HOUR)));
}

#[test]
fn a_deadline_is_nearer_once_the_clock_is_set_forward() {
    let urgent = Extras {
        deadline: Some(at(HOUR)),
        ..Extras::default()
    };
    let low = Message {
        priority: Priority::Low,
        ..with_extras(2, urgent)
    };
    let mut queues = queues_with([message(1), low]);
    let mut before = queues_with([message(1)]);
    before.follow_clock(moment(0, HOUR));
    assert_eq!(order(&mut before, moment(0, HOUR)), [id(1)]);
    queues.follow_clock(moment(0, HOUR));
    assert_eq!(order(&mut queues, moment(0, HOUR)), [id(2), id(1)]);
}

#[test]
fn an_attempt_is_repeated_after_its_backoff_whatever_the_clock_did_meanwhile() {
    let mut queues = queues_with([message(1)]);
    // Decided before the clock was set forward, written after.
    let failed = attempt_failed(1, at(2_001));
    queues.learn(2, &failed, moment(1, HOUR), StampOrigin::News);
    assert!(queues.due(id(1), moment(1_900, HOUR)).is_none());
    assert_eq!(state(&queues, 1), State::Retrying);
    queues.due(id(1), moment(2_001, HOUR));
    assert_ne!(state(&queues, 1), State::Retrying);
}

#[test]
fn what_others_see_of_a_ttl_and_a_delay_is_by_the_clock_as_it_is_set() {
    let mut queues = queues_with([expiring(1, 600_000)]);
    queues.learn(
        2,
        &accepted(delayed(2, 0, 600_000)),
        moment(0, 0),
        StampOrigin::News,
    );
    for wall_ahead in [0, HOUR, -HOUR] {
        let now = moment(1_000, wall_ahead);
        let [ttl, delay] = [1, 2].map(|number| queues.inspect(id(number), now).unwrap());
        let at = Some(at(600_000 + wall_ahead));
        assert_eq!((ttl.expires_at, delay.deliver_at), (at, at));
        assert_eq!(delay.next_attempt, at);
    }
}

#[test]
fn a_restart_counts_a_ttl_and_a_delay_on_whatever_the_clock_was_set_by_before_it() {
    // Ten minutes are to pass; one did before the restart, and the clock was set before that.
    for set_since in [HOUR, -HOUR, 300_000, -300_000] {
        let now = at(60_000 + set_since);
        let mut queues = queues_with([]);
        let source = StampOrigin::Journal { set_since };
        let failed = attempt_failed(3, at(600_000));
        let facts = [
            accepted(expiring(1, 600_000)),
            accepted(delayed(2, 0, 600_000)),
            accepted(message(3)),
            failed,
        ];
        for (position, fact) in (1..).zip(&facts) {
            queues.learn(position, fact, now.into(), source);
        }
        let left = now.plus(Duration::from_millis(540_000));
        let before = left.minus(Duration::from_millis(1));
        assert!(queues.due(id(1), before).is_none(), "{set_since}");
        assert!(queues.due(id(1), left).is_some(), "{set_since}");
        for number in [2, 3] {
            let shown = queues.inspect(id(number), now).unwrap();
            assert_eq!(shown.next_attempt, Some(left), "{set_since}");
        }
    }
}
