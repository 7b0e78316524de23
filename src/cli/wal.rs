//! `message-hub wal check|export|import|repair`. The first two look at a journal without changing it
//! or locking it, so also beside a running hub and on a damaged journal.

mod import;
mod owed;
mod repair;

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{ConfigFile, Exit};
use crate::adapters::journal_file::directory::{Listing, SegmentFile, look_again};
use crate::adapters::journal_file::replay::{check_follows, decode, read_newest, read_sealed};
use crate::adapters::private_files;
use crate::config::Config;
use crate::domain::ids::Position;
use crate::logic::wal::codec::Kind;
use crate::logic::wal::frame::Frame;
use crate::logic::wal::known_ids::DedupLimits;
use crate::logic::wal::segment::SegmentReader;
use crate::ports::journal::{Cut, JournalError};
use import::ImportError;

pub use import::import;
pub use owed::export_owed;
pub use repair::{Repair, RepairError, repair};

#[derive(Args, Clone, PartialEq, Debug)]
pub struct WalArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, PartialEq, Debug)]
enum Action {
    /// Read the whole journal as a start of the hub would, and say what is in it.
    Check(ConfigFile),
    /// Write every readable record to standard output as a line of JSON.
    Export(ExportArguments),
    /// Make the journal of a new, empty data_dir of lines that `export` wrote.
    Import(ImportArguments),
    /// Set damaged records aside, so that the hub starts again. No hub may be running on it.
    ///
    /// They are copied into {data_dir}/wal-damaged and named: record, kind and message. Nothing is
    /// done, and the exit is 74, if one of them may still be owed: anything but a message of which a
    /// later record says that it was delivered, died, expired or was cancelled.
    Repair(RepairArguments),
}

#[derive(Args, Clone, PartialEq, Debug)]
struct ExportArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Only what is still owed: messages that are not settled, and what stands until it is changed,
    /// such as services, quotas and subscriptions. No events.
    #[arg(long)]
    owed: bool,
}

#[derive(Args, Clone, PartialEq, Debug)]
struct ImportArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// What `export` wrote; - is standard input.
    lines: PathBuf,
}

#[derive(Args, Clone, PartialEq, Debug)]
struct RepairArguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Also set aside what may still be owed: it is lost.
    #[arg(long)]
    accept_loss: bool,
}

impl Action {
    fn file(&self) -> &ConfigFile {
        match self {
            Self::Check(file) => file,
            Self::Export(arguments) => &arguments.file,
            Self::Import(arguments) => &arguments.file,
            Self::Repair(arguments) => &arguments.file,
        }
    }
}

/// Does what was asked with the journal of the configured `data_dir`. Ends with 74 if there is
/// damage, told on `log`.
///
/// # Errors
/// If the journal cannot be read or `out` cannot be written.
pub fn run(arguments: &WalArguments, out: &mut dyn Write, log: &mut dyn Write) -> io::Result<Exit> {
    let config = match arguments.action.file().load() {
        Ok(loaded) => loaded.config,
        Err(error) => {
            writeln!(log, "{error}")?;
            return Ok(Exit::Usage);
        }
    };
    if let Action::Import(arguments) = &arguments.action {
        return import_lines(&config.data_dir, &arguments.lines, out, log);
    }
    let directory = config.data_dir.join("wal");
    if !directory.is_dir() {
        writeln!(
            log,
            "{}: no journal here; check data_dir",
            directory.display()
        )?;
        return Ok(Exit::Storage);
    }
    let is_good = match &arguments.action {
        Action::Check(_) => {
            let report = check(&directory).map_err(|error| name(&directory, &error))?;
            write!(out, "{report}")?;
            report.is_good()
        }
        Action::Export(arguments) => {
            let exported = match arguments.owed {
                true => export_owed(&directory, dedup_limits(&config), out),
                false => export(&directory, out),
            };
            let export = exported.map_err(|error| name(&directory, &error))?;
            for skipped in &export.skipped {
                writeln!(log, "{skipped}")?;
            }
            writeln!(log, "{} records", export.records)?;
            export.skipped.is_empty()
        }
        Action::Repair(arguments) => {
            return repair_journal(&config.data_dir, arguments.accept_loss, out, log);
        }
        Action::Import(_) => unreachable!("done above"),
    };
    Ok(if is_good { Exit::Clean } else { Exit::Storage })
}

fn dedup_limits(config: &Config) -> DedupLimits {
    DedupLimits {
        capacity: config.dedup_capacity,
        age: config.dedup_window,
    }
}

fn import_lines(
    data_dir: &Path,
    lines: &Path,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> io::Result<Exit> {
    private_files::umask();
    let imported = if lines == Path::new("-") {
        import(data_dir, &mut io::stdin().lock())
    } else {
        let file = File::open(lines).map_err(|error| name(lines, &error))?;
        import(data_dir, &mut BufReader::new(file))
    };
    match imported {
        Ok(records) => {
            writeln!(out, "{records} records in {}", data_dir.display())?;
            Ok(Exit::Clean)
        }
        Err(error) => {
            writeln!(log, "nothing was imported: {error}")?;
            Ok(match error {
                ImportError::Io(_) | ImportError::Journal(_) => Exit::Storage,
                _ => Exit::Usage,
            })
        }
    }
}

fn repair_journal(
    data_dir: &Path,
    accept_loss: bool,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> io::Result<Exit> {
    private_files::umask();
    let repair = match repair(data_dir, accept_loss) {
        Ok(repair) => repair,
        Err(error) => {
            writeln!(log, "{error}")?;
            return Ok(Exit::Storage);
        }
    };
    for damage in &repair.damages {
        writeln!(out, "{damage}")?;
    }
    if repair.aside.len() < repair.damages.len() {
        writeln!(
            log,
            "nothing was changed: what is damaged may still be owed; --accept-loss sets it aside all the same"
        )?;
        return Ok(Exit::Storage);
    }
    for aside in &repair.aside {
        writeln!(out, "set aside in {}", aside.display())?;
    }
    let report = check(&data_dir.join("wal"))?;
    if !report.is_good() {
        write!(log, "{report}")?;
        return Ok(Exit::Storage);
    }
    writeln!(out, "the journal is good")?;
    Ok(Exit::Clean)
}

fn name(directory: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
}

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
/// Only if a file cannot be read at all; damage is part of the report.
pub fn check(directory: &Path) -> io::Result<Report> {
    look_again(|| try_check(directory))
}

fn try_check(directory: &Path) -> io::Result<Report> {
    let segments = Listing::read(directory)?.segments;
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
        Err(JournalError::Io { cause, .. }) => return Err(cause),
        Err(error) => SegmentState::Damaged(error),
    };
    Ok(SegmentReport {
        path: segment.path.clone(),
        records,
        last,
        state,
    })
}

/// What [`export`] wrote and what it could not read.
#[derive(Debug, Default)]
pub struct Export {
    pub records: u64,
    pub skipped: Vec<Skipped>,
}

/// Bytes of a segment that hold no readable record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    pub segment: PathBuf,
    pub offset: u64,
    pub bytes: u64,
    pub cause: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            bytes,
            cause,
            ..
        } = self;
        let segment = self.segment.display();
        write!(f, "{segment}: skipped {bytes} bytes at {offset}: {cause}")
    }
}

/// Writes every readable record of the journal in `directory` as a line of JSON:
/// `{"position":1,"kind":"accepted","fact":{…}}`.
///
/// # Errors
/// If a file cannot be read at all or `output` cannot be written; damage is passed over and told.
pub fn export(directory: &Path, output: &mut dyn Write) -> io::Result<Export> {
    let mut output = BufWriter::new(output);
    let mut export = Export::default();
    for (segment, file) in open_all(directory)? {
        let mut write = |frame: &Frame, _: &SegmentFile| {
            export.records += 1;
            write_line(frame, &mut output)
        };
        add_records(&mut export.skipped, &segment, file, &mut write)?;
    }
    output.flush()?;
    Ok(export)
}

/// Shows every readable record of a segment, and notes what is not.
fn add_records(
    skipped: &mut Vec<Skipped>,
    segment: &SegmentFile,
    file: File,
    visit: &mut dyn FnMut(&Frame, &SegmentFile) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader = SegmentReader::new(file, segment.first, segment.order());
    loop {
        while let Some(frame) = reader.next_frame()? {
            visit(&frame, segment)?;
        }
        let Some(gap) = reader.skip_damage()? else {
            return Ok(());
        };
        skipped.push(Skipped {
            segment: segment.path.clone(),
            offset: gap.offset,
            bytes: gap.bytes,
            cause: gap.flaw.to_string(),
        });
    }
}

/// Opens everything first: an open file stays readable when a compaction removes it.
fn open_all(directory: &Path) -> io::Result<Vec<(SegmentFile, File)>> {
    look_again(|| {
        let mut files = Vec::new();
        for segment in Listing::read(directory)?.segments {
            let file = File::open(&segment.path)?;
            files.push((segment, file));
        }
        Ok(files)
    })
}

fn write_line(frame: &Frame, output: &mut dyn Write) -> io::Result<()> {
    match Kind::from_number(frame.kind) {
        Some(kind) => write_record(frame.position, kind.name(), frame.body, output),
        None => {
            let kind = format!("kind {}", frame.kind);
            write_record(frame.position, &kind, frame.body, output)
        }
    }
}

fn write_record(
    position: Position,
    kind: &str,
    body: &[u8],
    output: &mut dyn Write,
) -> io::Result<()> {
    write!(output, r#"{{"position":{position},"kind":"{kind}","fact":"#)?;
    // A payload is kept as it was sent, with its line ends; in JSON these are mere space.
    for line in body.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        match line {
            [text @ .., b'\n' | b'\r'] => {
                output.write_all(text)?;
                output.write_all(b" ")?;
            }
            _ => output.write_all(line)?,
        }
    }
    output.write_all(b"}\n")
}
