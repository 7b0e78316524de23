//! A consumer: takes messages over a socket, checks them and acknowledges them text by text.

use bytestring::ByteString;
use serde_json::json;

use super::heard;
use super::listeners::Listener;
use super::receiver::Expectation;

pub(super) struct Consumer {
    pub expectation: Expectation,
    pub service_name: String,
    /// Messages it has and has not settled, at most.
    pub prefetch: u32,
}

impl Listener for Consumer {
    const KIND: &str = "a consumer";

    fn greeting(&self) -> String {
        let service = &self.service_name;
        json!({"type": "consume", "service": service, "prefetch": self.prefetch, "ref": "0"})
            .to_string()
    }

    fn take(&mut self, text: &[u8]) -> serde_json::Result<Option<ByteString>> {
        let mut leases: Vec<&str> = Vec::new();
        for heard in heard::read(text)? {
            match (heard.message, heard.lease) {
                (Some(message), Some(lease)) => {
                    let stamp = message.stamp(self.expectation.payload_size);
                    self.expectation.note(stamp);
                    leases.push(lease);
                }
                _ => self.failed(heard.error.map_or(heard.kind, |error| error.get())),
            }
        }
        Ok((!leases.is_empty()).then(|| acknowledgement(&leases)))
    }

    fn failed(&self, reason: &str) {
        let recorder = &self.expectation.recorder;
        recorder.failed("consumer", 1, reason.as_bytes());
    }
}

fn acknowledgement(leases: &[&str]) -> ByteString {
    let leases = leases.join(r#"",""#);
    format!(r#"{{"type":"ack","leases":["{leases}"]}}"#).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cli::bench::message::{Request, Stamp};
    use crate::cli::bench::recorder::Recorder;

    fn consumer() -> Consumer {
        Consumer {
            expectation: Expectation {
                service: 0,
                services: 1,
                payload_size: 300,
                recorder: Arc::new(Recorder::new()),
            },
            service_name: "bench-0".to_owned(),
            prefetch: 5,
        }
    }

    /// The frame of a delivered message.
    fn delivery(sequence: u64) -> String {
        let stamp = Stamp {
            sequence,
            sent_at: 0,
        };
        let mut request = Request::send_frames("bench-0", 300, None);
        let sent: serde_json::Value = serde_json::from_slice(request.stamped(stamp, 1)).unwrap();
        // As text, since the order of a payload's fields matters.
        let text = String::from_utf8(request.stamped(stamp, 1).to_vec()).unwrap();
        let (_, payload) = text.split_once(r#""payload":"#).unwrap();
        assert_eq!(sent["type"], "send");
        let payload = &payload[..300];
        format!(
            r#"{{"type":"message","message":{{"payload":{payload}}},"lease":"lease-{sequence}"}}"#
        )
    }

    #[test]
    fn a_text_is_checked_and_acknowledged_at_once() {
        let mut consumer = consumer();
        let text = format!("[{},{}]", delivery(0), delivery(1));
        let said = consumer.take(text.as_bytes()).unwrap().unwrap();
        assert_eq!(said, r#"{"type":"ack","leases":["lease-0","lease-1"]}"#);
        assert_eq!(consumer.expectation.recorder.tally().received, 2);
    }

    #[test]
    fn a_changed_message_is_corrupt() {
        let mut consumer = consumer();
        let text = delivery(0).replacen("filler\":\"", "filler\":\"Z", 1);
        assert!(consumer.take(text.as_bytes()).unwrap().is_some());
        let tally = consumer.expectation.recorder.tally();
        assert_eq!((tally.received, tally.corrupt), (0, 1));
    }

    #[test]
    fn what_the_hub_complains_about_is_kept() {
        let mut consumer = consumer();
        let text = br#"{"type":"error","error":{"code":"CONFLICT"}}"#;
        assert_eq!(consumer.take(text).unwrap(), None);
        let errors = consumer.expectation.recorder.errors();
        assert_eq!(errors["consumer"].first, r#"{"code":"CONFLICT"}"#);
    }
}
