//! The segments that are not written to any more, shared between the journal and a compaction.

use std::sync::{Arc, Mutex, MutexGuard};

use super::directory::SegmentFile;
use crate::domain::ids::Position;
use crate::logic::journal::compaction::is_worthwhile;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SealedSegment {
    pub file: SegmentFile,
    pub last: Position,
    pub bytes: u64,
}

/// Oldest first; only the first may be a compacted one.
#[derive(Default, Debug)]
pub(super) struct Sealed {
    segments: Vec<SealedSegment>,
    pub is_compacting: bool,
}

impl Sealed {
    pub(super) fn lock(shared: &Arc<Mutex<Self>>) -> MutexGuard<'_, Self> {
        shared.lock().expect("no holder of this lock can panic")
    }

    pub(super) fn push(&mut self, segment: SealedSegment) {
        self.segments.push(segment);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// What to compact, if it pays and no compaction is under way: the oldest segments whose
    /// records are all at or before `archived`.
    pub(super) fn plan(
        &self,
        archived: Position,
        segment_bytes: u64,
    ) -> Option<Vec<SealedSegment>> {
        if self.is_compacting {
            return None;
        }
        let mut sources = self.segments.clone();
        sources.retain(|segment| segment.last <= archived);
        let (mut eligible_bytes, mut compacted_bytes) = (0, 0);
        for source in &sources {
            match source.file.compacted_through {
                Some(_) => compacted_bytes += source.bytes,
                None => eligible_bytes += source.bytes,
            }
        }
        is_worthwhile(eligible_bytes, compacted_bytes, segment_bytes).then_some(sources)
    }

    /// Puts a compacted segment in the place of those it stands for.
    pub(super) fn replace(&mut self, compacted: SealedSegment) {
        self.segments
            .retain(|segment| segment.last > compacted.last);
        self.segments.insert(0, compacted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn plain(first: Position, last: Position) -> SealedSegment {
        SealedSegment {
            file: SegmentFile::plain(Path::new(""), first),
            last,
            bytes: 100,
        }
    }

    fn sealed() -> Sealed {
        let mut sealed = Sealed::default();
        for first in (1..60).step_by(10) {
            sealed.push(plain(first, first + 9));
        }
        sealed
    }

    #[test]
    fn plans_only_what_is_archived_and_enough() {
        assert_eq!(sealed().plan(49, 100), None);
        assert_eq!(sealed().plan(50, 100).unwrap().len(), 5);
        assert_eq!(sealed().plan(u64::MAX, 100).unwrap().len(), 6);
    }

    #[test]
    fn plans_one_at_a_time() {
        let mut sealed = sealed();
        sealed.is_compacting = true;
        assert_eq!(sealed.plan(u64::MAX, 100), None);
    }

    #[test]
    fn a_compacted_segment_stands_for_its_sources() {
        let mut sealed = sealed();
        let compacted = SealedSegment {
            file: SegmentFile::compacted(Path::new(""), 1, 50),
            last: 50,
            bytes: 7,
        };
        sealed.replace(compacted.clone());
        assert_eq!(sealed.segments, [compacted, plain(51, 60)]);
        assert_eq!(sealed.bytes(), 107);
    }
}
