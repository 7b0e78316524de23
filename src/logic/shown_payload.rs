//! How a payload stands in the JSON that others read: as JSON if it is meant to be, else as base64.

use std::fmt;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::canonical::{DEEPEST, depth};
use crate::domain::ids::ContentType;
use crate::domain::json_text::JsonText;
use crate::domain::payload::{Payload, RawPayload};

/// The fields of a message that show its payload, wherever a message is shown.
#[derive(Serialize, ToSchema)]
pub struct ShownPayload<'a> {
    /// Byte for byte as the sender wrote it. Null if it is shown as `payload_base64`.
    #[schema(value_type = JsonText, required)]
    pub payload: Option<&'a RawValue>,
    /// The bytes of a payload that is no JSON, in standard base64.
    #[schema(value_type = String, required = false, content_encoding = "base64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<Base64<'a>>,
    /// What the sender said that the bytes are; only of a payload that was sent as bytes.
    #[schema(value_type = ContentType, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<&'a ContentType>,
}

/// Bytes that are shown as standard base64, with its padding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Base64<'a>(&'a [u8]);

impl<'a> ShownPayload<'a> {
    /// The one way in which payloads are shown.
    pub fn of(payload: &'a Payload) -> Self {
        let raw = match payload {
            Payload::Json(text) => {
                return Self {
                    payload: Some(text.as_raw()),
                    payload_base64: None,
                    content_type: None,
                };
            }
            Payload::Raw(raw) => raw,
        };
        let json = json_in(raw);
        Self {
            payload: json,
            payload_base64: json.is_none().then_some(Base64(&raw.bytes)),
            content_type: raw.content_type.as_ref(),
        }
    }
}

/// What a payload takes where it is shown, in bytes: base64 has four characters for three bytes.
pub fn shown_bytes(payload: &Payload) -> usize {
    match payload {
        Payload::Json(text) => text.as_json().len(),
        Payload::Raw(raw) => raw.bytes.len().div_ceil(3) * 4,
    }
}

/// The JSON that the bytes are, if they may be meant as such, and as no other payload may be.
fn json_in(raw: &RawPayload) -> Option<&RawValue> {
    let is_meant = raw.content_type.as_ref().is_none_or(is_json);
    if !is_meant || depth(&raw.bytes) > DEEPEST {
        return None;
    }
    serde_json::from_slice(&raw.bytes).ok()
}

/// Whether it is the media type of JSON, or of a format made of it (RFC 6839), with whatever
/// parameters.
fn is_json(content_type: &ContentType) -> bool {
    let essence = content_type.as_str().split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

impl fmt::Display for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Display::new(self.0, &STANDARD).fmt(f)
    }
}

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(payload: &Payload) -> String {
        serde_json::to_string(&ShownPayload::of(payload)).unwrap()
    }

    fn raw(bytes: &str, content_type: Option<&str>) -> Payload {
        let content_type = content_type.map(|text| ContentType::parse(text).unwrap());
        Payload::raw(bytes.as_bytes().to_vec(), content_type)
    }

    #[test]
    fn json_is_shown_as_it_was_written() {
        let payload = Payload::parse(r#"{"a": 1e400,"a":2}"#).unwrap();
        assert_eq!(shown(&payload), r#"{"payload":{"a": 1e400,"a":2}}"#);
    }

    #[test]
    fn bytes_that_may_be_meant_as_json_are_shown_as_that() {
        for content_type in [
            None,
            Some("application/json"),
            Some("Application/JSON; charset=utf-8"),
            Some("application/problem+json"),
        ] {
            let payload = raw(" {\"a\": 1e400}\n", content_type);
            let shown = shown(&payload);
            assert!(shown.starts_with(r#"{"payload":{"a": 1e400}"#), "{shown}");
            assert!(!shown.contains("payload_base64"), "{shown}");
            assert_eq!(shown.contains("content_type"), content_type.is_some());
        }
    }

    #[test]
    fn all_other_bytes_are_shown_as_base64() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        for (bytes, content_type) in [
            ("", None),
            ("{", None),
            ("1 2", None),
            ("\u{feff}{}", None),
            ("{}", Some("text/plain")),
            ("{}", Some("application/jsonx")),
            (&deep(DEEPEST + 1), None),
        ] {
            let payload = raw(bytes, content_type);
            let shown = shown(&payload);
            assert!(shown.starts_with(r#"{"payload":null,"payload_base64":""#));
            assert_eq!(shown.contains("content_type"), content_type.is_some());
            let base64 = ShownPayload::of(&payload).payload_base64.unwrap();
            assert_eq!(base64.to_string().len(), shown_bytes(&payload));
        }
        assert!(shown(&raw(&deep(DEEPEST), None)).starts_with(r#"{"payload":[["#));
        let invalid = Payload::raw(vec![b'"', 0xff, b'"'], None);
        let expected = r#"{"payload":null,"payload_base64":"Iv8i"}"#;
        assert_eq!(shown(&invalid), expected);
    }
}
