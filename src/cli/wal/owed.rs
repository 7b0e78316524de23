//! What of a journal is still owed: open messages, events that a subscription has not got yet, and
//! what stands until it is changed.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::export::{Export, write_line, write_record};
use super::walk::{Findings, Walk};
use crate::adapters::journal_file::directory::SegmentFile;
use crate::adapters::journal_file::replay::decode;
use crate::domain::event::Sequence;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::Position;
use crate::logic::journal::compaction::{Fate, Survey};
use crate::logic::journal::frame::{self, Frame};
use crate::logic::journal::known_ids::DedupLimits;
use crate::logic::journal::lifting::{LeftBehind, Lifting};
use crate::logic::journal::records::Kind;

/// As [`super::export`], but only what a compaction of the whole journal would keep, and the events
/// from the first on that a subscription has not got yet, as far as the journal has these. What
/// damage hides may have settled a message, which then is owed still. Subscriptions begin behind
/// the events that they are done with, do not want, or are to get no more.
///
/// # Errors
/// As [`super::export`].
pub fn export_owed(
    directory: &Path,
    limits: DedupLimits,
    output: &mut dyn Write,
) -> io::Result<Export> {
    let mut owed = Owed {
        walk: Walk::open(directory)?,
        survey: Survey::new(limits),
        lifting: Lifting::default(),
        last: 0,
    };
    let findings = owed.note_all_but_events()?;
    owed.pass_events()?;
    let first_event = owed.lifting.first_event();
    owed.keep_events(first_event)?;
    let mut output = BufWriter::new(output);
    let (records, left_behind) = owed.write(first_event, &mut output)?;
    output.flush()?;
    Ok(Export {
        records,
        findings,
        left_behind,
    })
}

/// What is known of the records after each walk through them: first which subscriptions there are,
/// then which events these still have to get, then what stays.
struct Owed {
    walk: Walk,
    survey: Survey,
    lifting: Lifting,
    /// Of the last record that can be read.
    last: Position,
}

impl Owed {
    fn note_all_but_events(&mut self) -> io::Result<Findings> {
        self.walk.through(&mut |frame, segment| {
            let record = read(frame, segment)?;
            self.lifting.note(&record.fact);
            if !is_event(frame) {
                self.survey.note(record.position, &record.fact);
            }
            self.last = record.position;
            Ok(())
        })
    }

    fn pass_events(&mut self) -> io::Result<()> {
        self.walk.through(&mut |frame, segment| {
            if is_event(frame)
                && frame.position <= self.last
                && let Fact::Event(EventFact::EventPublished(event)) = read(frame, segment)?.fact
            {
                self.lifting.pass(&event);
            }
            Ok(())
        })?;
        Ok(())
    }

    fn keep_events(&mut self, first_event: Sequence) -> io::Result<()> {
        self.walk.through(&mut |frame, segment| {
            if is_event(frame) && frame.position <= self.last {
                let record = read(frame, segment)?;
                match &record.fact {
                    Fact::Event(EventFact::EventPublished(event))
                        if event.sequence >= first_event =>
                    {
                        self.survey.keep(record.position);
                    }
                    fact => self.survey.note(record.position, fact),
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Gives how many records it wrote, and what it did not find.
    fn write(
        self,
        first_event: Sequence,
        output: &mut dyn Write,
    ) -> io::Result<(u64, Vec<LeftBehind>)> {
        let mut selection = self.survey.finish(self.last);
        let mut records = 0;
        // The same again: what could not be read then cannot be read now.
        self.walk.through(&mut |frame, segment| {
            if frame.position > self.last {
                return Ok(());
            }
            match selection.fate(frame.position) {
                Fate::Drop => return Ok(()),
                Fate::Keep if Kind::from_number(frame.kind) == Some(Kind::Subscribed) => {
                    let fact = read(frame, segment)?.fact;
                    match self.lifting.lifted(&fact, first_event) {
                        Some(lifted) => write_fact(frame.position, &lifted, output)?,
                        None => write_line(frame, output)?,
                    }
                }
                Fate::Keep => write_line(frame, output)?,
                Fate::Replace(fact) => write_fact(frame.position, &fact, output)?,
            }
            records += 1;
            Ok(())
        })?;
        Ok((records, self.lifting.left_behind()))
    }
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
