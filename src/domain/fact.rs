//! What happened. Facts are written to the journal and every actor learns from them alone.
//!
//! A fact's JSON body only ever gains optional fields, so an old journal stays readable;
//! a change that cannot be made so gets a new record. A fact is named as its record is in the
//! journal.

pub mod compaction_key;
pub mod control;
pub mod event;
pub mod message;
pub mod service;
mod sizes;
pub mod subscription;

use std::sync::Arc;

use compaction_key::CompactionKey;
use control::ControlFact;
use event::EventFact;
use message::{MessageFact, Settlement};
use service::ServiceFact;
use subscription::SubscriptionFact;

use super::compaction_summary::CompactionSummary;
use super::ids::{MessageId, Position};
use super::message::{Message, State};
use super::timestamp::Timestamp;

/// A fact at its place in the journal.
#[derive(Clone, PartialEq, Debug)]
pub struct Recorded {
    /// Where it stands: higher than that of every record before it.
    pub position: Position,
    /// What it says.
    pub fact: Fact,
}

/// By what they happen to.
#[derive(Clone, PartialEq, Debug)]
pub enum Fact {
    /// To a message, or to old ones in the archive.
    Message(MessageFact),
    /// To an event, or to the events of a stream.
    Event(EventFact),
    /// To a subscription, to a dead letter or a replay of one.
    Subscription(SubscriptionFact),
    /// To a service, or to one of its instances.
    Service(ServiceFact),
    /// To what keeps messages back, or sends them on.
    Control(ControlFact),
    /// What compaction keeps of records it dropped.
    CompactionSummary(Arc<CompactionSummary>),
}

impl Fact {
    /// When it happened, by the clock of the hub that wrote it.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Message(fact) => Some(fact.at()),
            Self::Event(fact) => Some(fact.at()),
            Self::Subscription(fact) => Some(fact.at()),
            Self::Service(fact) => Some(fact.at()),
            Self::Control(fact) => Some(fact.at()),
            Self::CompactionSummary(_) => None,
        }
    }

    /// Roughly what the fact takes in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Message(fact) => fact.size_bytes(),
            Self::Event(fact) => fact.size_bytes(),
            Self::Subscription(fact) => fact.size_bytes(),
            Self::Service(fact) => fact.size_bytes(),
            Self::Control(fact) => fact.size_bytes(),
            Self::CompactionSummary(summary) => summary.bytes(),
        }
    }

    /// What this fact is the latest word on, and whether that word says anything but what holds
    /// without it. Records of messages and services stay or go by what becomes of these.
    pub fn compaction_key(&self) -> Option<(CompactionKey, bool)> {
        match self {
            Self::Event(fact) => fact.compaction_key(),
            Self::Subscription(fact) => Some(fact.compaction_key()),
            Self::Control(fact) => Some(fact.compaction_key()),
            Self::Message(_) | Self::Service(_) | Self::CompactionSummary(_) => None,
        }
    }

    /// What happened to a message, if it is that.
    pub fn of_message(&self) -> Option<&MessageFact> {
        match self {
            Self::Message(fact) => Some(fact),
            _ => None,
        }
    }

    /// The message this fact is about, if any.
    pub fn message_id(&self) -> Option<MessageId> {
        self.of_message()?.message_id()
    }

    /// The message that is owed from this fact on, if it makes one so.
    pub fn opened(&self) -> Option<&Message> {
        self.of_message()?.opened()
    }

    /// The settled state this fact leads to, if it settles a message.
    pub fn settlement(&self) -> Option<(State, &Settlement)> {
        self.of_message()?.settlement()
    }
}
