//! How far back events can be read: less far than they were kept, after an archive was lost.
//!
//! What retention removed is gone for good and stands in the journal. What an archive lost may
//! come back with a backup, so it is found out anew each time the archive is opened and written
//! down nowhere.

use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;

/// Learns where the events begin that the archive holds or is about to get.
#[derive(Debug, Default)]
pub struct RetainedEvents {
    removed_before: Sequence,
    newest: Sequence,
    archive: Known,
    /// The first event that the archive gets from the journal.
    coming: Option<Sequence>,
}

/// Of the events in the archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Known {
    /// It cannot be asked.
    #[default]
    Nothing,
    Empty,
    Span {
        first: Sequence,
        last: Sequence,
    },
}

impl RetainedEvents {
    /// Takes in the next fact of the journal, whether the archive has it or not.
    pub fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Event(EventFact::EventPublished(event)) => {
                self.newest = self.newest.max(event.sequence);
            }
            Fact::CompactionSummary(summary) => {
                self.newest = self.newest.max(summary.last_sequence);
            }
            Fact::Event(EventFact::EventsRemoved(removed)) => {
                self.removed_before = self.removed_before.max(removed.before);
            }
            _ => {}
        }
    }

    /// Takes in the next fact that the archive does not have, oldest first.
    pub fn expect(&mut self, fact: &Fact) {
        if let (None, Fact::Event(EventFact::EventPublished(event))) = (self.coming, fact) {
            self.coming = Some(event.sequence);
        }
    }

    /// The archive holds the events from the first to the last of `span`, or none.
    pub fn opened(&mut self, span: Option<(Sequence, Sequence)>) {
        self.archive = span.map_or(Known::Empty, |(first, last)| Known::Span { first, last });
    }

    /// The archive cannot be asked, and what it gets once it can is not known.
    pub fn closed(&mut self) {
        self.archive = Known::Nothing;
        self.coming = None;
    }

    /// The oldest event that can be read, or the next one to come; 1 while nobody can tell. After
    /// an old archive was restored, the first behind what it does not have: who reads from there
    /// on misses nothing. `is_complete`: all that the archive does not have was expected.
    pub fn oldest(&self, is_complete: bool) -> Sequence {
        let end = is_complete.then_some(self.newest + 1);
        let next = self.coming.or(end);
        match (self.archive, next) {
            (Known::Span { last, .. }, Some(next)) if next > last + 1 => next,
            (Known::Span { first, .. }, _) => first,
            (Known::Empty, Some(next)) => next,
            (Known::Empty, None) | (Known::Nothing, _) => 1,
        }
    }

    /// # Panics
    /// If events are said to be anywhere that were never there.
    pub fn check(&self) {
        let next = self.newest + 1;
        assert!(self.removed_before <= next, "what was removed was there");
        let last = match self.archive {
            Known::Span { first, last } => {
                assert!(first <= last, "the archive holds {first} to {last}");
                last
            }
            Known::Empty | Known::Nothing => 0,
        };
        assert!(
            last.max(self.coming.unwrap_or(0)) < next,
            "what is archived was published"
        );
    }

    /// Whether events before `oldest` are missing that nobody removed.
    pub fn is_lost(&self, oldest: Sequence) -> bool {
        oldest > self.removed_before.max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::compaction_summary::CompactionSummary;
    use crate::logic::journal::samples;

    fn summary(last_sequence: Sequence) -> Fact {
        Fact::CompactionSummary(Arc::new(CompactionSummary {
            last_sequence,
            ..CompactionSummary::default()
        }))
    }

    fn retained_events(facts: &[Fact]) -> RetainedEvents {
        let mut retained_events = RetainedEvents::default();
        for fact in facts {
            retained_events.learn(fact);
        }
        retained_events
    }

    #[test]
    fn nothing_is_gone_of_a_new_or_an_unreachable_archive() {
        let mut retained_events = retained_events(&[]);
        assert_eq!(retained_events.oldest(true), 1);
        retained_events.opened(None);
        assert_eq!(retained_events.oldest(true), 1);
        retained_events.learn(&summary(7));
        retained_events.closed();
        assert_eq!(retained_events.oldest(true), 1);
        assert!(!retained_events.is_lost(1));
    }

    #[test]
    fn an_archive_that_is_behind_gets_the_rest_from_the_journal() {
        let mut retained_events = retained_events(&[summary(7)]);
        retained_events.opened(Some((2, 7)));
        assert_eq!(retained_events.oldest(false), 2);
        assert_eq!(retained_events.oldest(true), 2);
        retained_events.expect(&samples::event_published(1, 8));
        assert_eq!(retained_events.oldest(false), 2);
        retained_events.opened(None);
        assert_eq!(retained_events.oldest(false), 8);
        assert!(retained_events.is_lost(8));
    }

    #[test]
    fn with_nothing_left_the_next_event_is_the_first() {
        let mut retained_events = retained_events(&[summary(7)]);
        retained_events.opened(None);
        assert_eq!(
            retained_events.oldest(false),
            1,
            "the journal is still read"
        );
        assert_eq!(retained_events.oldest(true), 8);
        for sequence in 8..10 {
            retained_events.learn(&samples::event_published(1, sequence));
            retained_events.expect(&samples::event_published(1, sequence));
            assert_eq!(retained_events.oldest(true), 8);
        }
    }

    #[test]
    fn an_old_archive_that_was_restored_has_a_hole_behind_it() {
        let mut retained_events = retained_events(&[summary(7)]);
        retained_events.opened(Some((1, 3)));
        assert_eq!(
            retained_events.oldest(false),
            1,
            "the journal is still read"
        );
        assert_eq!(retained_events.oldest(true), 8);
        retained_events.expect(&samples::event_published(1, 6));
        assert_eq!(retained_events.oldest(false), 6);
        assert!(retained_events.is_lost(6));
    }

    #[test]
    fn what_was_removed_is_not_lost() {
        let retained_events = retained_events(&[summary(7), samples::events_removed(5)]);
        for (oldest, is_lost) in [(1, false), (5, false), (6, true)] {
            assert_eq!(retained_events.is_lost(oldest), is_lost, "{oldest}");
        }
    }

    #[test]
    fn an_archive_that_comes_back_is_looked_at_anew() {
        let mut retained_events = retained_events(&[summary(7)]);
        retained_events.opened(None);
        retained_events.expect(&samples::event_published(1, 8));
        retained_events.closed();
        retained_events.opened(Some((1, 7)));
        assert_eq!(retained_events.oldest(false), 1);
        retained_events.closed();
        retained_events.opened(None);
        assert_eq!(retained_events.oldest(false), 1);
        retained_events.expect(&samples::event_published(1, 6));
        assert_eq!(retained_events.oldest(false), 6);
    }
}
