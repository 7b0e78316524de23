//! What goes into one sync, and what to say when it is done.

use std::sync::Arc;

use crate::actors::messages::{Accept, Record, Reply, Slot};
use crate::domain::fact::Fact;
use crate::domain::message::Message;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::dedup::Verdict;
use crate::logic::ledger::{Draft, Ledger};

/// What waits for the next flush.
pub enum Pending {
    Accept(Accept),
    Record(Record),
}

/// What to say once the batch is on disk.
pub enum Answer {
    Slots(Vec<Slot>, Reply<Vec<Slot>>),
    Recorded(Reply<()>),
}

/// A batch before it is written.
#[derive(Default)]
pub struct Chosen {
    pub facts: Vec<Fact>,
    pub answers: Vec<Answer>,
    /// What the Router made room for in vain.
    pub unused: Vec<Arc<Message>>,
}

/// Takes from what is pending what follows from the journal.
pub fn choose(
    ledger: &mut Ledger,
    now: Timestamp,
    disk_low: bool,
    pending: Vec<Pending>,
) -> Chosen {
    let mut chosen = Chosen::default();
    let mut draft = ledger.draft(now);
    for item in pending {
        match item {
            Pending::Accept(mut accept) => {
                for slot in &mut accept.slots {
                    choose_slot(slot, disk_low, &mut draft, &mut chosen);
                }
                chosen
                    .answers
                    .push(Answer::Slots(accept.slots, accept.reply));
            }
            Pending::Record(record) => {
                for fact in record.facts {
                    if draft.admits(&fact) {
                        chosen.facts.push(fact);
                    } else {
                        tracing::debug!(?fact, "left out: it does not follow from the journal");
                    }
                }
                chosen.answers.extend(record.reply.map(Answer::Recorded));
            }
        }
    }
    chosen
}

fn choose_slot(slot: &mut Slot, disk_low: bool, draft: &mut Draft<'_>, chosen: &mut Chosen) {
    if let Slot::Doubtful(offer, refusal) = slot {
        *slot = match draft.judge(&offer.message) {
            Verdict::SameContent => Slot::Duplicate,
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
        Verdict::SameContent => Slot::Duplicate,
        Verdict::OtherContent => Slot::Refused(Refusal::OtherContent),
        Verdict::New if disk_low => Slot::Refused(Refusal::StorageFull),
        Verdict::New => Slot::Accepted,
    };
    if outcome == Slot::Accepted {
        chosen.facts.push(Fact::Accepted(message));
    } else {
        chosen.unused.push(message);
    }
    *slot = outcome;
}

/// Whether an answer may rest on what the batch would have written.
pub fn depends_on_batch(slot: &Slot) -> bool {
    matches!(
        slot,
        Slot::Accepted | Slot::Duplicate | Slot::Refused(Refusal::OtherContent)
    )
}
