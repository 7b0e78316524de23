//! The ids that clients chose and that a compaction must not forget.

use std::collections::VecDeque;
use std::time::Duration;

use ahash::AHashMap;
use uuid::Uuid;

use crate::domain::compaction_summary::KnownId;
use crate::domain::event::Event;
use crate::domain::ids::MessageId;
use crate::domain::message::{Message, State};

/// How many ids chosen by clients are remembered, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DedupLimits {
    /// No more ids than this.
    pub capacity: usize,
    /// No id longer than this.
    pub age: Duration,
}

/// The newest known ids, oldest first.
pub struct KnownIds {
    limits: DedupLimits,
    ids: VecDeque<KnownId>,
    /// How those ended that did.
    ends: AHashMap<Uuid, State>,
    /// Whether any id was ever forgotten, here or before.
    pub overflowed: bool,
}

impl KnownIds {
    /// None is known yet.
    pub fn new(limits: DedupLimits) -> Self {
        Self {
            limits,
            ids: VecDeque::new(),
            ends: AHashMap::default(),
            overflowed: false,
        }
    }

    /// Remembers the id of this message if its sender chose it.
    pub fn note_accepted(&mut self, message: &Message) {
        if let Some(fingerprint) = message.fingerprint() {
            self.remember(KnownId {
                id: message.id.0,
                fingerprint,
                at: message.accepted_at,
                end: None,
            });
        }
    }

    /// Remembers the id of this event if its publisher chose it.
    pub fn note_published(&mut self, event: &Event) {
        if let Some(fingerprint) = event.fingerprint() {
            self.remember(KnownId {
                id: event.id.0,
                fingerprint,
                at: event.published_at,
                end: None,
            });
        }
    }

    /// What an earlier compaction carried.
    pub fn restore(&mut self, known_ids: &[KnownId], overflowed: bool) {
        self.overflowed |= overflowed;
        for known_id in known_ids {
            self.remember(*known_id);
        }
    }

    /// How a message ended whose id its client chose; `None`: it goes on again.
    pub fn note_end(&mut self, id: MessageId, end: Option<State>) {
        match end {
            Some(state) => self.ends.insert(id.0, state),
            None => self.ends.remove(&id.0),
        };
    }

    /// All of them, with their ends.
    pub fn ids(&self) -> impl Iterator<Item = KnownId> {
        self.ids.iter().map(|known| KnownId {
            end: self.ends.get(&known.id).copied(),
            ..*known
        })
    }

    /// Ages are measured against the newest id, as there is no clock here: that forgets too late
    /// rather than too early.
    fn remember(&mut self, known_id: KnownId) {
        self.ids.push_back(known_id);
        self.note_end(MessageId(known_id.id), known_id.end);
        let too_old = known_id.at.minus(self.limits.age);
        while let Some(oldest) = self.ids.front()
            && (self.ids.len() > self.limits.capacity || oldest.at < too_old)
        {
            self.ends.remove(&oldest.id);
            self.ids.pop_front();
            self.overflowed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;

    #[test]
    fn forgets_the_oldest_and_says_so() {
        let small = DedupLimits {
            capacity: 3,
            age: Duration::MAX,
        };
        let short = DedupLimits {
            capacity: 100,
            age: Duration::from_millis(4),
        };
        for limits in [small, short] {
            let mut known = KnownIds::new(limits);
            for number in 1..94 {
                known.note_accepted(&samples::message(number, "1"));
            }
            let kept = [95, 97, 99].map(samples::known_id);
            known.restore(&kept, false);
            assert!(known.ids().eq(kept));
            assert!(known.overflowed);
        }
    }

    #[test]
    fn remembers_the_ends_of_what_it_remembers() {
        let limits = DedupLimits {
            capacity: 2,
            age: Duration::MAX,
        };
        let mut known = KnownIds::new(limits);
        for number in [1, 3, 5] {
            known.note_accepted(&samples::message(number, "1"));
            known.note_end(samples::id(number), Some(State::Delivered));
        }
        known.note_end(samples::id(5), None);
        let ends: Vec<_> = known.ids().map(|known| known.end).collect();
        assert_eq!(ends, [Some(State::Delivered), None]);
        assert_eq!(known.ends.len(), 1);
    }

    #[test]
    fn remembers_that_ids_were_forgotten_before() {
        let limits = DedupLimits {
            capacity: 10,
            age: Duration::MAX,
        };
        let mut known = KnownIds::new(limits);
        known.note_accepted(&samples::message(1, "1"));
        known.note_accepted(&samples::message(2, "1"));
        assert_eq!((known.ids.len(), known.overflowed), (1, false));
        known.restore(&[], true);
        assert!(known.overflowed);
    }
}
