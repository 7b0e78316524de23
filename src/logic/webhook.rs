//! An event as it goes to a callback: signed as Standard Webhooks
//! (<https://www.standardwebhooks.com>) want it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::Sha256;
use utoipa::ToSchema;

use super::push::header_text;
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::ids::{EventType, Label, ServiceName, StreamId};
use crate::domain::json_text::JsonText;
use crate::domain::subscription::{Callback, SigningSecret};
use crate::domain::timestamp::Timestamp;
use crate::ports::transport::PushRequest;

const PREFIX: &str = "whsec_";
/// Of a key, in bytes.
const SHORTEST: usize = 24;
const LONGEST: usize = 64;

/// Why a text is no secret to sign with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("must be whsec_ followed by 24 to 64 bytes in base64")]
pub struct NotASecret;

/// Reads a secret that a subscriber chose.
///
/// # Errors
/// [`NotASecret`] unless it is a key of 24 to 64 bytes, in base64 with its padding.
pub fn parse_secret(text: &str) -> Result<SigningSecret, NotASecret> {
    let encoded = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
    let key = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
    if !(SHORTEST..=LONGEST).contains(&key.len()) {
        return Err(NotASecret);
    }
    Ok(SigningSecret::new(text.to_owned()))
}

/// A secret of the hub's making, from 32 random bytes.
pub fn make_secret(random: [u8; 32]) -> SigningSecret {
    SigningSecret::new(format!("{PREFIX}{}", STANDARD.encode(random)))
}

/// The `webhook-signature` of a body: HMAC-SHA256 over `id.timestamp.body`, the timestamp in
/// seconds since 1970.
pub fn sign(secret: &SigningSecret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let text = secret.expose();
    let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
    // Secrets are read by `parse_secret`; one that is no base64 signs as the empty key.
    let key = STANDARD.decode(encoded).unwrap_or_default();
    let mac = Hmac::<Sha256>::new_from_slice(&key);
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// One attempt to hand an event to a callback.
#[derive(Clone, Copy, Debug)]
pub struct Handing<'a> {
    /// What is handed over.
    pub event: &'a Event,
    /// To where, and with which secret it is signed.
    pub callback: &'a Callback,
    /// 1 for the first.
    pub attempt: u32,
    /// So many failed attempts make a dead letter.
    pub max_attempts: u32,
    /// It is a past event that was asked for, and the receiver is told so.
    pub is_replay: bool,
}

/// An event as a callback gets it.
#[derive(Serialize, ToSchema)]
pub struct CallbackEnvelope<'a> {
    /// The same in every attempt: drop what came before.
    id: EventId,
    /// `event`.
    #[serde(rename = "type")]
    #[schema(pattern = "^event$")]
    kind: &'static str,
    event_type: &'a EventType,
    source: &'a ServiceName,
    #[schema(value_type = JsonText)]
    payload: &'a RawValue,
    correlation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Label, required = false)]
    causation_id: Option<&'a Label>,
    timestamp: Timestamp,
    sequence: Sequence,
    #[schema(required)]
    stream_id: Option<&'a StreamId>,
    #[schema(required)]
    stream_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = JsonText, required = false)]
    metadata: Option<&'a RawValue>,
    /// 1 for the first.
    #[schema(minimum = 1)]
    attempt: u32,
    /// It is sent as part of a replay; else left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    replay: bool,
}

impl<'a> CallbackEnvelope<'a> {
    fn new(handing: &Handing<'a>) -> Self {
        let event = handing.event;
        let (stream, extras) = (event.stream.as_ref(), event.extras.as_deref());
        let metadata = extras.and_then(|extras| extras.metadata.as_ref());
        Self {
            id: event.id,
            kind: "event",
            event_type: &event.event_type,
            source: &event.source,
            payload: event.payload.as_raw(),
            correlation_id: event.correlation_id(),
            causation_id: event.causation_id.as_ref(),
            timestamp: event.timestamp(),
            sequence: event.sequence,
            stream_id: stream.map(|place| &place.id),
            stream_version: stream.map(|place| place.version),
            metadata: metadata.map(|metadata| metadata.as_raw()),
            attempt: handing.attempt,
            replay: handing.is_replay,
        }
    }
}

/// The POST of this attempt. Its `webhook-id` is the event's id, the same in every attempt, so
/// that a receiver recognises a repeat by it.
pub fn push_request(handing: &Handing<'_>, timeout: Duration, now: Timestamp) -> PushRequest {
    let (event, callback) = (handing.event, handing.callback);
    let envelope = CallbackEnvelope::new(handing);
    let body = serde_json::to_vec(&envelope).expect("an envelope is JSON");
    let (id, seconds) = (event.id.to_string(), now.as_millis().div_euclid(1000));
    let attempt = format!("{}/{}", handing.attempt, handing.max_attempts);
    let mut signature = sign(&callback.secret, &id, seconds, &body);
    // Standard Webhooks: a receiver takes whichever signature it can verify.
    if let Some(previous) = callback.previous_at(now) {
        signature.push(' ');
        signature.push_str(&sign(&previous.secret, &id, seconds, &body));
    }
    let mut headers = vec![
        ("webhook-id", id.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
        ("x-message-id", id.clone()),
        ("x-correlation-id", header_text(&envelope.correlation_id)),
        ("x-request-id", id),
        ("x-hub-attempt", attempt),
    ];
    if handing.is_replay {
        headers.push(("x-hub-replay", "true".to_owned()));
    }
    let extras = event.extras.as_deref();
    if let Some(traceparent) = extras.and_then(|extras| extras.traceparent.as_ref()) {
        headers.push(("traceparent", header_text(traceparent.as_str())));
    }
    PushRequest {
        url: callback.url.clone(),
        headers,
        body: body.into(),
        timeout,
        is_hurried: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn callback() -> Callback {
        Callback {
            url: "http://127.0.0.1:9/events".to_owned(),
            secret: parse_secret(SECRET).unwrap(),
            max_in_flight: 1,
            previous: None,
            durable: true,
        }
    }

    fn request(is_replay: bool) -> PushRequest {
        request_to(&callback(), is_replay)
    }

    fn request_to(callback: &Callback, is_replay: bool) -> PushRequest {
        let handing = Handing {
            event: &samples::event(1, 7),
            callback,
            attempt: 2,
            max_attempts: 5,
            is_replay,
        };
        let now = Timestamp::from_millis(1_780_000_000_999);
        push_request(&handing, Duration::from_secs(30), now)
    }

    fn header<'a>(request: &'a PushRequest, name: &str) -> Option<&'a str> {
        let found = request.headers.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The example that the libraries of the specification are tested with.
    #[test]
    fn signs_as_the_reference_does() {
        let secret = parse_secret(SECRET).unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_has_24_to_64_bytes() {
        for (bytes, is_secret) in [(23, false), (24, true), (64, true), (65, false), (0, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert_eq!(parse_secret(&text).is_ok(), is_secret, "{bytes}");
        }
        for text in ["", "whsec_", "whsec_???", "secret", &SECRET[6..]] {
            assert_eq!(parse_secret(text), Err(NotASecret), "{text}");
        }
        let made = make_secret([9; 32]);
        assert_eq!(parse_secret(made.expose()), Ok(made));
    }

    #[test]
    fn the_body_says_all_of_the_event() {
        let request = request(false);
        let body = std::str::from_utf8(&request.body).unwrap();
        for part in [
            r#""type":"event","event_type":"character.created""#,
            r#""payload":{"name":"hero", "level": 1e400}"#,
            r#""correlation_id":"conversation""#,
            r#""sequence":7,"stream_id":"stream-1","stream_version":7"#,
            r#""attempt":2}"#,
        ] {
            assert!(body.contains(part), "{part} in {body}");
        }
        assert!(!body.contains("replay"), "{body}");
        assert_eq!(header(&request, "x-hub-attempt"), Some("2/5"));
        assert_eq!(header(&request, "x-hub-replay"), None);
    }

    #[test]
    fn a_replay_is_marked_as_one() {
        let request = request(true);
        let body = std::str::from_utf8(&request.body).unwrap();
        assert!(body.ends_with(r#""replay":true}"#), "{body}");
        assert_eq!(header(&request, "x-hub-replay"), Some("true"));
    }

    #[test]
    fn a_changed_secret_signs_beside_the_old_one_until_that_is_over() {
        let new = make_secret([7; 32]);
        let now = 1_780_000_000_999;
        for (until, is_valid) in [(now + 1, true), (now, false)] {
            let mut callback = callback();
            let (begin, until) = (Timestamp::default(), Timestamp::from_millis(until));
            callback.change_secret(new.clone(), begin, until);
            let request = request_to(&callback, false);
            let id = samples::event(1, 7).id.to_string();
            let by = |secret| sign(secret, &id, 1_780_000_000, &request.body);
            let (new, old) = (by(&new), by(&parse_secret(SECRET).unwrap()));
            let expected = if is_valid {
                format!("{new} {old}")
            } else {
                new
            };
            assert_eq!(header(&request, "webhook-signature"), Some(&*expected));
        }
    }

    #[test]
    fn the_same_secret_again_or_no_overlap_leaves_no_old_one() {
        let (now, later) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        let mut callback = callback();
        callback.change_secret(parse_secret(SECRET).unwrap(), now, later);
        assert_eq!(callback.previous, None);
        callback.change_secret(make_secret([7; 32]), now, now);
        assert_eq!(callback.previous, None);
    }

    #[test]
    fn the_signature_is_over_what_is_sent() {
        let request = request(false);
        let id = header(&request, "webhook-id").unwrap();
        assert_eq!(id, samples::event(1, 7).id.to_string());
        assert_eq!(header(&request, "webhook-timestamp"), Some("1780000000"));
        let expected = sign(&callback().secret, id, 1_780_000_000, &request.body);
        assert_eq!(
            header(&request, "webhook-signature"),
            Some(expected.as_str())
        );
    }
}
