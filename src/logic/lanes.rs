//! Who is next at one destination (docs/explanation/priorities.md).
//!
//! A message's rank is fixed once, so there is no rescoring: a more important message goes first,
//! an older one gains on fresher ones all the time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::ids::{MessageId, Position};
use crate::domain::message::Priority;
use crate::domain::timestamp::Timestamp;

/// How long each level waits behind newer work, and how a deadline lifts a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RankPolicy {
    /// By [`Priority::index`].
    pub patience: [Duration; 5],
    /// How long before its deadline a message becomes urgent.
    pub deadline_lead: Duration,
}

impl Default for RankPolicy {
    fn default() -> Self {
        Self {
            patience: [0, 10, 60, 300, 1800].map(Duration::from_secs),
            deadline_lead: Duration::from_secs(60),
        }
    }
}

impl RankPolicy {
    /// The smallest rank is served first, in milliseconds since the epoch:
    /// `clamp(deadline − deadline_lead, since, since + patience[level])`,
    /// without a deadline `since + patience[level]`; all on one clock.
    pub fn rank(&self, since: Timestamp, level: Priority, deadline: Option<Timestamp>) -> i64 {
        let earliest = since;
        let latest = earliest.plus(self.patience[level.index()]);
        let urgent = match deadline {
            Some(deadline) => deadline.minus(self.deadline_lead),
            None => latest,
        };
        urgent.clamp(earliest, latest).as_millis()
    }
}

/// A message in the lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// From [`RankPolicy::rank`].
    pub rank: i64,
    /// Where it was accepted; decides among equal ranks.
    pub order: Position,
    /// The level whose lane it is in.
    pub priority: Priority,
    /// The message itself is kept elsewhere.
    pub id: MessageId,
}

/// The waiting messages of one destination, by rank and then by order of acceptance, each level
/// in a lane of its own. No two have rank and order in common. Operations are O(log n).
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    /// By [`Priority::index`].
    levels: [BTreeMap<(i64, Position), MessageId>; Priority::ALL.len()],
}

impl Lanes {
    /// Takes a message in; the lanes keep its `rank` when a retry brings it back.
    pub fn push(&mut self, waiting: Waiting) {
        let key = (waiting.rank, waiting.order);
        let before = self.levels[waiting.priority.index()].insert(key, waiting.id);
        debug_assert!(
            before.is_none(),
            "two messages with order {}",
            waiting.order
        );
    }

    /// Takes the next message out.
    pub fn pop(&mut self) -> Option<Waiting> {
        let next = self.peek()?;
        self.levels[next.priority.index()].pop_first();
        Some(next)
    }

    /// The next message, left where it is.
    pub fn peek(&self) -> Option<Waiting> {
        self.heads()
            .min_by_key(|waiting| (waiting.rank, waiting.order))
    }

    /// The next message of each level that has any.
    pub fn heads(&self) -> impl Iterator<Item = Waiting> {
        let lanes = Priority::ALL.into_iter().zip(&self.levels);
        lanes.filter_map(|(priority, lane)| {
            let (key, id) = lane.first_key_value()?;
            Some(entry(priority, key, id))
        })
    }

    /// Every message here, level by level.
    pub fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.levels.iter().flat_map(BTreeMap::values).copied()
    }

    /// Takes this message out, wherever it stands; says whether it was there.
    pub fn remove(&mut self, waiting: &Waiting) -> bool {
        let is_there = self.contains(waiting);
        if is_there {
            let key = (waiting.rank, waiting.order);
            self.levels[waiting.priority.index()].remove(&key);
        }
        is_there
    }

    /// How many messages here go before this one, which may wait elsewhere, counted no further
    /// than `most`, which is what it costs.
    pub fn ahead_of(&self, waiting: &Waiting, most: usize) -> usize {
        let key = (waiting.rank, waiting.order);
        let mut ahead = 0;
        for lane in &self.levels {
            ahead += lane.range(..key).take(most - ahead).count();
        }
        ahead
    }

    /// Whether this very message waits here.
    pub fn contains(&self, waiting: &Waiting) -> bool {
        let key = (waiting.rank, waiting.order);
        self.levels[waiting.priority.index()].get(&key) == Some(&waiting.id)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.levels.iter().map(BTreeMap::len).sum()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.levels.iter().all(BTreeMap::is_empty)
    }

    /// How many of one level wait.
    pub fn len_of(&self, priority: Priority) -> usize {
        self.levels[priority.index()].len()
    }
}

fn entry(priority: Priority, key: &(i64, Position), id: &MessageId) -> Waiting {
    Waiting {
        rank: key.0,
        order: key.1,
        priority,
        id: *id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{MessageType, ServiceName};
    use crate::domain::message::{Extras, Message};
    use crate::domain::payload::Payload;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn message(priority: Priority, accepted_at: i64, deadline: Option<i64>) -> Message {
        let extras = Extras {
            deadline: deadline.map(Timestamp::from_millis),
            ..Extras::default()
        };
        Message {
            id: MessageId(Uuid::nil()),
            destination: ServiceName::parse("billing").unwrap(),
            source: ServiceName::parse("shop").unwrap(),
            message_type: MessageType::parse("service_message").unwrap(),
            priority,
            accepted_at: Timestamp::from_millis(accepted_at),
            expires_at: None,
            correlation_id: None,
            payload: Payload::parse("null").unwrap(),
            extras: Some(Box::new(extras)),
        }
    }

    fn rank_of(message: &Message) -> i64 {
        let (since, level) = (message.accepted_at, message.priority);
        RankPolicy::default().rank(since, level, message.deadline())
    }

    fn rank(priority: Priority, accepted_at: i64, deadline: Option<i64>) -> i64 {
        rank_of(&message(priority, accepted_at, deadline))
    }

    fn waiting(rank: i64, order: Position, priority: Priority) -> Waiting {
        let id = MessageId(Uuid::from_u128(order.into()));
        Waiting {
            rank,
            order,
            priority,
            id,
        }
    }

    fn drain(lanes: &mut Lanes) -> Vec<Waiting> {
        std::iter::from_fn(|| lanes.pop()).collect()
    }

    #[test]
    fn each_level_has_its_patience() {
        let seconds = [0, 10, 60, 300, 1800];
        for (priority, patience) in Priority::ALL.into_iter().zip(seconds) {
            assert_eq!(rank(priority, 5000, None), 5000 + patience * 1000);
        }
    }

    #[test]
    fn a_deadline_lifts_as_far_as_critical() {
        let cases = [
            (Some(1_000_000), 300_000, "far away: patience decides"),
            (Some(200_000), 140_000, "a lead before it"),
            (Some(60_000), 0, "near: as urgent as critical"),
            (Some(-5_000), 0, "long past: not more urgent than that"),
        ];
        for (deadline, expected, why) in cases {
            assert_eq!(rank(Priority::Low, 0, deadline), expected, "{why}");
        }
        let last = Timestamp::MAX.as_millis();
        assert_eq!(rank(Priority::Deferred, last, Some(last)), last);
    }

    #[test]
    fn only_the_very_message_is_removed() {
        let mut lanes = Lanes::default();
        let first = waiting(10, 1, Priority::Low);
        lanes.push(first);
        lanes.push(waiting(10, 2, Priority::High));
        assert!(!lanes.remove(&waiting(11, 1, Priority::Low)));
        assert!(!lanes.remove(&waiting(10, 1, Priority::High)));
        assert!(lanes.remove(&first));
        assert!(!lanes.remove(&first));
        assert_eq!((lanes.len_of(Priority::Low), lanes.len()), (0, 1));
    }

    #[test]
    fn tells_how_many_are_ahead() {
        let mut lanes = Lanes::default();
        for order in 0..5 {
            lanes.push(waiting(100 - order as i64, order, Priority::Normal));
        }
        let ahead = |rank, order, most| {
            let waiting = waiting(rank, order, Priority::Normal);
            lanes.ahead_of(&waiting, most)
        };
        assert_eq!((ahead(100, 0, 9), ahead(96, 4, 9)), (4, 0));
        assert_eq!(ahead(100, 0, 2), 2, "counted no further");
        assert_eq!(ahead(98, 9, 9), 3, "one that waits elsewhere");
    }

    fn any_priority() -> impl Strategy<Value = Priority> {
        prop::sample::select(Priority::ALL.to_vec())
    }

    fn any_waiting() -> impl Strategy<Value = Vec<Waiting>> {
        prop::collection::vec((0i64..20, any_priority()), 0..100).prop_map(|entries| {
            let orders = 0..entries.len() as Position;
            let entries = orders.zip(entries);
            entries
                .map(|(order, (rank, priority))| waiting(rank, order, priority))
                .collect()
        })
    }

    /// Messages in order of acceptance: level, milliseconds of acceptance, deadline.
    fn traffic() -> impl Strategy<Value = Vec<Message>> {
        let deadline = prop::option::of(-100_000i64..3_000_000);
        let one = (any_priority(), 0i64..200_000, deadline);
        prop::collection::vec(one, 0..60).prop_map(|entries| {
            let mut now = 0;
            let mut messages = Vec::new();
            for (priority, passed, deadline) in entries {
                now += passed;
                messages.push(message(priority, now, deadline.map(|wait| now + wait)));
            }
            messages
        })
    }

    /// Indexes of the messages in the order in which they are served.
    fn served(messages: &[Message]) -> Vec<usize> {
        let mut lanes = Lanes::default();
        for (order, message) in (0..).zip(messages) {
            lanes.push(waiting(rank_of(message), order, message.priority));
        }
        drain(&mut lanes).iter().map(|w| w.order as usize).collect()
    }

    proptest! {
        #[test]
        fn pops_by_rank_and_then_by_order(entries in any_waiting()) {
            let mut lanes = Lanes::default();
            for entry in entries.iter().rev() {
                lanes.push(*entry);
            }
            let mut expected = entries;
            expected.sort_by_key(|w| (w.rank, w.order));
            prop_assert_eq!(drain(&mut lanes.clone()), expected.clone());
            prop_assert_eq!(lanes.peek(), expected.first().copied());
            prop_assert_eq!(drain(&mut lanes), expected);
        }

        #[test]
        fn counts_are_conserved(entries in any_waiting(), removals in prop::collection::vec(0usize..100, 0..50)) {
            let mut lanes = Lanes::default();
            for entry in &entries {
                lanes.push(*entry);
            }
            let mut left = entries.clone();
            for index in removals {
                if let Some(entry) = entries.get(index) {
                    prop_assert_eq!(lanes.remove(entry), left.contains(entry));
                    left.retain(|other| other != entry);
                }
            }
            if lanes.pop().is_some() {
                left.sort_by_key(|w| (w.rank, w.order));
                left.remove(0);
            }
            prop_assert_eq!(lanes.len(), left.len());
            prop_assert_eq!(lanes.is_empty(), left.is_empty());
            for priority in Priority::ALL {
                let count = left.iter().filter(|w| w.priority == priority).count();
                prop_assert_eq!(lanes.len_of(priority), count);
            }
        }

        #[test]
        fn a_level_is_first_in_first_out(mut messages in traffic()) {
            for message in &mut messages {
                message.extras = None;
            }
            let served = served(&messages);
            for priority in Priority::ALL {
                let level: Vec<_> = served.iter().filter(|i| messages[**i].priority == priority).collect();
                prop_assert!(level.is_sorted());
            }
        }

        #[test]
        fn nothing_waits_longer_than_its_patience_behind_newer_work(messages in traffic()) {
            let patience = RankPolicy::default().patience;
            let served = served(&messages);
            for (turn, early) in served.iter().enumerate() {
                let message = &messages[*early];
                let latest = message.accepted_at.plus(patience[message.priority.index()]);
                for ahead in &served[..turn] {
                    prop_assert!(messages[*ahead].accepted_at <= latest);
                }
            }
        }
    }
}
