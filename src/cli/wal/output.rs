//! Standard output, whose failures are told from those of the journal.

use std::io::{self, Write};

/// Says of each failure that it is one of standard output.
pub(super) struct Output<'a>(&'a mut dyn Write);

impl<'a> Output<'a> {
    pub(super) fn new(output: &'a mut dyn Write) -> Self {
        Self(output)
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

/// An interrupted write is repeated by whoever knows its kind.
fn named(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => error,
        kind => io::Error::new(kind, format!("standard output: {error}")),
    }
}
