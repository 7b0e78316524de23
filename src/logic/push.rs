//! A message as it goes to a destination (docs/guides/develop-a-callback.md).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::{MessageId, MessageType, ServiceName};
use crate::domain::message::{Extras, Priority};
use crate::domain::moment::Moment;
use crate::domain::service::Address;
use crate::domain::timestamp::Timestamp;
use crate::ports::transport::PushRequest;

use super::queues::Delivery;
use super::shown_payload::ShownPayload;

/// A message as its destination gets it, by push or by pull.
#[derive(Serialize, ToSchema)]
#[schema(as = HandedMessage)]
pub struct Envelope<'a> {
    /// The same in every attempt: drop what came before.
    pub id: MessageId,
    /// What the destination is asked to do.
    #[serde(rename = "type")]
    pub message_type: &'a MessageType,
    /// Which service sent it.
    pub source: &'a ServiceName,
    /// Which service it is for.
    pub destination: &'a ServiceName,
    /// The one given, else the message's own id.
    pub correlation_id: String,
    /// Where the sender wants the reply, if it wants one.
    #[schema(required)]
    pub reply_to: Option<&'a ServiceName>,
    /// What the sender has to say.
    #[serde(flatten)]
    #[schema(inline)]
    pub payload: ShownPayload<'a>,
    /// The sender's own time if it gave one, else when the hub took the message.
    pub timestamp: Timestamp,
    /// The level it waited at.
    pub priority: Priority,
    /// The sender's own, if it gave any.
    #[schema(required)]
    pub headers: Option<&'a BTreeMap<String, String>>,
    /// 1 for the first; what ended with a lease or a nack counts as well.
    #[schema(minimum = 1)]
    pub attempt: u32,
    /// So many failed attempts make a dead letter.
    #[schema(minimum = 1)]
    pub max_attempts: u32,
    /// Of what goes to a consumer: how often it was handed out since the last attempt, this time
    /// included.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u32, required = false)]
    pub hand_outs: Option<u32>,
    /// By when the sender wants it handled; it is delivered all the same when that has passed.
    #[schema(required)]
    pub deadline: Option<Timestamp>,
    /// By the system's clock as it is set now, since a receiver compares it with its own.
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
}

impl<'a> Envelope<'a> {
    /// As it is pushed, `now`.
    pub fn new(delivery: &'a Delivery, max_attempts: u32, now: Moment) -> Self {
        let message = &*delivery.message;
        let extras: Option<&Extras> = message.extras.as_deref();
        Self {
            id: message.id,
            message_type: &message.message_type,
            source: &message.source,
            destination: &message.destination,
            correlation_id: message.correlation_id(),
            reply_to: extras.and_then(|extras| extras.reply_to.as_ref()),
            payload: ShownPayload::of(&message.payload),
            timestamp: extras
                .and_then(|extras| extras.timestamp)
                .unwrap_or(message.accepted_at),
            priority: message.priority,
            headers: extras
                .map(|extras| &extras.headers)
                .filter(|headers| !headers.is_empty()),
            attempt: delivery.attempt,
            max_attempts,
            hand_outs: None,
            deadline: message.deadline(),
            expires_at: delivery.outlived.map(|at| now.wall_time(at)),
        }
    }
}

impl<'a> Envelope<'a> {
    /// For a consumer.
    pub fn handed_out(delivery: &'a Delivery, max_attempts: u32, now: Moment) -> Self {
        Self {
            hand_outs: Some(delivery.hand_outs),
            ..Self::new(delivery, max_attempts, now)
        }
    }
}

/// The POST that hands `delivery` over; it never outlasts the message's ttl.
pub fn push_request(
    delivery: &Delivery,
    address: &Address,
    max_attempts: u32,
    message_timeout: Duration,
    now: Moment,
) -> PushRequest {
    let message = &*delivery.message;
    let envelope = Envelope::new(delivery, max_attempts, now);
    let body = serde_json::to_vec(&envelope).expect("an envelope is JSON");
    let left = delivery
        .outlived
        .map_or(Duration::MAX, |at| at.since(now.hub));
    let mut headers = vec![
        ("x-message-id", message.id.to_string()),
        ("x-correlation-id", header_text(&envelope.correlation_id)),
        ("x-request-id", message.id.to_string()),
        (
            "x-hub-attempt",
            format!("{}/{max_attempts}", delivery.attempt),
        ),
    ];
    let traceparent = message
        .extras
        .as_deref()
        .and_then(|extras| extras.traceparent.as_ref());
    if let Some(traceparent) = traceparent {
        headers.push(("traceparent", header_text(traceparent.as_str())));
    }
    PushRequest {
        url: address.message_url(),
        headers,
        body: body.into(),
        timeout: message_timeout.min(left),
        is_hurried: left < message_timeout,
    }
}

/// A header carries printable ASCII; a label may not. What does not fit is written as percent signs
/// and the bytes of its UTF-8, as in RFC 8187. A percent sign stays what it is: the body has the
/// text as it was given.
pub(super) fn header_text(text: &str) -> String {
    let fits = |c: char| c == ' ' || c.is_ascii_graphic();
    let mut header = String::with_capacity(text.len());
    let mut bytes = [0; 4];
    for c in text.chars() {
        if fits(c) {
            header.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut bytes).bytes() {
            let hex = |digit: u8| char::from(b"0123456789ABCDEF"[usize::from(digit)]);
            header.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::CorrelationId;
    use crate::domain::message::Message;
    use crate::domain::payload::Payload;
    use std::sync::Arc;
    use uuid::Uuid;

    fn delivery(expires_at: Option<Timestamp>) -> Delivery {
        let message = Message {
            id: MessageId(Uuid::nil()),
            destination: ServiceName::parse("billing").unwrap(),
            source: ServiceName::parse("shop").unwrap(),
            message_type: MessageType::parse("service_message").unwrap(),
            priority: Priority::High,
            accepted_at: Timestamp::from_millis(1_000),
            expires_at,
            correlation_id: Some(CorrelationId::parse("bestellung-ü").unwrap()),
            payload: Payload::parse("{\"n\": 1e400}").unwrap(),
            extras: None,
        };
        Delivery {
            message: Arc::new(message),
            attempt: 2,
            hand_outs: 1,
            outlived: expires_at,
        }
    }

    fn request(expires_at: Option<Timestamp>) -> PushRequest {
        let url = "http://127.0.0.1:9".to_owned();
        let address = Address {
            url,
            message_endpoint: "/messages".to_owned(),
        };
        let now = Timestamp::from_millis(5_000).into();
        push_request(
            &delivery(expires_at),
            &address,
            5,
            Duration::from_secs(30),
            now,
        )
    }

    #[test]
    fn carries_the_message_whole() {
        let request = request(None);
        assert_eq!(request.url, "http://127.0.0.1:9/messages");
        let body = std::str::from_utf8(&request.body).unwrap();
        assert!(body.contains("\"payload\":{\"n\": 1e400}"), "{body}");
        assert!(body.contains("\"priority\":\"HIGH\""), "{body}");
        assert!(body.contains("\"attempt\":2,\"max_attempts\":5"), "{body}");
        assert!(
            request
                .headers
                .contains(&("x-hub-attempt", "2/5".to_owned()))
        );
        assert!(
            request
                .headers
                .contains(&("x-correlation-id", "bestellung-%C3%BC".to_owned()))
        );
    }

    #[test]
    fn a_header_says_everything_in_ascii() {
        for (text, header) in [
            ("order-7", "order-7"),
            ("é", "%C3%A9"),
            ("a b%20", "a b%20"),
            ("注文 7", "%E6%B3%A8%E6%96%87 7"),
            ("\u{7f}\t\u{1f600}", "%7F%09%F0%9F%98%80"),
        ] {
            assert_eq!(header_text(text), header);
        }
    }

    #[test]
    fn says_when_it_expires_by_the_clock_that_others_see() {
        let delivery = delivery(Some(Timestamp::from_millis(6_000)));
        let expires_at = |delivery: &Delivery, wall: i64| {
            let now = Moment {
                hub: Timestamp::from_millis(5_000),
                wall: Timestamp::from_millis(wall),
            };
            let envelope = Envelope::handed_out(delivery, 5, now);
            envelope.expires_at.map(Timestamp::as_millis)
        };
        assert_eq!(expires_at(&delivery, 5_000), Some(6_000));
        assert_eq!(expires_at(&delivery, 3_605_000), Some(3_606_000));
        assert_eq!(expires_at(&delivery, 0), Some(1_000));
    }

    #[test]
    fn never_outlasts_the_ttl() {
        assert_eq!(request(None).timeout, Duration::from_secs(30));
        let soon = Timestamp::from_millis(5_250);
        assert_eq!(request(Some(soon)).timeout, Duration::from_millis(250));
        let hurried = |expires_at| request(expires_at).is_hurried;
        assert!(hurried(Some(soon)) && !hurried(None));
        assert!(!hurried(Some(Timestamp::from_millis(35_000))));
    }
}
