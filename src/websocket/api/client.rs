//! What a client may say, type by type.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::event::EventBody;
use crate::api::field::{BodyField, Narrowing, field};
use crate::api::leases::{LeaseLength, LeaseTokens};
use crate::api::message::MessageBody;
use crate::api::numbers::{Flag, LAST_SEQUENCE, Seconds, WholeNumber};
use crate::api::patterns::patterns;
use crate::api::problem::Problem;
use crate::api::raw_field::raw;
use crate::api::texts::{NewInstance, NewLabel, NewSegment, NewService, PayloadWord, ShownKey};
use crate::domain::ids::ServiceName;
use crate::domain::pattern::Pattern;
use crate::hub::error::Subject;

/// Types of events in one subscription, at most.
pub(crate) const MOST_TYPES: usize = 1000;
const MOST_PREFETCH: u64 = 10_000;
/// Events a second that somebody may want to see some of.
const MOST_RATE: u64 = 1000;

/// One frame, by its `type`, with what this type has besides `type` and `ref`. Fields that hang
/// together are read when it is known which of them there are.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum ClientFrame<'a> {
    /// Events from now on, or from a sequence on; a second one adds types
    Subscribe {
        /// The caller, if it is left out
        service: Option<NewService>,
        /// Words between dots; `*` is one word, `#` any number of them
        #[schema(value_type = Vec<Pattern>, min_items = 1, max_items = 1000)]
        event_types: EventPatterns,
        /// Inclusive; with the first subscribe only, and at most one beyond the newest event
        #[schema(inline)]
        from_sequence: Option<FromSequence>,
        /// Names a durable subscription
        #[schema(max_length = 200)]
        subscription: Option<NewSegment>,
        /// Events a second, at most: others are left out, and counted by `skipped`. Not of a
        /// durable subscription; holds until everything is unsubscribed, or another one is given
        #[schema(inline)]
        max_rate: Option<MaxRate>,
        /// How much of each event's `data`: all, its `payload_head`, or nothing. Holds until
        /// everything is unsubscribed, or another one is given
        #[schema(inline, default = "full")]
        payload: Option<PayloadWord>,
    },
    /// No more events of these types, or none at all
    Unsubscribe {
        /// Words between dots; `*` is one word, `#` any number of them
        #[serde(default)]
        #[schema(value_type = Vec<Pattern>, min_items = 1, max_items = 1000)]
        event_types: Narrowing<EventPatterns>,
        // Of which service it is, is known; older clients say it all the same.
        #[serde(rename = "service")]
        #[schema(ignore)]
        _service: Option<IgnoredAny>,
    },
    /// Publish an event
    Publish {
        /// As POST /v1/events takes it
        #[serde(borrow)]
        #[schema(value_type = EventBody)]
        event: &'a RawValue,
    },
    /// Send a message
    Send {
        /// As POST /v1/messages/send takes it
        #[serde(borrow)]
        #[schema(value_type = MessageBody<'a>)]
        message: &'a RawValue,
    },
    /// Messages for a service, as long as the socket is open
    Consume {
        /// The caller, if it is left out
        service: Option<NewService>,
        instance_id: Option<NewInstance>,
        /// Messages that are not settled, at most
        #[schema(inline, default = 100)]
        prefetch: Option<Prefetch>,
        /// Seconds to settle each message; no limit if it is left out
        #[schema(inline)]
        lease: Option<LeaseLength>,
    },
    /// Messages were handled, or events up to a sequence of a named subscription
    Ack {
        #[serde(borrow, default, deserialize_with = "raw")]
        #[schema(inline, value_type = LeaseTokens, required = false)]
        leases: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "raw")]
        #[schema(inline, value_type = EventSequence, required = false)]
        sequence: Option<&'a RawValue>,
    },
    /// Messages could not be handled: a failed attempt each. Or one event of a named subscription:
    /// what came before it is acknowledged, and it is sent again with all that comes after it
    Nack {
        #[serde(borrow, default, deserialize_with = "raw")]
        #[schema(inline, value_type = LeaseTokens, required = false)]
        leases: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "raw")]
        #[schema(inline, value_type = EventSequence, required = false)]
        sequence: Option<&'a RawValue>,
        /// Seconds
        #[schema(inline)]
        delay: Option<Seconds>,
        #[schema(max_length = 200)]
        reason: Option<NewLabel>,
    },
    /// Who the client is: the first frame of a socket that was opened with `auth=frame`, within 5 s
    Auth {
        #[schema(inline)]
        name: NewService,
        #[schema(inline)]
        key: ShownKey,
    },
    /// Each second what changed of the hub and of up to 200 services, as far as the caller may see
    /// it; in place of what was watched before
    Watch {
        /// How the hub is, and what happened in the last second
        #[schema(inline)]
        stats: Option<Flag>,
        /// Members of GET /v1/overview
        #[schema(inline)]
        overview: Option<Flag>,
        /// Rows of GET /v1/overview/services
        #[schema(value_type = Vec<ServiceName>, max_items = 200)]
        services: Option<WatchedServices>,
        /// Jobs of GET /v1/dlq/redrive
        #[schema(inline)]
        jobs: Option<Flag>,
    },
    /// Nothing is watched any more
    Unwatch {},
    /// Is the hub there?
    Ping {},
}

type FromSequence = WholeNumber<0, LAST_SEQUENCE>;
type MaxRate = WholeNumber<1, MOST_RATE>;
pub(crate) type Prefetch = WholeNumber<1, MOST_PREFETCH>;
/// Of an event.
pub(crate) type EventSequence = WholeNumber<1, LAST_SEQUENCE>;

/// What the fields of a frame of this type are about.
pub(crate) fn subject(frame_type: &str) -> Subject {
    match frame_type {
        "subscribe" | "unsubscribe" => Subject::Subscription,
        "consume" | "ack" | "nack" => Subject::Request,
        _ => Subject::Message,
    }
}

/// Services in one watch.
const MOST_WATCHED: usize = 200;

pub(crate) struct WatchedServices(pub(crate) Vec<ServiceName>);

impl BodyField for WatchedServices {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let wrong = || {
            Problem::new(format!(
                "must be an array of at most {MOST_WATCHED} names of services"
            ))
        };
        let names: Vec<String> = serde_json::from_str(json.get()).map_err(|_| wrong())?;
        if names.len() > MOST_WATCHED {
            return Err(wrong());
        }
        let names = names
            .iter()
            .map(|name| ServiceName::parse(name).map_err(|_| wrong()));
        names.collect::<Result<_, _>>().map(Self)
    }
}

field!(WatchedServices);

pub(crate) struct EventPatterns(pub(crate) Vec<Pattern>);

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

field!(EventPatterns);
