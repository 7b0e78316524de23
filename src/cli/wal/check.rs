//! `message-hub wal check`: whether the hub would start with a journal.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::io_error::named;
use crate::adapters::journal_file::directory::{SegmentFile, SegmentListing, look_again};
use crate::adapters::journal_file::replay::{check_follows, decode, read_newest, read_sealed};
use crate::domain::ids::Position;
use crate::logic::journal::frame::Frame;
use crate::ports::journal::{Cut, JournalError};

/// What [`check`] found, segment by segment, oldest first.
#[derive(Debug, Default)]
pub struct Report {
    pub segments: Vec<SegmentReport>,
}

#[derive(Debug)]
pub struct SegmentReport {
    pub path: PathBuf,
    pub records: u64,
    /// Position of the last good record; 0 if there is none.
    pub last: Position,
    pub state: SegmentState,
}

#[derive(Debug)]
pub enum SegmentState {
    Good,
    /// The newest segment ends in reserved space or a torn record, as it does while it is written.
    Unfinished(Cut),
    /// The hub would refuse to start.
    Damaged(JournalError),
}

impl Report {
    /// Whether the hub would start with this journal.
    pub fn is_good(&self) -> bool {
        let mut states = self.segments.iter().map(|segment| &segment.state);
        !states.any(|state| matches!(state, SegmentState::Damaged(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            let SegmentReport { records, last, .. } = segment;
            let path = segment.path.display();
            match &segment.state {
                SegmentState::Good => writeln!(f, "{path}: {records} records up to {last}: good")?,
                SegmentState::Unfinished(cut) => {
                    let (bytes, offset) = (cut.bytes, cut.offset);
                    let what = if cut.zeroes { "unused" } else { "unfinished" };
                    writeln!(
                        f,
                        "{path}: {records} records up to {last}: good, then {bytes} {what} bytes at {offset}"
                    )?;
                }
                SegmentState::Damaged(error) => writeln!(f, "damaged: {error}")?,
            }
        }
        let verdict = if self.is_good() { "good" } else { "damaged" };
        writeln!(f, "{} segments: {verdict}", self.segments.len())
    }
}

/// Reads the whole journal in `directory` as a start of the hub would.
///
/// # Errors
/// Only if the directory cannot be read; damage is part of the report.
pub fn check(directory: &Path) -> io::Result<Report> {
    look_again(|| try_check(directory)).map_err(|error| named(directory, &error))
}

fn try_check(directory: &Path) -> io::Result<Report> {
    let segments = SegmentListing::read_settled(directory)?.segments;
    let mut report = Report::default();
    let mut expected = Some(1);
    for (index, segment) in segments.iter().enumerate() {
        let is_newest = index + 1 == segments.len() && segment.compacted_through.is_none();
        let checked = check_segment(segment, is_newest, expected)?;
        // Behind damage nobody knows where the next segment should begin.
        let is_damaged = matches!(checked.state, SegmentState::Damaged(_));
        expected = (!is_damaged).then_some(checked.last + 1);
        report.segments.push(checked);
    }
    Ok(report)
}

fn check_segment(
    segment: &SegmentFile,
    is_newest: bool,
    expected: Option<Position>,
) -> io::Result<SegmentReport> {
    let mut records = 0;
    let mut last = segment.first.saturating_sub(1);
    let mut visit = |frame: &Frame| {
        last = decode(&segment.path, frame)?.position;
        records += 1;
        Ok(())
    };
    let found = match expected.map_or(Ok(()), |expected| check_follows(segment, expected)) {
        Err(error) => Err(error),
        Ok(()) if is_newest => read_newest(segment, &mut visit).map(|(_, cut)| cut),
        Ok(()) => read_sealed(segment, &mut visit).map(|_| None),
    };
    let state = match found {
        Ok(None) => SegmentState::Good,
        Ok(Some(cut)) => SegmentState::Unfinished(cut),
        // A compaction took it away meanwhile.
        Err(JournalError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(cause);
        }
        Err(error) => SegmentState::Damaged(error),
    };
    Ok(SegmentReport {
        path: segment.path.clone(),
        records,
        last,
        state,
    })
}
