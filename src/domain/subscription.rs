//! Subscriptions that outlive a connection, their dead letters and their replays.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::attempt::Attempt;
use super::dead_letter::DeadReason;
use super::event::{Event, Sequence};
use super::ids::{JobId, Label, MessageId, ServiceName, StreamId, by_time};
use super::pattern::Pattern;
use super::timestamp::Timestamp;

/// Identifies a subscription.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubscriptionId(pub Uuid);

impl SubscriptionId {
    /// A version 7 UUID, so that subscriptions sort by their time. `random` fills the rest.
    pub fn generate(now: Timestamp, random: [u8; 10]) -> Self {
        Self(by_time(now, random))
    }

    /// The id of the dead letter an event leaves at this subscription: the same each time.
    pub fn dead_event_id(self, event: &Event) -> MessageId {
        MessageId(Uuid::new_v5(&self.0, event.id.0.as_bytes()))
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who gets which events, and how. Each version of it replaces the one before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Subscription {
    /// The same in all its versions.
    pub id: SubscriptionId,
    /// The subscriber.
    pub service: ServiceName,
    /// The types it wants: an event is meant if one of them matches.
    pub event_types: Arc<[Pattern]>,
    /// When it was first asked for.
    pub created_at: Timestamp,
    /// Of this version.
    pub changed_at: Timestamp,
    /// Only events after this one are meant.
    pub after: Sequence,
    /// How events get to the subscriber.
    pub channel: Channel,
    /// Since when and why nothing is sent; `None`: it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

/// The way events take to a subscriber.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The hub posts each event to an address.
    Callback(Callback),
    /// Whichever socket asks for it by this name, which is unique within the service.
    Socket {
        /// Chosen by the service.
        name: Label,
    },
}

/// Where the events of a subscription are posted to, and how they are signed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Callback {
    /// The address with its path; callbacks to one origin share a circuit.
    pub url: String,
    /// What each event is signed with.
    pub secret: SigningSecret,
    /// The secret before this one, as long as receivers may still verify with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
    /// So many events may be under way at once; they start in order.
    pub max_in_flight: u32,
    /// It outlives a restart.
    pub durable: bool,
}

/// What callbacks are signed with: `whsec_` and the key in base64 (Standard Webhooks). Shown to
/// nobody but the subscriber, and never in a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(String);

/// A secret that was replaced.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret that was replaced.
    pub secret: SigningSecret,
    /// Until then events are signed with both, so that receivers can change theirs in between.
    pub until: Timestamp,
}

impl Callback {
    /// Signs with this secret from `now` on, and until `until` with the one before, too.
    pub fn change_secret(&mut self, secret: SigningSecret, now: Timestamp, until: Timestamp) {
        if secret == self.secret {
            return;
        }
        let secret = std::mem::replace(&mut self.secret, secret);
        self.previous = (until > now).then_some(PreviousSecret { secret, until });
    }

    /// The secret before the present one, if it is still valid.
    pub fn previous_at(&self, now: Timestamp) -> Option<&PreviousSecret> {
        self.previous
            .as_ref()
            .filter(|previous| previous.until > now)
    }
}

impl SigningSecret {
    /// `text` is one already, with its prefix.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself; called so that it is seen wherever a secret may get out.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Nothing is sent until somebody resumes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Paused {
    /// When it was paused.
    pub at: Timestamp,
    /// Who or what paused it.
    pub why: PauseReason,
}

/// What paused a subscription, with its name on the wire and on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Somebody asked for it.
    Asked,
    /// The callback answered 410.
    Gone,
}

impl Subscription {
    /// Where its events are posted to; `None` if sockets ask for them.
    pub fn callback(&self) -> Option<&Callback> {
        match &self.channel {
            Channel::Callback(callback) => Some(callback),
            Channel::Socket { .. } => None,
        }
    }

    /// Whether it outlives a restart.
    pub fn is_durable(&self) -> bool {
        self.callback().is_none_or(|callback| callback.durable)
    }
}

/// A subscription is no more.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Unsubscribed {
    /// Which subscription ended.
    pub id: SubscriptionId,
    /// When it ended.
    pub at: Timestamp,
}

/// The subscriber is done with everything up to here.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PositionAcked {
    /// Whose position it is.
    pub id: SubscriptionId,
    /// When it was told to the hub.
    pub at: Timestamp,
    /// The last event that is done with; it only rises.
    pub through: Sequence,
}

/// Events before this one are gone: retention took them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventsRemoved {
    /// When retention took them.
    pub at: Timestamp,
    /// The oldest event kept, or the next one to come.
    pub before: Sequence,
}

/// An event that a subscription did not get, kept with its history until somebody has it sent
/// again or deletes it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeadEvent {
    /// As [`SubscriptionId::dead_event_id`] makes it.
    pub id: MessageId,
    /// The subscription that is still owed it.
    pub subscription_id: SubscriptionId,
    /// The subscriber.
    pub service: ServiceName,
    /// The event as it was published.
    pub event: Arc<Event>,
    /// When it died, or was sent again.
    pub at: Timestamp,
    /// Why the hub gave up on it.
    pub reason: DeadReason,
    /// Every finished attempt.
    pub attempts: Vec<Attempt>,
    /// How often it was sent again.
    #[serde(default)]
    pub redriven: u32,
    /// The redrive job it is sent again by, if by one. A dead letter that died has one only if
    /// nobody gave it up: it came back because its subscription ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}

impl DeadEvent {
    /// Roughly what the dead letter takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let attempts = self.attempts.iter().map(Attempt::bytes);
        300 + self.event.bytes() + attempts.sum::<usize>()
    }
}

/// A dead letter's event arrived after all.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventDelivered {
    /// Of the dead letter.
    pub id: MessageId,
    /// The subscription that got it.
    pub subscription_id: SubscriptionId,
    /// When it arrived.
    pub at: Timestamp,
    /// The attempt by which it did.
    pub attempt: Attempt,
}

/// Past events sent to one subscription beside its live ones. Each version replaces the one before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Replay {
    /// The same in all its versions.
    pub id: JobId,
    /// To which subscription the events are sent.
    pub subscription_id: SubscriptionId,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// At this version of it.
    pub at: Timestamp,
    /// Which events are sent.
    pub filter: ReplayFilter,
    /// Everything before is done.
    pub next: Sequence,
    /// The last one that is meant.
    pub to: Sequence,
    /// Events that may still be sent; `None`: as many as match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
    /// Events per second; `None`: as fast as they are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Nothing more will come of it: all were sent, or it was cancelled.
    pub done: bool,
}

/// Which events a replay is about; those of the subscription's own types by default.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ReplayFilter {
    /// Empty: those of the subscription, or all where events are only read.
    pub event_types: Vec<Pattern>,
    /// Who published them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ServiceName>,
    /// The stream they belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_id: Option<StreamId>,
    /// Compared with the one given, or with the id of an event that was given none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}
