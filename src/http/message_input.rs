//! A message as a client sends it, checked field by field.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::fields::unknown::Ignored;
use super::fields::{self, Field};
use crate::domain::ids::{CorrelationId, Label, MessageId, MessageType, ServiceName};
use crate::domain::message::{Extras, Fingerprint, Message, Priority};
use crate::domain::offer::Offer;
use crate::domain::timestamp::Timestamp;
use crate::hub::access::Principal;
use crate::hub::error::{HubError, Subject};
use crate::hub::request::RequestContext;
use crate::hub::send::check_headers;
use crate::logic::canonical::{canonical_or_plain, fingerprint};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    destination: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    r#type: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    message_type: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    source: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    correlation_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    reply_to: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    priority: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    ttl: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    deadline: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    deliver_at: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    delay: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    ordering_key: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    headers: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    on_unavailable: Option<&'a RawValue>,
}

/// Reads one message.
///
/// # Errors
/// 400 with the field; 403 if it claims another source than the caller.
pub(crate) fn read(text: &str, context: &RequestContext<'_>) -> Result<(Offer, Ignored), HubError> {
    let (body, ignored): (Body<'_>, _) = fields::noting(SUBJECT, text)?;
    ignored.check_promises(SUBJECT, &PROMISED)?;
    let given = |name, json| Field::given(SUBJECT, name, json);
    let id = given("id", body.id)
        .map(|field| field.parse::<Uuid>("a UUID"))
        .transpose()?;
    let now = context.now;
    let ttl = given("ttl", body.ttl)
        .map(|field| field.positive_duration())
        .transpose()?;
    let correlation_id = given("correlation_id", body.correlation_id);
    let correlation_id = correlation_id
        .map(|field| field.name(CorrelationId::given_segment))
        .transpose()?;
    let payload = body.payload.ok_or_else(|| {
        HubError::invalid(
            SUBJECT,
            "payload",
            "is required; give null if there is none",
        )
    })?;
    let mut message = Message {
        id: id.map_or_else(|| context.generate_message_id(), MessageId),
        destination: Field::required(SUBJECT, "destination", body.destination)?.new_service()?,
        source: source(given("source", body.source), context.principal)?,
        message_type: message_type(&body)?,
        priority: given("priority", body.priority).map_or(Ok(Priority::Normal), priority)?,
        accepted_at: now,
        expires_at: ttl.map(|ttl| now.plus(ttl)),
        correlation_id: correlation_id.or_else(|| context.correlation_id.cloned()),
        payload: Field {
            subject: SUBJECT,
            name: "payload",
            json: payload,
        }
        .json(),
        extras: None,
    };
    let mut extras = extras(&body, ttl, context)?;
    let or_reject = match given("on_unavailable", body.on_unavailable) {
        None => false,
        Some(field) => match &*field.text()? {
            "queue" => false,
            "reject" => true,
            _ => return Err(field.wrong("must be `queue` or `reject`")),
        },
    };
    if id.is_some() {
        extras.fingerprint = Some(fingerprint_of(&body, &message));
    }
    if extras != Extras::default() {
        message.extras = Some(Box::new(extras));
    }
    let offer = Offer {
        message: Arc::new(message),
        or_reject,
    };
    Ok((offer, ignored))
}

/// Who sends: whom the field names, if the caller may speak for it, else the caller.
pub(crate) fn source(
    field: Option<Field<'_>>,
    caller: &Principal,
) -> Result<ServiceName, HubError> {
    acting_for(SUBJECT, "source", field, caller)
}

/// For which service something is done: whom the field `name` names, if the caller may act for it,
/// else the caller.
///
/// # Errors
/// 400 if there is neither; 403 for another service, and for the hub's own name.
pub(crate) fn acting_for(
    subject: Subject,
    name: &'static str,
    field: Option<Field<'_>>,
    caller: &Principal,
) -> Result<ServiceName, HubError> {
    let given = field.map(|field| field.new_service()).transpose()?;
    caller.acting_for(subject, name, given)
}

fn message_type(body: &Body<'_>) -> Result<MessageType, HubError> {
    let given = Field::given(SUBJECT, "type", body.r#type);
    let other = Field::given(SUBJECT, "message_type", body.message_type);
    if let (Some(given), Some(other)) = (&given, &other)
        && given.text()? != other.text()?
    {
        return Err(other.wrong("differs from type"));
    }
    match given.or(other) {
        Some(field) => field.name(MessageType::given_interned),
        None => Ok(MessageType::parse_interned("service_message").expect("a label")),
    }
}

fn priority(field: Field<'_>) -> Result<Priority, HubError> {
    let json = field.json.get();
    let read = match json.parse::<u64>() {
        Ok(number) => Priority::from_number(number),
        Err(_) if json.starts_with('"') => Priority::from_name(&field.text()?),
        Err(_) => None,
    };
    read.ok_or_else(|| {
        field.wrong(
            "must be CRITICAL, HIGH, NORMAL, LOW or DEFERRED, or a number from 1 (CRITICAL) to 5",
        )
    })
}

fn extras(
    body: &Body<'_>,
    ttl: Option<Duration>,
    context: &RequestContext<'_>,
) -> Result<Extras, HubError> {
    let given = |name, json| Field::given(SUBJECT, name, json);
    let headers = given("headers", body.headers);
    let map = headers
        .map(|field| field.strings())
        .transpose()?
        .unwrap_or_default();
    check_headers(&map)?;
    let deliver_at = deliver_at(body, context.now)?;
    Ok(Extras {
        reply_to: given("reply_to", body.reply_to)
            .map(|field| field.new_service())
            .transpose()?,
        ttl_ms: ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
        deadline: given("deadline", body.deadline)
            .map(|field| field.time())
            .transpose()?,
        deliver_at,
        is_delayed: deliver_at.is_some() && body.delay.is_some(),
        ordering_key: given("ordering_key", body.ordering_key)
            .map(|field| field.name(Label::given))
            .transpose()?,
        headers: map,
        timestamp: given("timestamp", body.timestamp)
            .map(|field| field.time())
            .transpose()?,
        traceparent: context.traceparent.cloned(),
        fingerprint: None,
    })
}

/// A time that is past is no time: the message is due at once.
fn deliver_at(body: &Body<'_>, now: Timestamp) -> Result<Option<Timestamp>, HubError> {
    let at = Field::given(SUBJECT, "deliver_at", body.deliver_at);
    let delay = Field::given(SUBJECT, "delay", body.delay);
    let time = match (at, delay) {
        (Some(_), Some(delay)) => {
            return Err(delay.wrong("cannot be given together with deliver_at"));
        }
        (Some(at), None) => at.time()?,
        (None, Some(delay)) => now.plus(delay.duration()?),
        (None, None) => return Ok(None),
    };
    Ok((time > now).then_some(time))
}

/// Everything but `id`, `timestamp` and `headers`, in a form in which white space and the order
/// of keys make no difference.
fn fingerprint_of(body: &Body<'_>, message: &Message) -> Fingerprint {
    let plain = [
        body.reply_to,
        body.ttl,
        body.deadline,
        body.deliver_at,
        body.delay,
        body.ordering_key,
        body.on_unavailable,
    ];
    let payload = canonical_or_plain(&message.payload);
    let correlation_id = message.correlation_id();
    let mut parts: Vec<&[u8]> = vec![
        message.destination.as_str().as_bytes(),
        message.source.as_str().as_bytes(),
        message.message_type.as_str().as_bytes(),
        message.priority.name().as_bytes(),
        correlation_id.as_bytes(),
        &payload,
    ];
    for part in plain {
        parts.push(part.map_or(b"null", |json| json.get().as_bytes()));
    }
    fingerprint(&parts)
}

#[cfg(test)]
mod tests;
