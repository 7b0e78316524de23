//! The newest events, kept in memory for those who follow closely.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytestring::ByteString;

use crate::domain::event::{Event, Sequence};

/// An event and its text for sockets, made once for all of them.
#[derive(Debug)]
pub struct Framed {
    /// As it was published.
    pub event: Arc<Event>,
    /// Set by the first socket that needs it.
    pub text: OnceLock<ByteString>,
}

impl Framed {
    /// Without its text.
    pub fn new(event: Arc<Event>) -> Self {
        let text = OnceLock::new();
        Self { event, text }
    }
}

/// As many of the newest events as fit into so many bytes.
#[derive(Debug)]
pub struct Recent {
    limit: usize,
    bytes: usize,
    events: VecDeque<Arc<Framed>>,
    /// The sequence of the next event.
    next: Sequence,
}

impl Recent {
    /// `limit` in bytes; the newest event is kept even if it is larger.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: 0,
            events: VecDeque::new(),
            next: 1,
        }
    }

    /// Takes in the next event.
    pub fn push(&mut self, event: Arc<Framed>) {
        self.bytes += event.event.bytes();
        self.next = event.event.sequence + 1;
        self.events.push_back(event);
        while self.bytes > self.limit && self.events.len() > 1 {
            self.forget_oldest();
        }
    }

    /// Events up to here happened before any that was pushed.
    pub fn skip_to(&mut self, last: Sequence) {
        self.next = self.next.max(last + 1);
    }

    /// Forgets the events before this one.
    pub fn forget_before(&mut self, sequence: Sequence) {
        while self
            .events
            .front()
            .is_some_and(|event| event.event.sequence < sequence)
        {
            self.forget_oldest();
        }
    }

    /// The sequence of the oldest event in memory; of the next one if there is none.
    pub fn first(&self) -> Sequence {
        let front = self.events.front();
        front.map_or(self.next, |event| event.event.sequence)
    }

    /// The sequence of the next event to come.
    pub fn next(&self) -> Sequence {
        self.next
    }

    /// The events from this sequence on, oldest first; those that are forgotten are missing.
    pub fn from(&self, sequence: Sequence) -> impl DoubleEndedIterator<Item = &Arc<Framed>> {
        // Sequences rise by one, so the place is known.
        let skipped = sequence.saturating_sub(self.first());
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        self.events.range(skipped.min(self.events.len())..)
    }

    /// Looks at every event; gives how many there are.
    ///
    /// # Panics
    /// If one is missing between the oldest and the next, or the bytes are not theirs.
    pub fn check(&self) -> usize {
        let bytes: usize = self.events.iter().map(|event| event.event.bytes()).sum();
        assert_eq!(self.bytes, bytes, "bytes of the events in memory");
        assert!(
            bytes <= self.limit || self.events.len() == 1,
            "{bytes} bytes fit"
        );
        let sequences = self.events.iter().map(|event| event.event.sequence);
        let last = self.next - self.events.len() as Sequence..self.next;
        assert!(sequences.eq(last), "the events in memory are the last ones");
        self.events.len()
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.events.pop_front() {
            self.bytes -= oldest.event.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;

    fn framed(sequence: Sequence) -> Arc<Framed> {
        Arc::new(Framed::new(Arc::new(samples::event(1, sequence))))
    }

    fn sequences(recent: &Recent, from: Sequence) -> Vec<Sequence> {
        let events = recent.from(from);
        events.map(|event| event.event.sequence).collect()
    }

    #[test]
    fn keeps_the_newest_that_fit() {
        let size = samples::event(1, 1).bytes();
        let mut recent = Recent::new(3 * size);
        assert_eq!((recent.first(), recent.next()), (1, 1));
        for sequence in 1..=5 {
            recent.push(framed(sequence));
        }
        assert_eq!((recent.first(), recent.next()), (3, 6));
        assert_eq!(sequences(&recent, 1), [3, 4, 5]);
        assert_eq!(sequences(&recent, 4), [4, 5]);
        assert!(sequences(&recent, 6).is_empty());
        assert!(sequences(&recent, u64::MAX).is_empty());
        recent.forget_before(5);
        assert_eq!((recent.first(), recent.next()), (5, 6));
        recent.forget_before(9);
        assert_eq!((recent.first(), recent.next()), (6, 6));
        assert_eq!(recent.bytes, 0);
    }

    #[test]
    fn one_event_is_kept_however_large() {
        let mut recent = Recent::new(1);
        recent.push(framed(1));
        recent.push(framed(2));
        assert_eq!(sequences(&recent, 1), [2]);
    }

    #[test]
    fn begins_where_earlier_events_ended() {
        let mut recent = Recent::new(1);
        recent.skip_to(7);
        recent.skip_to(3);
        assert_eq!((recent.first(), recent.next()), (8, 8));
    }
}
