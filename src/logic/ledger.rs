//! What the journal says, as far as it decides what may be written next.
//!
//! The ledger is the judge of races: whatever two actors believe, a message is opened once and
//! settled once, because only facts that follow from the journal enter it.

use ahash::{AHashMap, AHashSet};

use crate::domain::fact::{Fact, KnownId, Tally};
use crate::domain::ids::MessageId;
use crate::domain::message::{Fingerprint, Message};
use crate::domain::timestamp::Timestamp;

use super::dedup::{DedupWindow, Verdict};
use super::tally;

#[derive(Debug)]
pub struct Ledger {
    open: AHashSet<MessageId>,
    window: DedupWindow,
    tally: Tally,
}

impl Ledger {
    pub fn new(window: DedupWindow) -> Self {
        Self {
            open: AHashSet::new(),
            window,
            tally: Tally::default(),
        }
    }

    /// Learns from a fact that is in the journal.
    pub fn apply(&mut self, fact: &Fact) {
        self.tally += tally::contribution(fact);
        if let Fact::Carried(carried) = fact {
            let known = carried.known_ids.iter().copied();
            self.window.restore(known, carried.window_overflowed);
        }
        if let Some(message) = fact.opened() {
            self.open.insert(message.id);
        }
        if let Fact::Accepted(message) = fact
            && let Some(fingerprint) = message.fingerprint()
        {
            let (id, at) = (message.id, message.accepted_at);
            self.window.remember(KnownId {
                id,
                fingerprint,
                at,
            });
        }
        if let Some((_, settlement)) = fact.settlement() {
            self.open.remove(&settlement.id);
        }
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether the dedup window ever forgot an id, so that "not in it" no longer means "new".
    pub fn window_overflowed(&self) -> bool {
        self.window.overflowed()
    }

    /// Begins to choose the facts of one batch.
    pub fn draft(&mut self, now: Timestamp) -> Draft<'_> {
        self.window.forget_aged(now);
        Draft {
            ledger: self,
            changes: AHashMap::new(),
        }
    }
}

/// The facts chosen for a batch that is not written yet, on top of the ledger.
pub struct Draft<'a> {
    ledger: &'a Ledger,
    changes: AHashMap<MessageId, Change>,
}

#[derive(Clone, Copy)]
enum Change {
    Opened(Option<Fingerprint>),
    Settled,
}

impl Draft<'_> {
    /// Whether this message is new. If so it belongs to the batch from now on.
    pub fn offer(&mut self, message: &Message) -> Verdict {
        let verdict = self.judge(message);
        if verdict == Verdict::New {
            self.changes
                .insert(message.id, Change::Opened(message.fingerprint()));
        }
        verdict
    }

    /// Whether this message is new; nothing is decided by asking.
    pub fn judge(&self, message: &Message) -> Verdict {
        let Some(fingerprint) = message.fingerprint() else {
            return Verdict::New;
        };
        match self.changes.get(&message.id) {
            Some(Change::Opened(Some(other))) if *other == fingerprint => Verdict::SameContent,
            Some(Change::Opened(_)) => Verdict::OtherContent,
            Some(Change::Settled) | None => {
                let verdict = self.ledger.window.compare(message.id, fingerprint);
                let open = self.ledger.open.contains(&message.id);
                if verdict == Verdict::New && open {
                    Verdict::OtherContent
                } else {
                    verdict
                }
            }
        }
    }

    /// Whether this fact follows from what the journal says. If so it belongs to the batch.
    pub fn admits(&mut self, fact: &Fact) -> bool {
        let Some(id) = fact.message_id() else {
            return true;
        };
        let admitted = match fact {
            Fact::Redriven(_) => !self.is_open(id),
            Fact::DeadLetterDeleted(_) => true,
            _ => self.is_open(id),
        };
        if admitted && fact.opened().is_some() {
            self.changes.insert(id, Change::Opened(None));
        }
        if admitted && fact.settlement().is_some() {
            self.changes.insert(id, Change::Settled);
        }
        admitted
    }

    fn is_open(&self, id: MessageId) -> bool {
        match self.changes.get(&id) {
            Some(Change::Opened(_)) => true,
            Some(Change::Settled) => false,
            None => self.ledger.open.contains(&id),
        }
    }
}
