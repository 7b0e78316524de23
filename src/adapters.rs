//! The outside: files, databases and HTTP behind the traits of [`crate::ports`].

pub mod archive;
pub mod archive_memory;
pub mod http_transport;
pub mod journal_file;
pub mod journal_memory;
pub mod private_files;
pub mod tls;
