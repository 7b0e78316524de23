//! What is told to the Router, and asked of it: what comes in, and whether there is space for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::Message as ActixMessage;

use super::reply::Reply;
use crate::domain::event::Event;
use crate::domain::ids::ServiceName;
use crate::domain::message::{Message, State};
use crate::domain::offer::{EventOffer, Offer};
use crate::domain::quota::Quota;
use crate::domain::refusal::Refusal;
use crate::logic::admission_report::{AdmissionReport, AdmissionSurvey};
use crate::logic::quotas::QuotaView;

/// http → Router: how full the destinations are, and whether `service` was ever a destination.
#[derive(ActixMessage)]
#[rtype(result = "AdmissionReport")]
pub struct InspectAdmission {
    pub service: Option<ServiceName>,
}

/// hub → Router: which destinations are full, or nearly so.
#[derive(ActixMessage)]
#[rtype(result = "AdmissionSurvey")]
pub struct SurveyAdmission;

/// http → Router: this is the whole quota of `service` from now on; `None`: as configured.
/// Answered after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SetQuota {
    pub service: ServiceName,
    pub quota: Option<Quota>,
    pub reply: Reply<Result<(), Refusal>>,
}

/// http → Router: the quotas in force, of one service or of all, by name.
#[derive(ActixMessage)]
#[rtype(result = "Vec<QuotaView>")]
pub struct InspectQuotas {
    pub service: Option<ServiceName>,
}

/// Runtime → Router, Scheduler: the configuration was read again, and these are its quotas.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct QuotasConfigured(pub Arc<BTreeMap<ServiceName, Quota>>);

/// Runtime → Router: the configuration was read again, and so much may be owed.
#[derive(ActixMessage, Clone, Copy)]
#[rtype(result = "()")]
pub struct CapacityConfigured {
    /// Messages per destination and level.
    pub max_queue_size: usize,
    pub max_queue_bytes: u64,
}

/// One event of a request, and what became of it so far.
#[derive(Clone, PartialEq, Debug)]
pub enum EventSlot {
    Offered(Box<EventOffer>),
    /// Not admitted, which matters only if it is new: a repeat is answered as one.
    Doubtful(Box<EventOffer>, Refusal),
    /// As it was written, with its sequence and version.
    Published(Arc<Event>),
    /// Known already, with the same content.
    Duplicate,
    Refused(Refusal),
}

impl EventSlot {
    /// The event, as long as nothing became of it.
    pub fn offered(&self) -> Option<&Event> {
        match self {
            Self::Offered(offer) => Some(&offer.event),
            _ => None,
        }
    }

    /// Makes of the slots of an atomic batch what they are once the one at `index` was refused.
    pub fn refuse_others(slots: &mut [Self], index: usize) {
        for (other, slot) in slots.iter_mut().enumerate() {
            if other != index {
                *slot = Self::Refused(Refusal::BatchRefused);
            }
        }
    }
}

/// http → Router → EventStore: publish these events, in this order. The answer has the same length
/// and order, and no slot in it is [`EventSlot::Offered`] or [`EventSlot::Doubtful`].
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Publish {
    pub slots: Vec<EventSlot>,
    /// All or none.
    pub atomic: bool,
    pub reply: Reply<Vec<EventSlot>>,
}

/// One message of a request, and what became of it so far.
#[derive(Clone, PartialEq, Debug)]
pub enum Slot {
    Offered(Offer),
    /// Not admitted, which matters only if it is new: a repeat is answered as one.
    Doubtful(Offer, Refusal),
    Accepted,
    /// Known already, with the same content, and in this state now: `Queued` stands for everything
    /// that is not settled, `None` for an end that is not remembered here.
    Duplicate(Option<State>),
    Refused(Refusal),
}

impl Slot {
    /// The message, as long as nothing became of it.
    pub fn offered(&self) -> Option<&Message> {
        match self {
            Self::Offered(offer) => Some(&offer.message),
            _ => None,
        }
    }
}

/// http → Router → EventStore: take these messages. The answer has the same length and order,
/// and no slot in it is [`Slot::Offered`] or [`Slot::Doubtful`].
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Accept {
    pub slots: Vec<Slot>,
    pub reply: Reply<Vec<Slot>>,
}

/// EventStore → Router: these were let in and not taken; what was reserved for them is free.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Release {
    pub messages: Vec<Arc<Message>>,
    /// The sources of events, one for each.
    pub publishers: Vec<ServiceName>,
}
