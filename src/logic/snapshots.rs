//! How far each stream is, and which are due for a snapshot.

use std::collections::{BTreeMap, HashMap};

use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::ids::StreamId;

/// Learns from the journal alone, so that what was due before a restart is due after it.
pub struct Snapshots {
    /// Events of a stream; 0: never.
    interval: u64,
    versions: HashMap<StreamId, u64, ahash::RandomState>,
    /// The version each is due at.
    due: BTreeMap<StreamId, u64>,
}

impl Snapshots {
    /// A snapshot is due whenever a stream has `interval` events more; 0: never.
    pub fn new(interval: u64) -> Self {
        Self {
            interval,
            versions: HashMap::default(),
            due: BTreeMap::new(),
        }
    }

    /// Takes in the next fact of the journal.
    pub fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Event(EventFact::EventPublished(event)) => {
                if let Some(place) = &event.stream {
                    self.reached(&place.id, place.version);
                    if self.interval > 0 && place.version.is_multiple_of(self.interval) {
                        self.due.insert(place.id.clone(), place.version);
                    }
                }
            }
            Fact::Event(EventFact::SnapshotTaken(snapshot)) => {
                self.reached(&snapshot.stream_id, snapshot.version);
                self.done(&snapshot.stream_id, snapshot.version);
            }
            Fact::CompactionSummary(summary) => {
                for head in &summary.streams {
                    self.reached(&head.id, head.version);
                }
            }
            _ => {}
        }
    }

    /// The version of a stream's last event; `None`: there never was one.
    pub fn version(&self, stream: &StreamId) -> Option<u64> {
        self.versions.get(stream).copied()
    }

    /// The next snapshot to take.
    pub fn next_due(&self) -> Option<(StreamId, u64)> {
        let (stream, version) = self.due.first_key_value()?;
        Some((stream.clone(), *version))
    }

    /// There is a snapshot of this version, or there cannot be one.
    pub fn done(&mut self, stream: &StreamId, version: u64) {
        if self.due.get(stream).is_some_and(|due| *due <= version) {
            self.due.remove(stream);
        }
    }

    /// Looks at every snapshot that is due; gives how many there are.
    ///
    /// # Panics
    /// If one is of a version that there is not.
    pub fn check(&self) -> usize {
        for (stream, due) in &self.due {
            let version = self.version(stream);
            assert!(
                Some(*due) <= version,
                "of {version:?} versions the {due}th is due"
            );
            assert!(self.interval > 0 && due.is_multiple_of(self.interval));
        }
        self.due.len()
    }

    fn reached(&mut self, stream: &StreamId, version: u64) {
        match self.versions.get_mut(stream) {
            Some(known) => *known = version.max(*known),
            None => drop(self.versions.insert(stream.clone(), version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::compaction_summary::{CompactionSummary, StreamHead};
    use crate::logic::journal::samples::{event_published, snapshot_taken};

    fn stream(number: u32) -> StreamId {
        StreamId::parse(&format!("stream-{number}")).unwrap()
    }

    fn learned(interval: u64, facts: &[Fact]) -> Snapshots {
        let mut snapshots = Snapshots::new(interval);
        for fact in facts {
            snapshots.learn(fact);
        }
        snapshots
    }

    #[test]
    fn every_so_many_events_a_snapshot_is_due_until_it_is_taken() {
        let mut facts: Vec<_> = (1..=7).map(|version| event_published(1, version)).collect();
        assert_eq!(learned(0, &facts).next_due(), None);
        assert_eq!(learned(8, &facts).next_due(), None);
        assert_eq!(learned(3, &facts).next_due(), Some((stream(1), 6)));

        facts.push(snapshot_taken(1, 5));
        assert_eq!(learned(3, &facts).next_due(), Some((stream(1), 6)));
        facts.push(snapshot_taken(1, 6));
        assert_eq!(learned(3, &facts).next_due(), None);
        facts.extend([8, 9].map(|version| event_published(1, version)));
        assert_eq!(learned(3, &facts).next_due(), Some((stream(1), 9)));
    }

    #[test]
    fn a_snapshot_that_cannot_be_is_due_no_more() {
        let mut snapshots = learned(1, &[event_published(1, 1), event_published(2, 2)]);
        snapshots.done(&stream(1), 1);
        assert_eq!(snapshots.next_due(), Some((stream(2), 2)));
    }

    #[test]
    fn versions_are_known_also_of_streams_whose_events_are_gone() {
        let head = StreamHead {
            id: stream(3),
            version: 40,
        };
        let summary = CompactionSummary {
            streams: vec![head],
            ..CompactionSummary::default()
        };
        let facts = [
            Fact::CompactionSummary(Arc::new(summary)),
            event_published(1, 2),
            snapshot_taken(1, 1),
        ];
        let snapshots = learned(1000, &facts);
        assert_eq!(snapshots.version(&stream(3)), Some(40));
        assert_eq!(snapshots.version(&stream(1)), Some(2));
        assert_eq!(snapshots.version(&stream(9)), None);
    }
}
