//! Which settled messages and dead letters may leave the archive.

use std::time::Duration;

use crate::domain::fact::message::MessagesRemoved;
use crate::domain::ids::Position;
use crate::domain::timestamp::Timestamp;

/// Messages looked at together, and at most removed in one transaction.
pub const STRETCH: usize = 1000;
/// With no more than so many that stay, all are looked at each time.
const FEW: u64 = 10_000;
/// With more, each is looked at once in so long.
const ROUND: Duration = Duration::from_secs(86_400);

/// What is configured about how long messages are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageRetentionPolicy {
    /// How long a message is kept after it was settled; zero: for ever.
    pub keep: Duration,
    /// How long a dead letter is kept after it died; zero: until somebody deletes it.
    pub keep_dead_letters: Duration,
    /// Nothing goes sooner: a repeat is answered with what became of the first one.
    pub dedup_window: Duration,
}

/// Goes through the archive by position, stretch by stretch. What has to stay, as it is owed, dead
/// or settled lately though old, is not looked at again before the next round.
#[derive(Debug)]
pub struct MessageRetention {
    policy: MessageRetentionPolicy,
    /// Looked at up to here in this round.
    through: Position,
    /// Of these, those that stayed.
    stayed: u64,
    round_began: Timestamp,
    /// What goes in this run.
    removed: u64,
}

/// How old a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Age {
    /// Where it stands in the archive.
    pub position: Position,
    /// When the hub took it; it was settled no sooner.
    pub accepted_at: Timestamp,
    /// When it ended; `None`: the hub still owes it.
    pub settled_at: Option<Timestamp>,
    /// It stands in the list of dead letters, and so stays as long as those do.
    pub dead_letter: bool,
}

/// What comes of a stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Some of it is old: this is to be recorded, which makes them go.
    Remove(MessagesRemoved),
    /// Nothing of it is old; there may be more behind it.
    GoOn,
    /// The rest is young.
    Over,
}

impl MessageRetention {
    /// Begins with the first message of the archive.
    pub fn new(policy: MessageRetentionPolicy) -> Self {
        Self {
            policy,
            through: 0,
            stayed: 0,
            round_began: Timestamp::default(),
            removed: 0,
        }
    }

    /// Messages settled before this time are old; `None`: none ever is.
    pub fn cutoff(&self, now: Timestamp) -> Option<Timestamp> {
        let keep = self.policy.keep;
        (!keep.is_zero()).then(|| now.minus(keep.max(self.policy.dedup_window)))
    }

    /// As [`MessageRetention::cutoff`], of dead letters.
    pub fn dead_letters_cutoff(&self, now: Timestamp) -> Option<Timestamp> {
        let keep = self.policy.keep_dead_letters;
        (!keep.is_zero()).then(|| now.minus(keep.max(self.policy.dedup_window)))
    }

    /// A run begins: it goes on where the last one ended, or from the beginning.
    pub fn begin(&mut self, now: Timestamp) {
        self.removed = 0;
        if self.stayed <= FEW || now.since(self.round_began) >= ROUND {
            self.through = 0;
            self.stayed = 0;
            self.round_began = now;
        }
    }

    /// Where the next stretch begins.
    pub fn after(&self) -> Position {
        self.through
    }

    /// What goes in this run so far.
    pub fn removed(&self) -> u64 {
        self.removed
    }

    /// The next stretch was read: the messages after [`MessageRetention::after`], [`STRETCH`] of
    /// them if there are so many.
    pub fn read(&mut self, ages: &[Age], now: Timestamp) -> Step {
        let Some(cutoff) = self.cutoff(now) else {
            return Step::Over;
        };
        let is_old =
            |age: &&Age| !age.dead_letter && age.settled_at.is_some_and(|settled| settled < cutoff);
        let old = ages.iter().filter(is_old).count() as u64;
        // Nothing is settled before it is accepted, and positions are given in the order of time.
        let is_young = ages.iter().all(|age| age.accepted_at >= cutoff);
        let is_whole = ages.len() >= STRETCH;
        let Some(last) = ages.last().filter(|_| !is_young) else {
            return Step::Over;
        };
        let after = self.through;
        self.removed += old;
        if is_whole {
            self.through = last.position;
            self.stayed += ages.len() as u64 - old;
        }
        match (old, is_whole) {
            (0, true) => Step::GoOn,
            (0, false) => Step::Over,
            _ => Step::Remove(MessagesRemoved {
                at: now,
                after,
                through: last.position,
                settled_before: cutoff,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(days: u64) -> Timestamp {
        Timestamp::default().plus(DAY * u32::try_from(days).unwrap())
    }

    fn retention(keep: u32) -> MessageRetention {
        MessageRetention::new(MessageRetentionPolicy {
            keep: DAY * keep,
            keep_dead_letters: Duration::ZERO,
            dedup_window: DAY,
        })
    }

    fn age(position: Position, accepted: u64, settled: Option<u64>) -> Age {
        Age {
            position,
            accepted_at: at(accepted),
            settled_at: settled.map(at),
            dead_letter: false,
        }
    }

    fn dead(position: Position) -> Age {
        Age {
            dead_letter: true,
            ..age(position, 1, Some(1))
        }
    }

    #[test]
    fn what_was_settled_long_ago_goes() {
        let mut retention = retention(30);
        retention.begin(at(40));
        let ages = [
            age(3, 1, Some(2)),
            age(4, 2, None),
            dead(5),
            age(6, 9, Some(11)),
            age(9, 39, Some(39)),
        ];
        let expected = MessagesRemoved {
            at: at(40),
            after: 0,
            through: 9,
            settled_before: at(10),
        };
        assert_eq!(retention.read(&ages, at(40)), Step::Remove(expected));
        assert_eq!(retention.removed(), 1);
        // They are read again, without what went.
        assert_eq!(retention.after(), 0);
        assert_eq!(retention.read(&ages[1..], at(40)), Step::Over);
        assert_eq!(retention.read(&[], at(40)), Step::Over);
    }

    #[test]
    fn nothing_goes_before_the_dedup_window_is_over_or_if_all_is_kept() {
        let mut short = MessageRetention::new(MessageRetentionPolicy {
            keep: Duration::from_secs(1),
            keep_dead_letters: Duration::from_secs(1),
            dedup_window: DAY * 3,
        });
        short.begin(at(10));
        assert_eq!(short.cutoff(at(10)), Some(at(7)));
        assert_eq!(short.dead_letters_cutoff(at(10)), Some(at(7)));
        assert_eq!(short.read(&[age(1, 6, Some(8))], at(10)), Step::Over);
        let mut forever = retention(0);
        forever.begin(at(10));
        assert_eq!(forever.cutoff(at(10)), None);
        assert_eq!(forever.dead_letters_cutoff(at(10)), None);
        assert_eq!(forever.read(&[age(1, 1, Some(1))], at(10)), Step::Over);
    }

    fn stretch(first: u64, age: impl Fn(Position) -> Age) -> Vec<Age> {
        (first..first + STRETCH as u64).map(age).collect()
    }

    #[test]
    fn it_goes_on_from_stretch_to_stretch_until_the_rest_is_young() {
        let mut retention = retention(30);
        retention.begin(at(40));
        let step = retention.read(&stretch(1, |n| age(n, 1, Some(1))), at(40));
        assert!(matches!(step, Step::Remove(removed) if removed.through == 1000));
        assert_eq!(retention.after(), 1000);
        assert_eq!(retention.read(&stretch(1001, dead), at(40)), Step::GoOn);
        assert_eq!(retention.after(), 2000);
        let young = stretch(2001, |n| age(n, 11, Some(11)));
        assert_eq!(retention.read(&young, at(40)), Step::Over);
        assert_eq!(retention.after(), 2000);
        assert_eq!(retention.removed(), 1000);
    }

    #[test]
    fn many_that_stay_are_looked_at_once_a_day() {
        let mut retention = retention(30);
        retention.begin(at(40));
        assert_eq!(retention.read(&stretch(1, dead), at(40)), Step::GoOn);
        retention.begin(at(40));
        assert_eq!(retention.after(), 0, "they are few");
        for first in 0..11 {
            let dead = stretch(first * 1000 + 1, dead);
            assert_eq!(retention.read(&dead, at(40)), Step::GoOn);
        }
        retention.begin(at(40));
        assert_eq!(retention.after(), 11_000);
        retention.begin(at(41));
        assert_eq!(retention.after(), 0);
    }
}
