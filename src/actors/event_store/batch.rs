//! What goes into one sync, and what to say when it is done.

use std::sync::Arc;

use rand::RngExt;
use rand::rngs::StdRng;

use super::publishing::{self, choose_events};
use crate::actors::messages::{Accept, EventSlot, Publish, Record, Reply, Slot};
use crate::domain::fact::Fact;
use crate::domain::ids::ServiceName;
use crate::domain::message::Message;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::dedup::Verdict;
use crate::logic::ledger::{Draft, Ledger};
use crate::logic::wal::codec::Kind;
use crate::logic::wal::frame;
use crate::logic::wal::units::{self, Units};

/// What waits for the next flush.
pub enum Pending {
    Accept(Accept),
    Publish(Publish),
    Record(Record),
}

impl Pending {
    /// Of what a client sent.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Accept(accept) => {
                let offered = accept.slots.iter().filter_map(Slot::offered);
                offered.map(|message| message.bytes() as usize).sum()
            }
            Self::Publish(publish) => {
                let offered = publish.slots.iter().filter_map(EventSlot::offered);
                offered.map(|event| event.bytes()).sum()
            }
            Self::Record(_) => 0,
        }
    }
}

/// What to say once the batch is on disk.
pub enum Answer {
    Slots(Vec<Slot>, Reply<Vec<Slot>>),
    Events(Vec<EventSlot>, Reply<Vec<EventSlot>>),
    Recorded(Reply<()>),
}

impl Answer {
    /// A client that went away needs no answer.
    pub fn send(self) {
        match self {
            Self::Slots(slots, reply) => drop(reply.send(slots)),
            Self::Events(slots, reply) => drop(reply.send(slots)),
            Self::Recorded(reply) => drop(reply.send(())),
        }
    }
}

/// A batch before it is written.
#[derive(Default)]
pub struct Chosen {
    pub facts: Vec<Fact>,
    /// Which of them survive together.
    pub units: Units,
    pub answers: Vec<Answer>,
    /// What the Router made room for in vain.
    pub unused: Vec<Arc<Message>>,
    /// The sources of events that the Router counted in vain.
    pub unused_events: Vec<ServiceName>,
}

/// Takes from what is pending what follows from the journal. What is new gets `refusal`, if any.
pub fn choose(
    ledger: &mut Ledger,
    now: Timestamp,
    random: &mut StdRng,
    refusal: Option<&Refusal>,
    pending: Vec<Pending>,
) -> Chosen {
    let mut chosen = Chosen::default();
    let mut draft = ledger.draft(now);
    for item in pending {
        match item {
            Pending::Accept(mut accept) => {
                for slot in &mut accept.slots {
                    choose_slot(slot, refusal, &mut draft, &mut chosen);
                }
                let answer = Answer::Slots(accept.slots, accept.reply);
                chosen.answers.push(answer);
            }
            Pending::Publish(mut publish) => {
                let (slots, start) = (&mut publish.slots, chosen.facts.len());
                choose_events(slots, publish.atomic, refusal, &mut draft, &mut chosen);
                if publish.atomic {
                    // A request brings no more than a unit may have.
                    chosen.units.join(start..chosen.facts.len());
                }
                let answer = Answer::Events(publish.slots, publish.reply);
                chosen.answers.push(answer);
            }
            Pending::Record(record) => choose_record(record, random, &mut draft, &mut chosen),
        }
    }
    chosen
}

/// Facts asked for together are written together and survive together, so one that no frame can
/// hold takes the others with it; and who waits for them gets no answer, as of a writer that
/// stopped. Only a list longer than a unit may be is cut, which is one of many things alike.
fn choose_record(record: Record, random: &mut StdRng, draft: &mut Draft<'_>, chosen: &mut Chosen) {
    if let Some(fact) = record.facts.iter().find(|fact| !frame::fits(fact)) {
        let (kind, bytes) = (Kind::of(fact).name(), fact.bytes());
        tracing::error!(
            kind,
            bytes,
            "left out: too large for a record of the journal"
        );
        return;
    }
    let (mut unit, mut bytes) = (chosen.facts.len(), 0);
    for fact in record.facts {
        let start = chosen.facts.len();
        choose_fact(fact, random, draft, chosen);
        let added: usize = chosen.facts[start..].iter().map(Fact::bytes).sum();
        if !units::may_have(chosen.facts.len() - unit, bytes + added) {
            chosen.units.join(unit..start);
            (unit, bytes) = (start, 0);
        }
        bytes += added;
    }
    chosen.units.join(unit..chosen.facts.len());
    chosen.answers.extend(record.reply.map(Answer::Recorded));
}

/// A fact and what the hub itself tells about it stand in one unit: both are written, or none.
fn choose_fact(fact: Fact, random: &mut StdRng, draft: &mut Draft<'_>, chosen: &mut Chosen) {
    if !draft.admits(&fact) {
        return tracing::debug!(?fact, "left out: it does not follow from the journal");
    }
    let own_event = draft.own_event(&fact, || random.random());
    chosen.facts.push(fact);
    chosen.facts.extend(own_event.map(Fact::EventPublished));
}

fn choose_slot(
    slot: &mut Slot,
    refusal: Option<&Refusal>,
    draft: &mut Draft<'_>,
    chosen: &mut Chosen,
) {
    if let Slot::Doubtful(offer, refusal) = slot {
        *slot = match draft.judge(&offer.message) {
            Verdict::SameContent => Slot::Duplicate(draft.state(offer.message.id)),
            Verdict::OtherContent => Slot::Refused(Refusal::OtherContent),
            Verdict::New => Slot::Refused(refusal.clone()),
        };
        return;
    }
    let Slot::Offered(offer) = slot else {
        return;
    };
    let message = offer.message.clone();
    let outcome = match draft.offer(&message) {
        Verdict::SameContent => Slot::Duplicate(draft.state(message.id)),
        Verdict::OtherContent => Slot::Refused(Refusal::OtherContent),
        Verdict::New => match refusal {
            Some(refusal) => Slot::Refused(refusal.clone()),
            None => Slot::Accepted,
        },
    };
    if outcome == Slot::Accepted {
        chosen.facts.push(Fact::Accepted(message));
    } else {
        chosen.unused.push(message);
    }
    *slot = outcome;
}

impl Chosen {
    /// For a disk without room or another shortage: what clients sent gets `refusal`, and what remains to be said now is
    /// left here. Gives back what waits for space: facts that settle older things, and who wants
    /// to know of them.
    pub fn hold_back(&mut self, refusal: &Refusal) -> Vec<Pending> {
        let mut held = Vec::new();
        let (facts, units) = (
            std::mem::take(&mut self.facts),
            std::mem::take(&mut self.units),
        );
        for unit in units.cut(facts) {
            let mut kept = Vec::new();
            for fact in unit {
                match fact {
                    Fact::Accepted(message) => self.unused.push(message),
                    // A client's is refused below; the hub's own is made anew with its fact.
                    Fact::EventPublished(_) => {}
                    fact => kept.push(fact),
                }
            }
            if !kept.is_empty() {
                held.push(Pending::Record(Record::unasked(kept)));
            }
        }
        for answer in std::mem::take(&mut self.answers) {
            match answer {
                Answer::Slots(mut slots, reply) => {
                    refuse_messages(&mut slots, refusal);
                    self.answers.push(Answer::Slots(slots, reply));
                }
                Answer::Events(mut slots, reply) => {
                    self.refuse_events(&mut slots, refusal);
                    self.answers.push(Answer::Events(slots, reply));
                }
                Answer::Recorded(reply) => held.push(Pending::Record(Record {
                    facts: Vec::new(),
                    reply: Some(reply),
                })),
            }
        }
        held
    }

    fn refuse_events(&mut self, slots: &mut [EventSlot], refusal: &Refusal) {
        for slot in slots {
            if let EventSlot::Published(event) = slot {
                self.unused_events.push(event.source.clone());
            }
            if publishing::depends_on_batch(slot) {
                *slot = EventSlot::Refused(refusal.clone());
            }
        }
    }
}

fn refuse_messages(slots: &mut [Slot], refusal: &Refusal) {
    for slot in slots.iter_mut().filter(|slot| depends_on_batch(slot)) {
        *slot = Slot::Refused(refusal.clone());
    }
}

/// Whether an answer may rest on what the batch would have written.
fn depends_on_batch(slot: &Slot) -> bool {
    matches!(
        slot,
        Slot::Accepted | Slot::Duplicate(_) | Slot::Refused(Refusal::OtherContent)
    )
}
