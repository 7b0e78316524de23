//! Which of the events that were offered go into a batch.

use crate::actors::messages::router::EventSlot;
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::refusal::Refusal;
use crate::logic::write_model::{Draft, Offered, Publication};

use super::chosen::Chosen;

/// Decides every slot of one request, and adds its events to the batch.
pub(super) fn choose_events(
    slots: &mut [EventSlot],
    atomic: bool,
    refusal: Option<&Refusal>,
    draft: &mut Draft<'_>,
    chosen: &mut Chosen,
) {
    let sources: Vec<_> = slots
        .iter()
        .map(|slot| slot.offered().map(|event| event.source.clone()))
        .collect();
    judge(slots, atomic, refusal, draft);
    for (slot, source) in slots.iter().zip(sources) {
        match (slot, source) {
            (EventSlot::Published(event), _) => {
                chosen
                    .facts
                    .push(Fact::Event(EventFact::EventPublished(event.clone())));
            }
            (_, Some(source)) => chosen.unused_events.push(source),
            (_, None) => {}
        }
    }
}

fn judge(slots: &mut [EventSlot], atomic: bool, refusal: Option<&Refusal>, draft: &mut Draft<'_>) {
    let mark = draft.events.mark();
    for index in 0..slots.len() {
        decide(&mut slots[index], refusal, draft);
        if atomic && matches!(slots[index], EventSlot::Refused(_)) {
            draft.events.roll_back(mark);
            return EventSlot::refuse_others(slots, index);
        }
    }
}

fn decide(slot: &mut EventSlot, refusal: Option<&Refusal>, draft: &mut Draft<'_>) {
    let (offer, refusal_if_new) = match std::mem::replace(slot, EventSlot::Duplicate) {
        EventSlot::Offered(offer) => (offer, refusal.cloned()),
        EventSlot::Doubtful(offer, refusal) => (offer, Some(refusal)),
        decided => {
            *slot = decided;
            return;
        }
    };
    let offered = Offered {
        event: offer.event,
        expected_version: offer.expected_version,
        refusal_if_new,
    };
    *slot = match draft.events.publish(offered) {
        Publication::Published(event) => EventSlot::Published(event),
        Publication::Duplicate => EventSlot::Duplicate,
        Publication::Refused(refusal) => EventSlot::Refused(refusal),
    };
}
