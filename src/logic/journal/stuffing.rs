//! Bytes written so that none of them is zero, with at most one byte more for each 254
//! (Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1997).
//!
//! Whoever looks for records behind damage takes for one whatever has the form of a frame with a
//! matching checksum. The head of a frame has zeroes, in its position, and JSON has none. What a
//! client sends as bytes could hold whole frames, if it stood in the journal as it is.

/// The most bytes of a block.
const BLOCK: usize = 254;
/// Marks a full block, behind which no zero is left out.
const FULL: u8 = 255;

/// Appends `plain` to `buffer`, without zeroes.
pub(super) fn write(buffer: &mut Vec<u8>, plain: &[u8]) {
    for part in plain.split(|byte| *byte == 0) {
        let full = part.chunks_exact(BLOCK);
        let rest = full.remainder();
        for block in full {
            buffer.push(FULL);
            buffer.extend_from_slice(block);
        }
        // A rest is shorter than a block, so that this is at most 254.
        buffer.push(rest.len() as u8 + 1);
        buffer.extend_from_slice(rest);
    }
}

/// What was written; `None` if nothing is written like this.
pub(super) fn read(stuffed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(stuffed.len());
    let mut rest = stuffed;
    loop {
        let (mark, behind) = rest.split_first()?;
        let length = usize::from(*mark).checked_sub(1)?;
        let (block, behind) = behind.split_at_checked(length)?;
        if block.contains(&0) {
            return None;
        }
        plain.extend_from_slice(block);
        rest = behind;
        if *mark == FULL {
            continue;
        }
        if rest.is_empty() {
            return Some(plain);
        }
        plain.push(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuffed(plain: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::new();
        write(&mut buffer, plain);
        buffer
    }

    #[test]
    fn blocks_are_as_they_are_described() {
        assert_eq!(stuffed(b""), [1]);
        assert_eq!(stuffed(b"\0"), [1, 1]);
        assert_eq!(stuffed(b"ab\0c"), [3, b'a', b'b', 2, b'c']);
        let full = stuffed(&[7; BLOCK]);
        assert_eq!((full[0], full.len(), full[BLOCK + 1]), (FULL, BLOCK + 2, 1));
        for plain in [vec![7; BLOCK], vec![0; 600], vec![7; 3 * BLOCK + 1]] {
            assert_eq!(read(&stuffed(&plain)), Some(plain));
        }
    }

    #[test]
    fn what_was_not_written_like_this_is_not_read() {
        for other in [&b""[..], b"\0", b"\x03a", b"\x03a\0", b"\x02a\0"] {
            assert_eq!(read(other), None, "{other:?}");
        }
        let mut cut = stuffed(&[7; BLOCK]);
        cut.pop();
        assert_eq!(read(&cut), None);
    }

    proptest! {
        #[test]
        fn whatever_it_is_comes_back_and_had_no_zero(
            plain in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..2000)
        ) {
            let stuffed = stuffed(&plain);
            prop_assert!(!stuffed.contains(&0));
            prop_assert!(stuffed.len() <= plain.len() + 1 + plain.len() / BLOCK);
            prop_assert_eq!(read(&stuffed), Some(plain));
        }
    }
}
