//! `message-hub wal import`: makes a journal of what `wal export` wrote.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::engine::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::io_error::named;
use crate::adapters::journal_file::directory::{self, SegmentFile, SegmentListing, UNFINISHED};
use crate::adapters::journal_file::{FileJournal, JournalOptions};
use crate::domain::fact::Fact;
use crate::domain::ids::{HIGHEST, Position};
use crate::logic::journal::codec;
use crate::logic::journal::frame;
use crate::logic::journal::raw_body::RawBody;
use crate::logic::journal::records::Kind;
use crate::logic::journal::segment;
use crate::ports::journal::JournalError;

/// The first record of a journal.
const FIRST: Position = 1;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{0} is not empty; import into a new data_dir")]
    NotEmpty(String),
    #[error("line {line}: {problem}")]
    Line { line: u64, problem: String },
    #[error("there is no record in it")]
    Nothing,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A line of an export.
#[derive(Deserialize)]
struct Line<'a> {
    position: Position,
    kind: &'a str,
    #[serde(borrow)]
    fact: &'a RawValue,
    /// Of a payload that is bytes.
    #[serde(borrow, default)]
    body_base64: Option<Cow<'a, str>>,
}

/// Makes a journal of the lines of `input` in `data_dir`, which must be empty or not there, and
/// tells how many records it has. They keep their positions. If it fails, all is as it was.
///
/// # Errors
/// `ImportError` names the line or the file.
pub fn import(data_dir: &Path, input: &mut dyn BufRead) -> Result<u64, ImportError> {
    let entries = match fs::read_dir(data_dir) {
        Ok(entries) => Some(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(ImportError::Io(named(data_dir, &error))),
    };
    if entries.is_some_and(|mut entries| entries.next().is_some()) {
        return Err(ImportError::NotEmpty(data_dir.display().to_string()));
    }
    let missing = missing(data_dir);
    let imported = make(&data_dir.join("wal"), input);
    if imported.is_err() {
        for directory in missing {
            // Somebody else may have put something there meanwhile.
            fs::remove_dir(directory).ok();
        }
    }
    imported
}

/// The directories that are made with `data_dir`, the innermost first.
fn missing(data_dir: &Path) -> Vec<PathBuf> {
    let above = data_dir.ancestors();
    let missing = above.take_while(|path| !path.as_os_str().is_empty() && !path.exists());
    missing.map(Path::to_owned).collect()
}

fn make(directory: &Path, input: &mut dyn BufRead) -> Result<u64, ImportError> {
    // Nobody else begins here meanwhile; and the journal gets an identity of its own.
    let journal = FileJournal::open(directory, JournalOptions::default())?;
    if !SegmentListing::read(directory)?.segments.is_empty() {
        return Err(ImportError::NotEmpty(directory.display().to_string()));
    }
    let written = write(directory, input);
    if written.is_err() {
        drop(journal);
        // What is left says nothing, and the next import is to find it empty.
        fs::remove_dir_all(directory).ok();
    }
    written
}

fn write(directory: &Path, input: &mut dyn BufRead) -> Result<u64, ImportError> {
    let unfinished = directory.join(UNFINISHED);
    let (records, last) = write_segment(&unfinished, input)?;
    // Positions may be missing, as in what a compaction leaves.
    let segment = SegmentFile::compacted(directory, FIRST, last).path;
    fs::rename(&unfinished, segment)?;
    directory::sync(directory)?;
    Ok(records)
}

fn write_segment(path: &Path, input: &mut dyn BufRead) -> Result<(u64, Position), ImportError> {
    let in_file = |error: io::Error| ImportError::Io(named(path, &error));
    let file = File::create(path).map_err(in_file)?;
    let mut output = BufWriter::with_capacity(1 << 20, file);
    output.write_all(&segment::header(FIRST)).map_err(in_file)?;
    let (mut text, mut bytes) = (String::new(), Vec::new());
    let (mut line, mut records, mut last) = (0, 0, 0);
    loop {
        text.clear();
        line += 1;
        let read = match input.read_line(&mut text) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let problem = "is not UTF-8".to_owned();
                return Err(ImportError::Line { line, problem });
            }
            read => read.map_err(|error| ImportError::Io(named(Path::new("the lines"), &error)))?,
        };
        if read == 0 {
            break;
        }
        if text.trim().is_empty() {
            continue;
        }
        bytes.clear();
        last = encode(&text, last, &mut bytes)
            .map_err(|problem| ImportError::Line { line, problem })?;
        output.write_all(&bytes).map_err(in_file)?;
        records += 1;
    }
    if records == 0 {
        return Err(ImportError::Nothing);
    }
    output.flush().map_err(in_file)?;
    output.get_ref().sync_all().map_err(in_file)?;
    Ok((records, last))
}

/// Appends the record of `text`, which must come after position `last`, and gives its position.
fn encode(text: &str, last: Position, bytes: &mut Vec<u8>) -> Result<Position, String> {
    let line: Line<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if line.position <= last {
        return Err(format!("position {} comes after {last}", line.position));
    }
    if line.position > HIGHEST {
        return Err(format!(
            "position {} is more than any journal has",
            line.position
        ));
    }
    let kind = Kind::from_name(line.kind);
    let kind = kind.ok_or_else(|| format!("{:?} is no kind of this version", line.kind))?;
    let fact = decode(kind, &line)?;
    if !frame::fits(&fact) {
        return Err("is too large for a record".to_owned());
    }
    frame::encode(bytes, line.position, 0, &fact);
    Ok(line.position)
}

fn decode(kind: Kind, line: &Line<'_>) -> Result<Fact, String> {
    let (kind, head) = (kind as u8, line.fact.get().as_bytes());
    let fact = match &line.body_base64 {
        None => codec::decode(kind, codec::VERSION, head),
        Some(text) => {
            let bytes = STANDARD.decode(&**text);
            let bytes = bytes.map_err(|error| format!("body_base64 is no base64: {error}"))?;
            let body = RawBody::join(head, &bytes);
            codec::decode(kind, codec::RAW_VERSION, &body)
        }
    };
    fact.map_err(|error| error.to_string())
}
