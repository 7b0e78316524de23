//! Errors of files that say which file.

use std::io;
use std::path::Path;

/// The same error, saying what it is about.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
