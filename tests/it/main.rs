#![allow(clippy::unwrap_used, reason = "every line here is a test")]

mod archive;
