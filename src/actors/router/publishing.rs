//! Events at the admission gate: each counts against the quota of its source, as a message does.

use actix::{Context, Handler};

use super::Router;
use crate::actors::messages::router::{EventSlot, Publish};
use crate::domain::offer::EventOffer;
use crate::domain::timestamp::Timestamp;
use crate::metrics::notices::{Notice, Particulars};

impl Router {
    fn admit_event(&mut self, slot: &mut EventSlot, now: Timestamp) {
        let Some(event) = slot.offered() else {
            return;
        };
        if let Err(refusal) = self.quotas.take(&event.source, now) {
            self.metrics.count_quota_refusal(event.source.as_str());
            let source = event.source.clone();
            let notice = Notice::RateLimited { source };
            self.metrics.notices.note(&notice, now, || Particulars {
                id: Some(event.id.to_string()),
                ..Particulars::default()
            });
            *slot = match std::mem::replace(slot, EventSlot::Duplicate) {
                // It may be a repeat of what was published, which the writer knows.
                EventSlot::Offered(offer) if is_named(&offer) => {
                    EventSlot::Doubtful(offer, refusal)
                }
                _ => EventSlot::Refused(refusal),
            };
        }
    }

    /// Nothing of an atomic batch comes in once one of it is refused.
    fn refuse_all(&mut self, slots: &mut [EventSlot], refused: usize) {
        for event in slots.iter().filter_map(EventSlot::offered) {
            self.quotas.give_back(&event.source);
        }
        EventSlot::refuse_others(slots, refused);
    }
}

fn is_named(offer: &EventOffer) -> bool {
    offer.event.fingerprint().is_some()
}

impl Handler<Publish> for Router {
    type Result = ();

    fn handle(&mut self, mut publish: Publish, _: &mut Context<Self>) {
        let now = self.clock.now();
        for slot in &mut publish.slots {
            self.admit_event(slot, now);
        }
        let refused = |slot: &EventSlot| matches!(slot, EventSlot::Refused(_));
        let refused = publish.slots.iter().position(refused);
        if let Some(index) = refused.filter(|_| publish.atomic) {
            self.refuse_all(&mut publish.slots, index);
        }
        let is_open =
            |slot: &EventSlot| matches!(slot, EventSlot::Offered(_) | EventSlot::Doubtful(..));
        if publish.slots.iter().any(is_open) {
            self.hops.publish.do_send(publish);
        } else {
            let _ = publish.reply.send(publish.slots);
        }
    }
}
