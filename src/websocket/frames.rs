//! What a client says over a socket: frames of text, one JSON object or an array of them, checked
//! field by field (docs/reference/frames.md).

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::api::Reference;
use super::api::client::{ClientFrame, EventSequence, Prefetch, WatchedServices, subject};
use super::api::typed::{self, FrameReader};
use crate::api::leases::{LeaseLength, LeaseTokens};
use crate::api::members::{self, MemberFault, Wrong};
use crate::api::numbers::{Flag, Seconds};
use crate::api::raw_field::{RawField, raw};
use crate::api::texts::{NewInstance, NewLabel, NewService};
use crate::api::unknown::{Ignored, names_of, unknown};
use crate::api::{body, event, message};
use crate::domain::event::Sequence;
use crate::domain::ids::{InstanceId, Label, LeaseToken, ServiceName};
use crate::domain::offer::{EventOffer, Offer};
use crate::domain::pattern::Pattern;
use crate::hub::bodies;
use crate::hub::error::{HubError, Subject};
use crate::hub::keys::Credentials;
use crate::hub::request::RequestContext;
use crate::logic::canonical::{DEEPEST, depth};
use crate::logic::payload_head::PayloadDetail;
use crate::logic::queues::lease::LeaseEnd;
use crate::logic::spelling::closest;

/// Frames in one array, at most.
pub(crate) const MOST_FRAMES: usize = 1024;
const DEFAULT_PREFETCH: u64 = 100;
/// Around a payload: the frame and the message.
const BRACES: usize = 2;

/// One frame: what is asked, or what is wrong with it.
pub(crate) struct ReadFrame {
    pub reference: Option<Reference>,
    pub ask: Result<SocketRequest, HubError>,
    /// Fields of its message or event that mean nothing.
    pub ignored: Ignored,
}

impl ReadFrame {
    fn of(
        reference: Option<Reference>,
        frame: ClientFrame<'_>,
        context: &RequestContext<'_>,
    ) -> Self {
        let mut ignored = Ignored::default();
        Self {
            ask: request(frame, context, &mut ignored),
            reference,
            ignored,
        }
    }

    fn wrong(reference: Option<Reference>, error: HubError) -> Self {
        Self {
            reference,
            ..Self::refused(error)
        }
    }

    /// One that cannot be answered as one of the client's.
    fn refused(error: HubError) -> Self {
        Self {
            reference: None,
            ask: Err(error),
            ignored: Ignored::default(),
        }
    }
}

#[derive(Debug)]
pub(crate) enum SocketRequest {
    Subscribe(FeedRequest),
    /// `None`: from everything.
    Unsubscribe(Option<Vec<Pattern>>),
    Publish(Box<EventOffer>),
    Send(Offer),
    Consume(Consume),
    End(Vec<LeaseToken>, LeaseEnd),
    AckSequence(Sequence),
    NackSequence(Refused),
    Auth(Credentials),
    Watch(Watched),
    Unwatch,
    Ping,
}

/// What a client wants to be told each second.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Watched {
    pub stats: bool,
    pub overview: bool,
    pub services: Vec<ServiceName>,
    pub jobs: bool,
}

#[derive(Debug)]
pub(crate) struct FeedRequest {
    pub service: ServiceName,
    pub event_types: Vec<Pattern>,
    pub from_sequence: Option<Sequence>,
    /// Of a durable subscription.
    pub name: Option<Label>,
    /// Events a second, at most; `None`: as before, all of them at first.
    pub max_rate: Option<u32>,
    /// How much of payloads; `None`: as before, all of each at first.
    pub detail: Option<PayloadDetail>,
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

/// Reads one text: its frames, and whether they came as an array.
pub(crate) fn read(text: &str, context: &RequestContext<'_>) -> (Vec<ReadFrame>, bool) {
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
            (vec![ReadFrame::refused(error)], false)
        }
    }
}

/// A frame that could not be read at all.
pub(crate) fn wrong(field: &str, problem: impl ToString) -> ReadFrame {
    ReadFrame::refused(HubError::invalid(Subject::Message, field, problem))
}

fn read_one(text: &str, context: &RequestContext<'_>) -> ReadFrame {
    match typed::read(text, None) {
        Ok((reference, frame)) => ReadFrame::of(reference, frame, context),
        Err(_) => read_again(text, context).unwrap_or_else(ReadFrame::refused),
    }
}

/// What is looked for before it is known what else a frame may have.
#[derive(Deserialize)]
struct FrameHead<'a> {
    #[serde(borrow, default, rename = "type", deserialize_with = "raw")]
    frame_type: Option<&'a RawValue>,
    #[serde(rename = "ref")]
    reference: Option<Reference>,
}

/// A frame whose type does not stand first, or with which something is wrong.
///
/// # Errors
/// What is wrong with it, if it cannot be answered as one of the client's.
fn read_again(text: &str, context: &RequestContext<'_>) -> Result<ReadFrame, HubError> {
    let head: FrameHead<'_> = body::command(Subject::Message, text)?;
    let frame_type = match frame_type(text, head.frame_type) {
        Ok(frame_type) => frame_type,
        Err(error) => return Ok(ReadFrame::wrong(head.reference, error)),
    };
    if let Ok((reference, frame)) = typed::read(text, Some(frame_type)) {
        return Ok(ReadFrame::of(reference, frame, context));
    }
    let reader = FrameReader {
        frame_type: Some(frame_type),
    };
    let (name, problem, fault) = match members::read_seed(text, None, reader) {
        Ok((reference, frame)) => return Ok(ReadFrame::of(reference, frame, context)),
        Err(Wrong::Json(error)) => return Err(body::not_json(Subject::Message, &error)),
        Err(Wrong::Member {
            name,
            problem,
            fault,
        }) => (name, problem, fault),
    };
    let error = match fault {
        // Which of the two the client knows its frame by is not asked.
        MemberFault::Twice => return Err(problem.of_field(Subject::Message, &name)),
        MemberFault::Unknown => problem.of_field(Subject::Message, &name),
        MemberFault::Value => problem.of_field(subject(frame_type), &name),
    };
    Ok(ReadFrame::wrong(head.reference, error))
}

/// One of those there are.
fn frame_type<'a>(text: &'a str, json: Option<&'a RawValue>) -> Result<&'static str, HubError> {
    let field = match RawField::required(Subject::Message, "type", json) {
        Ok(field) => field,
        Err(missing) => return Err(misspelt(text).unwrap_or(missing)),
    };
    let (word, known) = (field.text()?, names_of::<ClientFrame<'_>>());
    let found = known.iter().copied().find(|name| *name == word);
    found.ok_or_else(|| field.wrong(format!("must be one of {}", known.join(", "))))
}

/// A name that may have been meant as that of the type.
fn misspelt(text: &str) -> Option<HubError> {
    /// Nothing else, so that all else is named.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named<'a> {
        #[serde(borrow, default, rename = "type", deserialize_with = "raw")]
        _frame_type: Option<&'a RawValue>,
        #[serde(borrow, default, rename = "ref", deserialize_with = "raw")]
        _reference: Option<&'a RawValue>,
    }
    let known = names_of::<Named<'_>>();
    let (_, others) = body::data::<Named<'_>>(Subject::Message, text).ok()?;
    let name = others.names().find(|name| closest(name, known).is_some())?;
    let problem = unknown(name, known);
    Some(HubError::invalid(Subject::Message, name, problem))
}

/// For whom it is: the service it names, else the caller.
fn acting_for(
    subject: Subject,
    service: Option<NewService>,
    context: &RequestContext<'_>,
) -> Result<ServiceName, HubError> {
    let service = service.map(|service| service.0);
    context.principal.acting_for(subject, "service", service)
}

/// What is asked, if its fields fit together; `ignored` gets those of its message or event that
/// mean nothing.
fn request(
    frame: ClientFrame<'_>,
    context: &RequestContext<'_>,
    ignored: &mut Ignored,
) -> Result<SocketRequest, HubError> {
    Ok(match frame {
        ClientFrame::Subscribe {
            service,
            event_types,
            from_sequence,
            subscription,
            max_rate,
            payload,
        } => SocketRequest::Subscribe(FeedRequest {
            service: acting_for(Subject::Subscription, service, context)?,
            event_types: event_types.0,
            from_sequence: from_sequence.map(|from| from.0),
            name: subscription.map(|name| name.0),
            max_rate: max_rate.and_then(|rate| u32::try_from(rate.0).ok()),
            detail: payload.map(|word| word.0),
        }),
        ClientFrame::Unsubscribe { event_types, .. } => {
            SocketRequest::Unsubscribe(event_types.0.map(|types| types.0))
        }
        ClientFrame::Publish { event } => {
            let (offer, unknown) = event::read(object("event", event)?, context)?;
            *ignored = unknown;
            SocketRequest::Publish(Box::new(offer))
        }
        ClientFrame::Send { message } => {
            let (offer, unknown) = message::read(object("message", message)?, context)?;
            *ignored = unknown;
            SocketRequest::Send(offer)
        }
        ClientFrame::Consume {
            service,
            instance_id,
            prefetch,
            lease,
        } => consume((service, context), instance_id, prefetch, lease)?,
        ClientFrame::Ack { leases, sequence } => acknowledged(settled(leases, sequence)?),
        ClientFrame::Nack {
            leases,
            sequence,
            delay,
            reason,
        } => refused(settled(leases, sequence)?, delay, reason),
        ClientFrame::Auth { name, key } => SocketRequest::Auth(Credentials::new(name.0, key.0)),
        ClientFrame::Watch {
            stats,
            overview,
            services,
            jobs,
        } => watch([stats, overview, jobs], services),
        ClientFrame::Unwatch {} => SocketRequest::Unwatch,
        ClientFrame::Ping {} => SocketRequest::Ping,
    })
}

fn consume(
    (service, context): (Option<NewService>, &RequestContext<'_>),
    instance_id: Option<NewInstance>,
    prefetch: Option<Prefetch>,
    lease: Option<LeaseLength>,
) -> Result<SocketRequest, HubError> {
    Ok(SocketRequest::Consume(Consume {
        service: acting_for(Subject::Request, service, context)?,
        instance_id: instance_id.map(|id| id.0),
        prefetch: prefetch.map_or(DEFAULT_PREFETCH, |most| most.0) as usize,
        lease: lease.map(|lease| lease.0),
    }))
}

fn watch(flags: [Option<Flag>; 3], services: Option<WatchedServices>) -> SocketRequest {
    let [stats, overview, jobs] = flags.map(|flag| flag.is_some_and(|flag| flag.0));
    SocketRequest::Watch(Watched {
        stats,
        overview,
        services: services.map(|names| names.0).unwrap_or_default(),
        jobs,
    })
}

/// What an ack or a nack is about.
enum Settled {
    Leases(Vec<LeaseToken>),
    /// The event with this number, of a named subscription.
    UpTo(Sequence),
}

fn acknowledged(settled: Settled) -> SocketRequest {
    match settled {
        Settled::Leases(leases) => SocketRequest::End(leases, LeaseEnd::Ack),
        Settled::UpTo(sequence) => SocketRequest::AckSequence(sequence),
    }
}

fn refused(settled: Settled, delay: Option<Seconds>, reason: Option<NewLabel>) -> SocketRequest {
    let (delay, reason) = (
        delay.map(|delay| delay.0),
        reason.map(|reason| reason.0.to_string()),
    );
    match settled {
        Settled::Leases(leases) => SocketRequest::End(leases, LeaseEnd::Nack { delay, reason }),
        Settled::UpTo(sequence) => SocketRequest::NackSequence(Refused {
            sequence,
            delay,
            reason,
        }),
    }
}

fn settled(leases: Option<&RawValue>, sequence: Option<&RawValue>) -> Result<Settled, HubError> {
    const SUBJECT: Subject = Subject::Request;
    let Some(sequence) = RawField::given(SUBJECT, "sequence", sequence) else {
        let leases = RawField::required(SUBJECT, "leases", leases)?;
        return Ok(Settled::Leases(leases.typed::<LeaseTokens>()?.0));
    };
    match leases {
        Some(_) => Err(sequence.wrong("give either leases or a sequence, not both")),
        None => Ok(Settled::UpTo(sequence.typed::<EventSequence>()?.0)),
    }
}

/// As large as one message or event may be.
fn object<'a>(name: &str, json: &'a RawValue) -> Result<&'a str, HubError> {
    let field = RawField::required(Subject::Message, name, Some(json))?;
    let text = json.get();
    if !text.starts_with('{') {
        return Err(field.wrong("must be a JSON object"));
    }
    if text.len() > bodies::ONE {
        return Err(HubError::TooLarge { limit: bodies::ONE });
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
