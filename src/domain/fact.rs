//! What happened. Facts are written to the journal and every actor learns from them alone.
//!
//! A fact's JSON body only ever gains optional fields, so an old journal stays readable;
//! a change that cannot be made so gets a new kind.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::circuit::{CircuitChanged, CircuitName};
use super::compaction_summary::CompactionSummary;
use super::dead_letter::DeadReason;
use super::event::{Event, Snapshot};
use super::ids::{InstanceId, JobId, MessageId, Position, ServiceName};
use super::message::{Lane, Message, State};
use super::quota::Quota;
use super::redrive::RedriveJob;
use super::service::{Health, Registration};
use super::strategy::Strategy;
use super::subscription::{
    EventDelivered, EventLetter, EventsRemoved, PositionAcked, Replay, Subscription,
    SubscriptionId, Unsubscribed,
};
use super::timestamp::Timestamp;

/// Roughly what a fact without a payload takes, and an attempt, in bytes.
const SMALL_BYTES: usize = 300;

/// A fact at its place in the journal.
#[derive(Clone, PartialEq, Debug)]
pub struct Recorded {
    pub position: Position,
    pub fact: Fact,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Fact {
    /// The hub owes this message from now on.
    Accepted(Arc<Message>),
    /// A try failed and another will follow.
    AttemptFailed(AttemptFailed),
    Delivered(Settlement),
    DeadLettered(Settlement),
    Expired(Settlement),
    Cancelled(Settlement),
    /// A dead or expired message is owed again.
    Redriven(Arc<Redrive>),
    /// A dead letter left the list; its message stays settled.
    DeadLetterDeleted(DeadLetterDeleted),
    /// A name became a destination without registering, by asking for messages.
    ServiceSeen(ServiceSeen),
    ServiceRegistered(Arc<Registration>),
    InstanceDeregistered(InstanceDeregistered),
    /// An instance stays registered but takes nothing new until it registers again.
    InstanceWithdrawn(InstanceWithdrawn),
    ServiceDeregistered(ServiceSeen),
    /// An instance is well, or not, in another way than before.
    HealthChanged(HealthChanged),
    CircuitChanged(Arc<CircuitChanged>),
    StrategyChosen(StrategyChosen),
    QuotaSet(QuotaSet),
    QueueSwitched(QueueSwitched),
    /// A redrive job began, went on or ended.
    RedriveAdvanced(Arc<RedriveJob>),
    /// What compaction keeps of records it dropped.
    CompactionSummary(Arc<CompactionSummary>),
    EventPublished(Arc<Event>),
    SnapshotTaken(Arc<Snapshot>),
    EventsRemoved(EventsRemoved),
    /// A subscription is new or changed.
    Subscribed(Arc<Subscription>),
    Unsubscribed(Unsubscribed),
    PositionAcked(PositionAcked),
    EventDeadLettered(Arc<EventLetter>),
    /// A subscription is owed the event of a dead letter again.
    EventRedriven(Arc<EventLetter>),
    /// A redriven event arrived.
    EventDelivered(EventDelivered),
    /// A replay to one subscription began, went on or ended.
    ReplayAdvanced(Arc<Replay>),
    MessageDeleted(MessageDeleted),
    MessagesRemoved(MessagesRemoved),
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AttemptFailed {
    pub id: MessageId,
    pub attempt: Attempt,
    pub retry_at: Timestamp,
}

/// The end of a message: delivered, dead, expired or cancelled, by the kind of its fact.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Settlement {
    pub id: MessageId,
    pub at: Timestamp,
    pub lane: Lane,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeadReason>,
    /// The messages behind it with the same ordering key wait until this letter is reprocessed
    /// or deleted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub holds_key: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Redrive {
    pub message: Message,
    /// How often this message was redriven, this time included.
    pub times: u32,
    /// `Dead` or `Expired`: the count it leaves.
    pub from: State,
    /// Where it was first accepted, and stands in lists; older hubs did not write it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The job it was redriven by, if by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeadLetterDeleted {
    pub id: MessageId,
    pub at: Timestamp,
    /// The job it was deleted by, if by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}

/// A settled message that stands in no list leaves the archive for good.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MessageDeleted {
    pub id: MessageId,
    pub at: Timestamp,
}

/// Of a stretch of the archive the messages go that were settled before a certain time, but for
/// dead letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MessagesRemoved {
    pub at: Timestamp,
    /// Accepted after this position.
    pub after: Position,
    /// Accepted here or before.
    pub through: Position,
    pub settled_before: Timestamp,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServiceSeen {
    pub service: ServiceName,
    pub at: Timestamp,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstanceDeregistered {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub at: Timestamp,
    /// Of the registration that is meant; `None`: whichever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
}

impl InstanceDeregistered {
    /// Whether an instance that registered last at `registered_at` is meant, and not only what it
    /// was before.
    pub fn means(&self, registered_at: Timestamp) -> bool {
        self.registered_at
            .is_none_or(|meant| meant == registered_at)
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstanceWithdrawn {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    /// Of the registration that is meant; a later one is not.
    pub registered_at: Timestamp,
    pub at: Timestamp,
    pub why: Withdrawal,
}

/// Why an instance takes nothing new.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// Somebody wants it to finish what it has.
    Draining,
    /// It answered 410.
    Gone,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HealthChanged {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub at: Timestamp,
    pub from: Health,
    pub to: Health,
    /// In words: what led to it.
    pub cause: String,
}

/// How a service's next instance is chosen from now on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StrategyChosen {
    pub service: ServiceName,
    pub at: Timestamp,
    /// `None`: as configured for all.
    pub strategy: Option<Strategy>,
}

/// What a service may send and be sent from now on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QuotaSet {
    pub service: ServiceName,
    pub at: Timestamp,
    /// `None`: as configured, if it is.
    pub quota: Option<Quota>,
}

/// A queue hands out nothing from now on, or goes on doing so.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QueueSwitched {
    /// `None`: the queues of all services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    pub at: Timestamp,
    pub paused: bool,
    /// Who wanted it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What a standing fact is about: the latest one about a subject is all that holds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    Circuit(CircuitName),
    Strategy(ServiceName),
    Quota(ServiceName),
    Queue(Option<ServiceName>),
    Redrive(JobId),
    Subscription(SubscriptionId),
    Position(SubscriptionId),
    Retention,
    /// A dead letter of a subscription that is owed again.
    EventLetter(MessageId),
    Replay(JobId),
}

impl AttemptFailed {
    /// When the attempt was over; `retry_at` counts from here.
    pub fn at(&self) -> Timestamp {
        let took = Duration::from_millis(self.attempt.duration_ms);
        self.attempt.at.plus(took)
    }
}

impl Fact {
    /// When it happened, by the clock of the hub that wrote it.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Accepted(message) => Some(message.accepted_at),
            Self::AttemptFailed(failed) => Some(failed.attempt.at),
            Self::Delivered(settlement)
            | Self::DeadLettered(settlement)
            | Self::Expired(settlement)
            | Self::Cancelled(settlement) => Some(settlement.at),
            Self::Redriven(redrive) => Some(redrive.message.accepted_at),
            Self::DeadLetterDeleted(deleted) => Some(deleted.at),
            Self::MessageDeleted(deleted) => Some(deleted.at),
            Self::MessagesRemoved(removed) => Some(removed.at),
            Self::ServiceSeen(seen) | Self::ServiceDeregistered(seen) => Some(seen.at),
            Self::ServiceRegistered(registration) => Some(registration.registered_at),
            Self::InstanceDeregistered(gone) => Some(gone.at),
            Self::InstanceWithdrawn(withdrawn) => Some(withdrawn.at),
            Self::HealthChanged(changed) => Some(changed.at),
            Self::CircuitChanged(changed) => Some(changed.at),
            Self::StrategyChosen(chosen) => Some(chosen.at),
            Self::QuotaSet(set) => Some(set.at),
            Self::QueueSwitched(switched) => Some(switched.at),
            Self::RedriveAdvanced(job) => Some(job.started_at),
            Self::EventPublished(event) => Some(event.published_at),
            Self::SnapshotTaken(snapshot) => Some(snapshot.at),
            Self::EventsRemoved(removed) => Some(removed.at),
            Self::Subscribed(subscription) => Some(subscription.changed_at),
            Self::Unsubscribed(gone) => Some(gone.at),
            Self::PositionAcked(acked) => Some(acked.at),
            Self::EventDeadLettered(letter) | Self::EventRedriven(letter) => Some(letter.at),
            Self::EventDelivered(delivered) => Some(delivered.at),
            Self::ReplayAdvanced(replay) => Some(replay.at),
            Self::CompactionSummary(_) => None,
        }
    }

    /// Roughly what the fact takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Accepted(message) => message.bytes() as usize,
            Self::Redriven(redrive) => redrive.message.bytes() as usize,
            Self::EventPublished(event) => event.bytes(),
            Self::SnapshotTaken(snapshot) => SMALL_BYTES + snapshot.state.as_json().len(),
            Self::EventDeadLettered(letter) | Self::EventRedriven(letter) => {
                letter.event.bytes() + letter.attempts.len() * SMALL_BYTES
            }
            Self::CompactionSummary(summary) => summary.bytes(),
            _ => SMALL_BYTES,
        }
    }

    /// The message this fact is about, if any.
    pub fn message_id(&self) -> Option<MessageId> {
        match self {
            Self::Accepted(message) => Some(message.id),
            Self::AttemptFailed(failed) => Some(failed.id),
            Self::Redriven(redrive) => Some(redrive.message.id),
            Self::DeadLetterDeleted(deleted) => Some(deleted.id),
            Self::MessageDeleted(deleted) => Some(deleted.id),
            _ => self.settlement().map(|(_, settlement)| settlement.id),
        }
    }

    /// The subject this fact is the latest word on, and whether that word says anything but what
    /// holds without it.
    pub fn standing(&self) -> Option<(Subject, bool)> {
        match self {
            Self::CircuitChanged(changed) => Some((
                Subject::Circuit(changed.circuit.clone()),
                changed.forced.is_some(),
            )),
            Self::StrategyChosen(chosen) => Some((
                Subject::Strategy(chosen.service.clone()),
                chosen.strategy.is_some(),
            )),
            Self::QuotaSet(set) => Some((Subject::Quota(set.service.clone()), set.quota.is_some())),
            Self::QueueSwitched(switched) => {
                Some((Subject::Queue(switched.service.clone()), switched.paused))
            }
            Self::RedriveAdvanced(job) => Some((Subject::Redrive(job.job), true)),
            Self::Subscribed(subscription) => Some((Subject::Subscription(subscription.id), true)),
            // Its position goes with it.
            Self::Unsubscribed(gone) => Some((Subject::Subscription(gone.id), false)),
            Self::PositionAcked(acked) => Some((Subject::Position(acked.id), true)),
            Self::EventsRemoved(_) => Some((Subject::Retention, true)),
            Self::EventRedriven(letter) => Some((Subject::EventLetter(letter.id), true)),
            Self::EventDeadLettered(letter) => Some((Subject::EventLetter(letter.id), false)),
            Self::EventDelivered(delivered) => Some((Subject::EventLetter(delivered.id), false)),
            Self::ReplayAdvanced(replay) => Some((Subject::Replay(replay.id), !replay.done)),
            _ => None,
        }
    }

    /// The message that is owed from this fact on, if it makes one so.
    pub fn opened(&self) -> Option<&Message> {
        match self {
            Self::Accepted(message) => Some(message),
            Self::Redriven(redrive) => Some(&redrive.message),
            _ => None,
        }
    }

    /// The settled state this fact leads to, if it settles a message.
    pub fn settlement(&self) -> Option<(State, &Settlement)> {
        match self {
            Self::Delivered(settlement) => Some((State::Delivered, settlement)),
            Self::DeadLettered(settlement) => Some((State::Dead, settlement)),
            Self::Expired(settlement) => Some((State::Expired, settlement)),
            Self::Cancelled(settlement) => Some((State::Cancelled, settlement)),
            _ => None,
        }
    }
}
