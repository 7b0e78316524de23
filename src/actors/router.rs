//! The door: decides whether a message may come in.
//!
//! Owns the known destinations, the capacity of their lanes, and what it was told of their
//! circuits. Receives [`Accept`], and [`Committed`], [`Release`], [`WindowChanged`] to stay
//! informed; sends what may come in on to the EventStore. Never waits and never writes.

use std::sync::Arc;

use actix::{Actor, Context, Handler, MessageResult, Recipient};
use ahash::{AHashMap, AHashSet};

use super::death_watch::DeathWatch;
use super::messages::{
    Accept, AdmissionReport, Committed, InspectAdmission, Offer, Release, Slot, WindowChanged,
};
use crate::clock::Clock;
use crate::domain::fact::Fact;
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::domain::service::Outlook;
use crate::logic::admission::Admission;
use crate::metrics::Metrics;

pub struct Router {
    clock: Clock,
    metrics: Arc<Metrics>,
    event_store: Recipient<Accept>,
    admission: Admission,
    /// Every name that was ever registered or received.
    known: AHashSet<ServiceName>,
    outlooks: AHashMap<ServiceName, Outlook>,
    overflows: u64,
    throttles: u64,
    /// Destinations that refused since they last had room.
    overloaded: AHashSet<ServiceName>,
    _watch: DeathWatch,
}

impl Router {
    pub fn new(
        clock: Clock,
        metrics: Arc<Metrics>,
        admission: Admission,
        event_store: Recipient<Accept>,
        watch: DeathWatch,
    ) -> Self {
        Self {
            clock,
            metrics,
            event_store,
            admission,
            known: AHashSet::new(),
            outlooks: AHashMap::new(),
            overflows: 0,
            throttles: 0,
            overloaded: AHashSet::new(),
            _watch: watch,
        }
    }

    /// Reserves room for the message, or says why it may not come in.
    fn admit(&mut self, offer: &Offer) -> Result<(), Refusal> {
        let message = &offer.message;
        let service = &message.destination;
        if !self.known.contains(service) {
            return Err(Refusal::UnknownService {
                service: service.clone(),
            });
        }
        if offer.or_reject {
            self.is_ready(service)?;
        }
        if let Err(refusal) = self.admission.reserve(&message.lane()) {
            self.overflows += 1;
            self.metrics.queue_overflows.inc();
            self.overloaded.insert(service.clone());
            return Err(refusal);
        }
        self.overloaded.remove(service);
        if self.admission.is_throttled(service) {
            self.throttles += 1;
        }
        Ok(())
    }

    fn is_ready(&self, service: &ServiceName) -> Result<(), Refusal> {
        match self.outlooks.get(service) {
            Some(Outlook::Ready | Outlook::Trial) => Ok(()),
            Some(Outlook::CircuitOpen { until }) => Err(Refusal::CircuitOpen {
                service: service.clone(),
                retry_after: until.since(self.clock.now()),
            }),
            Some(Outlook::NoInstance { .. }) | None => Err(Refusal::NoInstance {
                service: service.clone(),
            }),
        }
    }

    fn learn(&mut self, fact: &Fact, replay: bool) {
        match fact {
            // What came through this door was counted when it came.
            Fact::Accepted(message) if replay => self.admission.occupy(&message.lane()),
            Fact::Redriven(redrive) => self.admission.occupy(&redrive.message.lane()),
            Fact::ServiceSeen(seen) | Fact::ServiceDeregistered(seen) => {
                self.known.insert(seen.service.clone());
            }
            Fact::ServiceRegistered(registration) => {
                self.known.insert(registration.service.clone());
            }
            _ => {
                if let Some((_, settlement)) = fact.settlement() {
                    self.admission.release(&settlement.lane);
                    self.overloaded.remove(&settlement.lane.destination);
                }
            }
        }
    }
}

impl Actor for Router {
    type Context = Context<Self>;
}

impl Handler<Accept> for Router {
    type Result = ();

    fn handle(&mut self, mut accept: Accept, _: &mut Context<Self>) {
        let mut forward = false;
        for slot in &mut accept.slots {
            if let Slot::Offered(offer) = slot {
                match self.admit(offer) {
                    Ok(()) => forward = true,
                    // It may be a repeat of what was accepted, which the writer knows.
                    Err(refusal) if offer.message.fingerprint().is_some() => {
                        forward = true;
                        *slot = Slot::Doubtful(offer.clone(), refusal);
                    }
                    Err(refusal) => *slot = Slot::Refused(refusal),
                }
            }
        }
        if forward {
            self.event_store.do_send(accept);
        } else {
            let _ = accept.reply.send(accept.slots);
        }
    }
}

impl Handler<Committed> for Router {
    type Result = ();

    fn handle(&mut self, committed: Committed, _: &mut Context<Self>) {
        for record in committed.records.iter() {
            self.learn(&record.fact, committed.replay);
        }
    }
}

impl Handler<Release> for Router {
    type Result = ();

    fn handle(&mut self, release: Release, _: &mut Context<Self>) {
        for lane in &release.lanes {
            self.admission.release(lane);
        }
    }
}

impl Handler<WindowChanged> for Router {
    type Result = ();

    fn handle(&mut self, changed: WindowChanged, _: &mut Context<Self>) {
        self.outlooks.insert(changed.service, changed.outlook);
    }
}

impl Handler<InspectAdmission> for Router {
    type Result = MessageResult<InspectAdmission>;

    fn handle(&mut self, _: InspectAdmission, _: &mut Context<Self>) -> Self::Result {
        let throttled = self
            .known
            .iter()
            .filter(|service| self.admission.is_throttled(service));
        MessageResult(AdmissionReport {
            known: self.known.iter().cloned().collect(),
            overflows: self.overflows,
            throttles: self.throttles,
            throttled: throttled.cloned().collect(),
            overloaded: self.overloaded.iter().cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests;
