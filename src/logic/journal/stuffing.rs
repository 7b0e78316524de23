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

/// Appends `parts`, one behind the other, to `buffer`, without zeroes.
pub(super) fn write(buffer: &mut Vec<u8>, parts: &[&[u8]]) {
    let mut block = Block::begin(buffer);
    for part in parts {
        let mut runs = part.split(|byte| *byte == 0);
        // There is one, if only an empty one.
        block.push(runs.next().unwrap_or_default());
        for run in runs {
            block = Block::begin(block.end());
            block.push(run);
        }
    }
    block.end();
}

/// What is being written: a mark, and what stands behind it up to the next zero.
struct Block<'a> {
    buffer: &'a mut Vec<u8>,
    mark_at: usize,
}

impl<'a> Block<'a> {
    fn begin(buffer: &'a mut Vec<u8>) -> Self {
        let mark_at = buffer.len();
        // Until it is known.
        buffer.push(FULL);
        Self { buffer, mark_at }
    }

    /// Adds what has no zero; what is too much for a block goes on in the next one.
    fn push(&mut self, mut run: &[u8]) {
        loop {
            let room = BLOCK - self.length();
            if run.len() < room {
                return self.buffer.extend_from_slice(run);
            }
            let (here, rest) = run.split_at(room);
            self.buffer.extend_from_slice(here);
            run = rest;
            self.mark_at = self.buffer.len();
            self.buffer.push(FULL);
        }
    }

    fn length(&self) -> usize {
        self.buffer.len() - self.mark_at - 1
    }

    /// A zero, or nothing at all, stands behind it.
    fn end(self) -> &'a mut Vec<u8> {
        // One that is full was ended before, so that this is at most 254.
        self.buffer[self.mark_at] = self.length() as u8 + 1;
        self.buffer
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
        write(&mut buffer, &[plain]);
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
            plain in prop::collection::vec(prop_oneof![1 => Just(0u8), 300 => any::<u8>()], 0..2000),
            cuts in prop::array::uniform2(0..2000_usize)
        ) {
            let stuffed = stuffed(&plain);
            let (front, end) = plain.split_at(cuts[0].min(plain.len()));
            let (middle, end) = end.split_at(cuts[1].min(end.len()));
            let mut in_parts = Vec::new();
            write(&mut in_parts, &[front, middle, end]);
            prop_assert_eq!(&in_parts, &stuffed);
            prop_assert!(!stuffed.contains(&0));
            prop_assert!(stuffed.len() <= plain.len() + 1 + plain.len() / BLOCK);
            prop_assert_eq!(read(&stuffed), Some(plain));
        }
    }
}
