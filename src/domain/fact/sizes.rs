//! What facts take in memory.

/// Roughly what a fact without a payload takes, and an attempt, in bytes.
pub(super) const SMALL_BYTES: usize = 300;
