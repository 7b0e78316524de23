//! How long the frames of a WebSocket are, read from their headers as the bytes come (RFC 6455,
//! section 5.2), so that a frame that is too long is noticed before it is in memory.

/// Longest header a client's frame can have, in bytes.
const LONGEST_HEADER: usize = 14;

/// Where in the frames of one direction the bytes are.
#[derive(Debug)]
pub struct FrameLengths {
    /// Bytes of payload a frame may have.
    limit: u64,
    header: [u8; LONGEST_HEADER],
    /// Bytes of the header that came so far.
    have: usize,
    /// Bytes of the payload still to come.
    payload_left: u64,
}

/// A frame says that it is longer than allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

impl FrameLengths {
    /// `limit` in bytes of payload.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit as u64,
            header: [0; LONGEST_HEADER],
            have: 0,
            payload_left: 0,
        }
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// [`TooLong`] if a frame that begins in them exceeds the limit.
    pub fn read(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let skipped = self.payload_left.min(bytes.len() as u64);
                self.payload_left -= skipped;
                bytes = &bytes[skipped as usize..];
                continue;
            }
            self.header[self.have] = bytes[0];
            self.have += 1;
            bytes = &bytes[1..];
            if self.have == self.header_length() {
                self.payload_left = self.length();
                self.have = 0;
                if self.payload_left > self.limit {
                    return Err(TooLong);
                }
            }
        }
        Ok(())
    }

    /// Of the header that is being read, as far as can be told; two bytes tell it.
    fn header_length(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        let mask = if self.header[1] & 0x80 != 0 { 4 } else { 0 };
        let length = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + mask
    }

    fn length(&self) -> u64 {
        let header = &self.header;
        match header[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes([header[2], header[3]])),
            127 => {
                let mut length = [0; 8];
                length.copy_from_slice(&header[2..10]);
                u64::from_be_bytes(length)
            }
            short => u64::from(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A client's frame with a payload of zeros.
    fn frame(length: usize) -> Vec<u8> {
        let mut frame = vec![0x81];
        match length {
            0..126 => frame.push(0x80 | length as u8),
            126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.resize(frame.len() + length, 0);
        frame
    }

    #[test]
    fn a_frame_over_the_limit_is_noticed_by_its_header() {
        for (limit, length, expected) in [
            (125, 125, Ok(())),
            (124, 125, Err(TooLong)),
            (70_000, 70_000, Ok(())),
            (69_999, 70_000, Err(TooLong)),
            (0, 0, Ok(())),
        ] {
            let bytes = frame(length);
            let header = &bytes[..bytes.len() - length];
            assert_eq!(FrameLengths::new(limit).read(header), expected, "{length}");
        }
        let mut huge = vec![0x82, 0xff];
        huge.extend(u64::MAX.to_be_bytes());
        huge.extend([0; 4]);
        assert_eq!(FrameLengths::new(1 << 20).read(&huge), Err(TooLong));
    }

    proptest! {
        /// However the bytes are cut.
        #[test]
        fn frames_are_told_apart_in_any_portions(
            lengths in prop::collection::vec(prop_oneof![0..130usize, 65_530..65_540usize], 1..6),
            portion in 1..5000usize,
            limit in prop_oneof![Just(129usize), Just(65_600)],
        ) {
            let bytes: Vec<u8> = lengths.iter().flat_map(|length| frame(*length)).collect();
            let mut reader = FrameLengths::new(limit);
            let too_long = bytes.chunks(portion).any(|part| reader.read(part).is_err());
            prop_assert_eq!(too_long, lengths.iter().any(|length| *length > limit));
        }
    }
}
