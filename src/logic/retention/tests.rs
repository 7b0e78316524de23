use std::sync::Arc;

use super::*;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::subscription::Channel;
use crate::logic::journal::samples::{
    event_published, events_removed, position_acked, replay_advanced, subscribed, unsubscribed,
};

const DAY: Duration = Duration::from_secs(86_400);

/// Just after the samples with this number.
fn now(number: i64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + number)
}

fn learned(facts: &[Fact]) -> Retention {
    let mut retention = Retention::new(RetentionPolicy {
        keep: DAY,
        subscription_expiry: DAY,
    });
    for fact in facts {
        retention.learn(fact);
    }
    retention
}

#[test]
fn events_go_up_to_the_first_that_is_not_old_in_bounded_steps() {
    let retention = learned(&[event_published(1, 7), events_removed(5)]);
    assert_eq!((retention.oldest(), retention.newest()), (5, 7));
    for (first_young, expected) in [
        (4, None),
        (5, None),
        (6, Some(6)),
        (5 + STEP, Some(5 + STEP)),
        (6 + STEP, Some(5 + STEP)),
    ] {
        assert_eq!(retention.step(first_young, now(9)), expected);
    }
}

#[test]
fn nothing_is_old_when_events_are_kept_for_ever() {
    let policy = |keep| RetentionPolicy {
        keep,
        subscription_expiry: DAY,
    };
    let cutoff = |keep| Retention::new(policy(keep)).cutoff(now(0));
    assert_eq!(cutoff(Duration::ZERO), None);
    assert_eq!(cutoff(DAY), Some(now(-86_400_000)));
}

#[test]
fn the_slowest_subscription_holds_events_back() {
    // The samples begin after event 3.
    let held = |facts: &[Fact]| learned(facts).held_from(now(1000));
    assert_eq!(held(&[]), None);
    assert_eq!(held(&[subscribed(1)]), Some(4));
    assert_eq!(held(&[subscribed(1), position_acked(1, 8)]), Some(9));
    // Compaction of the journal keeps only the newest of each.
    assert_eq!(held(&[position_acked(1, 8), subscribed(1)]), Some(9));
    let two = [subscribed(1), subscribed(2), position_acked(1, 8)];
    assert_eq!(held(&two), Some(4));
    let mut one = two.to_vec();
    one.push(unsubscribed(2));
    assert_eq!(held(&one), Some(9));
    assert_eq!(learned(&one).step(20, now(1000)), Some(9));
}

#[test]
fn an_idle_subscription_holds_nothing_back() {
    let at = |number: i64| now(number).plus(DAY);
    let subscribed_only = learned(&[subscribed(10)]);
    assert_eq!(subscribed_only.held_from(at(9)), Some(4));
    assert_eq!(subscribed_only.held_from(at(10)), None);
    let mut acked = learned(&[subscribed(10)]);
    acked.learn(&Fact::Subscription(SubscriptionFact::PositionAcked(
        PositionAcked {
            id: SubscriptionId(uuid::Uuid::from_u128(10)),
            at: now(20),
            through: 5,
        },
    )));
    assert_eq!(acked.held_from(at(19)), Some(6));
    assert_eq!(acked.held_from(at(20)), None);
}

#[test]
fn a_subscription_that_ends_with_the_process_holds_nothing_back() {
    let Fact::Subscription(SubscriptionFact::Subscribed(subscription)) = subscribed(1) else {
        unreachable!("it is one");
    };
    let mut fleeting = Subscription::clone(&subscription);
    let Channel::Callback(callback) = &mut fleeting.channel else {
        unreachable!("odd numbers are callbacks");
    };
    callback.durable = false;
    let facts = [Fact::Subscription(SubscriptionFact::Subscribed(Arc::new(
        fleeting,
    )))];
    assert_eq!(learned(&facts).held_from(now(1)), None);
}

#[test]
fn a_replay_under_way_holds_back_what_it_has_not_sent() {
    let replaying = learned(&[replay_advanced(1, false)]);
    assert_eq!(replaying.held_from(now(2)), Some(4));
    assert_eq!(replaying.held_from(now(1).plus(DAY)), None);
    let done = learned(&[replay_advanced(1, false), replay_advanced(1, true)]);
    assert_eq!(done.held_from(now(2)), None);
}
