mod balancing;
mod changes;
mod outcomes;

use std::cell::RefCell;

use actix::Addr;
use tokio::sync::oneshot;

use super::*;
use crate::actors::fixtures::{
    Push, ScriptedTransport, address, busy_for, delivery, id, instance, late, message, service,
    status, target, unwatched,
};
use crate::actors::messages::circuit_breaker::InspectCircuit;
use crate::actors::messages::dispatcher::ForceCircuit;
use crate::actors::probe::{Received, probe, settle};
use crate::domain::circuit::{CircuitState, Forced};
use crate::domain::fact::message::MessageFact;
use crate::logic::circuit_view::CircuitView;

use crate::domain::service::{Health, TypeCapacity};

const MINUTE: Duration = Duration::from_secs(60);
/// An open circuit is half open by then.
const AFTER_RESET: Duration = Duration::from_secs(61);

/// A breaker before its instances are known, and everything it says.
struct Circuit {
    address: Addr<CircuitBreaker>,
    clock: Clock,
    transport: Rc<ScriptedTransport>,
    recorded: Received<Record>,
    given_back: Received<GiveBack>,
    windows: Received<WindowChanged>,
    outlooks: Received<WindowChanged>,
    seen: Received<DeliverySeen>,
    gone: Received<InstanceGone>,
}

fn circuit(transport: Rc<ScriptedTransport>) -> Circuit {
    tokio::time::pause();
    let clock = Clock::start();
    let (event_store, recorded) = probe();
    let (give_back, given_back) = probe();
    let (scheduler, windows) = probe();
    let (router, outlooks) = probe();
    let (delivery_seen, seen) = probe();
    let (instance_gone, gone) = probe();
    let hops = Hops {
        event_store,
        give_back,
        window: scheduler,
        outlook: router,
        delivery_seen,
        instance_gone,
    };
    let settings = settings(clock, transport.clone());
    let breaker = CircuitBreaker::new(service("billing"), settings, hops, probe().0, unwatched());
    Circuit {
        address: breaker.start(),
        clock,
        transport,
        recorded,
        given_back,
        windows,
        outlooks,
        seen,
        gone,
    }
}

fn settings(clock: Clock, transport: Rc<ScriptedTransport>) -> Settings {
    Settings {
        clock,
        metrics: Arc::new(Metrics::new()),
        transport,
        retries: RetryPolicy::default(),
        breaker: BreakerPolicy::default(),
        strategy: Strategy::RoundRobin,
        message_timeout: Duration::from_secs(30),
    }
}

fn instances(names: &[&str]) -> ServiceChanged {
    ServiceChanged {
        service: service("billing"),
        targets: names.iter().map(|name| target(name)).collect(),
        has_puller: false,
        is_left: false,
        strategy: None,
        forced: None,
    }
}

impl Circuit {
    async fn view(&self) -> CircuitView {
        let (reply, view) = oneshot::channel();
        self.address.do_send(InspectCircuit { reply });
        view.await.unwrap()
    }

    fn deliver(&self, numbers: impl IntoIterator<Item = u128>) {
        let now = self.clock.now();
        let deliveries = numbers
            .into_iter()
            .map(|number| delivery(message(number, now)))
            .collect();
        self.address.do_send(Deliver { deliveries });
    }

    /// The one fact about a message that was recorded since last asked.
    async fn only_fact(&mut self) -> Fact {
        let mut facts = self.facts().await;
        facts.retain(|fact| fact.message_id().is_some());
        assert_eq!(facts.len(), 1);
        facts.remove(0)
    }

    /// What was recorded since last asked; whoever waits for it is answered.
    async fn facts(&mut self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for record in self.recorded.drain().await {
            facts.extend(record.facts);
            if let Some(reply) = record.reply {
                reply.send(()).unwrap();
            }
        }
        facts
    }

    async fn latest_window(&mut self) -> (u32, Outlook) {
        let changes = self.windows.drain().await;
        let latest = changes.last().expect("a change of the window");
        (latest.window, latest.outlook)
    }
}

/// A circuit that five failures have opened.
async fn open_circuit() -> Circuit {
    let transport = ScriptedTransport::new((0..5).map(|_| status(500)));
    let mut circuit = circuit(transport);
    circuit.address.do_send(instances(&["a"]));
    assert_eq!(circuit.latest_window().await, (10, Outlook::Ready));
    circuit.deliver(1..=5);
    let until = circuit.clock.now().plus(MINUTE);
    let open = Outlook::CircuitOpen { until };
    assert_eq!(circuit.latest_window().await, (0, open));
    circuit.recorded.drain().await;
    circuit
}

#[actix::test]
async fn records_what_was_delivered_and_to_whom() {
    let mut circuit = circuit(ScriptedTransport::new([status(200)]));
    circuit.address.do_send(instances(&["a"]));
    circuit.deliver([1]);
    let Fact::Message(MessageFact::Delivered(settlement)) = circuit.only_fact().await else {
        panic!("not delivered");
    };
    let attempt = settlement.attempt.unwrap();
    assert_eq!(settlement.id, id(1));
    assert_eq!(attempt.instance, Some(instance("a")));
    assert_eq!(attempt.status_code, Some(200));
    assert_eq!(circuit.transport.pushed_to(), ["http://a/messages"]);
    let seen = circuit.seen.recv().await;
    assert!(seen.good && seen.instance_id == instance("a"));
}

#[actix::test]
async fn a_second_instance_is_tried_within_the_same_attempt() {
    let mut circuit = circuit(ScriptedTransport::new([status(500), status(200)]));
    circuit.address.do_send(instances(&["a", "b"]));
    circuit.deliver([1]);
    let Fact::Message(MessageFact::Delivered(settlement)) = circuit.only_fact().await else {
        panic!("not delivered");
    };
    let attempt = settlement.attempt.unwrap();
    assert_eq!(attempt.number, 1);
    assert_eq!(attempt.instance, Some(instance("b")));
    let seen = circuit.seen.drain().await;
    let seen: Vec<_> = seen.iter().map(|seen| seen.good).collect();
    assert_eq!(seen, [false, true]);
}

#[actix::test]
async fn an_instance_that_is_gone_gets_nothing_more() {
    let transport = ScriptedTransport::new([status(410), status(200), status(200)]);
    let mut circuit = circuit(transport);
    circuit.address.do_send(instances(&["a", "b"]));
    circuit.deliver([1]);
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::Delivered(_))
    ));
    assert_eq!(circuit.gone.recv().await.instance_id, instance("a"));
    circuit.deliver([2]);
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::Delivered(_))
    ));
    let urls = [
        "http://a/messages",
        "http://b/messages",
        "http://b/messages",
    ];
    assert_eq!(circuit.transport.pushed_to(), urls);
}

/// `a`, which has something under way, registers at another address.
async fn one_that_moved(code: u16) -> Circuit {
    let mut circuit = circuit(ScriptedTransport::new([late(code)]));
    circuit.address.do_send(instances(&["a"]));
    circuit.deliver([1]);
    let moved = Target {
        address: address("new"),
        ..target("a")
    };
    circuit.address.do_send(ServiceChanged {
        targets: Arc::new([moved]),
        ..instances(&[])
    });
    circuit.facts().await;
    tokio::time::advance(Duration::from_secs(6)).await;
    circuit
}

#[actix::test]
async fn a_late_410_of_an_old_address_says_nothing_of_the_new_one() {
    let mut circuit = one_that_moved(410).await;
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::AttemptFailed(_))
    ));
    assert!(circuit.gone.drain().await.is_empty());
    circuit.transport.then(status(200));
    circuit.deliver([2]);
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::Delivered(_))
    ));
    let urls = ["http://a/messages", "http://new/messages"];
    assert_eq!(circuit.transport.pushed_to(), urls);
}

#[actix::test]
async fn a_late_failure_at_an_old_address_says_nothing_of_the_new_one() {
    let mut circuit = one_that_moved(500).await;
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::AttemptFailed(_))
    ));
    assert!(circuit.seen.drain().await.is_empty());
    let view = circuit.view().await;
    assert_eq!(view.failure_count, 0);
}

#[actix::test]
async fn what_hangs_at_who_left_or_moved_is_no_hindrance_to_others() {
    let moved = Target {
        address: address("new"),
        ..target("a")
    };
    let ill = Target {
        health: Health::Unhealthy,
        ..target("a")
    };
    let mut circuit = circuit(ScriptedTransport::new((0..9).map(|_| Push::Hang)));
    circuit.address.do_send(instances(&["a"]));
    circuit.deliver(1..=9);
    for (first, window) in [(None, 10), (Some(moved), 20), (Some(ill), 10)] {
        circuit.address.do_send(ServiceChanged {
            targets: first.into_iter().chain([target("b")]).collect(),
            ..instances(&[])
        });
        assert_eq!(circuit.latest_window().await, (window + 9, Outlook::Ready));
        let view = circuit.view().await;
        assert_eq!((view.window, view.in_flight), (window, 9));
    }
}

#[actix::test]
async fn a_trial_and_what_follows_do_not_wait_for_attempts_from_before() {
    let answers = [Push::Hang, Push::Hang].into_iter();
    let answers = answers.chain((0..5).map(|_| status(500)));
    let mut circuit = circuit(ScriptedTransport::new(answers));
    circuit.address.do_send(instances(&["a"]));
    circuit.deliver(1..=7);
    let until = circuit.clock.now().plus(MINUTE);
    let open = Outlook::CircuitOpen { until };
    assert_eq!(circuit.latest_window().await, (0, open));
    tokio::time::advance(AFTER_RESET).await;
    assert_eq!(circuit.latest_window().await, (2 + 1, Outlook::Trial));
    for number in [8, 9] {
        circuit.transport.then(status(200));
        circuit.deliver([number]);
        settle().await;
    }
    assert_eq!(circuit.latest_window().await, (2 + 1, Outlook::Ready));
    circuit.transport.then(status(200));
    circuit.deliver([10]);
    assert_eq!(circuit.latest_window().await, (2 + 2, Outlook::Ready));
}

#[actix::test]
async fn an_attempt_that_fails_once_the_circuit_is_open_is_tried_nowhere_else() {
    let answers = [late(500)].into_iter();
    let answers = answers.chain((0..5).map(|_| status(500)));
    let mut circuit = circuit(ScriptedTransport::new(answers));
    circuit.address.do_send(instances(&["a"]));
    circuit.deliver(1..=6);
    circuit.facts().await;
    circuit.address.do_send(instances(&["a", "b"]));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::AttemptFailed(_))
    ));
    assert_eq!(circuit.transport.pushed_to().len(), 6, "none to b");
}

#[actix::test]
async fn opens_after_five_failures_and_gives_back_what_comes_then() {
    let mut circuit = open_circuit().await;
    circuit.deliver([6]);
    assert_eq!(circuit.given_back.recv().await.ids, [id(6)]);
    assert_eq!(circuit.transport.pushed_to().len(), 5);
    let view = circuit.view().await;
    assert_eq!(view.state, CircuitState::Open);
    assert_eq!(view.window, 0);
}

#[actix::test]
async fn tries_one_message_after_the_reset_timeout_and_closes_after_two_good_ones() {
    let mut circuit = open_circuit().await;
    tokio::time::advance(AFTER_RESET).await;
    assert_eq!(circuit.latest_window().await, (1, Outlook::Trial));
    circuit.transport.then(status(200));
    circuit.deliver([1, 2]);
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::Delivered(_))
    ));
    assert_eq!(circuit.given_back.recv().await.ids, [id(2)]);
    circuit.transport.then(status(200));
    circuit.deliver([2]);
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::Delivered(_))
    ));
    assert_eq!(circuit.latest_window().await, (1, Outlook::Ready));
}

#[actix::test]
async fn a_failed_trial_opens_the_circuit_again() {
    let mut circuit = open_circuit().await;
    tokio::time::advance(AFTER_RESET).await;
    circuit.windows.drain().await;
    circuit.transport.then(status(500));
    circuit.deliver([1]);
    let until = circuit.clock.now().plus(MINUTE);
    let open = Outlook::CircuitOpen { until };
    assert_eq!(circuit.latest_window().await, (0, open));
}

#[actix::test]
async fn retries_no_sooner_than_the_receiver_asked() {
    let pause = Duration::from_secs(90);
    let mut circuit = circuit(ScriptedTransport::new([busy_for(pause)]));
    circuit.address.do_send(instances(&["a"]));
    circuit.deliver([1]);
    let Fact::Message(MessageFact::AttemptFailed(failed)) = circuit.only_fact().await else {
        panic!("not a failed attempt");
    };
    assert_eq!(failed.retry_at, circuit.clock.now().plus(pause));
}

#[actix::test]
async fn a_rejected_message_is_dead_and_no_fault_of_the_service() {
    let mut circuit = circuit(ScriptedTransport::new([status(400)]));
    circuit.address.do_send(instances(&["a", "b"]));
    circuit.deliver([1]);
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::DeadLettered(_))
    ));
    assert_eq!(circuit.transport.pushed_to().len(), 1);
    let view = circuit.view().await;
    assert_eq!(view.failure_count, 0);
}

/// A Scheduler that writes down the order in which it hears.
struct Listener(Rc<RefCell<Vec<&'static str>>>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<WindowChanged> for Listener {
    type Result = ();

    fn handle(&mut self, changed: WindowChanged, _: &mut Context<Self>) {
        assert_eq!(changed.window, 0);
        self.0.borrow_mut().push("window");
    }
}

impl Handler<GiveBack> for Listener {
    type Result = ();

    fn handle(&mut self, _: GiveBack, _: &mut Context<Self>) {
        self.0.borrow_mut().push("give back");
    }
}

#[actix::test]
async fn the_window_is_told_before_anything_is_given_back() {
    tokio::time::pause();
    let (clock, order) = (Clock::start(), Rc::new(RefCell::new(Vec::new())));
    let listener = Listener(order.clone()).start();
    let hops = Hops {
        event_store: probe().0,
        give_back: listener.clone().recipient(),
        window: listener.recipient(),
        outlook: probe().0,
        delivery_seen: probe().0,
        instance_gone: probe().0,
    };
    let settings = settings(clock, ScriptedTransport::new([]));
    let breaker =
        CircuitBreaker::new(service("billing"), settings, hops, probe().0, unwatched()).start();
    let deliveries = vec![delivery(message(1, clock.now()))];
    breaker.do_send(Deliver { deliveries });
    settle().await;
    assert_eq!(*order.borrow(), ["window", "give back"]);
}
