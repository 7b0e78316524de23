//! Where the log of events begins and ends, and what was read of it at one moment.

use std::sync::Arc;

use super::page::Page;
use crate::domain::event::{Event, Sequence};

/// The log of events at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EventWindow {
    /// The oldest event there is, or the next one to come.
    pub oldest: Sequence,
    /// Retention removed those before this one; what is between it and the oldest was lost.
    pub kept_from: Sequence,
    /// 0: there was none yet.
    pub newest: Sequence,
    /// Events from here on are in memory.
    pub in_memory: Sequence,
}

impl EventWindow {
    /// The first and the last of the events from here on that were lost. What retention removed was
    /// not.
    pub fn lost_from(&self, from: Sequence) -> Option<(Sequence, Sequence)> {
        let first = from.max(self.kept_from);
        (first < self.oldest).then(|| (first, self.oldest - 1))
    }
}

/// Events, oldest first, and how the log was when they were read.
#[derive(Debug)]
pub struct EventsRead {
    /// As it was asked for; it may end before the log does.
    pub page: Page<Arc<Event>>,
    /// The log at the moment of the reading.
    pub window: EventWindow,
}

impl EventsRead {
    /// What there is where the rest is in memory; what is there is not a part of it.
    pub fn nothing_before_memory(log: EventWindow) -> Self {
        Self {
            page: Page {
                items: Vec::new(),
                next: None,
            },
            window: EventWindow {
                newest: log.in_memory.saturating_sub(1),
                ..log
            },
        }
    }

    /// Where events up to `to`, or all, were asked for: everything up to here was looked at.
    pub fn through(&self, to: Option<Sequence>) -> Sequence {
        if let Some(next) = &self.page.next {
            return next.sequence - 1;
        }
        let newest = self.window.newest;
        let last = self.page.items.last().map_or(0, |event| event.sequence);
        // Some may have come after the newest was known, and were read as well.
        last.max(to.map_or(newest, |to| to.min(newest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;

    fn read(items: &[Sequence], next: Option<Sequence>) -> EventsRead {
        let event = |sequence| Arc::new(samples::event(1, sequence));
        EventsRead {
            page: Page {
                items: items.iter().copied().map(event).collect(),
                next: next.map(event),
            },
            window: EventWindow {
                oldest: 4,
                kept_from: 2,
                newest: 9,
                in_memory: 8,
            },
        }
    }

    #[test]
    fn what_was_removed_is_not_lost() {
        let window = read(&[], None).window;
        for (from, lost) in [(1, Some((2, 3))), (3, Some((3, 3))), (4, None), (9, None)] {
            assert_eq!(window.lost_from(from), lost, "{from}");
        }
    }

    #[test]
    fn a_page_says_how_far_it_looked() {
        for (items, next, to, through) in [
            (&[4, 6][..], Some(8), None, 7),
            (&[4, 6], None, None, 9),
            (&[4, 6], None, Some(7), 7),
            (&[4, 6], None, Some(70), 9),
            (&[4, 11], None, None, 11),
            (&[], None, Some(5), 5),
        ] {
            assert_eq!(read(items, next).through(to), through, "{items:?} {to:?}");
        }
    }
}
