//! The subcommands beside `serve`: functions that work on their arguments and report.

pub mod wal;
