//! What of old records must be kept, and the sum of what need not.
//!
//! Two passes over the same records: a [`Survey`] learns what is still owed at their end, then
//! the [`Selection`] it ends in says for each record, in order, whether it stays. For whoever
//! replays, what is left means the same as what was there.

use std::collections::VecDeque;
use std::sync::Arc;

use ahash::AHashMap;

use super::known_ids::{DedupLimits, KnownIds};
use super::presence::Presence;
use super::standing::Standing;
use crate::domain::compaction_summary::{CompactionSummary, KnownId, MessageTotals, StreamHead};
use crate::domain::event::{Event, Sequence};
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::{MessageFact, Settlement};
use crate::domain::fact::service::ServiceFact;
use crate::domain::ids::{MessageId, Position, ServiceName, StreamId};
use crate::domain::message::Message;
use crate::domain::timestamp::Timestamp;
use crate::logic::message_totals::{contribution, contribution_of_message};

/// Ids and streams in one [`CompactionSummary`] record, so that no record grows without bound.
const PER_RECORD: usize = 4096;
/// Sealed segments that make a compaction worth its reading and writing.
const WORTHWHILE_SEGMENTS: u64 = 4;

/// Whether rewriting `eligible_bytes` of sealed segments together with a compacted one of
/// `compacted_bytes` pays: at least half of what is read must be new, and it must be some segments.
pub fn is_worthwhile(eligible_bytes: u64, compacted_bytes: u64, segment_bytes: u64) -> bool {
    eligible_bytes > compacted_bytes.max(WORTHWHILE_SEGMENTS.saturating_mul(segment_bytes))
}

/// The first pass: what is owed after all records noted so far.
pub struct Survey {
    /// What stays in any case.
    kept: Vec<Position>,
    open: AHashMap<MessageId, Opened>,
    /// Dead letters that hold their ordering keys.
    holding: AHashMap<MessageId, Holding>,
    standing: Standing,
    services: AHashMap<ServiceName, Presence>,
    totals: MessageTotals,
    known: KnownIds,
    known_events: KnownIds,
    last_sequence: Sequence,
    last_published_at: Timestamp,
    streams: AHashMap<StreamId, u64>,
}

/// The records of an open message.
struct Opened {
    position: Position,
    contribution: MessageTotals,
    is_redriven: bool,
    /// Its client chose its id.
    is_named: bool,
    attempts: Vec<Position>,
    /// The dead letter it was: without it a replay would not give the ordering key back to it.
    before: Option<Box<Holding>>,
}

/// The records of a dead letter that holds its ordering key: what a replay needs to hold it again.
struct Holding {
    opened: Opened,
    position: Position,
    contribution: MessageTotals,
}

impl Opened {
    /// Adds the positions of its records, whose counts are theirs and not of the dropped ones.
    fn kept(&self, positions: &mut Vec<Position>, dropped: &mut MessageTotals) {
        *dropped -= self.contribution;
        positions.push(self.position);
        positions.extend(&self.attempts);
        if let Some(before) = &self.before {
            before.kept(positions, dropped);
        }
    }

    /// Whether its acceptance, which names its id, is among its records.
    fn speaks_for_its_id(&self) -> bool {
        match &self.before {
            Some(before) => before.opened.speaks_for_its_id(),
            None => !self.is_redriven,
        }
    }
}

impl Holding {
    fn kept(&self, positions: &mut Vec<Position>, dropped: &mut MessageTotals) {
        *dropped -= self.contribution;
        positions.push(self.position);
        self.opened.kept(positions, dropped);
    }
}

impl Survey {
    /// Before the first record; what clients chose as ids is kept within `limits`.
    pub fn new(limits: DedupLimits) -> Self {
        Self {
            kept: Vec::new(),
            open: AHashMap::default(),
            holding: AHashMap::default(),
            standing: Standing::default(),
            services: AHashMap::default(),
            totals: MessageTotals::default(),
            known: KnownIds::new(limits),
            known_events: KnownIds::new(limits),
            last_sequence: 0,
            last_published_at: Timestamp::default(),
            streams: AHashMap::default(),
        }
    }

    /// Learns from the next record.
    pub fn note(&mut self, position: Position, fact: &Fact) {
        self.totals += contribution(fact);
        match fact {
            Fact::Message(fact) => self.note_message(position, fact),
            Fact::Event(EventFact::EventPublished(event)) => self.note_published(event),
            Fact::Service(fact) => self.note_presence(position, fact),
            Fact::CompactionSummary(summary) => self.note_summary(summary),
            Fact::Event(_) | Fact::Subscription(_) | Fact::Control(_) => {
                self.standing.note(position, fact);
            }
        }
    }

    /// This record stays, whatever it is, and is not noted: it speaks for itself. An event may stay if
    /// all that come after it do.
    pub fn keep(&mut self, position: Position) {
        self.kept.push(position);
    }

    /// Ends the first pass; `last` is the position of the last record noted.
    pub fn finish(mut self, last: Position) -> Selection {
        let mut kept = std::mem::take(&mut self.kept);
        for opened in self.open.values() {
            opened.kept(&mut kept, &mut self.totals);
        }
        for holding in self.holding.values() {
            holding.kept(&mut kept, &mut self.totals);
        }
        for presence in self.services.values() {
            presence.kept(&mut kept);
        }
        self.standing.kept(&mut kept);
        kept.sort_unstable();
        Selection {
            kept: kept.into(),
            summaries: self.into_summaries().into(),
            last,
        }
    }

    fn note_message(&mut self, position: Position, fact: &MessageFact) {
        match fact {
            MessageFact::Accepted(message) => {
                self.known.note_accepted(message);
                self.note_opened(message, position, fact, None);
            }
            MessageFact::Redriven(redrive) => {
                let before = self.holding.remove(&redrive.message.id);
                self.known.note_end(redrive.message.id, None);
                self.note_opened(&redrive.message, position, fact, before);
            }
            MessageFact::AttemptFailed(failed) => {
                if let Some(opened) = self.open.get_mut(&failed.id) {
                    opened.attempts.push(position);
                }
            }
            MessageFact::Delivered(settlement)
            | MessageFact::DeadLettered(settlement)
            | MessageFact::Expired(settlement)
            | MessageFact::Cancelled(settlement) => self.note_settled(position, fact, settlement),
            MessageFact::DeadLetterDeleted(deleted) => {
                self.holding.remove(&deleted.id);
            }
            // The archive has it, and nobody is owed anything by it.
            MessageFact::MessageDeleted(_) | MessageFact::MessagesRemoved(_) => {}
        }
    }

    fn note_published(&mut self, event: &Event) {
        self.last_sequence = event.sequence;
        self.last_published_at = self.last_published_at.max(event.published_at);
        self.known_events.note_published(event);
        if let Some(place) = &event.stream {
            self.streams.insert(place.id.clone(), place.version);
        }
    }

    fn note_summary(&mut self, summary: &CompactionSummary) {
        self.known
            .restore(&summary.known_ids, summary.window_overflowed);
        self.known_events
            .restore(&summary.known_event_ids, summary.event_window_overflowed);
        self.last_sequence = self.last_sequence.max(summary.last_sequence);
        self.last_published_at = self.last_published_at.max(summary.last_published_at);
        for head in &summary.streams {
            self.streams.insert(head.id.clone(), head.version);
        }
    }

    fn note_presence(&mut self, position: Position, fact: &ServiceFact) {
        match fact {
            ServiceFact::ServiceSeen(seen) => self.presence(&seen.service).saw(position),
            ServiceFact::ServiceRegistered(registration) => self
                .presence(&registration.service)
                .registered(registration, position),
            ServiceFact::InstanceDeregistered(gone) => self
                .presence(&gone.service)
                .instance_deregistered(gone, position),
            ServiceFact::InstanceWithdrawn(withdrawn) => self
                .presence(&withdrawn.service)
                .withdrawn(&withdrawn.instance_id, position),
            ServiceFact::ServiceDeregistered(gone) => {
                self.presence(&gone.service).deregistered(position);
            }
            // The archive has it, and nobody is owed anything by it.
            ServiceFact::HealthChanged(_) => {}
        }
    }

    fn presence(&mut self, service: &ServiceName) -> &mut Presence {
        self.services.entry(service.clone()).or_default()
    }

    fn note_opened(
        &mut self,
        message: &Message,
        position: Position,
        fact: &MessageFact,
        before: Option<Holding>,
    ) {
        let opened = Opened {
            position,
            contribution: contribution_of_message(fact),
            is_redriven: matches!(fact, MessageFact::Redriven(_)),
            is_named: message.fingerprint().is_some(),
            attempts: Vec::new(),
            before: before.map(Box::new),
        };
        self.open.insert(message.id, opened);
    }

    fn note_settled(&mut self, position: Position, fact: &MessageFact, settlement: &Settlement) {
        let opened = self.open.remove(&settlement.id);
        let end = fact.settlement().map(|(state, _)| state);
        if opened.as_ref().is_some_and(|opened| opened.is_named) {
            self.known.note_end(settlement.id, end);
        }
        if let Some(opened) = opened.filter(|_| settlement.holds_key) {
            let contribution = contribution_of_message(fact);
            let holding = Holding {
                opened,
                position,
                contribution,
            };
            self.holding.insert(settlement.id, holding);
        }
    }

    /// What dropped records counted, and what they said that no kept record does.
    fn into_summaries(self) -> Vec<CompactionSummary> {
        let ids = self.ids_to_carry();
        let (window_overflowed, events) = (self.known.overflowed, self.known_events);
        let streams = self.streams.into_iter();
        let streams: Vec<_> = streams
            .map(|(id, version)| StreamHead { id, version })
            .collect();
        let event_ids: Vec<_> = events.ids().collect();
        let mut ids = ids.chunks(PER_RECORD);
        let mut event_ids = event_ids.chunks(PER_RECORD);
        let mut streams = streams.chunks(PER_RECORD);
        let mut next = CompactionSummary {
            totals: self.totals,
            window_overflowed,
            last_sequence: self.last_sequence,
            last_published_at: self.last_published_at,
            event_window_overflowed: events.overflowed,
            ..CompactionSummary::default()
        };
        let mut parts = Vec::new();
        loop {
            next.known_ids = ids.next().unwrap_or_default().to_vec();
            next.known_event_ids = event_ids.next().unwrap_or_default().to_vec();
            next.streams = streams.next().unwrap_or_default().to_vec();
            if next == CompactionSummary::default() {
                return parts;
            }
            parts.push(std::mem::take(&mut next));
        }
    }

    /// Known ids of messages none of whose records is kept.
    fn ids_to_carry(&self) -> Vec<KnownId> {
        let is_spoken_for = |id: MessageId| {
            let held = self.holding.get(&id).map(|holding| &holding.opened);
            let opened = self.open.get(&id).or(held);
            opened.is_some_and(Opened::speaks_for_its_id)
        };
        let ids = self.known.ids();
        ids.filter(|known| !is_spoken_for(MessageId(known.id)))
            .collect()
    }
}

/// What becomes of a record.
#[derive(Clone, PartialEq, Debug)]
pub enum Fate {
    /// It stays as it is, byte for byte.
    Keep,
    /// This takes its place, at its position.
    Replace(Fact),
    /// It is left out.
    Drop,
}

/// The second pass: the fate of each record, asked in the same order.
///
/// The sums take the places of the first dropped records. There are always enough of these,
/// since every part of a sum comes from at least one dropped record. The last position is never
/// left out, so that a compacted segment cut short at the end of a record is noticed.
#[derive(Debug)]
pub struct Selection {
    kept: VecDeque<Position>,
    summaries: VecDeque<CompactionSummary>,
    last: Position,
}

impl Selection {
    /// What becomes of the record at `position`.
    pub fn fate(&mut self, position: Position) -> Fate {
        if self.kept.front() == Some(&position) {
            self.kept.pop_front();
            return Fate::Keep;
        }
        match self.summaries.pop_front() {
            Some(summary) => Fate::Replace(Fact::CompactionSummary(Arc::new(summary))),
            None if position == self.last => Fate::Replace(Fact::CompactionSummary(Arc::default())),
            None => Fate::Drop,
        }
    }
}

#[cfg(test)]
mod tests;
