//! Whose journal it is: a file beside the segments, made with the journal and never changed.
//!
//! A fact could say it too, but whoever opens the archive has to know it before the journal is
//! replayed, and no compaction should have to take care of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use uuid::Uuid;

use super::active::{failed, full_or_failed};
use super::directory;
use crate::domain::ids::HubId;
use crate::ports::journal::JournalError;

const NAME: &str = "identity";
/// What is written to until it is complete.
const UNFINISHED: &str = "identity.tmp";

/// The identity of the journal in `directory`; a new one, durably, if it has none.
///
/// # Errors
/// [`JournalError::Io`] if the file cannot be read or made, or holds no identity;
/// [`JournalError::Full`] without space.
pub fn read_or_make(directory: &Path) -> Result<HubId, JournalError> {
    let path = directory.join(NAME);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).map_err(|cause| failed(&path, cause)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let new = HubId(Uuid::new_v4());
            make(directory, new).map_err(|cause| full_or_failed(&path, cause))?;
            Ok(new)
        }
        Err(cause) => Err(failed(&path, cause)),
    }
}

fn parse(text: &str) -> io::Result<HubId> {
    let problem = "is not the identity of a journal; restore this file, or delete it and let the \
        hub take its archive over (see PostgreSQL in the README)";
    let parsed = Uuid::parse_str(text.trim_end());
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, problem);
    parsed.map(HubId).map_err(invalid)
}

fn make(directory: &Path, identity: HubId) -> io::Result<()> {
    let unfinished = directory.join(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{identity}")?;
    file.sync_all()?;
    fs::rename(&unfinished, directory.join(NAME))?;
    directory::sync(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_keeps_its_identity() {
        let directory = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(UNFINISHED), "left by a cra").unwrap();
        let made = read_or_make(directory.path()).unwrap();
        assert_eq!(read_or_make(directory.path()).unwrap(), made);
        assert_ne!(read_or_make(other.path()).unwrap(), made);
    }

    #[test]
    fn what_is_no_identity_is_named() {
        let directory = tempfile::tempdir().unwrap();
        for text in ["", "somebody", "00000000-0000-4000-8000-00000000000"] {
            fs::write(directory.path().join(NAME), text).unwrap();
            let error = read_or_make(directory.path()).unwrap_err().to_string();
            assert!(error.contains("identity: is not the identity"), "{error}");
        }
    }
}
