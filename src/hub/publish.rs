//! Publishing: events on their way from a client into the journal.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::Hub;
use super::clients::Response;
use super::error::HubError;
use super::handed_in::{Forbidden, InOrder};
use super::known_ids::{self, Given, IdMatch};
use super::request::RequestContext;
use super::steps::EventSteps;
use crate::actors::messages::router::{EventSlot, Publish};
use crate::domain::event::{Event, EventId};
use crate::domain::json_text::JsonText;
use crate::domain::offer::EventOffer;
use crate::domain::refusal::Refusal;
use crate::logic::canonical::event_fingerprint;
use crate::ports::archive::MOST_IDS;

/// Events that have their place in line.
pub struct EventSubmission {
    forbidden: Forbidden,
    steps: EventSteps,
    slots: Response<Vec<EventSlot>>,
}

/// What became of an event that is the hub's now.
#[derive(Clone, PartialEq, Debug)]
pub enum PublishOutcome {
    /// It is in the journal, as it is here.
    Published(Arc<Event>),
    /// The id was known, with the same content.
    Known,
}

impl PublishOutcome {
    fn of(slot: EventSlot) -> Result<Self, HubError> {
        match slot {
            EventSlot::Published(event) => Ok(Self::Published(event)),
            EventSlot::Duplicate => Ok(Self::Known),
            EventSlot::Refused(refusal) => Err(refusal.into()),
            EventSlot::Offered(_) | EventSlot::Doubtful(..) => Err(HubError::Internal),
        }
    }
}

/// What became of each event of a submission, in their order.
pub struct PublishOutcomes(InOrder<EventSlot>);

impl Iterator for PublishOutcomes {
    type Item = Result<PublishOutcome, HubError>;

    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.0.next()?;
        Some(slot.and_then(PublishOutcome::of))
    }
}

impl EventSubmission {
    /// What became of each event, in their order: what was published is on disk.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE if that is not known.
    pub async fn outcomes(self, context: &RequestContext<'_>) -> Result<PublishOutcomes, HubError> {
        let slots = self.slots.await?;
        self.steps.tell(context.request_id, &slots);
        Ok(PublishOutcomes(self.forbidden.among(slots)))
    }
}

impl Hub {
    /// Publishes events: what became of each, in their order; AUTH_FAILED of one whose source is
    /// somebody else, or that only the hub publishes. `atomic`: all of them or none.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE if that is not known.
    pub async fn publish(
        &self,
        context: &RequestContext<'_>,
        offers: Vec<EventOffer>,
        atomic: bool,
    ) -> Result<PublishOutcomes, HubError> {
        let submission = self.submit_events(context, offers, atomic).await?;
        submission.outcomes(context).await
    }

    /// As [`Hub::publish`], but returns as soon as the events have their place in line: who submits
    /// one after the other is served in that order.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE if an id cannot be looked up.
    pub async fn submit_events(
        &self,
        context: &RequestContext<'_>,
        mut offers: Vec<EventOffer>,
        atomic: bool,
    ) -> Result<EventSubmission, HubError> {
        let check = |offer: &EventOffer| context.principal.may_publish(&offer.event);
        let mut forbidden = Forbidden::take_out(&mut offers, check);
        if atomic && !forbidden.is_empty() {
            forbidden.take_rest(&mut offers, &Refusal::BatchRefused.into());
        }
        let steps = EventSteps::of(&offers);
        let slots = offers.into_iter().map(Box::new).map(EventSlot::Offered);
        let mut slots: Vec<EventSlot> = slots.collect();
        self.find_known_events(&mut slots).await?;
        let slots = self.clients.router.request(|reply| Publish {
            slots,
            atomic,
            reply,
        });
        Ok(EventSubmission {
            forbidden,
            steps,
            slots,
        })
    }

    /// As [`Hub::find_known_messages`].
    async fn find_known_events(&self, slots: &mut [EventSlot]) -> Result<(), HubError> {
        let forgetful = self.status.forgot_events.get();
        let is_unsure = |slot: &&mut EventSlot| {
            let event = slot.offered();
            event.is_some_and(|event| given(event).is_unsure(forgetful))
        };
        let mut unsure: Vec<_> = slots.iter_mut().filter(is_unsure).collect();
        for some in unsure.chunks_mut(MOST_IDS) {
            self.look_up_events(some).await?;
        }
        Ok(())
    }

    async fn look_up_events(&self, slots: &mut [&mut EventSlot]) -> Result<(), HubError> {
        let offered = slots.iter().filter_map(|slot| slot.offered());
        let ids = offered.map(|event| event.id).collect();
        let (stored, archive_answers) = known_ids::stored(self.stored_events(ids)).await?;
        let known: HashMap<_, _> = stored.iter().map(|event| (event.id, event)).collect();
        for slot in slots {
            let Some(event) = slot.offered() else {
                continue;
            };
            let same = known.get(&event.id).map(|known| is_same(known, event));
            let finding = IdMatch::of(given(event), same, archive_answers);
            let offered = std::mem::replace(*slot, EventSlot::Duplicate);
            **slot = match (finding, offered) {
                (IdMatch::Repeat, _) => EventSlot::Duplicate,
                (IdMatch::Taken, _) => EventSlot::Refused(Refusal::OtherContent),
                (IdMatch::Doubtful, EventSlot::Offered(offer)) => {
                    EventSlot::Doubtful(offer, Refusal::HistoryUnknown)
                }
                (_, offered) => offered,
            };
        }
        Ok(())
    }

    async fn stored_events(&self, ids: Vec<EventId>) -> Result<Vec<Event>, HubError> {
        self.flush().await?;
        Ok(self.archive.events_by_id(ids).await?)
    }

    /// Those of these events that are kept, if the archive answers, without what they carry: what
    /// repeats were published as.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn original_events(
        &self,
        ids: Vec<EventId>,
    ) -> Result<HashMap<EventId, Event>, HubError> {
        let mut originals = HashMap::new();
        for some in ids.chunks(MOST_IDS) {
            let stored = self.stored_events(some.to_vec());
            let (stored, _) = known_ids::stored(stored).await?;
            for mut event in stored {
                event.payload = JsonText::new(RawValue::NULL.to_owned());
                event.extras = None;
                originals.insert(event.id, event);
            }
        }
        Ok(originals)
    }
}

fn given(event: &Event) -> Given {
    Given {
        fingerprint: event.fingerprint(),
        is_generated: event.id.is_generated(),
    }
}

fn is_same(known: &Event, event: &Event) -> bool {
    event_fingerprint(known) == event_fingerprint(event)
}
