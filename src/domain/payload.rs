//! What a message carries.

use bytes::Bytes;
use serde::de::Deserializer;
use serde::ser::{Error, Serializer};
use serde::{Deserialize, Serialize};

use super::ids::ContentType;
use super::json_text::JsonText;

/// What a sender has to say. The hub passes it on as it came; only its edges look into it.
#[derive(Clone, PartialEq, Debug)]
pub enum Payload {
    /// JSON, checked when it came in: only checked text is written into other JSON without being
    /// read again.
    Json(JsonText),
    /// Anything else, boxed to keep messages with JSON small.
    Raw(Box<RawPayload>),
}

/// Bytes of whatever kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RawPayload {
    /// As the sender gave them; clones share them.
    pub bytes: Bytes,
    /// What the sender says they are; `None`: it said nothing.
    pub content_type: Option<ContentType>,
}

impl Payload {
    /// Bytes, with what they are said to be.
    pub fn raw(bytes: impl Into<Bytes>, content_type: Option<ContentType>) -> Self {
        Self::Raw(Box::new(RawPayload {
            bytes: bytes.into(),
            content_type,
        }))
    }

    /// Checks that `json` is one JSON value.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        JsonText::parse(json).map(Self::Json)
    }

    /// What stands in a message while its bytes, which lie beside its JSON, are not read yet.
    pub fn apart() -> Self {
        Self::Raw(Box::default())
    }

    /// Whether it was given as bytes, whatever they are.
    pub fn is_raw(&self) -> bool {
        matches!(self, Self::Raw(_))
    }

    /// The text, if it was given as JSON.
    pub fn as_json(&self) -> Option<&JsonText> {
        match self {
            Self::Json(text) => Some(text),
            Self::Raw(_) => None,
        }
    }

    /// The bytes, if it was given as such.
    pub fn as_raw(&self) -> Option<&RawPayload> {
        match self {
            Self::Json(_) => None,
            Self::Raw(raw) => Some(raw),
        }
    }

    /// What it takes in memory beside the message, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Json(text) => text.as_json().len(),
            Self::Raw(raw) => {
                let content_type = raw.content_type.as_ref();
                let name = content_type.map_or(0, |name| name.as_str().len());
                size_of::<RawPayload>() + name + raw.bytes.len()
            }
        }
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(text) => text.serialize(serializer),
            Self::Raw(_) => Err(S::Error::custom("bytes lie beside the JSON")),
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonText::deserialize(deserializer).map(Self::Json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_may_be_raw_is_no_larger_than_json() {
        assert_eq!(size_of::<Payload>(), size_of::<JsonText>());
    }

    #[test]
    fn bytes_are_shared_by_clones() {
        let payload = Payload::raw(vec![7; 100], None);
        let bytes = |payload: &Payload| payload.as_raw().unwrap().bytes.as_ptr();
        assert_eq!(bytes(&payload), bytes(&payload.clone()));
    }

    #[test]
    fn bytes_never_get_lost_in_json() {
        assert!(serde_json::to_string(&Payload::raw(vec![7], None)).is_err());
        let json = Payload::parse("[ 1 ]").unwrap();
        assert_eq!(serde_json::to_string(&json).unwrap(), "[ 1 ]");
    }
}
