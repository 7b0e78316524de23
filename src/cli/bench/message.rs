//! Messages that can be recognised and checked wherever they turn up.
//!
//! A payload is `{"sequence":"…","sent_at":"…","filler":"…","checksum":"…"}`: numbers in
//! hexadecimal of fixed width, so that a request is built once and only patched afterwards.
//! The checksum is the CRC-32C of everything before its digits.

use std::fmt::Write as _;

use super::target::Target;

const BEFORE_SEQUENCE: &[u8] = br#"{"sequence":""#;
const BEFORE_SENT_AT: &[u8] = br#"","sent_at":""#;
const BEFORE_FILLER: &[u8] = br#"","filler":""#;
const BEFORE_CHECKSUM: &[u8] = br#"","checksum":""#;
const END: &[u8] = br#""}"#;

const SEQUENCE_AT: usize = BEFORE_SEQUENCE.len();
const SENT_AT_AT: usize = SEQUENCE_AT + 16 + BEFORE_SENT_AT.len();
const FILLER_AT: usize = SENT_AT_AT + 16 + BEFORE_FILLER.len();
const AFTER_FILLER: usize = BEFORE_CHECKSUM.len() + 8 + END.len();

/// The smallest payload, in bytes.
pub(super) const MIN_SIZE: usize = FILLER_AT + AFTER_FILLER;

/// How many different fillers there are.
const FILLERS: usize = 61;

/// A request with one or many messages for one service, ready to be numbered and sent.
pub(super) struct Request {
    bytes: Vec<u8>,
    payloads: Vec<usize>,
    payload_size: usize,
    /// How many bytes before its payload an item has its number, if it has one there.
    reference: Option<usize>,
    fillers: Vec<u8>,
}

/// What a payload says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    pub sequence: u64,
    /// Nanoseconds since the start of the run.
    pub sent_at: u64,
}

impl Request {
    /// `batch` messages in an array, or one alone if `batch` is `None`.
    /// `payload_size` is at least [`MIN_SIZE`].
    pub(super) fn new(
        target: &Target,
        service: &str,
        payload_size: usize,
        batch: Option<usize>,
    ) -> Self {
        let before = format!(r#"{{"destination":"{service}","source":"bench","payload":"#);
        let mut request = Self::repeated(&before, "}", payload_size, batch);
        let path = match batch {
            Some(_) => "/v1/messages/batch",
            None => "/v1/messages",
        };
        let head = post_head(target, path, request.bytes.len());
        request.bytes.splice(..0, head.bytes());
        for payload in &mut request.payloads {
            *payload += head.len();
        }
        request
    }

    /// Frames that send messages over a socket, each with its number as `ref`.
    pub(super) fn send_frames(service: &str, payload_size: usize, batch: Option<usize>) -> Self {
        let message =
            format!(r#""message":{{"destination":"{service}","source":"bench","payload":"#);
        Self::frames("send", &message, payload_size, batch)
    }

    /// Frames that publish events over a socket, each with its number as `ref`.
    pub(super) fn publish_frames(
        event_type: &str,
        payload_size: usize,
        batch: Option<usize>,
    ) -> Self {
        let event = format!(r#""event":{{"event_type":"{event_type}","source":"bench","payload":"#);
        Self::frames("publish", &event, payload_size, batch)
    }

    fn frames(kind: &str, item: &str, payload_size: usize, batch: Option<usize>) -> Self {
        let start = format!(r#"{{"type":"{kind}","ref":""#);
        let rest = format!(r#"{:016}",{item}"#, 0);
        let mut request = Self::repeated(&(start + &rest), "}}", payload_size, batch);
        request.reference = Some(rest.len());
        request
    }

    /// Payloads between `before` and `after`.
    fn repeated(before: &str, after: &str, payload_size: usize, batch: Option<usize>) -> Self {
        let blank = blank_payload(payload_size);
        let mut text = String::new();
        let mut payloads = Vec::new();
        for index in 0..batch.unwrap_or(1) {
            if batch.is_some() {
                text.push(if index == 0 { '[' } else { ',' });
            }
            text.push_str(before);
            payloads.push(text.len());
            text.push_str(&blank);
            text.push_str(after);
        }
        if batch.is_some() {
            text.push(']');
        }
        Self {
            bytes: text.into_bytes(),
            payloads,
            payload_size,
            reference: None,
            fillers: fillers(payload_size),
        }
    }

    /// How many messages are in it.
    pub(super) fn len(&self) -> usize {
        self.payloads.len()
    }

    /// Numbers the messages `first`, `first + step`, … and returns the request's bytes.
    pub(super) fn stamped(&mut self, first: Stamp, step: u64) -> &[u8] {
        let mut stamp = first;
        for &at in &self.payloads {
            let payload = &mut self.bytes[at..at + self.payload_size];
            write_payload(payload, stamp, &self.fillers);
            if let Some(before) = self.reference {
                write_hex(&mut self.bytes[at - before..][..16], stamp.sequence);
            }
            stamp.sequence += step;
        }
        &self.bytes
    }
}

/// The head of a JSON request over a connection that stays open.
pub(super) fn post_head(target: &Target, path: &str, content_length: usize) -> String {
    let lines = target.lines();
    format!(
        "POST {path} HTTP/1.1\r\n{lines}content-type: application/json\r\n\
         content-length: {content_length}\r\n\r\n"
    )
}

/// Finds the payload in a delivered message; `None` if it is not exactly as it was sent.
pub(super) fn read_stamp(body: &[u8], payload_size: usize) -> Option<Stamp> {
    let mut candidates = body.windows(BEFORE_SEQUENCE.len());
    let start = candidates.position(|bytes| bytes == BEFORE_SEQUENCE)?;
    let payload = body.get(start..start + payload_size)?;
    let (summed, end) = payload.split_at(payload_size - END.len() - 8);
    let mut checksum = [0; 8];
    write_hex(&mut checksum, u64::from(crc32c::crc32c(summed)));
    if end[..8] != checksum || &end[8..] != END {
        return None;
    }
    Some(Stamp {
        sequence: read_hex(&payload[SEQUENCE_AT..SEQUENCE_AT + 16])?,
        sent_at: read_hex(&payload[SENT_AT_AT..SENT_AT_AT + 16])?,
    })
}

fn blank_payload(size: usize) -> String {
    let filler = "-".repeat(size - MIN_SIZE);
    let mut text = String::with_capacity(size);
    write!(
        text,
        r#"{{"sequence":"{0:016}","sent_at":"{0:016}","filler":"{filler}","checksum":"{0:08}"}}"#,
        0
    )
    .expect("a String takes everything");
    text
}

/// Letters in no order, long enough to start a filler at any of [`FILLERS`] places.
fn fillers(payload_size: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut letters = Vec::new();
    for _ in 0..payload_size + FILLERS {
        // Numerical Recipes' linear congruential generator.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        letters.push(b'a' + (state >> 24) as u8 % 26);
    }
    letters
}

fn write_payload(payload: &mut [u8], stamp: Stamp, fillers: &[u8]) {
    let filler_end = payload.len() - AFTER_FILLER;
    let checksum_at = filler_end + BEFORE_CHECKSUM.len();
    let from = (stamp.sequence % FILLERS as u64) as usize;
    let filler = &mut payload[FILLER_AT..filler_end];
    filler.copy_from_slice(&fillers[from..from + filler.len()]);
    write_hex(&mut payload[SEQUENCE_AT..SEQUENCE_AT + 16], stamp.sequence);
    write_hex(&mut payload[SENT_AT_AT..SENT_AT_AT + 16], stamp.sent_at);
    let checksum = crc32c::crc32c(&payload[..checksum_at]);
    write_hex(
        &mut payload[checksum_at..checksum_at + 8],
        u64::from(checksum),
    );
}

fn write_hex(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

/// Reads a number as it stands in a payload or a `ref`.
pub(super) fn read_hex(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIRST: Stamp = Stamp {
        sequence: 7,
        sent_at: 123_456_789,
    };

    fn body_of(request: &[u8]) -> &[u8] {
        let end = request.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        &request[end.unwrap() + 4..]
    }

    #[test]
    fn one_message_is_an_object_of_the_asked_size() {
        let mut request = Request::new(&Target::at("hub:1"), "bench-0", 300, None);
        let bytes = request.stamped(FIRST, 1).to_vec();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(
            text.starts_with("POST /v1/messages HTTP/1.1\r\nhost: hub:1\r\n"),
            "{text}"
        );
        let body = body_of(&bytes);
        assert!(text.contains(&format!("content-length: {}\r\n", body.len())));
        let message: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(message["destination"], "bench-0");
        assert_eq!(message["source"], "bench");
        assert_eq!(message["payload"].to_string().len(), 300);
        assert_eq!(read_stamp(body, 300), Some(FIRST));
    }

    #[test]
    fn a_batch_is_an_array_numbered_by_step() {
        let mut request = Request::new(&Target::at("hub:1"), "bench-3", MIN_SIZE, Some(3));
        assert_eq!(request.len(), 3);
        let bytes = request.stamped(FIRST, 4).to_vec();
        let messages: Vec<serde_json::Value> = serde_json::from_slice(body_of(&bytes)).unwrap();
        assert_eq!(messages.len(), 3);
        let mut raw = body_of(&bytes);
        for expected in [7, 11, 15] {
            assert_eq!(read_stamp(raw, MIN_SIZE).unwrap().sequence, expected);
            let start = raw.windows(13).position(|b| b == BEFORE_SEQUENCE).unwrap();
            raw = &raw[start + MIN_SIZE..];
        }
    }

    #[test]
    fn frames_have_their_number_as_reference() {
        for (mut request, kind, item) in [
            (Request::send_frames("s", 300, Some(2)), "send", "message"),
            (
                Request::publish_frames("t", 300, Some(2)),
                "publish",
                "event",
            ),
        ] {
            let bytes = request.stamped(FIRST, 3).to_vec();
            let frames: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
            let mut raw = &bytes[..];
            for (frame, sequence) in frames.iter().zip([7, 10]) {
                assert_eq!(frame["type"], kind);
                assert_eq!(frame[item]["payload"].to_string().len(), 300);
                let reference = frame["ref"].as_str().unwrap();
                assert_eq!(read_hex(reference.as_bytes()), Some(sequence));
                assert_eq!(read_stamp(raw, 300).unwrap().sequence, sequence);
                let start = raw.windows(13).position(|b| b == BEFORE_SEQUENCE).unwrap();
                raw = &raw[start + 300..];
            }
        }
    }

    proptest! {
        #[test]
        fn stamps_come_back(sequence: u64, sent_at: u64, size in MIN_SIZE..600) {
            let stamp = Stamp { sequence, sent_at };
            let mut request = Request::new(&Target::at("h"), "s", size, None);
            prop_assert_eq!(read_stamp(request.stamped(stamp, 1), size), Some(stamp));
        }

        #[test]
        fn any_changed_byte_is_noticed(at in 0..300_usize, bit in 0..8) {
            let mut request = Request::new(&Target::at("h"), "s", 300, None);
            let start = request.payloads[0];
            let mut bytes = request.stamped(FIRST, 1).to_vec();
            bytes[start + at] ^= 1_u8 << bit;
            prop_assert_eq!(read_stamp(&bytes, 300), None);
        }

        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>, size in MIN_SIZE..200) {
            let body = [BEFORE_SEQUENCE, &bytes].concat();
            prop_assert_eq!(read_stamp(&body, size), None);
        }
    }
}
