//! What of a journal is still owed: open messages, and what stands until it is changed.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{Export, add_records, open_all, write_line, write_record};
use crate::adapters::journal_file::directory::SegmentFile;
use crate::adapters::journal_file::replay::decode;
use crate::domain::fact::Fact;
use crate::domain::ids::Position;
use crate::logic::wal::codec::Kind;
use crate::logic::wal::compaction::{Fate, Survey};
use crate::logic::wal::frame::{self, Frame};
use crate::logic::wal::known_ids::DedupLimits;

/// As [`super::export`], but only what a compaction of the whole journal would keep. What damage
/// hides may have settled a message, which then is owed still.
///
/// # Errors
/// As [`super::export`].
pub fn export_owed(
    directory: &Path,
    limits: DedupLimits,
    output: &mut dyn Write,
) -> io::Result<Export> {
    let mut survey = Survey::new(limits);
    let mut last = 0;
    let mut export = Export::default();
    for (segment, file) in open_all(directory)? {
        let mut note = |frame: &Frame, segment: &SegmentFile| {
            let record = decode(&segment.path, frame).map_err(io::Error::other)?;
            survey.note(record.position, &record.fact);
            last = record.position;
            Ok(())
        };
        add_records(&mut export.skipped, &segment, file, &mut note)?;
    }
    let mut selection = survey.finish(last);
    let mut output = BufWriter::new(output);
    // The same again: what was skipped then is skipped now.
    let mut again = Vec::new();
    for (segment, file) in open_all(directory)? {
        let mut write = |frame: &Frame, _: &SegmentFile| {
            if frame.position > last {
                return Ok(());
            }
            match selection.fate(frame.position) {
                Fate::Drop => return Ok(()),
                Fate::Keep => write_line(frame, &mut output)?,
                Fate::Replace(fact) => write_fact(frame.position, &fact, &mut output)?,
            }
            export.records += 1;
            Ok(())
        };
        add_records(&mut again, &segment, file, &mut write)?;
    }
    output.flush()?;
    Ok(export)
}

fn write_fact(position: Position, fact: &Fact, output: &mut dyn Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    frame::encode(&mut bytes, position, 0, fact);
    let kind = Kind::of(fact);
    write_record(position, kind.name(), &bytes[frame::HEAD_BYTES..], output)
}
