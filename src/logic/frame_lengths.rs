//! What the head of a WebSocket's frame says (RFC 6455, section 5.2), so that a frame that is too
//! long is noticed before it is in memory, and one that is not all there is waited for.

/// Bytes of payload a control frame may have.
pub const LONGEST_CONTROL: u64 = 125;

/// How long a frame is, and whether it is one that must be short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHead {
    /// Of the head itself, in bytes.
    pub length: usize,
    /// Bytes of payload that follow it.
    pub payload: u64,
    /// Not data: a close, a ping or a pong.
    pub is_control: bool,
}

impl FrameHead {
    /// Of the frame that `bytes` begin with; `None` if its head is not all there.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [first, second, rest @ ..] = bytes else {
            return None;
        };
        let (payload, extended) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
            127 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
            short => (u64::from(short), 0),
        };
        let mask = if second & 0x80 != 0 { 4 } else { 0 };
        let length = 2 + extended + mask;
        (bytes.len() >= length).then_some(Self {
            length,
            payload,
            is_control: first & 0x08 != 0,
        })
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
    fn the_largest_length_that_can_be_said_is_read() {
        let mut huge = vec![0x82, 0xff];
        huge.extend(u64::MAX.to_be_bytes());
        huge.extend([0; 4]);
        let head = FrameHead::read(&huge).unwrap();
        assert_eq!((head.payload, head.length), (u64::MAX, 14));
    }

    #[test]
    fn a_frame_without_a_mask_has_a_shorter_head() {
        let head = FrameHead::read(&[0x8a, 0x01]).unwrap();
        assert_eq!((head.length, head.payload, head.is_control), (2, 1, true));
    }

    proptest! {
        #[test]
        fn a_head_says_how_long_its_frame_is_as_soon_as_it_is_all_there(
            length in prop_oneof![0..130usize, 65_530..65_540usize],
            cut in 0..20usize,
        ) {
            let bytes = frame(length);
            let head = FrameHead::read(&bytes).unwrap();
            prop_assert_eq!(head.length as u64 + head.payload, bytes.len() as u64);
            prop_assert!(!head.is_control);
            let part = &bytes[..cut.min(bytes.len())];
            let expected = (part.len() >= head.length).then_some(head);
            prop_assert_eq!(FrameHead::read(part), expected);
        }
    }
}
