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
//!
//! The highest bit of `version` says that the next record belongs to this one: both are of one
//! unit, which is there whole or not at all. A unit lies in one segment, and is written at once. A
//! torn one is cut off at its start. The bit means nothing in compacted segments, of which records
//! are gone, and is never set in journals of versions that knew no units.

mod bounds;
pub mod clock_steps;
pub mod codec;
pub mod compaction;
pub mod frame;
pub mod known_ids;
pub mod lifting;
mod presence;
pub mod raw_body;
pub mod records;
pub mod salvage;
#[cfg(test)]
#[expect(missing_docs, reason = "a sample is named as the fact it is one of")]
pub mod samples;
pub mod segment;
pub mod standing;
mod stuffing;
pub mod units;
mod window;
