//! The outside: files, databases and HTTP behind the traits of [`crate::ports`].
