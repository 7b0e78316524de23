//! What of a journal is still owed: open messages, events that a subscription has not got yet, and
//! what stands until it is changed.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::export::{Export, write_line, write_record};
use super::walk::Walk;
use crate::adapters::journal_file::directory::SegmentFile;
use crate::adapters::journal_file::replay::decode;
use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::Position;
use crate::logic::wal::codec::Kind;
use crate::logic::wal::compaction::{Fate, Survey};
use crate::logic::wal::frame::{self, Frame};
use crate::logic::wal::known_ids::DedupLimits;
use crate::logic::wal::lifting::Lifting;

/// As [`super::export`], but only what a compaction of the whole journal would keep, and the events
/// from the first on that a subscription has not got yet, as far as the journal has these. What damage
/// hides may have settled a message, which then is owed still. Subscriptions begin behind the events
/// that they are done with, do not want, or are to get no more.
///
/// # Errors
/// As [`super::export`].
pub fn export_owed(
    directory: &Path,
    limits: DedupLimits,
    output: &mut dyn Write,
) -> io::Result<Export> {
    let mut survey = Survey::new(limits);
    let (mut lifting, mut last) = (Lifting::default(), 0);
    let walk = Walk::open(directory)?;
    let findings = walk.through(&mut |frame, segment| {
        let record = read(frame, segment)?;
        lifting.note(&record.fact);
        if !is_event(frame) {
            survey.note(record.position, &record.fact);
        }
        last = record.position;
        Ok(())
    })?;
    walk.through(&mut |frame, segment| {
        if is_event(frame)
            && frame.position <= last
            && let Fact::EventPublished(event) = read(frame, segment)?.fact
        {
            lifting.pass(&event);
        }
        Ok(())
    })?;
    let first_event = lifting.first_event();
    walk.through(&mut |frame, segment| {
        if is_event(frame) && frame.position <= last {
            let record = read(frame, segment)?;
            match &record.fact {
                Fact::EventPublished(event) if event.sequence >= first_event => {
                    survey.keep(record.position);
                }
                fact => survey.note(record.position, fact),
            }
        }
        Ok(())
    })?;
    let mut selection = survey.finish(last);
    let mut output = BufWriter::new(output);
    let mut records = 0;
    // The same again: what could not be read then cannot be read now.
    walk.through(&mut |frame, segment| {
        if frame.position > last {
            return Ok(());
        }
        match selection.fate(frame.position) {
            Fate::Drop => return Ok(()),
            Fate::Keep if Kind::from_number(frame.kind) == Some(Kind::Subscribed) => {
                let fact = read(frame, segment)?.fact;
                match lifting.lifted(&fact, first_event) {
                    Some(lifted) => write_fact(frame.position, &lifted, &mut output)?,
                    None => write_line(frame, &mut output)?,
                }
            }
            Fate::Keep => write_line(frame, &mut output)?,
            Fate::Replace(fact) => write_fact(frame.position, &fact, &mut output)?,
        }
        records += 1;
        Ok(())
    })?;
    output.flush()?;
    Ok(Export {
        records,
        findings,
        left_behind: lifting.left_behind(),
    })
}

fn is_event(frame: &Frame) -> bool {
    Kind::from_number(frame.kind) == Some(Kind::EventPublished)
}

fn read(frame: &Frame, segment: &SegmentFile) -> io::Result<Recorded> {
    decode(&segment.path, frame).map_err(io::Error::other)
}

fn write_fact(position: Position, fact: &Fact, output: &mut dyn Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    frame::encode(&mut bytes, position, 0, fact);
    let kind = Kind::of(fact);
    write_record(position, kind.name(), &bytes[frame::HEAD_BYTES..], output)
}
