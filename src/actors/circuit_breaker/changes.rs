//! What changes the state of the circuit, and what is written down about it.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message, MessageResult};

use super::CircuitBreaker;
use crate::actors::messages::{
    CircuitView, ForceCircuit, ForcedView, InspectCircuit, Record, Reply,
};
use crate::domain::circuit::{CircuitChanged, CircuitName, CircuitState, Forced};
use crate::domain::fact::Fact;
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::breaker::Transition;

/// That somebody forces the circuit is in the journal now.
#[derive(Message)]
#[rtype(result = "()")]
struct ForceRecorded {
    changed: Arc<CircuitChanged>,
    reply: Reply<Result<CircuitView, Refusal>>,
}

impl CircuitBreaker {
    /// A change that nobody asked for: it holds at once and is recorded afterwards.
    pub(super) fn changed_by_itself(
        &mut self,
        transition: Option<Transition>,
        last_error: Option<&str>,
        now: Timestamp,
        ctx: &mut Context<Self>,
    ) {
        let Some(transition) = transition else {
            return;
        };
        let changed = Arc::new(CircuitChanged {
            circuit: CircuitName::Service(self.service.clone()),
            at: now,
            from: transition.from,
            to: transition.to,
            reason: transition.cause.words(last_error),
            forced: None,
        });
        self.record(Fact::CircuitChanged(changed.clone()), ctx);
        self.overtaken = self.forcing > 0;
        self.show(transition, &changed);
        self.latest = Some(changed);
    }

    fn show(&self, transition: Transition, changed: &CircuitChanged) {
        let Transition { from, to, .. } = transition;
        let (service, metrics) = (&self.service, &self.settings.metrics);
        metrics.show_circuit(service.as_str(), to);
        metrics.count_transition(service.as_str(), to);
        let (from, to) = (from.name(), to.name());
        let reason = changed.reason.as_str();
        match &changed.forced {
            Some(forced) => {
                let by = forced
                    .by
                    .as_ref()
                    .map_or("nobody named", ServiceName::as_str);
                tracing::warn!(%service, from, to, reason, by, "circuit forced");
            }
            None => tracing::warn!(%service, from, to, reason, "circuit changed"),
        }
    }

    /// Begins in the state that somebody forced an earlier breaker of this service into. Nothing
    /// is recorded, since the journal has it; CLOSED is how a breaker begins anyway.
    pub(super) fn resume(&mut self, changed: Arc<CircuitChanged>, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        if changed.to != CircuitState::Closed {
            self.breaker
                .force(changed.to, Some(self.left(&changed, now)), now);
        }
        self.latest = Some(changed);
        self.tick(now, ctx);
    }

    /// How long the circuit stays open after this change.
    fn reset_timeout(&self, changed: &CircuitChanged) -> Duration {
        let forced = changed.forced.as_ref().and_then(Forced::reset_timeout);
        forced.unwrap_or(self.settings.breaker.reset_timeout)
    }

    /// The same as seen now: counted from what the journal says, so that a restart changes nothing.
    fn left(&self, changed: &CircuitChanged, now: Timestamp) -> Duration {
        changed.at.plus(self.reset_timeout(changed)).since(now)
    }

    fn apply(&mut self, changed: Arc<CircuitChanged>, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        let from = self.breaker.state();
        let left = self.left(&changed, now);
        let transition = self.breaker.force(changed.to, Some(left), now);
        if let Some(transition) = transition {
            self.show(transition, &changed);
        }
        self.forcing -= 1;
        if self.forcing == 0 && std::mem::take(&mut self.overtaken) {
            // The last word in the journal has to be what holds.
            let again = CircuitChanged {
                from,
                ..(*changed).clone()
            };
            self.record(Fact::CircuitChanged(Arc::new(again)), ctx);
        }
        self.latest = Some(changed);
    }

    fn view(&mut self) -> CircuitView {
        let now = self.settings.clock.now();
        let latest = self.latest.as_deref();
        let forced = latest.and_then(|changed| Some((changed, changed.forced.as_ref()?)));
        let recent = self.breaker.recent(now);
        CircuitView {
            service: self.service.clone(),
            state: self.breaker.state(),
            reason: latest.map(|changed| changed.reason.clone()),
            forced: forced.map(|(changed, forced)| ForcedView {
                by: forced.by.clone(),
                since: changed.at,
            }),
            failure_count: self.breaker.failure_count(),
            recent_attempts: recent.finished,
            recent_failures: recent.failed,
            last_failure: self.breaker.last_failure(),
            open_until: self.breaker.open_until(),
            reset_timeout: latest.map_or(self.settings.breaker.reset_timeout, |changed| {
                self.reset_timeout(changed)
            }),
            in_flight: u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX),
            window: self.breaker.window(self.balancer.capacity(now)),
        }
    }
}

impl Handler<ForceCircuit> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, force: ForceCircuit, ctx: &mut Context<Self>) {
        let reset_timeout_ms = force
            .reset_timeout
            .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let changed = Arc::new(CircuitChanged {
            circuit: CircuitName::Service(self.service.clone()),
            at: self.settings.clock.now(),
            from: self.breaker.state(),
            to: force.state,
            reason: force.reason,
            forced: Some(Forced {
                by: force.by,
                reset_timeout_ms,
            }),
        });
        self.forcing += 1;
        // After what happened before it.
        let mut facts = std::mem::take(&mut self.outcomes);
        facts.push(Fact::CircuitChanged(changed.clone()));
        let home = ctx.address();
        Record::and_then(&self.hops.event_store, facts, move || {
            home.do_send(ForceRecorded {
                changed,
                reply: force.reply,
            });
        });
    }
}

impl Handler<ForceRecorded> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, recorded: ForceRecorded, ctx: &mut Context<Self>) {
        self.apply(recorded.changed, ctx);
        self.tell_window(ctx);
        let _ = recorded.reply.send(Ok(self.view()));
    }
}

impl Handler<InspectCircuit> for CircuitBreaker {
    type Result = MessageResult<InspectCircuit>;

    fn handle(&mut self, _: InspectCircuit, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.view())
    }
}
