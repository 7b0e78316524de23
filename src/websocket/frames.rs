//! What a client says over a socket: frames of text, one JSON object or an array of them, checked
//! field by field (docs/reference/frames.md).

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::field::BodyField;
use crate::api::leases::{LeaseLength, LeaseTokens};
use crate::api::numbers::{LAST_SEQUENCE, Seconds, WholeNumber};
use crate::api::patterns::patterns;
use crate::api::problem::Problem;
use crate::api::raw_field::{RawField, raw};
use crate::api::texts::{NewInstance, NewLabel, NewSegment, NewService};
use crate::api::unknown::{Ignored, unknown};
use crate::api::{body, event, message};
use crate::domain::event::Sequence;
use crate::domain::ids::{InstanceId, Label, LeaseToken, ServiceName};
use crate::domain::offer::{EventOffer, Offer};
use crate::domain::pattern::Pattern;
use crate::hub::bodies;
use crate::hub::error::{HubError, Subject};
use crate::hub::request::RequestContext;
use crate::logic::canonical::{DEEPEST, depth};
use crate::logic::queues::lease::LeaseEnd;

/// Every type of frame a client may send.
pub(crate) const TYPES: [&str; 8] = [
    "subscribe",
    "unsubscribe",
    "publish",
    "send",
    "consume",
    "ack",
    "nack",
    "ping",
];
/// Frames in one array, at most.
pub(crate) const MOST_FRAMES: usize = 1024;
/// Types of events in one subscription, at most.
pub(crate) const MOST_TYPES: usize = 1000;
const MOST_PREFETCH: u64 = 10_000;
const DEFAULT_PREFETCH: u64 = 100;
/// Of a `ref`, in bytes of JSON.
const LONGEST_REFERENCE: usize = 200;
/// Around a payload: the frame and the message.
const BRACES: usize = 2;

/// What a client gives a frame to know its answer by: a string or a number, as it wrote it.
pub(crate) type Reference = Box<RawValue>;

/// One frame: what is asked, or what is wrong with it.
pub(crate) struct Frame {
    pub reference: Option<Reference>,
    pub ask: Result<SocketRequest, HubError>,
    /// Fields of its message or event that mean nothing.
    pub ignored: Ignored,
}

impl Frame {
    /// One that cannot be answered as one of the client's.
    fn refused(error: HubError) -> Self {
        Self {
            reference: None,
            ask: Err(error),
            ignored: Ignored::default(),
        }
    }
}

pub(crate) enum SocketRequest {
    Subscribe(Subscribe),
    /// `None`: from everything.
    Unsubscribe(Option<Vec<Pattern>>),
    Publish(Box<EventOffer>),
    Send(Offer),
    Consume(Consume),
    End(Vec<LeaseToken>, LeaseEnd),
    AckSequence(Sequence),
    NackSequence(Refused),
    Ping,
}

pub(crate) struct Subscribe {
    pub service: ServiceName,
    pub event_types: Vec<Pattern>,
    pub from_sequence: Option<Sequence>,
    /// Of a durable subscription.
    pub name: Option<Label>,
}

/// An event of a named subscription that the client could not handle.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Refused {
    pub sequence: Sequence,
    /// Until it is sent again.
    pub delay: Option<Duration>,
    pub reason: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Consume {
    pub service: ServiceName,
    pub instance_id: Option<InstanceId>,
    /// Messages it has and has not settled, at most.
    pub prefetch: usize,
    /// `None`: as long as the socket is open.
    pub lease: Option<Duration>,
}

/// The fields of all types; each type reads its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body<'a> {
    #[serde(borrow, default, rename = "type", deserialize_with = "raw")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "ref", deserialize_with = "raw")]
    reference: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    service: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    event_types: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    from_sequence: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    subscription: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    event: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    message: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    instance_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    prefetch: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    lease: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    leases: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    sequence: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    delay: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    reason: Option<&'a RawValue>,
}

/// Reads one text: its frames, and whether they came as an array.
pub(crate) fn read(text: &str, context: &RequestContext<'_>) -> (Vec<Frame>, bool) {
    let is_array = text.trim_start().starts_with('[');
    if depth(text.as_bytes()) > DEEPEST + BRACES + usize::from(is_array) {
        let problem = "is nested more than 64 levels deep";
        return (vec![wrong("body", problem)], false);
    }
    if !is_array {
        return (vec![read_one(text, context)], false);
    }
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(items) if (1..=MOST_FRAMES).contains(&items.len()) => {
            let frames = items.iter().map(|item| read_one(item.get(), context));
            (frames.collect(), true)
        }
        Ok(_) => {
            let problem = format!("must have 1 to {MOST_FRAMES} frames");
            (vec![wrong("body", problem)], false)
        }
        Err(error) => {
            let error = body::not_json(Subject::Message, &error);
            (vec![Frame::refused(error)], false)
        }
    }
}

/// A frame that could not be read at all.
pub(crate) fn wrong(field: &str, problem: impl ToString) -> Frame {
    Frame::refused(HubError::invalid(Subject::Message, field, problem))
}

fn read_one(text: &str, context: &RequestContext<'_>) -> Frame {
    let body = body::data::<Body<'_>>(Subject::Message, text);
    let read = body.and_then(|(body, unknown)| Ok((reference(body.reference)?, body, unknown)));
    let (reference, body, unknown) = match read {
        Ok(read) => read,
        Err(error) => return Frame::refused(error),
    };
    let mut ignored = Ignored::default();
    Frame {
        ask: match unknown.first() {
            None => body.request(context, &mut ignored),
            Some(name) => Err(body.not_known(name)),
        },
        reference,
        ignored,
    }
}

fn reference(json: Option<&RawValue>) -> Result<Option<Reference>, HubError> {
    let Some(field) = RawField::given(Subject::Message, "ref", json) else {
        return Ok(None);
    };
    let text = field.json.get();
    let is_simple = text.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
    if !is_simple || text.len() > LONGEST_REFERENCE {
        return Err(field.wrong("must be a string or a number of at most 200 bytes"));
    }
    Ok(Some(field.json.to_owned()))
}

impl Body<'_> {
    fn request(
        &self,
        context: &RequestContext<'_>,
        ignored: &mut Ignored,
    ) -> Result<SocketRequest, HubError> {
        let kind = RawField::required(Subject::Message, "type", self.kind)?;
        let word = kind.text()?;
        self.has_only(&word)?;
        match &*word {
            "subscribe" => self.subscribe(context).map(SocketRequest::Subscribe),
            "unsubscribe" => {
                let subject = Subject::Subscription;
                let types: Option<EventPatterns> =
                    RawField::narrowing(subject, "event_types", self.event_types)?;
                Ok(SocketRequest::Unsubscribe(types.map(|types| types.0)))
            }
            "publish" => {
                let event = RawField::required(Subject::Message, "event", self.event)?;
                let text = object(&event)?;
                let (offer, unknown) = event::read(text, context)?;
                *ignored = unknown;
                Ok(SocketRequest::Publish(Box::new(offer)))
            }
            "send" => {
                let message = RawField::required(Subject::Message, "message", self.message)?;
                let (offer, unknown) = message::read(object(&message)?, context)?;
                *ignored = unknown;
                Ok(SocketRequest::Send(offer))
            }
            "consume" => self.consume(context).map(SocketRequest::Consume),
            "ack" => self.ack(),
            "nack" => self.nack(),
            "ping" => Ok(SocketRequest::Ping),
            _ => Err(kind.wrong(no_type())),
        }
    }

    /// A field that only another type of frame has was hardly meant to be passed over.
    fn has_only(&self, kind: &str) -> Result<(), HubError> {
        let Some(own) = own_fields(kind) else {
            return Ok(());
        };
        for (name, json) in [
            ("service", self.service),
            ("event_types", self.event_types),
            ("from_sequence", self.from_sequence),
            ("subscription", self.subscription),
            ("event", self.event),
            ("message", self.message),
            ("instance_id", self.instance_id),
            ("prefetch", self.prefetch),
            ("lease", self.lease),
            ("leases", self.leases),
            ("sequence", self.sequence),
            ("delay", self.delay),
            ("reason", self.reason),
        ] {
            if json.is_some() && !own.contains(&name) {
                return Err(unknown_of(name, own));
            }
        }
        Ok(())
    }

    /// A field that no frame has. What a frame of this type has is said; if it has no type, that
    /// may be what was meant.
    fn not_known(&self, name: &str) -> HubError {
        let kind = RawField::given(Subject::Message, "type", self.kind);
        match kind.map(|kind| (kind, kind.text())) {
            None => unknown_of(name, &["type", "ref"]),
            Some((_, Err(error))) => error,
            Some((kind, Ok(word))) => match own_fields(&word) {
                Some(own) => unknown_of(name, own),
                None => kind.wrong(no_type()),
            },
        }
    }

    fn subscribe(&self, context: &RequestContext<'_>) -> Result<Subscribe, HubError> {
        const SUBJECT: Subject = Subject::Subscription;
        let service = self.service(SUBJECT, context)?;
        let types = RawField::required(SUBJECT, "event_types", self.event_types)?;
        let from: Option<WholeNumber<0, LAST_SEQUENCE>> =
            RawField::optional(SUBJECT, "from_sequence", self.from_sequence)?;
        let name: Option<NewSegment> =
            RawField::optional(SUBJECT, "subscription", self.subscription)?;
        Ok(Subscribe {
            service,
            event_types: types.typed::<EventPatterns>()?.0,
            from_sequence: from.map(|from| from.0),
            name: name.map(|name| name.0),
        })
    }

    fn consume(&self, context: &RequestContext<'_>) -> Result<Consume, HubError> {
        const SUBJECT: Subject = Subject::Request;
        let service = self.service(SUBJECT, context)?;
        let instance_id: Option<NewInstance> =
            RawField::optional(SUBJECT, "instance_id", self.instance_id)?;
        let prefetch: Option<WholeNumber<1, MOST_PREFETCH>> =
            RawField::optional(SUBJECT, "prefetch", self.prefetch)?;
        let lease: Option<LeaseLength> = RawField::optional(SUBJECT, "lease", self.lease)?;
        Ok(Consume {
            service,
            instance_id: instance_id.map(|id| id.0),
            prefetch: prefetch.map_or(DEFAULT_PREFETCH, |most| most.0) as usize,
            lease: lease.map(|lease| lease.0),
        })
    }

    fn ack(&self) -> Result<SocketRequest, HubError> {
        let sequence = RawField::given(Subject::Request, "sequence", self.sequence);
        match (sequence, self.leases) {
            (Some(sequence), None) => Ok(SocketRequest::AckSequence(number(&sequence)?)),
            (Some(sequence), Some(_)) => {
                Err(sequence.wrong("give either leases or a sequence, not both"))
            }
            (None, given) => Ok(SocketRequest::End(leases(given)?, LeaseEnd::Ack)),
        }
    }

    fn nack(&self) -> Result<SocketRequest, HubError> {
        let delay: Option<Seconds> = RawField::optional(Subject::Request, "delay", self.delay)?;
        let delay = delay.map(|delay| delay.0);
        let reason: Option<NewLabel> = RawField::optional(Subject::Request, "reason", self.reason)?;
        let reason = reason.map(|reason| reason.0.to_string());
        match RawField::given(Subject::Request, "sequence", self.sequence) {
            None => Ok(SocketRequest::End(
                leases(self.leases)?,
                LeaseEnd::Nack { delay, reason },
            )),
            Some(sequence) if self.leases.is_some() => {
                Err(sequence.wrong("give either leases or a sequence, not both"))
            }
            Some(sequence) => Ok(SocketRequest::NackSequence(Refused {
                sequence: number(&sequence)?,
                delay,
                reason,
            })),
        }
    }

    /// For whom it is: the service it names, else the caller.
    fn service(
        &self,
        subject: Subject,
        context: &RequestContext<'_>,
    ) -> Result<ServiceName, HubError> {
        let service: Option<NewService> = RawField::optional(subject, "service", self.service)?;
        let service = service.map(|service| service.0);
        context.principal.acting_for(subject, "service", service)
    }
}

fn leases(json: Option<&RawValue>) -> Result<Vec<LeaseToken>, HubError> {
    let field = RawField::required(Subject::Request, "leases", json)?;
    Ok(field.typed::<LeaseTokens>()?.0)
}

/// Of an event.
fn number(field: &RawField<'_>) -> Result<Sequence, HubError> {
    Ok(field.typed::<WholeNumber<1, LAST_SEQUENCE>>()?.0)
}

fn no_type() -> String {
    format!("must be one of {}", TYPES.join(", "))
}

fn unknown_of(name: &str, own: &[&str]) -> HubError {
    HubError::invalid(Subject::Message, name, unknown(name, own))
}

/// What a type of frame has besides `type` and `ref`.
fn own_fields(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "subscribe" => &["service", "event_types", "from_sequence", "subscription"],
        // Of which service it is, is known; older clients say it all the same.
        "unsubscribe" => &["event_types", "service"],
        "publish" => &["event"],
        "send" => &["message"],
        "consume" => &["service", "instance_id", "prefetch", "lease"],
        "ack" => &["leases", "sequence"],
        "nack" => &["leases", "sequence", "delay", "reason"],
        "ping" => &[],
        _ => return None,
    })
}

/// As large as one message or event may be.
fn object<'a>(field: &RawField<'a>) -> Result<&'a str, HubError> {
    let text = field.json.get();
    if !text.starts_with('{') {
        return Err(field.wrong("must be a JSON object"));
    }
    if text.len() > bodies::ONE {
        return Err(HubError::TooLarge { limit: bodies::ONE });
    }
    Ok(text)
}

struct EventPatterns(Vec<Pattern>);

impl BodyField for EventPatterns {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem = format!("must have 1 to {MOST_TYPES} items");
        let patterns = patterns(json, MOST_TYPES, "an array of patterns", &problem)?;
        match patterns.is_empty() {
            true => Err(Problem::new(problem)),
            false => Ok(Self(patterns)),
        }
    }
}

#[cfg(test)]
mod tests;
