//! Chooses what goes into one sync.

use rand::RngExt;
use rand::rngs::StdRng;

use super::chosen::{Answer, Chosen};
use super::pending::Pending;
use super::publishing::choose_events;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::router::Slot;
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::dedup::DedupVerdict;
use crate::logic::journal::frame;
use crate::logic::journal::records::Kind;
use crate::logic::journal::units;
use crate::logic::write_model::{Draft, WriteModel};

/// Takes from what is pending what follows from the journal. What is new gets `refusal`, if any.
pub(super) fn choose(
    write_model: &mut WriteModel,
    now: Timestamp,
    random: &mut StdRng,
    refusal: Option<&Refusal>,
    pending: Vec<Pending>,
) -> Chosen {
    let mut chosen = Chosen::default();
    let mut draft = write_model.draft(now);
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
        let (kind, bytes) = (Kind::of(fact).name(), fact.size_bytes());
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
        let added: usize = chosen.facts[start..].iter().map(Fact::size_bytes).sum();
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
    chosen
        .facts
        .extend(own_event.map(|event| Fact::Event(EventFact::EventPublished(event))));
}

fn choose_slot(
    slot: &mut Slot,
    refusal: Option<&Refusal>,
    draft: &mut Draft<'_>,
    chosen: &mut Chosen,
) {
    if let Slot::Doubtful(offer, refusal) = slot {
        *slot = match draft.judge(&offer.message) {
            DedupVerdict::SameContent => Slot::Duplicate(draft.state(offer.message.id)),
            DedupVerdict::OtherContent => Slot::Refused(Refusal::OtherContent),
            DedupVerdict::New => Slot::Refused(refusal.clone()),
        };
        return;
    }
    let Slot::Offered(offer) = slot else {
        return;
    };
    let message = offer.message.clone();
    let outcome = match draft.offer(&message) {
        DedupVerdict::SameContent => Slot::Duplicate(draft.state(message.id)),
        DedupVerdict::OtherContent => Slot::Refused(Refusal::OtherContent),
        DedupVerdict::New => match refusal {
            Some(refusal) => Slot::Refused(refusal.clone()),
            None => Slot::Accepted,
        },
    };
    if outcome == Slot::Accepted {
        chosen
            .facts
            .push(Fact::Message(MessageFact::Accepted(message)));
    } else {
        chosen.unused.push(message);
    }
    *slot = outcome;
}
