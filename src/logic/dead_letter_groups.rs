//! Dead letters that died alike, counted together.

use ahash::AHashMap;

use super::error_pattern::ErrorPattern;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{MessageId, ServiceName};
use crate::domain::timestamp::Timestamp;

/// Nobody keeps more groups apart.
pub const MOST_KEPT: usize = 10_000;
/// So many of them are shown.
pub const MOST_SHOWN: usize = 200;

/// By what dead letters are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupBy {
    /// Whom they did not reach.
    pub destination: bool,
    /// Why the hub gave up.
    pub reason: bool,
    /// What their last attempts failed with, but for numbers and ids.
    pub error: bool,
}

/// A dead letter, as far as groups care.
#[derive(Clone, Copy, Debug)]
pub struct GroupedLetter<'a> {
    /// Of the message, or of the dead letter that an event left.
    pub id: MessageId,
    /// Of an event the subscriber.
    pub destination: &'a ServiceName,
    /// Why the hub gave up on it.
    pub reason: Option<DeadReason>,
    /// What the last attempt failed with.
    pub error: Option<&'a str>,
    /// When it died.
    pub at: Timestamp,
}

/// What the dead letters of a group have in common; `None`: it was not asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct GroupKey {
    /// Whom they did not reach.
    pub destination: Option<ServiceName>,
    /// Why the hub gave up, if it said so.
    pub reason: Option<Option<DeadReason>>,
    /// What their last attempts failed with.
    pub error: Option<ErrorPattern>,
}

/// How many there are of a group, and since when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupCount {
    /// How many.
    pub count: u64,
    /// When the first of them died.
    pub oldest: Timestamp,
    /// When the last of them died.
    pub newest: Timestamp,
    /// The last of them.
    pub sample: MessageId,
}

/// The groups of the dead letters that were looked at.
#[derive(Debug)]
pub struct DeadLetterGroups {
    by: GroupBy,
    groups: AHashMap<GroupKey, GroupCount>,
    left_out: bool,
}

impl DeadLetterGroups {
    /// Without any yet.
    pub fn new(by: GroupBy) -> Self {
        Self {
            by,
            groups: AHashMap::new(),
            left_out: false,
        }
    }

    /// Counts one with those like it.
    pub fn add(&mut self, letter: GroupedLetter<'_>) {
        let key = GroupKey {
            destination: self.by.destination.then(|| letter.destination.clone()),
            reason: self.by.reason.then_some(letter.reason),
            error: self.by.error.then(|| ErrorPattern::of(letter.error)),
        };
        if self.groups.len() >= MOST_KEPT && !self.groups.contains_key(&key) {
            self.left_out = true;
            return;
        }
        let group = self.groups.entry(key).or_insert(GroupCount {
            count: 0,
            oldest: letter.at,
            newest: letter.at,
            sample: letter.id,
        });
        group.count += 1;
        group.oldest = group.oldest.min(letter.at);
        if letter.at > group.newest {
            (group.newest, group.sample) = (letter.at, letter.id);
        }
    }

    /// The largest groups, of equal ones those that grew last first, and whether these are all.
    pub fn into_largest(self) -> (Vec<(GroupKey, GroupCount)>, bool) {
        let is_all = !self.left_out && self.groups.len() <= MOST_SHOWN;
        let mut groups: Vec<_> = self.groups.into_iter().collect();
        groups
            .sort_by_key(|(_, group)| std::cmp::Reverse((group.count, group.newest, group.sample)));
        groups.truncate(MOST_SHOWN);
        (groups, is_all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_groups_are_shown_and_said_not_to_be_all() {
        let by = GroupBy {
            destination: true,
            reason: false,
            error: true,
        };
        let mut groups = DeadLetterGroups::new(by);
        let id = |n: usize| MessageId(uuid::Uuid::from_u128(n as u128));
        let (billing, words) = (ServiceName::parse("billing").unwrap(), "abcdefghij");
        let named = |n: usize| {
            n.to_string()
                .bytes()
                .map(|byte| &words[usize::from(byte - b'0')..][..1])
                .collect::<String>()
        };
        for n in 0..MOST_SHOWN + 1 {
            let error = format!("no {}", named(n) + "x");
            for at in 0..if n == 7 { 3 } else { 1 } {
                groups.add(GroupedLetter {
                    id: id(10 * n + at),
                    destination: &billing,
                    reason: Some(DeadReason::Rejected),
                    error: Some(&error),
                    at: Timestamp::from_millis(5 - at as i64),
                });
            }
        }
        let (largest, is_all) = groups.into_largest();
        assert_eq!((largest.len(), is_all), (MOST_SHOWN, false));
        let (key, group) = &largest[0];
        assert_eq!(key.reason, None);
        assert_eq!(key.error, Some(ErrorPattern::of(Some("no hx"))));
        assert_eq!(group.count, 3);
        assert_eq!(group.sample, id(70));
        let times = (group.oldest, group.newest);
        assert_eq!(
            times,
            (Timestamp::from_millis(3), Timestamp::from_millis(5))
        );
    }
}
