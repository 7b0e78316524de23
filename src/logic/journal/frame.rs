//! One fact as bytes: length, checksum, position, batch index, kind, version, body.

use std::ops::Range;

use serde_json::json;

use super::codec;
use super::records::Kind;
use crate::domain::compaction_summary::MessageTotals;
use crate::domain::fact::Fact;
use crate::domain::ids::Position;

/// Bytes of a frame before its body.
pub const HEAD_BYTES: usize = 22;
/// Length and checksum, which the length does not count.
const PREFIX_BYTES: usize = 8;
/// Where the version is.
const VERSION_AT: usize = 21;
/// Set in the version where the next record belongs to the same unit.
const JOINED: u8 = 0x80;
/// No frame is longer, in bytes; a length above this is damage.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Facts that take less in memory, in bytes, make no frame near [`MAX_BYTES`], so that only the few
/// others are written twice, the first time to measure them.
const MEASURED_BYTES: usize = 4 * 1024 * 1024;

/// A frame whose checksum is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// Where it begins, in bytes from the start of its segment.
    pub offset: u64,
    /// Of the record.
    pub position: Position,
    /// How many records since the last sync come before it.
    pub batch_index: u32,
    /// The number of its kind, which this hub may not know.
    pub kind: u8,
    /// Of the body.
    pub version: u8,
    /// Whether the next record belongs to the same unit.
    pub is_joined: bool,
    /// JSON text, or what `raw_body` says.
    pub body: &'a [u8],
    /// The whole frame.
    pub bytes: &'a [u8],
}

impl Frame<'_> {
    /// Every position before this one was durable when the frame was written.
    pub fn durable_before(&self) -> Position {
        self.position.saturating_sub(u64::from(self.batch_index))
    }

    /// Reads the fact in it.
    pub fn decode(&self) -> Result<Fact, codec::DecodeError> {
        codec::decode(self.kind, self.version, self.body)
    }
}

/// Why the bytes at some place are no frame that belongs there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Flaw {
    /// Only zeroes, as space reserved ahead has.
    #[error("end of the written part")]
    Zeroes,
    /// The segment ends before the record does.
    #[error("record is cut off")]
    CutOff,
    /// No record is so short, or so long.
    #[error("impossible record length {0}")]
    Length(u32),
    /// A record is here that belongs elsewhere.
    #[error("record has position {found} instead of {expected}")]
    Position {
        /// The position it has.
        found: Position,
        /// The one that comes next here, at least.
        expected: Position,
    },
    /// The bytes are not those that were written.
    #[error("checksum mismatch")]
    Checksum,
    /// The segment does not begin as one with its name has to.
    #[error("segment header is not readable")]
    Header,
}

/// Whether a frame can hold `fact`: no other may be given to [`encode`].
pub fn fits(fact: &Fact) -> bool {
    if fact.size_bytes() < MEASURED_BYTES {
        return true;
    }
    let mut body = Vec::new();
    codec::encode_body(&mut body, fact);
    HEAD_BYTES + body.len() <= MAX_BYTES
}

/// Appends the frame of `fact`, which [`fits`], to `buffer`.
///
/// `batch_index`: how many records since the last sync come before this one.
pub fn encode(buffer: &mut Vec<u8>, position: Position, batch_index: u32, fact: &Fact) {
    write(buffer, position, (batch_index, 0), fact);
}

/// As [`encode`], of a record that is nothing without the next one.
pub fn encode_joined(buffer: &mut Vec<u8>, position: Position, batch_index: u32, fact: &Fact) {
    write(buffer, position, (batch_index, JOINED), fact);
}

fn write(buffer: &mut Vec<u8>, position: Position, (batch_index, mark): (u32, u8), fact: &Fact) {
    let start = buffer.len();
    let mut head = head(position, Kind::of(fact));
    head[VERSION_AT] = codec::version_of(fact);
    head[16..20].copy_from_slice(&batch_index.to_le_bytes());
    head[VERSION_AT] |= mark;
    buffer.extend_from_slice(&head);
    codec::encode_body(buffer, fact);
    seal(&mut buffer[start..]);
}

/// Of the first record since a sync that stands for itself.
fn head(position: Position, kind: Kind) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[8..16].copy_from_slice(&position.to_le_bytes());
    head[20] = kind as u8;
    head[VERSION_AT] = codec::VERSION;
    head
}

/// Frames at `positions` that take `room` bytes together and say nothing but `totals`, to stand
/// where others cannot be read any more; `None` if so many do not fit, or not so large ones.
pub fn without_meaning(
    positions: Range<Position>,
    room: usize,
    totals: MessageTotals,
) -> Option<Vec<u8>> {
    let last = positions.clone().next_back()?;
    let mut bytes = Vec::new();
    for position in positions.start..last {
        if bytes.len() > room {
            return None;
        }
        write_totals(&mut bytes, position, MessageTotals::default());
    }
    let start = bytes.len();
    write_totals(&mut bytes, last, totals);
    if bytes.len() > room || room - start > MAX_BYTES {
        return None;
    }
    // Space at the end of JSON is as good as none.
    bytes.resize(room, b' ');
    seal(&mut bytes[start..]);
    Some(bytes)
}

/// A record of what compaction kept, and that is `totals` alone. What is not written of it is
/// nothing, too, so that it is short enough to stand where any record was.
fn write_totals(buffer: &mut Vec<u8>, position: Position, totals: MessageTotals) {
    let start = buffer.len();
    buffer.extend_from_slice(&head(position, Kind::CompactionSummary));
    let totals = match totals == MessageTotals::default() {
        true => json!({}),
        false => json!(totals),
    };
    let body = json!({"tally": totals, "known_ids": []}).to_string();
    buffer.extend_from_slice(body.as_bytes());
    seal(&mut buffer[start..]);
}

/// Fills in length and checksum.
fn seal(frame: &mut [u8]) {
    assert!(
        frame.len() <= MAX_BYTES,
        "the writer leaves out what does not fit"
    );
    let length = (frame.len() - PREFIX_BYTES) as u32;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    let checksum = checksum(frame);
    frame[4..8].copy_from_slice(&checksum.to_le_bytes());
}

fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[PREFIX_BYTES..])
}

/// How many bytes the frame that begins with `head` has, and its position.
/// `head` holds [`HEAD_BYTES`], fewer only at the end of the segment.
pub(super) fn announce(head: &[u8]) -> Result<(usize, Position), Flaw> {
    if head.iter().all(|byte| *byte == 0) {
        return Err(Flaw::Zeroes);
    }
    if head.len() < HEAD_BYTES {
        return Err(Flaw::CutOff);
    }
    let length = u32_at(head, 0);
    let total = length as usize + PREFIX_BYTES;
    if !(HEAD_BYTES..=MAX_BYTES).contains(&total) {
        return Err(Flaw::Length(length));
    }
    Ok((total, u64_at(head, 8)))
}

/// Whether `frame`, complete by its own length, carries the right checksum.
pub(super) fn is_intact(frame: &[u8]) -> bool {
    u32_at(frame, 4) == checksum(frame)
}

/// Whether the record that begins with `head` belongs together with the next.
pub(super) fn is_joined(head: &[u8]) -> bool {
    head[VERSION_AT] & JOINED != 0
}

/// Reads the fields of an intact frame that begins at `offset` of its segment.
pub(super) fn view(bytes: &[u8], offset: u64) -> Frame<'_> {
    Frame {
        offset,
        position: u64_at(bytes, 8),
        batch_index: u32_at(bytes, 16),
        kind: bytes[20],
        version: bytes[VERSION_AT] & !JOINED,
        is_joined: is_joined(bytes),
        body: &bytes[HEAD_BYTES..],
        bytes,
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::event::Snapshot;
    use crate::domain::fact::event::EventFact;
    use crate::domain::fact::message::MessageFact;
    use crate::domain::ids::StreamId;
    use crate::domain::json_text::JsonText;
    use crate::domain::timestamp::Timestamp;
    use crate::logic::journal::samples;
    use proptest::prelude::*;

    fn encoded(position: Position, batch_index: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&mut bytes, position, batch_index, &samples::delivered(7));
        bytes
    }

    #[test]
    fn reads_back_what_was_written() {
        let bytes = encoded(42, 3);
        assert_eq!(announce(&bytes[..HEAD_BYTES]), Ok((bytes.len(), 42)));
        assert!(is_intact(&bytes));
        let frame = view(&bytes, 24);
        assert_eq!(frame.durable_before(), 39);
        assert_eq!(frame.decode().unwrap(), samples::delivered(7));
    }

    #[test]
    fn a_record_that_is_joined_to_the_next_reads_back_as_such() {
        let mut bytes = Vec::new();
        encode_joined(&mut bytes, 42, 3, &samples::delivered(7));
        assert!(is_intact(&bytes));
        let (joined, alone) = (view(&bytes, 24), encoded(42, 3));
        assert!(joined.is_joined && !view(&alone, 24).is_joined);
        assert_eq!(joined.version, codec::VERSION);
        assert_eq!(joined.decode().unwrap(), samples::delivered(7));
    }

    #[test]
    fn frames_follow_each_other_in_one_buffer() {
        let mut both = encoded(1, 0);
        let first = both.len();
        encode(&mut both, 2, 1, &samples::accepted(1));
        assert_eq!(both[..first], encoded(1, 0));
        assert!(is_intact(&both[first..]));
    }

    #[test]
    fn frames_without_meaning_fill_just_the_room_there_is() {
        let one = without_meaning(5..6, 1000, MessageTotals::default()).unwrap();
        assert_eq!(one.len(), 1000);
        let frame = view(&one, 0);
        assert!(is_intact(&one) && frame.position == 5);
        assert_eq!(
            frame.decode().unwrap(),
            Fact::CompactionSummary(Arc::default())
        );
        let three = without_meaning(5..8, 2000, MessageTotals::default()).unwrap();
        let (first, _) = announce(&three[..HEAD_BYTES]).unwrap();
        let (second, position) = announce(&three[first..first + HEAD_BYTES]).unwrap();
        assert_eq!((position, three.len()), (6, 2000));
        assert!(is_intact(&three[first + second..]));
        assert_eq!(without_meaning(5..8, 140, MessageTotals::default()), None);
        assert_eq!(without_meaning(5..5, 100, MessageTotals::default()), None);
    }

    #[test]
    fn a_frame_without_meaning_fits_where_any_record_was() {
        let facts = samples::one_of_each();
        for fact in facts.iter().chain([&samples::settled_without_attempt(1)]) {
            let mut bytes = Vec::new();
            encode(&mut bytes, 5, 0, fact);
            let counts = i64::from(
                fact.settlement().is_some()
                    || matches!(fact, Fact::Message(MessageFact::Accepted(_))),
            );
            let totals = MessageTotals {
                cancelled: counts,
                ..MessageTotals::default()
            };
            let filler = without_meaning(5..6, bytes.len(), totals).expect("it fits");
            assert!(is_intact(&filler) && filler.len() == bytes.len());
            let Fact::CompactionSummary(summary) = view(&filler, 0).decode().unwrap() else {
                panic!("{fact:?} is replaced by something else");
            };
            assert_eq!(summary.totals, totals);
        }
    }

    #[test]
    fn what_is_longer_than_a_frame_does_not_fit() {
        let with_state_of = |bytes: usize| {
            let state = format!("{{\"a\":\"{}\"}}", "x".repeat(bytes));
            Fact::Event(EventFact::SnapshotTaken(Arc::new(Snapshot {
                stream_id: StreamId::parse("hero").unwrap(),
                version: 1,
                at: Timestamp::default(),
                state: JsonText::parse(&state).unwrap(),
            })))
        };
        let overhead = {
            let mut bytes = Vec::new();
            encode(&mut bytes, 1, 0, &with_state_of(0));
            bytes.len()
        };
        assert!(fits(&samples::delivered(7)));
        assert!(fits(&with_state_of(MAX_BYTES - overhead)));
        assert!(!fits(&with_state_of(MAX_BYTES - overhead + 1)));
    }

    #[test]
    fn zeroes_are_the_end_of_the_written_part() {
        assert_eq!(announce(&[0; HEAD_BYTES]), Err(Flaw::Zeroes));
        assert_eq!(announce(&[0; 3]), Err(Flaw::Zeroes));
        assert_eq!(announce(&[]), Err(Flaw::Zeroes));
        assert_eq!(announce(&[1; 3]), Err(Flaw::CutOff));
    }

    proptest! {
        #[test]
        fn every_flipped_bit_is_noticed(bit in 0..8 * encoded(42, 3).len()) {
            let mut bytes = encoded(42, 3);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let good = match announce(&bytes[..HEAD_BYTES]) {
                Ok((total, _)) => total == bytes.len() && is_intact(&bytes),
                Err(_) => false,
            };
            prop_assert!(!good);
        }
    }
}
