//! Old segments rewritten into one that holds what is still owed.
//!
//! The new file is written under another name, synced and renamed; only then the old ones go.
//! A crash leaves either all old files (and an unfinished one) or the new one (and replaced ones).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::directory::{self, SegmentFile, UNFINISHED};
use super::opening::{self, failed, full_or_failed};
use super::replay::{decode, read_sealed};
use super::sealed::{Sealed, SealedSegment};
use crate::domain::ids::Position;
use crate::logic::journal::compaction::{Fate, Selection, Survey};
use crate::logic::journal::frame;
use crate::logic::journal::known_ids::DedupLimits;
use crate::logic::journal::segment;
use crate::ports::journal::{Compaction, CompactionReport, JournalError};

/// Synced each time so many bytes are written, so that no sync of the journal waits for long.
const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// A compaction of `sources`, which are adjacent. While it exists no other is planned.
pub(super) struct FileCompaction {
    pub directory: PathBuf,
    pub sources: Vec<SealedSegment>,
    pub limits: DedupLimits,
    pub sealed: Arc<Mutex<Sealed>>,
}

impl Compaction for FileCompaction {
    fn run(self: Box<Self>) -> Result<CompactionReport, JournalError> {
        let selection = self.survey()?;
        let unfinished = self.directory.join(UNFINISHED);
        let written = self.write(selection, &unfinished);
        if written.is_err() {
            // What cannot be removed now is removed at the next start.
            fs::remove_file(&unfinished).ok();
        }
        let mut report = written?;
        let compacted = self.publish(&unfinished, report.bytes_after)?;
        Sealed::lock(&self.sealed).replace(compacted);
        report.segments_removed = self.remove_sources()?;
        Ok(report)
    }
}

impl Drop for FileCompaction {
    fn drop(&mut self) {
        Sealed::lock(&self.sealed).is_compacting = false;
    }
}

impl FileCompaction {
    fn first(&self) -> Position {
        self.sources.first().map_or(0, |source| source.file.first)
    }

    fn last(&self) -> Position {
        self.sources.last().map_or(0, |source| source.last)
    }

    fn survey(&self) -> Result<Selection, JournalError> {
        let mut survey = Survey::new(self.limits);
        for source in &self.sources {
            read_sealed(&source.file, &mut |frame| {
                let record = decode(&source.file.path, frame)?;
                survey.note(record.position, &record.fact);
                Ok(())
            })?;
        }
        Ok(survey.finish(self.last()))
    }

    fn write(
        &self,
        mut selection: Selection,
        path: &Path,
    ) -> Result<CompactionReport, JournalError> {
        let no_space = |cause| full_or_failed(path, cause);
        let options = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .clone();
        let file = opening::open_with(&options, path).map_err(no_space)?;
        let mut output = SyncedWriter::new(file);
        let mut report = CompactionReport::default();
        let mut replacement = Vec::new();
        output
            .write(&segment::header(self.first()))
            .map_err(no_space)?;
        for source in &self.sources {
            report.bytes_before += source.bytes;
            read_sealed(&source.file, &mut |frame| {
                let bytes = match selection.fate(frame.position) {
                    Fate::Keep => frame.bytes,
                    Fate::Replace(fact) => {
                        replacement.clear();
                        frame::encode(&mut replacement, frame.position, 0, &fact);
                        &replacement
                    }
                    Fate::Drop => {
                        report.records_dropped += 1;
                        return Ok(());
                    }
                };
                report.records_kept += 1;
                output.write(bytes).map_err(no_space)
            })?;
        }
        report.bytes_after = output.finish().map_err(no_space)?;
        Ok(report)
    }

    fn publish(&self, unfinished: &Path, bytes: u64) -> Result<SealedSegment, JournalError> {
        let last = self.last();
        let file = SegmentFile::compacted(&self.directory, self.first(), last);
        fs::rename(unfinished, &file.path)
            .and_then(|()| directory::sync(&self.directory))
            .map_err(|cause| full_or_failed(&file.path, cause))?;
        Ok(SealedSegment { file, last, bytes })
    }

    fn remove_sources(&self) -> Result<usize, JournalError> {
        for source in &self.sources {
            let path = &source.file.path;
            fs::remove_file(path).map_err(|cause| failed(path, cause))?;
        }
        directory::sync(&self.directory).map_err(|cause| failed(&self.directory, cause))?;
        Ok(self.sources.len())
    }
}

/// Buffers, counts and syncs now and then what it writes.
struct SyncedWriter {
    output: BufWriter<File>,
    bytes: u64,
    unsynced: u64,
}

impl SyncedWriter {
    fn new(file: File) -> Self {
        Self {
            output: BufWriter::with_capacity(1024 * 1024, file),
            bytes: 0,
            unsynced: 0,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= SYNC_BYTES {
            self.unsynced = 0;
            self.output.get_ref().sync_data()?;
        }
        Ok(())
    }

    /// Makes it all durable and tells how many bytes it was.
    fn finish(mut self) -> io::Result<u64> {
        self.output.flush()?;
        self.output.get_ref().sync_all()?;
        Ok(self.bytes)
    }
}
