//! The outside: files, databases and HTTP behind the traits of [`crate::ports`].

pub mod archive;
pub mod http_transport;
pub mod journal_file;
pub mod private_files;
pub mod tls;

// For tests alone: no hub keeps anything in memory, so these are no part of it. What is not in the
// crate itself compiles them once more, from the same files.
#[cfg(test)]
pub mod archive_memory;
#[cfg(test)]
pub mod journal_memory;
