//! A buffered look ahead into a stream of bytes that knows its offset.

use std::io::{self, Read};

/// Bytes asked of the input at a time.
const CHUNK_BYTES: usize = 1024 * 1024;
/// How much is compared at once when skipping zeroes.
const ZEROES: [u8; 4096] = [0; 4096];
/// A little-endian u32 that is not zero has at most so many zeroes before its first other byte.
const LEAD_BYTES: usize = 3;

#[derive(Debug)]
pub(super) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    /// The unread part of `buffer`.
    start: usize,
    end: usize,
    /// Of `start`, in bytes from the beginning of the input.
    offset: u64,
}

impl<R: Read> Window<R> {
    /// `offset`: where in its segment `input` stands.
    pub(super) fn new(input: R, offset: u64) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset,
        }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn into_input(self) -> R {
        self.input
    }

    /// The next `count` bytes, fewer only at the end of the input.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.end - self.start < count {
            self.fill(count)?;
        }
        let end = self.end.min(self.start + count);
        Ok(&self.buffer[self.start..end])
    }

    /// Goes `count` bytes on, which were peeked before.
    pub(super) fn advance(&mut self, count: usize) {
        assert!(
            count <= self.end - self.start,
            "only peeked bytes are passed"
        );
        self.start += count;
        self.offset += count as u64;
    }

    /// The `count` bytes passed by the last [`Window::advance`].
    pub(super) fn passed(&self, count: usize) -> &[u8] {
        &self.buffer[self.start - count..self.start]
    }

    /// Goes on to the next byte that is not zero, or to the end. Stops [`LEAD_BYTES`] before it,
    /// because a number that begins a frame may begin with zeroes.
    pub(super) fn skip_zeroes(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.peek(ZEROES.len())?;
            let length = ahead.len();
            if ahead != &ZEROES[..length] {
                let zeroes = ahead.iter().take_while(|byte| **byte == 0).count();
                self.advance(zeroes.saturating_sub(LEAD_BYTES));
                return Ok(());
            }
            if length < ZEROES.len() {
                self.advance(length);
                return Ok(());
            }
            self.advance(length - LEAD_BYTES);
        }
    }

    fn fill(&mut self, count: usize) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < count {
            if self.end == self.buffer.len() {
                self.grow();
            }
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Step by step with what is read, as the length asked for may be a damaged number.
    fn grow(&mut self) {
        let mut larger = vec![0; CHUNK_BYTES.max(2 * self.buffer.len())];
        larger[..self.end].copy_from_slice(&self.buffer[..self.end]);
        self.buffer = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(1);
            self.0.read(&mut buffer[..count])
        }
    }

    #[test]
    fn peeks_what_is_there_and_less_at_the_end() {
        let mut window = Window::new(Trickle(b"abcdef"), 100);
        assert_eq!(window.peek(4).unwrap(), b"abcd");
        window.advance(3);
        assert_eq!(window.passed(3), b"abc");
        assert_eq!(window.peek(9).unwrap(), b"def");
        assert_eq!(window.offset(), 103);
    }

    #[test]
    fn reads_more_than_its_buffer_holds() {
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES).map(|index| index as u8).collect();
        let mut window = Window::new(&bytes[..], 0);
        window.peek(5).unwrap();
        window.advance(5);
        let long = 2 * CHUNK_BYTES + 7;
        assert_eq!(window.peek(long).unwrap(), &bytes[5..5 + long]);
    }

    #[test]
    fn skips_zeroes_up_to_three_before_the_next_other_byte() {
        for count in [0, 1, 3, 4, 4095, 4096, 4097, 10_000] {
            let mut bytes = vec![0; count];
            bytes.extend([9, 0, 0, 0, 0, 0]);
            let mut window = Window::new(&bytes[..], 0);
            window.skip_zeroes().unwrap();
            assert_eq!(window.offset(), count.saturating_sub(LEAD_BYTES) as u64);
            window.peek(4).unwrap();
            window.advance(count.min(LEAD_BYTES) + 1);
            window.skip_zeroes().unwrap();
            assert_eq!(window.offset(), bytes.len() as u64);
        }
    }
}
