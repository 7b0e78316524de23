//! How the process ends.

use std::process::{ExitCode, Termination};

/// What the caller of the process is told in a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    Clean = 0,
    /// What was measured is wrong: a message was lost or changed.
    VerificationFailed = 1,
    /// A bad configuration or bad arguments.
    Usage = 2,
    /// The hub took nothing of what it was to be measured by. Nothing is lost.
    NothingTaken = 69,
    /// Something broke; what is on disk is safe.
    Internal = 70,
    /// The storage cannot be opened.
    Storage = 74,
    /// The hub asks for a key, or for another.
    Denied = 77,
    /// Ctrl-C or SIGTERM, before anything was measured.
    Interrupted = 130,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
