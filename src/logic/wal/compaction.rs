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
use crate::domain::fact::{Carried, Fact, Tally};
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::logic::tally::contribution;

/// Ids in one [`Carried`] record, so that no record grows without bound.
const IDS_PER_RECORD: usize = 4096;
/// Sealed segments that make a compaction worth its reading and writing.
const WORTHWHILE_SEGMENTS: u64 = 4;

/// Whether rewriting `eligible_bytes` of sealed segments together with a compacted one of
/// `compacted_bytes` pays: at least half of what is read must be new, and it must be some segments.
pub fn is_worthwhile(eligible_bytes: u64, compacted_bytes: u64, segment_bytes: u64) -> bool {
    eligible_bytes > compacted_bytes.max(WORTHWHILE_SEGMENTS.saturating_mul(segment_bytes))
}

/// The first pass: what is owed after all records noted so far.
pub struct Survey {
    open: AHashMap<MessageId, Opened>,
    /// Dead letters that hold their ordering keys.
    holding: AHashMap<MessageId, Holding>,
    standing: Standing,
    services: AHashMap<ServiceName, Presence>,
    tally: Tally,
    known: KnownIds,
}

/// The records of an open message.
struct Opened {
    position: Position,
    contribution: Tally,
    is_redriven: bool,
    attempts: Vec<Position>,
    /// The dead letter it was: without it a replay would not give the ordering key back to it.
    before: Option<Box<Holding>>,
}

/// The records of a dead letter that holds its ordering key: what a replay needs to hold it again.
struct Holding {
    opened: Opened,
    position: Position,
    contribution: Tally,
}

impl Opened {
    /// Adds the positions of its records, whose counts are theirs and not of the dropped ones.
    fn kept(&self, positions: &mut Vec<Position>, dropped: &mut Tally) {
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
    fn kept(&self, positions: &mut Vec<Position>, dropped: &mut Tally) {
        *dropped -= self.contribution;
        positions.push(self.position);
        self.opened.kept(positions, dropped);
    }
}

impl Survey {
    pub fn new(limits: DedupLimits) -> Self {
        Self {
            open: AHashMap::default(),
            holding: AHashMap::default(),
            standing: Standing::default(),
            services: AHashMap::default(),
            tally: Tally::default(),
            known: KnownIds::new(limits),
        }
    }

    /// Learns from the next record.
    pub fn note(&mut self, position: Position, fact: &Fact) {
        self.tally += contribution(fact);
        match fact {
            Fact::Accepted(message) => {
                self.known.note_accepted(message);
                self.note_opened(message.id, position, fact, None);
            }
            Fact::Redriven(redrive) => {
                let before = self.holding.remove(&redrive.message.id);
                self.note_opened(redrive.message.id, position, fact, before);
            }
            Fact::AttemptFailed(failed) => {
                if let Some(opened) = self.open.get_mut(&failed.id) {
                    opened.attempts.push(position);
                }
            }
            Fact::Delivered(settlement)
            | Fact::DeadLettered(settlement)
            | Fact::Expired(settlement)
            | Fact::Cancelled(settlement) => {
                let opened = self.open.remove(&settlement.id);
                if let Some(opened) = opened.filter(|_| settlement.holds_key) {
                    let contribution = contribution(fact);
                    let holding = Holding {
                        opened,
                        position,
                        contribution,
                    };
                    self.holding.insert(settlement.id, holding);
                }
            }
            Fact::Carried(carried) => self.known.note_carried(carried),
            Fact::DeadLetterDeleted(deleted) => {
                self.holding.remove(&deleted.id);
            }
            Fact::ServiceSeen(_)
            | Fact::ServiceRegistered(_)
            | Fact::InstanceDeregistered(_)
            | Fact::InstanceWithdrawn(_)
            | Fact::ServiceDeregistered(_) => self.note_presence(position, fact),
            Fact::CircuitChanged(_)
            | Fact::StrategyChosen(_)
            | Fact::QuotaSet(_)
            | Fact::QueueSwitched(_)
            | Fact::RedriveAdvanced(_) => self.standing.note(position, fact),
            Fact::HealthChanged(_) => {}
        }
    }

    /// Ends the first pass; `last` is the position of the last record noted.
    pub fn finish(mut self, last: Position) -> Selection {
        let mut kept = Vec::new();
        for opened in self.open.values() {
            opened.kept(&mut kept, &mut self.tally);
        }
        for holding in self.holding.values() {
            holding.kept(&mut kept, &mut self.tally);
        }
        for presence in self.services.values() {
            presence.kept(&mut kept);
        }
        self.standing.kept(&mut kept);
        kept.sort_unstable();
        Selection {
            kept: kept.into(),
            carried: self.into_carried().into(),
            last,
        }
    }

    fn note_presence(&mut self, position: Position, fact: &Fact) {
        match fact {
            Fact::ServiceSeen(seen) => self.presence(&seen.service).saw(position),
            Fact::ServiceRegistered(registration) => self
                .presence(&registration.service)
                .registered(registration, position),
            Fact::InstanceDeregistered(gone) => self
                .presence(&gone.service)
                .instance_deregistered(gone, position),
            Fact::InstanceWithdrawn(withdrawn) => self
                .presence(&withdrawn.service)
                .withdrawn(&withdrawn.instance_id, position),
            Fact::ServiceDeregistered(gone) => self.presence(&gone.service).deregistered(position),
            _ => {}
        }
    }

    fn presence(&mut self, service: &ServiceName) -> &mut Presence {
        self.services.entry(service.clone()).or_default()
    }

    fn note_opened(
        &mut self,
        id: MessageId,
        position: Position,
        fact: &Fact,
        before: Option<Holding>,
    ) {
        let opened = Opened {
            position,
            contribution: contribution(fact),
            is_redriven: matches!(fact, Fact::Redriven(_)),
            attempts: Vec::new(),
            before: before.map(Box::new),
        };
        self.open.insert(id, opened);
    }

    /// What dropped records counted, and the ids that no kept record speaks for.
    fn into_carried(self) -> Vec<Carried> {
        let Self {
            mut open,
            holding,
            known,
            ..
        } = self;
        let held = holding
            .into_iter()
            .map(|(id, holding)| (id, holding.opened));
        open.extend(held);
        let mut dropped = Vec::new();
        for known_id in known.ids {
            if open
                .get(&known_id.id)
                .is_none_or(|opened| !opened.speaks_for_its_id())
            {
                dropped.push(known_id);
            }
        }
        let mut first = Carried {
            tally: self.tally,
            known_ids: Vec::new(),
            window_overflowed: known.overflowed,
        };
        let mut parts = Vec::new();
        for part in dropped.chunks(IDS_PER_RECORD) {
            first.known_ids = part.to_vec();
            parts.push(std::mem::take(&mut first));
        }
        if first != Carried::default() {
            parts.push(first);
        }
        parts
    }
}

/// What becomes of a record.
#[derive(Clone, PartialEq, Debug)]
pub enum Fate {
    Keep,
    /// This takes its place, at its position.
    Replace(Fact),
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
    carried: VecDeque<Carried>,
    last: Position,
}

impl Selection {
    pub fn fate(&mut self, position: Position) -> Fate {
        if self.kept.front() == Some(&position) {
            self.kept.pop_front();
            return Fate::Keep;
        }
        match self.carried.pop_front() {
            Some(carried) => Fate::Replace(Fact::Carried(Arc::new(carried))),
            None if position == self.last => Fate::Replace(Fact::Carried(Arc::default())),
            None => Fate::Drop,
        }
    }
}

#[cfg(test)]
mod tests;
