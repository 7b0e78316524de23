//! The steps of the system's clock: a file beside the segments, which is there once the clock was
//! set.

use std::fs;
use std::io;
use std::path::Path;

use super::directory;
use super::opening::full_or_failed;
use crate::logic::journal::clock_steps::ClockSteps;
use crate::ports::journal::JournalError;

const NAME: &str = "clock";

/// What is known of the journal in `directory`. Without it a record is as old as its stamp says,
/// so what cannot be read keeps nobody from starting.
pub(super) fn read(directory: &Path) -> ClockSteps {
    let path = directory.join(NAME);
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "is damaged");
    let steps =
        fs::read_to_string(&path).and_then(|text| ClockSteps::parse(&text).ok_or_else(damaged));
    match steps {
        Ok(steps) => steps,
        Err(error) if error.kind() == io::ErrorKind::NotFound => ClockSteps::default(),
        Err(error) => {
            tracing::warn!(
                path = %path.display(),
                %error,
                "by how much the system's clock was set is not known: what was accepted before is \
                 taken to be as old as its stamp says"
            );
            ClockSteps::default()
        }
    }
}

/// Writes them, durably.
///
/// # Errors
/// [`JournalError::Io`] if the file cannot be written, [`JournalError::Full`] without space.
pub(super) fn write(directory: &Path, steps: &ClockSteps) -> Result<(), JournalError> {
    let written = directory::replace(directory, NAME, &steps.to_text());
    written.map_err(|cause| full_or_failed(&directory.join(NAME), cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;

    #[test]
    fn steps_are_kept_and_damage_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        assert!(read(directory).is_empty());
        fs::write(directory.join("clock.tmp"), "left by a cra").unwrap();
        let mut steps = ClockSteps::default();
        for position in [7, 9] {
            let (from, to) = (Timestamp::from_millis(1_000), Timestamp::from_millis(5_000));
            steps.add(position, from, to);
            write(directory, &steps).unwrap();
            assert_eq!(read(directory), steps);
        }
        for damaged in [&b""[..], b"\xff\xfe", b"00000000\n1 2 3\n"] {
            fs::write(directory.join(NAME), damaged).unwrap();
            assert!(read(directory).is_empty(), "{damaged:?}");
        }
    }
}
