//! What a hub says over a socket, read no further than the bench needs it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::message::{Stamp, read_stamp};

/// One frame of any type; each type has its own fields.
#[derive(Deserialize)]
pub(super) struct Heard<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    #[serde(rename = "ref")]
    pub reference: Option<&'a str>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub message: Option<Message<'a>>,
    pub lease: Option<&'a str>,
    #[serde(borrow)]
    pub event: Option<Event<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
pub(super) struct Event<'a> {
    /// Of the hub.
    pub sequence: u64,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Reads one text: a frame or an array of them.
pub(super) fn read(text: &[u8]) -> serde_json::Result<Vec<Heard<'_>>> {
    if text.first() == Some(&b'[') {
        return serde_json::from_slice(text);
    }
    Ok(vec![serde_json::from_slice(text)?])
}

impl Message<'_> {
    /// `None`: not exactly as it was sent.
    pub(super) fn stamp(&self, payload_size: usize) -> Option<Stamp> {
        stamp(self.payload, payload_size)
    }
}

impl Event<'_> {
    /// `None`: not exactly as it was published.
    pub(super) fn stamp(&self, payload_size: usize) -> Option<Stamp> {
        stamp(self.data, payload_size)
    }
}

fn stamp(payload: &RawValue, payload_size: usize) -> Option<Stamp> {
    let payload = payload.get().as_bytes();
    let has_size = payload.len() == payload_size;
    has_size.then(|| read_stamp(payload, payload_size))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_frame_and_many() {
        let one = br#"{"type":"accepted","ref":"00a","id":"x","durability":"disk"}"#;
        let heard = read(one).unwrap();
        assert_eq!(
            (heard[0].kind, heard[0].reference),
            ("accepted", Some("00a"))
        );
        let two = br#"[{"type":"message","message":{"payload":{},"id":"x"},"lease":"l"},
            {"type":"error","error":{"code":"QUEUE_FULL"}}]"#;
        let heard = read(two).unwrap();
        assert_eq!(heard[0].lease, Some("l"));
        assert_eq!(heard[0].message.as_ref().unwrap().stamp(100), None);
        assert_eq!(heard[1].error.unwrap().get(), r#"{"code":"QUEUE_FULL"}"#);
        assert!(read(b"").is_err() && read(b"[1]").is_err());
    }
}
