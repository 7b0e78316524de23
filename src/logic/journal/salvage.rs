//! What can be told of records whose checksums are wrong.

use std::ops::Range;

use uuid::Uuid;

use super::frame::{self, HEAD_BYTES};
use crate::domain::ids::{MessageId, Position};

/// Where the kind of a record stands.
const KIND_AT: usize = 20;

/// What is left of a record. All of it may be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remains {
    /// The number of its kind.
    pub kind: u8,
    /// The first `id` in it: of the message it is about.
    pub id: Option<MessageId>,
}

/// The records in `bytes`, which lie at `positions`; nothing if their lengths do not say where
/// each begins.
pub fn records(bytes: &[u8], positions: Range<Position>) -> Vec<Remains> {
    let mut remains = Vec::new();
    let mut rest = bytes;
    let is_alone = positions.end.saturating_sub(positions.start) == 1;
    for position in positions {
        let head = &rest[..rest.len().min(HEAD_BYTES)];
        let total = match frame::announce(head) {
            // Where it ends is told by where the next record begins, whatever its length says.
            _ if is_alone && rest.len() >= HEAD_BYTES => rest.len(),
            Ok((total, found)) if found == position && total <= rest.len() => total,
            _ => return Vec::new(),
        };
        let (record, behind) = rest.split_at(total);
        remains.push(Remains {
            kind: record[KIND_AT],
            id: id_in(&record[HEAD_BYTES..]),
        });
        rest = behind;
    }
    if rest.is_empty() { remains } else { Vec::new() }
}

fn id_in(body: &[u8]) -> Option<MessageId> {
    const NAME: &[u8] = br#""id":""#;
    const LENGTH: usize = 36;
    let start = body.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    let text = body.get(start..start + LENGTH)?;
    let id = Uuid::try_parse_ascii(text).ok()?;
    Some(MessageId(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::records::Kind;
    use crate::logic::journal::samples;

    fn written(positions: Range<Position>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for position in positions {
            frame::encode(
                &mut bytes,
                position,
                0,
                &samples::delivered(position.into()),
            );
        }
        bytes
    }

    fn delivered(number: u128) -> Remains {
        Remains {
            kind: Kind::Delivered as u8,
            id: Some(MessageId(Uuid::from_u128(number))),
        }
    }

    #[test]
    fn kind_and_id_are_told_of_records_with_good_lengths() {
        let mut bytes = written(5..7);
        bytes[4] ^= 1;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(records(&bytes, 5..7), [delivered(5), delivered(6)]);
    }

    #[test]
    fn a_single_record_ends_where_the_next_begins_whatever_its_length_says() {
        let mut bytes = written(5..6);
        bytes[0] ^= 1;
        assert_eq!(records(&bytes, 5..6), [delivered(5)]);
    }

    #[test]
    fn nothing_is_told_where_it_is_unclear_which_record_is_which() {
        let mut bytes = written(5..7);
        bytes[0] ^= 1;
        assert_eq!(records(&bytes, 5..7), []);
        assert_eq!(records(&written(5..7), 5..8), []);
        assert_eq!(records(b"short", 5..6), []);
    }

    #[test]
    fn a_damaged_id_is_none() {
        let mut bytes = written(5..6);
        let at = bytes
            .windows(6)
            .position(|part| part == br#""id":""#)
            .unwrap()
            + 8;
        bytes[at] = b'x';
        assert_eq!(records(&bytes, 5..6)[0].id, None);
    }
}
