//! Bodies of records that carry bytes beside their JSON.
//!
//! ```text
//! length u32 | head | length u32 | properties | bytes of the payload
//! ```
//!
//! The numbers are little-endian, and count what comes right behind them; the bytes of the payload
//! go on to the end. The head is the JSON of the record as if there were no payload, and has the
//! `content_type` of the payload beside that, if there is one. No hub writes properties yet. All of
//! it is written without zeroes (`stuffing`), so that no client can put a frame into a journal.

use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Serialize};

use super::records::{self, Kind};
use super::stuffing;
use crate::domain::fact::Fact;
use crate::domain::fact::message::MessageFact;
use crate::domain::ids::ContentType;
use crate::domain::payload::{Payload, RawPayload};

/// The parts of such a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawBody {
    /// JSON text.
    pub head: Vec<u8>,
    /// Of the payload.
    pub bytes: Vec<u8>,
}

#[derive(Serialize)]
struct Head<'a, T> {
    #[serde(flatten)]
    content: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a ContentType>,
}

#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    content_type: Option<ContentType>,
}

impl RawBody {
    /// The parts of `body`.
    ///
    /// # Errors
    /// If it is cut off, or has what no hub of this version writes.
    pub fn split(body: &[u8]) -> serde_json::Result<Self> {
        let plain = stuffing::read(body).ok_or_else(cut_off)?;
        let (head, rest) = part(&plain)?;
        match part(rest)? {
            ([], bytes) => Ok(Self {
                head: head.to_vec(),
                bytes: bytes.to_vec(),
            }),
            _ => Err(Error::custom(
                "it has properties, as only a newer message-hub writes them",
            )),
        }
    }

    /// The body of these parts.
    pub fn join(head: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        write_parts(&mut body, head, bytes);
        body
    }
}

fn part(bytes: &[u8]) -> serde_json::Result<(&[u8], &[u8])> {
    let split = bytes.split_first_chunk().and_then(|(length, rest)| {
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        rest.split_at_checked(length)
    });
    split.ok_or_else(cut_off)
}

fn cut_off() -> serde_json::Error {
    Error::custom("it is cut off")
}

fn write_parts(buffer: &mut Vec<u8>, head: &[u8], bytes: &[u8]) {
    // No frame is so long that this does not fit.
    let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
    // There are no properties.
    let no_properties = 0_u32;
    let parts = [
        &length.to_le_bytes(),
        head,
        &no_properties.to_le_bytes(),
        bytes,
    ];
    stuffing::write(buffer, &parts);
}

/// Appends the body of a record that holds `content`, whose payload is `raw`.
pub(super) fn write<T: Serialize>(buffer: &mut Vec<u8>, content: &T, raw: &RawPayload) {
    let content_type = raw.content_type.as_ref();
    let head = Head {
        content,
        content_type,
    };
    let mut json = Vec::new();
    records::write(&mut json, &head);
    write_parts(buffer, &json, &raw.bytes);
}

/// The fact of a record of this kind.
pub(super) fn read(kind: Kind, body: &[u8]) -> serde_json::Result<Fact> {
    let RawBody { head, bytes } = RawBody::split(body)?;
    let Description { content_type } = serde_json::from_slice(&head)?;
    let payload = Payload::raw(bytes, content_type);
    let mut fact = records::read_body(kind, &head)?;
    match &mut fact {
        Fact::Message(MessageFact::Accepted(message)) => Arc::make_mut(message).payload = payload,
        Fact::Message(MessageFact::Redriven(redrive)) => {
            Arc::make_mut(redrive).message.payload = payload;
        }
        _ => return Err(Error::custom("it carries no payload")),
    }
    Ok(fact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::State;
    use crate::logic::journal::codec::{self, RAW_VERSION};
    use crate::logic::journal::{frame, samples};

    /// Of a length, in bytes.
    const LENGTH_BYTES: usize = 4;

    fn raw(bytes: &'static [u8], content_type: Option<&str>) -> Payload {
        Payload::raw(
            bytes,
            content_type.map(|text| ContentType::parse(text).unwrap()),
        )
    }

    fn body(fact: &Fact) -> Vec<u8> {
        let mut body = Vec::new();
        codec::encode_body(&mut body, fact);
        body
    }

    #[test]
    fn whatever_the_bytes_are_they_come_back() {
        for payload in [
            raw(b"", None),
            raw(b"\0\xff\n{", Some("image/png")),
            raw(b"{\"a\": 1}", Some("application/json")),
        ] {
            let facts = [
                samples::accepted_raw(1, payload.clone()),
                samples::redriven_raw(2, payload),
            ];
            for fact in facts {
                assert_eq!(codec::version_of(&fact), RAW_VERSION);
                let kind = Kind::of(&fact) as u8;
                let read = codec::decode(kind, RAW_VERSION, &body(&fact));
                assert_eq!(read.unwrap(), fact);
            }
        }
    }

    #[test]
    fn the_head_says_all_but_the_payload() {
        let plain = body(&samples::accepted(1));
        let body = body(&samples::accepted_raw(1, raw(b"\x07", Some("image/png"))));
        let RawBody { head, bytes } = RawBody::split(&body).unwrap();
        assert_eq!(bytes, b"\x07");
        assert_eq!(RawBody::join(&head, &bytes), body);
        let head = String::from_utf8(head).unwrap();
        let plain = String::from_utf8(plain).unwrap();
        let expected = plain.replace(r#","payload":{"text":"hello"}"#, "");
        let expected = expected.trim_end_matches('}').to_owned();
        assert!(head.starts_with(&expected), "{head}\n{expected}");
        assert!(head.ends_with(r#"},"content_type":"image/png"}"#), "{head}");
    }

    #[test]
    fn no_client_can_put_a_frame_into_it() {
        let mut frame = Vec::new();
        frame::encode(&mut frame, 3_000_000_000, 0, &samples::accepted(9));
        let fact = samples::accepted_raw(1, Payload::raw(frame, None));
        assert!(!body(&fact).contains(&0));
    }

    #[test]
    fn what_no_hub_of_this_version_wrote_is_not_read() {
        let good = body(&samples::accepted_raw(1, raw(b"1234", None)));
        let read = |kind: Kind, body: &[u8]| {
            let read = codec::decode(kind as u8, RAW_VERSION, body);
            read.unwrap_err().to_string()
        };
        let RawBody { head, .. } = RawBody::split(&good).unwrap();
        let whole = stuffing::read(&good).unwrap();
        let written = |plain: &[u8]| {
            let mut body = Vec::new();
            stuffing::write(&mut body, &[plain]);
            body
        };
        let properties_at = LENGTH_BYTES + head.len();
        for end in 0..properties_at + LENGTH_BYTES {
            let error = read(Kind::Accepted, &written(&whole[..end]));
            assert!(error.contains("it is cut off"), "{end}: {error}");
        }
        let mut with_properties = whole.clone();
        with_properties[properties_at] = 2;
        let error = read(Kind::Accepted, &written(&with_properties));
        assert!(error.contains("newer message-hub"), "{error}");
        let error = read(Kind::Accepted, &whole);
        assert!(error.contains("it is cut off"), "{error}");
        let error = read(Kind::Redriven, &good);
        assert!(error.starts_with("redriven record"), "{error}");
        let error = read(Kind::Delivered, &good);
        assert!(error.contains("kind 3 version 2"), "{error}");
        let settled = body(&samples::redriven(2, 1, State::Dead));
        let error = read(Kind::Accepted, &settled);
        assert!(error.contains("it is cut off"), "{error}");
    }

    #[test]
    fn json_without_a_payload_is_no_message() {
        let good = body(&samples::accepted_raw(1, raw(b"1", None)));
        let head = RawBody::split(&good).unwrap().head;
        let error = codec::decode(Kind::Accepted as u8, codec::VERSION, &head).unwrap_err();
        assert!(error.to_string().contains("missing field `payload`"));
    }
}
