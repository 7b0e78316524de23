//! The admission gate: decides whether a message may come in.
//!
//! Owns the known destinations, the capacity of their lanes, the quotas, and what it was told of
//! circuits. Receives [`Accept`], [`Publish`] and [`SetQuota`], and [`Committed`], [`Release`],
//! [`WindowChanged`], [`Forgotten`] to stay informed; sends what may come in, and quotas to
//! [`Record`], on to the EventStore. Never waits and never writes; a quota holds once the journal
//! says so.

mod prospect;
mod publishing;

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{
    Actor, AsyncContext, Context, Handler, Message as ActixMessage, MessageResult, Recipient,
};
use ahash::{AHashMap, AHashSet};

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::event_store::Record;
use super::messages::reply::Reply;
use super::messages::router::{
    Accept, CapacityConfigured, InspectAdmission, InspectQuotas, Publish, QuotasConfigured,
    Release, SetQuota, Slot, SurveyAdmission,
};
use super::messages::scheduler::WindowChanged;
use super::messages::{Committed, Forgotten};
use crate::clock::Clock;
use crate::domain::fact::Fact;
use crate::domain::fact::control::{ControlFact, QuotaSet};
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::service::ServiceFact;
use crate::domain::ids::ServiceName;
use crate::domain::message::{Lane, Message};
use crate::domain::offer::Offer;
use crate::domain::refusal::Refusal;
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;
use crate::logic::admission::Admission;
use crate::logic::admission_report::{AdmissionEvents, AdmissionReport, DestinationAdmission};
use crate::logic::quotas::{QuotaView, Quotas};
use crate::metrics::Metrics;
use crate::metrics::notices::Notice;
use crate::metrics::services::NotTaken;
use crate::request_rates::RequestRates;
use prospect::Prospect;

pub struct Router {
    clock: Clock,
    metrics: Arc<Metrics>,
    hops: Hops,
    admission: Admission,
    quotas: Quotas,
    request_rates: RequestRates,
    /// Every name that was ever registered or received: all that stays of one that is forgotten.
    known: AHashSet<ServiceName>,
    outlooks: AHashMap<ServiceName, Prospect>,
    events: AHashMap<ServiceName, AdmissionEvents>,
    /// Of services that were forgotten.
    past_events: AdmissionEvents,
    _watch: DeathWatch,
}

/// The EventStore, by what it is sent.
pub struct Hops {
    pub accept: Recipient<Accept>,
    pub publish: Recipient<Publish>,
    pub record: Recipient<Record>,
}

impl Router {
    pub fn new(
        clock: Clock,
        metrics: Arc<Metrics>,
        admission: Admission,
        (quotas, request_rates): (Quotas, RequestRates),
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        let mut router = Self {
            clock,
            metrics,
            hops,
            admission,
            quotas,
            request_rates,
            known: AHashSet::new(),
            outlooks: AHashMap::new(),
            events: AHashMap::new(),
            past_events: AdmissionEvents::default(),
            _watch: watch,
        };
        for service in router.quotas.services() {
            router.quota_changed(&service, clock.now());
        }
        router
    }

    /// As [`Router::look_at`], and counts what is refused.
    fn admit(&mut self, offer: &Offer, now: Timestamp) -> Result<(), Refusal> {
        let verdict = self.look_at(offer, now);
        let why = verdict.as_ref().err().and_then(not_taken);
        if let Some(why) = why {
            let destination = offer.message.destination.as_str();
            self.metrics.services.count_refusal(destination, why);
        }
        verdict
    }

    /// Reserves room for the message and counts it against its sender's quota, or says why it may
    /// not come in. The quota comes last: who is refused for another reason has not sent.
    fn look_at(&mut self, offer: &Offer, now: Timestamp) -> Result<(), Refusal> {
        let message = &offer.message;
        let service = &message.destination;
        if !self.known.contains(service) {
            return Err(Refusal::UnknownService {
                service: service.clone(),
            });
        }
        if offer.or_reject {
            self.is_ready(message, now)?;
        }
        let lane = message.lane();
        self.make_room(message, &lane, now)?;
        if let Err(refusal) = self.quotas.take(&message.source, now) {
            self.admission.release(&lane);
            self.metrics.count_quota_refusal(message.source.as_str());
            let notice = Notice::RateLimited {
                source: message.source.clone(),
            };
            self.metrics.notices.refused(&notice, message, now);
            return Err(refusal);
        }
        if self.admission.became_throttled(&lane) {
            self.events.entry(service.clone()).or_default().throttles += 1;
        }
        Ok(())
    }

    fn make_room(&mut self, message: &Message, lane: &Lane, now: Timestamp) -> Result<(), Refusal> {
        let room = self.admission.reserve(lane);
        if let Err(refusal) = &room {
            let service = lane.destination.clone();
            self.events.entry(service).or_default().overflows += 1;
            self.metrics.queue_overflows.inc();
            self.tell_overflow(refusal, message, now);
        }
        room
    }

    fn tell_overflow(&self, refusal: &Refusal, message: &Message, now: Timestamp) {
        let notice = match refusal {
            Refusal::LaneFull {
                service, priority, ..
            } => Notice::LaneFull {
                destination: service.clone(),
                priority: *priority,
            },
            _ => Notice::MemoryFull,
        };
        self.metrics.notices.refused(&notice, message, now);
    }

    /// Whether somebody takes the message now.
    fn is_ready(&self, message: &Message, now: Timestamp) -> Result<(), Refusal> {
        let service = message.destination.clone();
        let Some(prospect) = self.outlooks.get(&service) else {
            return Err(Refusal::NoInstance { service });
        };
        match prospect.outlook {
            Outlook::CircuitOpen { until } => Err(Refusal::CircuitOpen {
                service,
                retry_after: until.since(now),
            }),
            Outlook::Ready | Outlook::Trial if !prospect.parks(&message.message_type) => Ok(()),
            _ => Err(Refusal::NoInstance { service }),
        }
    }

    /// What of a quota others count, or is counted elsewhere.
    fn quota_changed(&mut self, service: &ServiceName, now: Timestamp) {
        let quota = self.quotas.in_force(service).map(|(quota, _)| quota);
        let most = quota.and_then(|quota| quota.max_waiting_bytes);
        self.admission.set_most_waiting(service, most);
        self.request_rates.set(service, quota, now);
    }

    fn learn(&mut self, fact: &Fact, replay: bool) {
        match fact {
            // What came through this gate was counted when it came.
            Fact::Message(MessageFact::Accepted(message)) if replay => {
                self.admission.occupy(&message.lane());
            }
            Fact::Message(MessageFact::Redriven(redrive)) => {
                self.admission.occupy(&redrive.message.lane());
            }
            Fact::Service(ServiceFact::ServiceSeen(seen)) => {
                self.known.insert(seen.service.clone());
            }
            Fact::Service(ServiceFact::ServiceDeregistered(gone)) => {
                self.known.insert(gone.service.clone());
            }
            Fact::Service(ServiceFact::ServiceRegistered(registration)) => {
                self.known.insert(registration.service.clone());
            }
            Fact::Control(ControlFact::QuotaSet(set)) => {
                let now = self.clock.now();
                self.quotas.set(&set.service, set.quota, now);
                self.quota_changed(&set.service, now);
            }
            _ => {
                if let Some((_, settlement)) = fact.settlement() {
                    self.admission.release(&settlement.lane);
                }
            }
        }
    }
}

/// For the metrics; a name that nobody ever registered has none.
fn not_taken(refusal: &Refusal) -> Option<NotTaken> {
    match refusal {
        Refusal::LaneFull { .. } => Some(NotTaken::LaneFull),
        Refusal::MemoryFull { .. } | Refusal::ShareFull { .. } => Some(NotTaken::MemoryFull),
        Refusal::RateLimited { .. } => Some(NotTaken::RateLimited),
        Refusal::CircuitOpen { .. } => Some(NotTaken::CircuitOpen),
        Refusal::NoInstance { .. } => Some(NotTaken::NoInstance),
        _ => None,
    }
}

impl Actor for Router {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for Router {
    fn check(&self) -> usize {
        self.admission.check() + self.quotas.check()
    }
}

impl Handler<Accept> for Router {
    type Result = ();

    fn handle(&mut self, mut accept: Accept, _: &mut Context<Self>) {
        let mut forward = false;
        let now = self.clock.now();
        for slot in &mut accept.slots {
            forward |= matches!(slot, Slot::Doubtful(..));
            if let Slot::Offered(offer) = slot {
                match self.admit(offer, now) {
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
            self.hops.accept.do_send(accept);
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
        for message in &release.messages {
            self.admission.release(&message.lane());
            self.quotas.give_back(&message.source);
        }
        for publisher in &release.publishers {
            self.quotas.give_back(publisher);
        }
    }
}

impl Handler<WindowChanged> for Router {
    type Result = ();

    fn handle(&mut self, changed: WindowChanged, _: &mut Context<Self>) {
        if changed.outlook == Outlook::Left {
            // As of one that was never told of.
            self.outlooks.remove(&changed.service);
            return;
        }
        let prospect = Prospect::new(changed.outlook, changed.types);
        self.outlooks.insert(changed.service, prospect);
    }
}

impl Handler<Forgotten> for Router {
    type Result = ();

    fn handle(&mut self, Forgotten { service }: Forgotten, _: &mut Context<Self>) {
        if let Some(events) = self.events.remove(&service) {
            self.past_events += events;
        }
        // One that is owed something again is forgotten once more when that is over.
        if !self.admission.owes(&service) {
            self.metrics.forget(service.as_str());
        }
    }
}

impl Handler<InspectAdmission> for Router {
    type Result = MessageResult<InspectAdmission>;

    fn handle(&mut self, asked: InspectAdmission, _: &mut Context<Self>) -> Self::Result {
        let one = |service: &ServiceName| DestinationAdmission {
            is_throttled: self.admission.is_throttled(service),
            is_full: self.admission.is_full(service),
            events: self.events.get(service).copied().unwrap_or_default(),
        };
        let services = self.admission.destinations().chain(self.events.keys());
        MessageResult(AdmissionReport {
            is_known: asked
                .service
                .is_none_or(|service| self.known.contains(&service)),
            destinations: services
                .map(|service| (service.clone(), one(service)))
                .collect(),
            past_events: self.past_events,
            memory_full: self.admission.is_memory_full(),
        })
    }
}

impl Handler<SurveyAdmission> for Router {
    type Result = MessageResult<SurveyAdmission>;

    fn handle(&mut self, _: SurveyAdmission, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.admission.survey())
    }
}

impl Handler<SetQuota> for Router {
    type Result = ();

    fn handle(&mut self, set: SetQuota, ctx: &mut Context<Self>) {
        if set.quota.is_none() && !self.quotas.is_set(&set.service) {
            return drop(set.reply.send(Err(Refusal::NotFound)));
        }
        if set.quota.is_some()
            && let Err(refusal) = self.quotas.expect(&set.service)
        {
            return drop(set.reply.send(Err(refusal)));
        }
        let fact = Fact::Control(ControlFact::QuotaSet(QuotaSet {
            service: set.service,
            at: self.clock.wall(),
            quota: set.quota,
        }));
        let home = ctx.address();
        Record::and_then(&self.hops.record, vec![fact], move || {
            home.do_send(QuotaWritten { reply: set.reply });
        });
    }
}

/// It comes after the facts that were written: everybody who admits goes by the quota now.
#[derive(ActixMessage)]
#[rtype(result = "()")]
struct QuotaWritten {
    reply: Reply<Result<(), Refusal>>,
}

impl Handler<QuotaWritten> for Router {
    type Result = ();

    fn handle(&mut self, written: QuotaWritten, _: &mut Context<Self>) {
        let _ = written.reply.send(Ok(()));
    }
}

impl Handler<QuotasConfigured> for Router {
    type Result = ();

    fn handle(&mut self, QuotasConfigured(quotas): QuotasConfigured, _: &mut Context<Self>) {
        let now = self.clock.now();
        let mut services = self.quotas.services();
        self.quotas.configure(BTreeMap::clone(&quotas), now);
        services.extend(self.quotas.services());
        for service in services {
            self.quota_changed(&service, now);
        }
    }
}

impl Handler<CapacityConfigured> for Router {
    type Result = ();

    fn handle(&mut self, room: CapacityConfigured, _: &mut Context<Self>) {
        self.admission
            .configure(room.max_queue_size, room.max_queue_bytes);
    }
}

impl Handler<InspectQuotas> for Router {
    type Result = MessageResult<InspectQuotas>;

    fn handle(&mut self, asked: InspectQuotas, _: &mut Context<Self>) -> Self::Result {
        let services = match asked.service {
            Some(service) => vec![service],
            None => self.quotas.services(),
        };
        let mut views = Vec::new();
        for service in services {
            if let Some((quota, source)) = self.quotas.in_force(&service) {
                views.push(QuotaView {
                    service,
                    quota,
                    source,
                });
            }
        }
        MessageResult(views)
    }
}

#[cfg(test)]
mod tests;
