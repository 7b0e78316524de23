//! A message as a client sends it, alone, in a batch or in a frame.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::body;
use super::field::{BodyField, Kept, even_null, field, text, texts, word};
use super::numbers::{PositiveSeconds, Seconds};
use super::objects::strings;
use super::problem::Problem;
use super::texts::{
    Base64Bytes, Id, NewContentType, NewCorrelation, NewLabel, NewMessageType, NewService,
    PointInTime,
};
use super::unknown::Ignored;
use crate::domain::ids::{Label, MessageId, MessageType, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::message::{Extras, Fingerprint, Message, Priority};
use crate::domain::offer::Offer;
use crate::domain::payload::Payload;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::{HubError, Subject};
use crate::hub::request::RequestContext;
use crate::hub::send::check_headers;
use crate::logic::canonical::{comparable, fingerprint};

const SUBJECT: Subject = Subject::Message;

/// What a message may ask for in a later version.
const PROMISED: [&str; 12] = [
    "timeout",
    "max_replies",
    "reply_mode",
    "max_attempts",
    "in_reply_to",
    "transaction_id",
    "schema_version",
    "topic",
    "exchange",
    "if_unbound",
    "sensitive",
    "subject",
];

/// A message to send. Unknown fields are left out and named in the answer; a known field of the
/// wrong type is refused, and `null` means that it is not given, except for `payload`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessageInput, example = json!({
    "destination": "billing",
    "source": "shop",
    "type": "invoice.create",
    "priority": "HIGH",
    "payload": {"order": 4711}
}))]
pub(crate) struct MessageBody<'a> {
    destination: NewService,
    /// Required, unless there is a `payload_base64`; give null if there is nothing to say. Nested
    /// at most 64 levels deep.
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = JsonText, required = false)]
    payload: Option<JsonText>,
    /// Any bytes, in standard base64 with its padding, in place of `payload`.
    #[schema(inline)]
    payload_base64: Option<Base64Bytes>,
    /// What the bytes of `payload_base64` are, passed on with them; beside `payload` it is left
    /// out. Bytes of JSON, or of which nothing is said, come to the destination as `payload` if
    /// they are JSON.
    content_type: Option<NewContentType>,
    /// Makes sending safe to repeat: a known id with the same content is answered with what became
    /// of the message. Made by the hub if not given.
    #[schema(value_type = Option<MessageId>)]
    id: Option<Id>,
    /// What kind of message it is.
    #[schema(default = "service_message")]
    r#type: Option<NewMessageType>,
    /// Another name for `type`, read if `type` is not given.
    message_type: Option<NewMessageType>,
    /// The header `X-Service-Name` if not given; one of them is required.
    source: Option<NewService>,
    /// The header `X-Correlation-ID` if not given, else the message's id.
    correlation_id: Option<NewCorrelation>,
    /// Which service wants replies.
    #[serde(borrow)]
    #[schema(value_type = Option<ServiceName>)]
    reply_to: Option<Kept<'a, NewService>>,
    #[schema(default = "NORMAL")]
    priority: Option<PriorityInput>,
    /// Seconds, to the millisecond, from acceptance until the message expires. Never, if not given.
    #[serde(borrow)]
    #[schema(inline, value_type = Option<PositiveSeconds>)]
    ttl: Option<Kept<'a, PositiveSeconds>>,
    /// Makes the message more urgent as it comes near; nothing expires by it.
    #[serde(borrow)]
    #[schema(value_type = Option<Timestamp>)]
    deadline: Option<Kept<'a, PointInTime>>,
    /// Not delivered before this time. Not together with `delay`.
    #[serde(borrow)]
    #[schema(value_type = Option<Timestamp>)]
    deliver_at: Option<Kept<'a, PointInTime>>,
    /// Seconds, to the millisecond, before which it is not delivered. Not together with
    /// `deliver_at`.
    #[serde(borrow)]
    #[schema(inline, value_type = Option<Seconds>)]
    delay: Option<Kept<'a, Seconds>>,
    /// Messages with the same key to one destination are delivered one after the other.
    #[serde(borrow)]
    #[schema(value_type = Option<Label>)]
    ordering_key: Option<Kept<'a, NewLabel>>,
    /// Passed on with the message: at most 32.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    headers: Option<Headers>,
    /// The sender's own time, passed on; nothing is timed by it.
    timestamp: Option<PointInTime>,
    #[serde(borrow)]
    #[schema(value_type = Option<OnUnavailable>, default = "queue")]
    on_unavailable: Option<Kept<'a, OnUnavailable>>,
}

/// What to do if the circuit is open or no instance is available: keep the message, or refuse it
/// at once.
#[derive(Clone, Copy, PartialEq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum OnUnavailable {
    Queue,
    Reject,
}

impl BodyField for OnUnavailable {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        match &*text(json)? {
            "queue" => Ok(Self::Queue),
            "reject" => Ok(Self::Reject),
            _ => Err(Problem::new("must be `queue` or `reject`")),
        }
    }
}

struct Headers(BTreeMap<String, String>);

impl BodyField for Headers {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        strings(json).map(Self)
    }
}

field!(Headers);

texts! {
    /// A level in a query, in words or in digits.
    LevelWord(Priority) = level;
}

fn level(text: &str) -> Result<Priority, String> {
    let number = |text: &str| text.parse().ok().and_then(Priority::from_number);
    let read = |text: &str| Priority::from_name(text).or_else(|| number(text));
    let known = ["CRITICAL", "HIGH", "NORMAL", "LOW", "DEFERRED or 1 to 5"];
    word(text, read, &known)
}

/// A level as a client may give it.
pub(crate) struct PriorityInput(Priority);

impl BodyField for PriorityInput {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let read = match json.get().parse::<u64>() {
            Ok(number) => Priority::from_number(number),
            Err(_) if json.get().starts_with('"') => Priority::from_name(&text(json)?),
            Err(_) => None,
        };
        read.map(Self).ok_or_else(|| {
            Problem::new(
                "must be CRITICAL, HIGH, NORMAL, LOW or DEFERRED, or a number from 1 (CRITICAL) to 5",
            )
        })
    }
}

field!(
    PriorityInput,
    utoipa::openapi::OneOfBuilder::new()
        .description(Some(
            "A name, in any case, or a number from 1 (CRITICAL) to 5 (DEFERRED)."
        ))
        .item(utoipa::openapi::Ref::from_schema_name("Priority"))
        .item(
            utoipa::openapi::ObjectBuilder::new()
                .schema_type(utoipa::openapi::Type::Integer)
                .minimum(Some(1))
                .maximum(Some(5))
        )
);

/// Reads one message.
///
/// # Errors
/// 400 with the field.
pub(crate) fn read(text: &str, context: &RequestContext<'_>) -> Result<(Offer, Ignored), HubError> {
    let (body, mut ignored) = body::data::<MessageBody<'_>>(SUBJECT, text)?;
    ignored.check_promises(SUBJECT, &PROMISED)?;
    // JSON needs no other name. Who says one beside it was never refused for it.
    if body.payload.is_some() && body.payload_base64.is_none() && body.content_type.is_some() {
        ignored.add("content_type");
    }
    Ok((body.offer(context)?, ignored))
}

impl<'a> MessageBody<'a> {
    fn offer(self, context: &RequestContext<'_>) -> Result<Offer, HubError> {
        let now = context.now;
        let (given, texts) = (self.id, self.texts());
        let or_reject = self.on_unavailable.map(|word| word.value) == Some(OnUnavailable::Reject);
        let ttl = self.ttl.map(|ttl| ttl.value.0);
        let is_delayed = self.delay.is_some();
        let deliver_at = deliver_at(self.deliver_at, self.delay, now)?;
        let headers = self.headers.map(|headers| headers.0).unwrap_or_default();
        check_headers(&headers)?;
        let mut message = Message {
            id: match given {
                Some(Id(id)) => MessageId(id),
                None => context.generate_message_id(),
            },
            destination: self.destination.0,
            source: context.principal.acting_for(
                SUBJECT,
                "source",
                self.source.map(|name| name.0),
            )?,
            message_type: message_type(self.r#type, self.message_type)?,
            priority: self.priority.map_or(Priority::Normal, |word| word.0),
            accepted_at: now,
            expires_at: ttl.map(|ttl| now.plus(ttl)),
            correlation_id: self
                .correlation_id
                .map(|id| id.0)
                .or_else(|| context.correlation_id.cloned()),
            payload: payload(self.payload, self.payload_base64, self.content_type)?,
            extras: None,
        };
        let extras = Extras {
            reply_to: self.reply_to.map(|service| service.value.0),
            ttl_ms: ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
            deadline: self.deadline.map(|time| time.value.0),
            deliver_at,
            is_delayed: deliver_at.is_some() && is_delayed,
            ordering_key: self.ordering_key.map(|key| key.value.0),
            headers,
            timestamp: self.timestamp.map(|time| time.0),
            traceparent: context.traceparent.cloned(),
            fingerprint: given.map(|_| fingerprint_of(texts, &message)),
        };
        if extras != Extras::default() {
            message.extras = Some(Box::new(extras));
        }
        Ok(Offer {
            message: Arc::new(message),
            or_reject,
        })
    }

    /// Of the fields that two messages with one id have to have in the same words.
    fn texts(&self) -> [Option<&'a RawValue>; 7] {
        [
            self.reply_to.as_ref().map(|kept| kept.json),
            self.ttl.as_ref().map(|kept| kept.json),
            self.deadline.as_ref().map(|kept| kept.json),
            self.deliver_at.as_ref().map(|kept| kept.json),
            self.delay.as_ref().map(|kept| kept.json),
            self.ordering_key.as_ref().map(|kept| kept.json),
            self.on_unavailable.as_ref().map(|kept| kept.json),
        ]
    }
}

/// JSON as it stands in the body, of which null is some; or bytes.
fn payload(
    json: Option<JsonText>,
    bytes: Option<Base64Bytes>,
    content_type: Option<NewContentType>,
) -> Result<Payload, HubError> {
    let (field, problem) = match (json, bytes, content_type) {
        (Some(json), None, _) => return Ok(Payload::Json(json)),
        // What messages of bytes are shown as can be sent on.
        (json, Some(bytes), content_type) if json.as_ref().is_none_or(is_null) => {
            let content_type = content_type.map(|word| word.0);
            return Ok(Payload::raw(bytes.0, content_type));
        }
        (_, Some(_), _) => ("payload_base64", "cannot be given together with payload"),
        (None, None, _) => ("payload", "is required; give null if there is none"),
    };
    Err(HubError::invalid(SUBJECT, field, problem))
}

fn is_null(json: &JsonText) -> bool {
    json.as_json() == "null"
}

fn message_type(
    given: Option<NewMessageType>,
    other: Option<NewMessageType>,
) -> Result<MessageType, HubError> {
    if let (Some(given), Some(other)) = (&given, &other)
        && given.0 != other.0
    {
        return Err(HubError::invalid(
            SUBJECT,
            "message_type",
            "differs from type",
        ));
    }
    match given.or(other) {
        Some(word) => Ok(word.0),
        None => Ok(MessageType::parse_interned("service_message").expect("a label")),
    }
}

/// A time that is past is no time: the message is due at once.
fn deliver_at(
    at: Option<Kept<'_, PointInTime>>,
    delay: Option<Kept<'_, Seconds>>,
    now: Timestamp,
) -> Result<Option<Timestamp>, HubError> {
    let time = match (at, delay) {
        (Some(_), Some(_)) => {
            let problem = "cannot be given together with deliver_at";
            return Err(HubError::invalid(SUBJECT, "delay", problem));
        }
        (Some(at), None) => at.value.0,
        (None, Some(delay)) => now.plus(delay.value.0),
        (None, None) => return Ok(None),
    };
    Ok((time > now).then_some(time))
}

/// Everything but `id`, `timestamp` and `headers`, in a form in which white space and the order
/// of keys make no difference. It is kept with the message: by another form no repeat would be
/// known across a change of the hub.
fn fingerprint_of(texts: [Option<&RawValue>; 7], message: &Message) -> Fingerprint {
    let payload = comparable(&message.payload);
    let correlation_id = message.correlation_id();
    let mut parts: Vec<&[u8]> = vec![
        message.destination.as_str().as_bytes(),
        message.source.as_str().as_bytes(),
        message.message_type.as_str().as_bytes(),
        message.priority.name().as_bytes(),
        correlation_id.as_bytes(),
        &payload,
    ];
    for text in texts {
        parts.push(text.map_or(b"null", |json| json.get().as_bytes()));
    }
    fingerprint(&parts)
}

#[cfg(test)]
mod tests;
