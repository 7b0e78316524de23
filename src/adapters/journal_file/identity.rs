//! Whose journal it is, and in which epochs it was written: a file beside the segments.
//!
//! ```text
//! 6b1f0c52-7d0e-4a53-9d0c-6a0f5d3c8a11     the hub, which never changes
//! 4611686018427387904                      a number for each start, the newest last
//! ```
//!
//! Facts could say it too, but whoever opens the archive has to know it before the journal is
//! replayed, and no compaction should have to take care of it. An epoch is noted before the archive
//! hears of it: otherwise a crash in between would leave an archive that its own hub does not know.

use std::fs;
use std::io;
use std::path::Path;

use rand::RngExt;
use uuid::Uuid;

use super::directory;
use super::opening::{failed, full_or_failed};
use crate::domain::ids::HubId;
use crate::logic::writer::{Author, Epoch};
use crate::ports::journal::JournalError;

const NAME: &str = "identity";
/// So many epochs are remembered, of those before the oldest are forgotten.
const MOST_EPOCHS: usize = 1000;

/// The hub whose journal is in `directory`, in a new epoch; a new hub, durably, if the journal is
/// nobody's.
///
/// # Errors
/// [`JournalError::Io`] if the file cannot be read or made, or holds no identity;
/// [`JournalError::Full`] without space.
pub(super) fn read_or_make(directory: &Path) -> Result<Author, JournalError> {
    let path = directory.join(NAME);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).map_err(|cause| failed(&path, cause)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let hub = HubId(Uuid::new_v4());
            write(directory, hub, &[]).map_err(|cause| full_or_failed(&path, cause))?;
            Ok(born(hub, Vec::new()))
        }
        Err(cause) => Err(failed(&path, cause)),
    }
}

/// Adds the present epoch to those before, durably.
///
/// # Errors
/// [`JournalError::Io`] if the file cannot be written, [`JournalError::Full`] without space.
pub(super) fn note(directory: &Path, author: &Author) -> Result<(), JournalError> {
    let mut epochs = author.earlier.to_vec();
    epochs.push(author.epoch);
    let newest = &epochs[epochs.len().saturating_sub(MOST_EPOCHS)..];
    let written = write(directory, author.hub, newest);
    written.map_err(|cause| full_or_failed(&directory.join(NAME), cause))
}

fn born(hub: HubId, earlier: Vec<Epoch>) -> Author {
    Author {
        hub,
        epoch: rand::rng().random_range(0..=Epoch::MAX),
        earlier: earlier.into(),
    }
}

fn parse(text: &str) -> io::Result<Author> {
    let problem = "is not the identity of a journal; restore this file, or delete it and let the \
        hub take its archive over (docs/guides/postgresql.md)";
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, problem);
    let mut lines = text.lines();
    let hub = lines.next().and_then(|line| Uuid::parse_str(line).ok());
    let mut earlier = Vec::new();
    for line in lines {
        let epoch: Epoch = line.parse().map_err(|_| invalid())?;
        earlier.push(epoch);
    }
    Ok(born(HubId(hub.ok_or_else(invalid)?), earlier))
}

fn write(directory: &Path, hub: HubId, epochs: &[Epoch]) -> io::Result<()> {
    let mut text = format!("{hub}\n");
    for epoch in epochs {
        text.push_str(&format!("{epoch}\n"));
    }
    directory::replace(directory, NAME, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_keeps_its_identity() {
        let directory = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("identity.tmp"), "left by a cra").unwrap();
        let made = read_or_make(directory.path()).unwrap();
        assert_eq!(read_or_make(directory.path()).unwrap().hub, made.hub);
        assert_ne!(read_or_make(other.path()).unwrap().hub, made.hub);
    }

    #[test]
    fn the_newest_epochs_that_were_noted_are_known_and_each_is_another() {
        let directory = tempfile::tempdir().unwrap();
        let unnoted = read_or_make(directory.path()).unwrap();
        let mut epochs = Vec::new();
        for _ in 0..3 {
            let author = read_or_make(directory.path()).unwrap();
            assert_eq!(author.earlier.to_vec(), epochs);
            note(directory.path(), &author).unwrap();
            assert!(author.epoch >= 0 && !epochs.contains(&author.epoch));
            epochs.push(author.epoch);
        }
        assert!(!epochs.contains(&unnoted.epoch));
        let many = Author {
            earlier: (0..2000).collect(),
            ..unnoted
        };
        note(directory.path(), &many).unwrap();
        let known = read_or_make(directory.path()).unwrap().earlier;
        assert_eq!((known.len(), known[0]), (MOST_EPOCHS, 1001));
        assert_eq!(known.last(), Some(&many.epoch));
    }

    #[test]
    fn what_is_no_identity_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let hub = "00000000-0000-4000-8000-000000000000";
        for text in [
            String::new(),
            "somebody".to_owned(),
            hub[1..].to_owned(),
            format!("{hub}\n1\ntwo\n"),
            format!("{hub}\n\n1\n"),
        ] {
            fs::write(directory.path().join(NAME), text).unwrap();
            let error = read_or_make(directory.path()).unwrap_err().to_string();
            assert!(error.contains("identity: is not the identity"), "{error}");
        }
    }
}
