//! The outside: files, databases and HTTP behind the traits of [`crate::ports`].

pub mod http_transport;
pub mod journal_file;
pub mod journal_memory;
