//! Where the log of events begins and ends, by what the journal and the archive say.

use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;

/// What can be read of the events, and how far they go.
#[derive(Clone, Copy, Debug)]
pub struct LogBounds {
    removed_before: Sequence,
    history_begins: Sequence,
    newest: Sequence,
}

impl Default for LogBounds {
    fn default() -> Self {
        Self {
            removed_before: 1,
            history_begins: 1,
            newest: 0,
        }
    }
}

impl LogBounds {
    /// Takes in what the journal says.
    pub fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Event(EventFact::EventPublished(event)) => self.newest = event.sequence,
            Fact::Event(EventFact::EventsRemoved(removed)) => self.removed_before = removed.before,
            Fact::CompactionSummary(summary) => {
                self.newest = self.newest.max(summary.last_sequence);
            }
            _ => {}
        }
    }

    /// Events before this one are not in the archive at present, nor on their way there.
    pub fn history_begins(&mut self, oldest: Sequence) {
        self.history_begins = oldest;
    }

    /// Retention removed the events before this one.
    pub fn kept_from(&self) -> Sequence {
        self.removed_before
    }

    /// The oldest event there is, or the next one to come.
    pub fn oldest(&self) -> Sequence {
        self.removed_before.max(self.history_begins)
    }

    /// Of the last event; 0: there was none yet.
    pub fn newest(&self) -> Sequence {
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::compaction_summary::CompactionSummary;
    use crate::logic::journal::samples;

    #[test]
    fn the_oldest_is_what_neither_retention_nor_a_lost_archive_took() {
        let mut bounds = LogBounds::default();
        assert_eq!((bounds.oldest(), bounds.newest()), (1, 0));
        let summary = CompactionSummary {
            last_sequence: 7,
            ..CompactionSummary::default()
        };
        bounds.learn(&Fact::CompactionSummary(Arc::new(summary)));
        bounds.learn(&samples::event_published(1, 8));
        bounds.learn(&samples::events_removed(5));
        assert_eq!((bounds.oldest(), bounds.newest()), (5, 8));
        bounds.history_begins(7);
        assert_eq!((bounds.oldest(), bounds.kept_from()), (7, 5));
        bounds.history_begins(1);
        assert_eq!(bounds.oldest(), 5);
    }
}
