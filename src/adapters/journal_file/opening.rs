//! Opening and creating the files of a journal, and what a failure of that means.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::domain::lack::Lack;
use crate::ports::journal::JournalError;

pub fn open(path: &Path) -> io::Result<File> {
    may_open()?;
    File::open(path)
}

/// As `options` say.
pub fn open_with(options: &OpenOptions, path: &Path) -> io::Result<File> {
    may_open()?;
    options.open(path)
}

/// For errors that no shortage explains.
pub fn failed(path: &Path, cause: io::Error) -> JournalError {
    JournalError::Io {
        path: path.to_owned(),
        cause,
    }
}

/// For errors of operations that need space, or a file descriptor: a shortage of these passes.
pub fn full_or_failed(path: &Path, cause: io::Error) -> JournalError {
    match lack(&cause) {
        Some(lack) => JournalError::Full {
            path: path.to_owned(),
            lack,
        },
        None => failed(path, cause),
    }
}

/// What is short, if that is what `error` tells.
pub fn lack(error: &io::Error) -> Option<Lack> {
    match Errno::from_io_error(error)? {
        Errno::NOSPC | Errno::DQUOT => Some(Lack::Space),
        Errno::MFILE | Errno::NFILE => Some(Lack::Files),
        Errno::NOMEM | Errno::AGAIN => Some(Lack::Memory),
        Errno::FBIG => Some(Lack::FileSize),
        _ => None,
    }
}

#[cfg(not(test))]
fn may_open() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub use injected::{fail_opens, may_open};

#[cfg(test)]
mod injected {
    use super::{Errno, io};
    use std::cell::Cell;

    thread_local! {
        static FAILURE: Cell<Option<(usize, Errno)>> = const { Cell::new(None) };
    }

    /// From the open after the next `good` ones on, every open of this thread fails so; `None`:
    /// no more.
    pub fn fail_opens(failure: Option<(usize, Errno)>) {
        FAILURE.set(failure);
    }

    pub fn may_open() -> io::Result<()> {
        match FAILURE.get() {
            Some((0, errno)) => Err(errno.into()),
            Some((good, errno)) => {
                FAILURE.set(Some((good - 1, errno)));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortages_are_told_from_failures() {
        for (errno, expected) in [
            (Errno::NOSPC, Some(Lack::Space)),
            (Errno::DQUOT, Some(Lack::Space)),
            (Errno::MFILE, Some(Lack::Files)),
            (Errno::NFILE, Some(Lack::Files)),
            (Errno::NOMEM, Some(Lack::Memory)),
            (Errno::AGAIN, Some(Lack::Memory)),
            (Errno::FBIG, Some(Lack::FileSize)),
            (Errno::IO, None),
            (Errno::ACCESS, None),
            (Errno::NOTDIR, None),
        ] {
            let error = full_or_failed(Path::new("x"), errno.into());
            match expected {
                Some(expected) => {
                    assert!(matches!(error, JournalError::Full { lack, .. } if lack == expected));
                }
                None => assert!(matches!(error, JournalError::Io { .. })),
            }
        }
    }
}
