//! Every readable record of a journal, and what of it cannot be read.

use std::fmt;
use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use super::io_error::named;
use crate::adapters::journal_file::directory::{SegmentFile, SegmentListing, look_again};
use crate::adapters::journal_file::replay::ending;
use crate::domain::ids::Position;
use crate::logic::journal::frame::{Flaw, Frame};
use crate::logic::journal::segment::{SegmentEnd, SegmentReader};
use crate::ports::journal::Cut;

/// Because of this the hub would not start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub segment: PathBuf,
    pub what: What,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Bytes that hold no readable record.
    Skipped {
        offset: u64,
        bytes: u64,
        cause: String,
    },
    /// Records that should stand before the segment, and are nowhere.
    Missing { first: Position, last: Position },
    /// Records that should stand at the end of the segment.
    Short { first: Position, last: Position },
    /// The segment begins with records that are in the one before it.
    Twice { expected: Position },
    /// From here on the file system gives nothing.
    Unreadable { offset: u64, cause: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segment = self.segment.display();
        match &self.what {
            What::Skipped {
                offset,
                bytes,
                cause,
            } => write!(f, "{segment}: skipped {bytes} bytes at {offset}: {cause}"),
            What::Missing { first, last } => {
                write!(
                    f,
                    "{segment}: records {first} to {last} before it are missing"
                )
            }
            What::Short { first, last } => {
                write!(
                    f,
                    "{segment}: records {first} to {last} at its end are missing"
                )
            }
            What::Twice { expected } => {
                write!(
                    f,
                    "{segment}: begins with records before {expected}, which came already"
                )
            }
            What::Unreadable { offset, cause } => {
                write!(f, "{segment}: cannot be read from {offset} on: {cause}")
            }
        }
    }
}

/// What a walk met beside records.
#[derive(Debug, Default)]
pub struct Findings {
    pub faults: Vec<Fault>,
    /// What the next start cuts off, as nobody was promised it: it is not shown.
    pub cut: Option<Cut>,
}

/// The segments of a journal, all open: an open file stays readable when a compaction removes it.
pub(super) struct Walk(Vec<(SegmentFile, io::Result<File>)>);

/// What is done with each record; its first error ends the walk.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&Frame, &SegmentFile) -> io::Result<()>;

impl Walk {
    /// # Errors
    /// If the directory cannot be read.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let opened = look_again(|| {
            let mut files = Vec::new();
            for segment in SegmentListing::read_settled(directory)?.segments {
                let file = File::open(&segment.path);
                match file {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
                    file => files.push((segment, file)),
                }
            }
            Ok(files)
        });
        opened.map(Self).map_err(|error| named(directory, &error))
    }

    /// Shows every readable record, in order.
    ///
    /// # Errors
    /// Those of `visit`; what cannot be read is among the findings.
    pub(super) fn through(&self, visit: Visit) -> io::Result<Findings> {
        let mut findings = Findings::default();
        let mut expected = 1;
        for (index, (segment, file)) in self.0.iter().enumerate() {
            findings.faults.extend(misplaced(segment, expected));
            let is_newest = index + 1 == self.0.len() && segment.compacted_through.is_none();
            let mut stretch = Stretch {
                segment,
                is_newest,
                next: segment.first,
                offset: 0,
            };
            let read = match file {
                Ok(file) => stretch.read(file, &mut findings, visit),
                Err(error) => Err(Failure::Input(again(error))),
            };
            match read {
                Ok(()) => {}
                Err(Failure::Visit(error)) => return Err(error),
                Err(Failure::Input(error)) => {
                    findings.faults.push(stretch.fault(What::Unreadable {
                        offset: stretch.offset,
                        cause: error.to_string(),
                    }));
                }
            }
            expected = match segment.compacted_through {
                Some(last) => {
                    let (first, next) = (stretch.next, last.saturating_add(1));
                    let is_short = first < next;
                    let short = is_short.then(|| stretch.fault(What::Short { first, last }));
                    findings.faults.extend(short);
                    next
                }
                None => stretch.next,
            };
        }
        Ok(findings)
    }
}

fn misplaced(segment: &SegmentFile, expected: Position) -> Option<Fault> {
    let what = match segment.first {
        first if first > expected => What::Missing {
            first: expected,
            last: first - 1,
        },
        first if first < expected => What::Twice { expected },
        _ => return None,
    };
    Some(Fault {
        segment: segment.path.clone(),
        what,
    })
}

fn again(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// Why a segment was not read to its end.
enum Failure {
    Input(io::Error),
    Visit(io::Error),
}

/// A segment while it is read.
struct Stretch<'a> {
    segment: &'a SegmentFile,
    is_newest: bool,
    /// One above the position of the last record shown.
    next: Position,
    /// Where that ends, in bytes from the start of the segment.
    offset: u64,
}

impl Stretch<'_> {
    fn fault(&self, what: What) -> Fault {
        Fault {
            segment: self.segment.path.clone(),
            what,
        }
    }

    fn read(
        &mut self,
        mut file: &File,
        findings: &mut Findings,
        visit: Visit,
    ) -> Result<(), Failure> {
        if self.is_newest {
            findings.cut = self.cut(file).map_err(Failure::Input)?;
        }
        let end = findings.cut.as_ref().map_or(u64::MAX, |cut| cut.offset);
        file.rewind().map_err(Failure::Input)?;
        let mut reader = SegmentReader::new(file, self.segment.first, self.segment.order());
        loop {
            while let Some(frame) = reader.next_frame().map_err(Failure::Input)? {
                if frame.offset >= end {
                    return Ok(());
                }
                visit(&frame, self.segment).map_err(Failure::Visit)?;
                (self.next, self.offset) = (reader.next_position(), reader.offset());
            }
            if reader.offset() >= end || end == 0 {
                return Ok(());
            }
            let before = reader.offset();
            let gap = reader.skip_damage().map_err(Failure::Input)?;
            let (offset, bytes, flaw) = match gap {
                Some(gap) => (gap.offset, gap.bytes, gap.flaw),
                None if reader.offset() > before && !self.is_newest => {
                    (before, reader.offset() - before, Flaw::Zeroes)
                }
                None => return Ok(()),
            };
            let cause = flaw.to_string();
            findings.faults.push(self.fault(What::Skipped {
                offset,
                bytes,
                cause,
            }));
            if gap.is_none() {
                return Ok(());
            }
        }
    }

    /// What the next start would cut off the newest segment.
    fn cut(&self, mut file: &File) -> io::Result<Option<Cut>> {
        file.rewind()?;
        Ok(match ending(file, self.segment)? {
            SegmentEnd::Unfinished {
                offset,
                bytes,
                zeroes,
                ..
            } => Some(Cut {
                segment: self.segment.path.clone(),
                offset,
                bytes,
                zeroes,
            }),
            SegmentEnd::Clean | SegmentEnd::Damaged { .. } => None,
        })
    }
}
