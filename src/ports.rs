//! The outside, as traits: the journal, the archive, the transport.

pub mod archive;
pub mod journal;
pub mod transport;
