//! The format of the journal: how facts become bytes, and what can be trusted of bytes found later.
//!
//! A journal is a row of segments. A segment is a header and then frames, one for each fact:
//!
//! ```text
//! header: "MHUBWAL1" | first position u64 | crc32c of the former u32 | 0u32        24 bytes
//! frame:  length u32 | crc32c u32 | position u64 | batch index u32 | kind u8 | version u8 | body
//! ```
//!
//! All numbers are little-endian. `length` counts what follows the checksum; the checksum covers
//! the length and everything after itself. A length of zero ends the written part.
//!
//! `batch index` says how many records before this one were written since the last sync began:
//! everything before `position - batch index` was durable when the frame was written. That tells
//! a torn tail, which nobody was promised, from damage to an acknowledged record.

pub mod codec;
pub mod compaction;
pub mod frame;
pub mod known_ids;
mod presence;
#[cfg(test)]
pub mod samples;
pub mod segment;
pub mod standing;
mod window;
