//! What of a batch may be written, judged by the write model and by what of it was chosen before.

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

use super::events::EventDraft;
use super::instances::{InstanceDraft, Instances};
use crate::domain::event::Event;
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::service::ServiceFact;
use crate::domain::ids::MessageId;
use crate::domain::message::{Fingerprint, Message, State};
use crate::domain::timestamp::Timestamp;
use crate::logic::dedup::{DedupVerdict, DedupWindow};
use crate::logic::own_events::own_event;

/// The facts chosen for a batch that is not written yet, on top of the write model.
pub struct Draft<'a> {
    pub(super) now: Timestamp,
    pub(super) open: &'a AHashSet<MessageId>,
    pub(super) window: &'a DedupWindow,
    pub(super) changes: AHashMap<MessageId, Change>,
    /// The events among them, which get their places here.
    pub events: EventDraft<'a>,
    pub(super) registered: &'a Instances,
    pub(super) instances: InstanceDraft,
}

#[derive(Clone, Copy)]
pub(super) enum Change {
    Opened(Option<Fingerprint>),
    Settled(State),
}

impl Draft<'_> {
    /// Whether this message is new. If so it belongs to the batch from now on.
    pub fn offer(&mut self, message: &Message) -> DedupVerdict {
        let verdict = self.judge(message);
        if verdict == DedupVerdict::New {
            self.changes
                .insert(message.id, Change::Opened(message.fingerprint()));
        }
        verdict
    }

    /// Whether this message is new; nothing is decided by asking.
    pub fn judge(&self, message: &Message) -> DedupVerdict {
        let Some(fingerprint) = message.fingerprint() else {
            return DedupVerdict::New;
        };
        match self.changes.get(&message.id) {
            Some(Change::Opened(Some(other))) if *other == fingerprint => DedupVerdict::SameContent,
            Some(Change::Opened(_)) => DedupVerdict::OtherContent,
            Some(Change::Settled(_)) | None => {
                let verdict = self.window.compare(message.id.0, fingerprint);
                let open = self.open.contains(&message.id);
                if verdict == DedupVerdict::New && open {
                    DedupVerdict::OtherContent
                } else {
                    verdict
                }
            }
        }
    }

    /// How a message is that was told for a repeat; `Queued` stands for everything that is not
    /// settled, `None` for an end that nobody remembers.
    pub fn state(&self, id: MessageId) -> Option<State> {
        match self.changes.get(&id) {
            Some(Change::Opened(_)) => Some(State::Queued),
            Some(Change::Settled(state)) => Some(*state),
            None if self.open.contains(&id) => Some(State::Queued),
            None => self.window.end(id.0),
        }
    }

    /// Whether this fact follows from what the journal says. If so it belongs to the batch.
    pub fn admits(&mut self, fact: &Fact) -> bool {
        if let Fact::Event(EventFact::SnapshotTaken(snapshot)) = fact {
            return snapshot.version <= self.events.version(&snapshot.stream_id);
        }
        let Some(id) = fact.message_id() else {
            return true;
        };
        let admitted = match fact {
            Fact::Message(MessageFact::Redriven(_)) => !self.is_open(id),
            // Somebody may have had the dead letter sent again meanwhile.
            Fact::Message(MessageFact::DeadLetterDeleted(_) | MessageFact::MessageDeleted(_)) => {
                !self.is_open(id)
            }
            _ => self.is_open(id),
        };
        if admitted && fact.opened().is_some() {
            self.changes.insert(id, Change::Opened(None));
        }
        if let Some((state, _)) = fact.settlement()
            && admitted
        {
            self.changes.insert(id, Change::Settled(state));
        }
        admitted
    }

    /// What the hub itself tells about an admitted fact; it belongs to the batch as well. An
    /// instance that registers again, or goes without having been there, is no news.
    pub fn own_event(
        &mut self,
        fact: &Fact,
        random: impl FnOnce() -> [u8; 10],
    ) -> Option<Arc<Event>> {
        let comes_or_goes = self.instances.note(fact, self.registered);
        let is_presence = matches!(
            fact,
            Fact::Service(ServiceFact::ServiceRegistered(_) | ServiceFact::InstanceDeregistered(_))
        );
        if is_presence && !comes_or_goes {
            return None;
        }
        let event = own_event(fact, self.now, random)?;
        Some(self.events.append(event))
    }

    fn is_open(&self, id: MessageId) -> bool {
        match self.changes.get(&id) {
            Some(Change::Opened(_)) => true,
            Some(Change::Settled(_)) => false,
            None => self.open.contains(&id),
        }
    }
}
