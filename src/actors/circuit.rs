//! A circuit as its actor owns it: every change is counted, told in the log, and given back to be
//! written down.
//!
//! A change that nobody asked for holds at once and is recorded afterwards; one that somebody asks
//! for is recorded first. Who owns the circuit says when, as it may have more to write down.

use std::sync::Arc;

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tracing::field::display;

use super::messages::circuit_breaker::InspectCircuit;
use super::messages::dispatcher::{CircuitTurned, ForceCircuit, InspectCircuits};
use super::messages::reply::Reply;
use crate::domain::circuit::{CircuitChanged, CircuitName, Forced};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::ids::ServiceName;
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::breaker::Transition;
use crate::logic::circuit::Circuit;
use crate::logic::circuit_survey::CircuitStanding;
use crate::logic::circuit_view::CircuitView;
use crate::metrics::Metrics;

pub(super) struct CircuitShell {
    pub circuit: Circuit,
    metrics: Arc<Metrics>,
    /// Who has the circuit, and knows how all of its circuits are.
    owner: Recipient<CircuitTurned>,
}

/// Dispatcher → CircuitBreaker, Subscriptions → CallbackCircuit: nothing more comes to it, so it may
/// end.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Leave;

/// That somebody forces the circuit is in the journal now.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct ForceRecorded {
    pub changed: Arc<CircuitChanged>,
    pub reply: Reply<Result<CircuitView, Refusal>>,
}

/// Has each of the circuits that were asked for tell how it is, and responds with what they say, in
/// their order.
pub(super) fn inspect<A>(circuits: Vec<&Addr<A>>, inspect: InspectCircuits)
where
    A: Actor<Context = Context<A>> + Handler<InspectCircuit>,
{
    let views: Vec<_> = circuits.into_iter().map(view).collect();
    actix::spawn(async move {
        let is_known = !views.is_empty();
        // One that died says nothing.
        let views: Vec<_> = join_all(views).await.into_iter().flatten().collect();
        // It is there again in a moment: whoever asked for it alone is not told that it is unknown.
        if inspect.circuits.is_none() || !is_known || !views.is_empty() {
            let _ = inspect.reply.send(views);
        }
    });
}

fn view<A>(circuit: &Addr<A>) -> oneshot::Receiver<CircuitView>
where
    A: Actor<Context = Context<A>> + Handler<InspectCircuit>,
{
    let (reply, view) = oneshot::channel();
    circuit.do_send(InspectCircuit { reply });
    view
}

impl CircuitShell {
    pub(super) fn new(
        circuit: Circuit,
        metrics: Arc<Metrics>,
        owner: Recipient<CircuitTurned>,
    ) -> Self {
        Self {
            circuit,
            metrics,
            owner,
        }
    }

    /// Tells whoever has the circuit the state it is in.
    pub(super) fn tell_state(&self) {
        let latest = self.circuit.latest();
        let now = CircuitStanding {
            state: self.circuit.breaker.state(),
            reason: latest.map(|changed| changed.reason.clone()),
            since: latest.map(|changed| changed.at),
            open_until: self.circuit.breaker.open_until(),
        };
        let circuit = self.circuit.name.clone();
        self.owner.do_send(CircuitTurned { circuit, now });
    }

    /// A change that nobody asked for, if there is one; gives what is to be recorded.
    pub(super) fn changed_by_itself(
        &mut self,
        transition: Option<Transition>,
        last_error: Option<&str>,
        wall: Timestamp,
    ) -> Option<Fact> {
        let transition = transition?;
        let changed = self.circuit.changed(transition, last_error, wall);
        self.show(transition, &changed);
        Some(Fact::Control(ControlFact::CircuitChanged(changed)))
    }

    /// Somebody wants it in another state; gives what is to be recorded, and what comes then.
    pub(super) fn force(&mut self, force: ForceCircuit, wall: Timestamp) -> (Fact, ForceRecorded) {
        let forced = Forced::new(force.by, force.reset_timeout);
        let changed = self.circuit.force(force.state, force.reason, forced, wall);
        let reply = force.reply;
        let recorded = ForceRecorded {
            changed: changed.clone(),
            reply,
        };
        (
            Fact::Control(ControlFact::CircuitChanged(changed)),
            recorded,
        )
    }

    /// That it is forced is recorded, so it holds; gives what is to be recorded once more.
    pub(super) fn apply(&mut self, changed: &Arc<CircuitChanged>, now: Moment) -> Option<Fact> {
        let applied = self.circuit.apply(changed.clone(), now);
        if let Some(transition) = applied.transition {
            self.show(transition, changed);
        }
        let again = applied.again?;
        Some(Fact::Control(ControlFact::CircuitChanged(again)))
    }

    fn show(&self, transition: Transition, changed: &CircuitChanged) {
        self.tell_state();
        let Transition { from, to, .. } = transition;
        let (service, callback) = match &self.circuit.name {
            CircuitName::Service(service) => (Some(service.as_str()), None),
            name @ CircuitName::Callback(_) => (None, Some(name.to_string())),
        };
        let name = service.or(callback.as_deref()).unwrap_or_default();
        self.metrics.services.count_transition(name, to);
        let (from, to) = (from.name(), to.name());
        let (service, circuit) = (service.map(display), callback.as_deref());
        let reason = changed.reason.as_str();
        match &changed.forced {
            Some(forced) => {
                let by = forced.by.as_ref();
                let by = by.map_or("nobody named", ServiceName::as_str);
                tracing::warn!(service, circuit, from, to, reason, by, "circuit forced");
            }
            None => tracing::warn!(service, circuit, from, to, reason, "circuit changed"),
        }
    }
}
