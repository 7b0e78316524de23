//! Pushes events to the callbacks of one origin, as far as these can bear it.
//!
//! Owns the circuit of the origin and what is under way there. Receives [`PushEvent`] and
//! [`AwaitTurn`] from subscriptions and answers them, and what clients ask of the circuit; sends
//! [`Record`] to the EventStore. Keeps no queue of events: what the circuit does not let through
//! goes back at once, and whoever waits is told when to try again.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};
use ahash::AHashMap;

use super::circuit::{CircuitShell, ForceRecorded, Leave};
use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::callback_circuit::{AwaitTurn, EventPushed, PushEnd, PushEvent, Turn};
use super::messages::circuit_breaker::InspectCircuit;
use super::messages::dispatcher::{CircuitTurned, ForceCircuit};
use super::messages::event_store::Record;
use super::timer::Timer;
use crate::clock::Clock;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::fact::Fact;
use crate::logic::breaker::{BreakerPolicy, Ticket, Transition};
use crate::logic::circuit::{Circuit, ForcedSince};
use crate::logic::circuit_view::CircuitView;
use crate::logic::outcome::{Answered, classify, describe};
use crate::metrics::Metrics;
use crate::ports::transport::{PushResponse, Transport};

/// What a circuit that closed grows up to before it limits nothing any more.
const FULL: u32 = 1024;

pub struct CallbackCircuit {
    settings: Settings,
    event_store: Recipient<Record>,
    shell: CircuitShell,
    /// By numbers of its own.
    in_flight: AHashMap<u64, InFlight>,
    pushes: u64,
    /// Who has something to push, in the order of asking.
    waiting: Vec<AwaitTurn>,
    timer: Timer,
    /// No callback leads there any more: it ends with what is under way, and says nothing of it.
    is_leaving: bool,
    _watch: DeathWatch,
}

#[derive(Clone)]
pub struct Settings {
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub transport: Rc<dyn Transport>,
    pub breaker: BreakerPolicy,
}

struct InFlight {
    ticket: Ticket,
    push: u64,
    to: Recipient<EventPushed>,
}

/// A callback answered, or did not.
#[derive(Message)]
#[rtype(result = "()")]
struct PushEnded {
    number: u64,
    answer: PushResponse,
}

impl CallbackCircuit {
    /// `forced` is what somebody forced an earlier one of this name into.
    pub fn new(
        name: CircuitName,
        forced: Option<ForcedSince>,
        settings: Settings,
        event_store: Recipient<Record>,
        owner: Recipient<CircuitTurned>,
        watch: DeathWatch,
    ) -> Self {
        let mut circuit = Circuit::new(name, settings.breaker);
        if let Some(forced) = forced {
            circuit.resume(forced, settings.clock.now());
        }
        let metrics = settings.metrics.clone();
        Self {
            settings,
            event_store,
            shell: CircuitShell::new(circuit, metrics, owner),
            in_flight: AHashMap::new(),
            pushes: 0,
            waiting: Vec::new(),
            timer: Timer::default(),
            is_leaving: false,
            _watch: watch,
        }
    }

    /// How many more pushes may begin.
    fn room(&self) -> u32 {
        let counted = || {
            let tickets = self.in_flight.values().map(|in_flight| in_flight.ticket);
            let current = tickets.filter(|ticket| self.shell.circuit.breaker.is_current(*ticket));
            u32::try_from(current.count()).unwrap_or(u32::MAX)
        };
        self.shell.circuit.breaker.room(FULL, u32::MAX, counted)
    }

    /// Why nothing more may begin.
    fn not_now(&self) -> PushEnd {
        let breaker = &self.shell.circuit.breaker;
        PushEnd::NotNow {
            is_open: breaker.state() != CircuitState::Closed,
            until: breaker.open_until(),
        }
    }

    fn push(&mut self, asked: PushEvent, ctx: &Context<Self>) -> Option<()> {
        if self.room() == 0 {
            return None;
        }
        let ticket = self
            .shell
            .circuit
            .breaker
            .on_start(self.settings.clock.now())?;
        self.pushes += 1;
        let number = self.pushes;
        let in_flight = InFlight {
            ticket,
            push: asked.push,
            to: asked.to,
        };
        self.in_flight.insert(number, in_flight);
        let answer = self.settings.transport.push(asked.request);
        let home = ctx.address();
        actix::spawn(async move {
            let answer = answer.await;
            home.do_send(PushEnded { number, answer });
        });
        Some(())
    }

    /// What the answer says of the origin.
    fn judge(&mut self, ticket: Ticket, answer: &PushResponse) {
        let now = self.settings.clock.now();
        let breaker = &mut self.shell.circuit.breaker;
        let transition = match classify(answer) {
            Answered::Delivered => breaker.on_success(ticket, now),
            Answered::Rejected(rejection) => breaker.on_rejected(ticket, rejection, now),
            Answered::Failed { .. } => breaker.on_failure(ticket, now),
            // One callback wants no more, which says nothing of the others there; nor does what the
            // hub broke off.
            Answered::Gone | Answered::CutShort | Answered::NotTried => {
                breaker.on_abandoned(ticket);
                None
            }
        };
        self.changed_by_itself(transition, describe(answer).as_deref());
    }

    /// A change that nobody asked for: it holds at once and is recorded afterwards.
    fn changed_by_itself(&mut self, transition: Option<Transition>, last_error: Option<&str>) {
        let transition = transition.filter(|_| !self.is_leaving);
        let at = self.settings.clock.wall();
        let fact = self.shell.changed_by_itself(transition, last_error, at);
        self.record(fact);
    }

    fn record(&self, fact: Option<Fact>) {
        if let Some(fact) = fact {
            self.event_store.do_send(Record::unasked(vec![fact]));
        }
    }

    /// Tells whoever waits that something may go, and sleeps until the next change that is due.
    fn look_again(&mut self, ctx: &mut Context<Self>) {
        let room = self.room();
        if room > 0 && !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            let sharers = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
            let room = (room / sharers).max(1);
            for asked in waiting {
                asked.to.do_send(Turn { room });
            }
        }
        // A sleep would keep it alive.
        let next = self.shell.circuit.breaker.next_tick();
        let next = next.filter(|_| !self.is_leaving);
        let now = self.settings.clock.now();
        self.timer.set(next, now, ctx, |circuit, ctx| {
            circuit.timer.fired();
            circuit.tick(ctx);
        });
    }

    /// Does what is due.
    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        let transition = self.shell.circuit.breaker.tick(now);
        self.changed_by_itself(transition, None);
        self.look_again(ctx);
    }

    fn view(&mut self) -> CircuitView {
        let in_flight = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
        let now = self.settings.clock.moment();
        CircuitView::of(&mut self.shell.circuit, in_flight, FULL, now)
    }
}

impl Actor for CallbackCircuit {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
        if self.shell.circuit.breaker.state() != CircuitState::Closed {
            self.shell.tell_state();
        }
        self.tick(ctx);
    }
}

impl Invariants for CallbackCircuit {
    fn check(&self) -> usize {
        let tickets = self.in_flight.values().map(|in_flight| in_flight.ticket);
        self.shell.circuit.breaker.check(tickets);
        self.in_flight.len()
    }
}

impl Handler<Leave> for CallbackCircuit {
    type Result = ();

    fn handle(&mut self, _: Leave, ctx: &mut Context<Self>) {
        self.is_leaving = true;
        self.look_again(ctx);
    }
}

impl Handler<PushEvent> for CallbackCircuit {
    type Result = ();

    fn handle(&mut self, asked: PushEvent, ctx: &mut Context<Self>) {
        let (push, to) = (asked.push, asked.to.clone());
        if self.push(asked, ctx).is_none() {
            let end = self.not_now();
            to.do_send(EventPushed { push, end });
        }
        self.look_again(ctx);
    }
}

impl Handler<AwaitTurn> for CallbackCircuit {
    type Result = ();

    fn handle(&mut self, asked: AwaitTurn, ctx: &mut Context<Self>) {
        self.waiting.push(asked);
        self.look_again(ctx);
    }
}

impl Handler<PushEnded> for CallbackCircuit {
    type Result = ();

    fn handle(&mut self, ended: PushEnded, ctx: &mut Context<Self>) {
        let Some(in_flight) = self.in_flight.remove(&ended.number) else {
            return;
        };
        self.judge(in_flight.ticket, &ended.answer);
        in_flight.to.do_send(EventPushed {
            push: in_flight.push,
            end: PushEnd::Answered(ended.answer),
        });
        self.look_again(ctx);
    }
}

impl Handler<ForceCircuit> for CallbackCircuit {
    type Result = ();

    fn handle(&mut self, force: ForceCircuit, ctx: &mut Context<Self>) {
        let wall = self.settings.clock.wall();
        let (fact, recorded) = self.shell.force(force, wall);
        let home = ctx.address();
        Record::and_then(&self.event_store, vec![fact], move || {
            home.do_send(recorded);
        });
    }
}

impl Handler<ForceRecorded> for CallbackCircuit {
    type Result = ();

    fn handle(&mut self, recorded: ForceRecorded, ctx: &mut Context<Self>) {
        let now = self.settings.clock.moment();
        let again = self.shell.apply(&recorded.changed, now);
        self.record(again);
        self.look_again(ctx);
        let _ = recorded.reply.send(Ok(self.view()));
    }
}

impl Handler<InspectCircuit> for CallbackCircuit {
    type Result = ();

    fn handle(&mut self, inspect: InspectCircuit, _: &mut Context<Self>) {
        let _ = inspect.reply.send(self.view());
    }
}
