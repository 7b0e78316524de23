mod forgetting;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::*;
use crate::actors::fixtures::{
    Push, ScriptedTransport, delivery, id, instance, late, message, service, status, target,
    unwatched,
};
use crate::actors::messages::event_store::Record;
use crate::actors::messages::scheduler::WindowChanged;
use crate::actors::probe::{Received, probe, settle};
use crate::clock::Clock;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::fact::Fact;
use crate::domain::fact::message::MessageFact;
use crate::domain::strategy::Strategy;
use crate::logic::backoff::RetryPolicy;
use crate::logic::breaker::BreakerPolicy;
use crate::logic::circuit_view::CircuitView;
use crate::logic::restarts::LONG_LIFE;
use crate::logic::service_view::PickedInstance;
use crate::metrics::Metrics;

/// The first pause is over by then, the second is not.
const PAUSE: Duration = Duration::from_millis(11);

/// A dispatcher that knows one instance of `billing`, and everything it and its children say.
struct House {
    address: Addr<Dispatcher>,
    clock: Clock,
    transport: Rc<ScriptedTransport>,
    recorded: Received<Record>,
    given_back: Received<GiveBack>,
    all_given_back: Received<GiveBackAll>,
    windows: Received<WindowChanged>,
    forgotten: Received<Forgotten>,
}

fn house(pushes: impl IntoIterator<Item = Push>) -> House {
    tokio::time::pause();
    let (clock, transport) = (Clock::start(), ScriptedTransport::new(pushes));
    let (event_store, recorded) = probe();
    let (give_back, given_back) = probe();
    let (give_back_all, all_given_back) = probe();
    let (scheduler, windows) = probe();
    let (forgotten, gone) = probe();
    let hops = Hops {
        give_back: give_back.clone(),
        give_back_all,
        forgotten: [forgotten, probe().0],
        breaker: circuit_breaker::Hops {
            event_store,
            give_back,
            window: scheduler,
            outlook: probe().0,
            delivery_seen: probe().0,
            instance_gone: probe().0,
        },
    };
    let settings = circuit_breaker::Settings {
        clock,
        metrics: Arc::new(Metrics::new()),
        transport: transport.clone(),
        retries: RetryPolicy::default(),
        breaker: BreakerPolicy::default(),
        strategy: Strategy::RoundRobin,
        message_timeout: Duration::from_secs(30),
    };
    let address = Dispatcher::new(settings, hops, unwatched()).start();
    address.do_send(instances("a"));
    House {
        address,
        clock,
        transport,
        recorded,
        given_back,
        all_given_back,
        windows,
        forgotten: gone,
    }
}

fn circuit(name: &str) -> CircuitName {
    CircuitName::Service(service(name))
}

fn instances(name: &str) -> ServiceChanged {
    ServiceChanged {
        service: service("billing"),
        targets: Arc::new([target(name)]),
        has_puller: false,
        is_left: false,
        strategy: None,
        forced: None,
    }
}

impl House {
    fn dispatch(&self, name: &str, number: u128) {
        self.address.do_send(Dispatch {
            service: service(name),
            deliveries: vec![delivery(message(number, self.clock.now()))],
        });
    }

    async fn pick(&self, name: &str) -> Result<PickedInstance, Refusal> {
        let (reply, picked) = oneshot::channel();
        self.address.do_send(PickInstance {
            service: service(name),
            message_type: None,
            reply,
        });
        picked.await.unwrap()
    }

    fn force(&self, name: &str) -> oneshot::Receiver<Result<CircuitView, Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(ForceCircuit {
            circuit: circuit(name),
            state: CircuitState::Open,
            reason: "maintenance".to_owned(),
            reset_timeout: None,
            by: None,
            reply,
        });
        answer
    }

    async fn windows(&mut self) -> Vec<u32> {
        let changes = self.windows.drain().await;
        changes.iter().map(|changed| changed.window).collect()
    }

    async fn is_delivered(&mut self) -> bool {
        let record = self.recorded.recv().await;
        matches!(record.facts[..], [Fact::Message(MessageFact::Delivered(_))])
    }
}

#[actix::test]
async fn brings_messages_to_the_instances_of_their_destination() {
    let mut house = house([status(200), status(200)]);
    house.dispatch("billing", 1);
    assert!(house.is_delivered().await);
    house.address.do_send(instances("b"));
    house.dispatch("billing", 2);
    assert!(house.is_delivered().await);
    let urls = ["http://a/messages", "http://b/messages"];
    assert_eq!(house.transport.pushed_to(), urls);
}

#[actix::test]
async fn gives_back_what_goes_to_a_service_it_does_not_know() {
    let mut house = house([]);
    house.dispatch("mail", 1);
    assert_eq!(house.given_back.recv().await.ids, [id(1)]);
}

#[actix::test]
async fn shows_one_circuit_per_service() {
    let house = house([]);
    let (reply, circuits) = oneshot::channel();
    house.address.do_send(InspectCircuits {
        circuits: None,
        reply,
    });
    let circuits = circuits.await.unwrap();
    assert_eq!(circuits.len(), 1);
    assert_eq!(circuits[0].circuit, circuit("billing"));
}

#[actix::test]
async fn what_is_asked_of_one_circuit_reaches_it() {
    let mut house = house([]);
    house.address.do_send(ServiceChanged {
        service: service("mail"),
        ..instances("b")
    });
    let (reply, circuits) = oneshot::channel();
    house.address.do_send(InspectCircuits {
        circuits: Some(vec![circuit("mail")]),
        reply,
    });
    assert_eq!(circuits.await.unwrap()[0].circuit, circuit("mail"));
    let picked = house.pick("mail").await.unwrap();
    assert_eq!(picked.instance_id, instance("b"));
    let answer = house.force("mail");
    let record = house.recorded.recv().await;
    record.reply.unwrap().send(()).unwrap();
    let view = answer.await.unwrap().unwrap();
    assert_eq!(
        (view.circuit, view.state),
        (circuit("mail"), CircuitState::Open)
    );
}

#[actix::test]
async fn there_is_no_circuit_of_a_service_nobody_knows() {
    let house = house([]);
    let (reply, circuits) = oneshot::channel();
    house.address.do_send(InspectCircuits {
        circuits: Some(vec![circuit("mail")]),
        reply,
    });
    assert!(circuits.await.unwrap().is_empty());
    assert_eq!(house.pick("mail").await, Err(Refusal::NotFound));
    assert_eq!(house.force("mail").await.unwrap(), Err(Refusal::NotFound));
}

#[actix::test]
async fn a_breaker_that_died_is_replaced_and_its_messages_go_back() {
    let mut house = house([Push::Panic, status(200)]);
    assert_eq!(house.windows().await, [10]);
    house.dispatch("billing", 1);
    let back = house.all_given_back.recv().await;
    assert_eq!(back.service, service("billing"));
    assert_eq!(house.windows().await, [0]);
    tokio::time::advance(PAUSE).await;
    assert_eq!(house.windows().await, [10]);
    house.dispatch("billing", 1);
    assert!(house.is_delivered().await);
}

#[actix::test]
async fn what_comes_between_a_death_and_the_replacement_is_given_back() {
    let mut house = house([Push::Panic, status(200)]);
    house.dispatch("billing", 1);
    house.all_given_back.recv().await;
    house.dispatch("billing", 2);
    // The replacement gets to know the instances as they are by then.
    house.address.do_send(instances("b"));
    settle().await;
    assert_eq!(house.given_back.recv().await.ids, [id(2)]);
    tokio::time::advance(PAUSE).await;
    settle().await;
    house.dispatch("billing", 2);
    assert!(house.is_delivered().await);
    let urls = ["http://a/messages", "http://b/messages"];
    assert_eq!(house.transport.pushed_to(), urls);
}

#[actix::test]
async fn a_breaker_that_lived_for_long_is_replaced_at_once() {
    let mut house = house([Push::Panic, Push::Panic, Push::Panic]);
    for _ in 0..3 {
        house.windows().await;
        house.dispatch("billing", 1);
        assert_eq!(house.windows().await, [0]);
        tokio::time::advance(PAUSE).await;
        assert_eq!(house.windows().await, [10]);
        tokio::time::advance(LONG_LIFE).await;
    }
}

#[actix::test]
async fn a_circuit_between_a_death_and_the_replacement_is_not_unknown() {
    let mut house = house([Push::Panic]);
    house.dispatch("billing", 1);
    house.all_given_back.recv().await;
    let (reply, answer) = oneshot::channel();
    house.address.do_send(InspectCircuits {
        circuits: Some(vec![circuit("billing")]),
        reply,
    });
    assert!(answer.await.is_err(), "no answer rather than an empty one");
}

#[actix::test]
async fn a_breaker_that_keeps_dying_is_replaced_ever_later() {
    let mut house = house([Push::Panic, Push::Panic]);
    house.dispatch("billing", 1);
    house.windows().await;
    tokio::time::advance(PAUSE).await;
    assert_eq!(house.windows().await, [10]);
    house.dispatch("billing", 1);
    assert_eq!(house.windows().await, [0]);
    tokio::time::advance(PAUSE).await;
    assert!(house.windows().await.is_empty());
    tokio::time::advance(PAUSE).await;
    assert_eq!(house.windows().await, [10]);
}
