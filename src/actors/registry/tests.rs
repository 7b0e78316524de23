use actix::Addr;
use tokio::sync::oneshot;

use super::*;
use crate::actors::fixtures::{
    Probe, ScriptedTransport, address, committed, instance, registration, service, unwatched,
};
use crate::actors::messages::registry::{
    ChooseStrategy, DeliverySeen, Deregister, DrainInstance, Heartbeat, InspectDependencies,
    InspectServices, InstanceGone, Polled, Register,
};
use crate::actors::probe::{Received, probe, settle};
use crate::domain::circuit::{CircuitState, Forced};
use crate::domain::fact::control::StrategyChosen;
use crate::domain::fact::service::{
    InstanceDeregistered, InstanceWithdrawn, ServiceFact, ServiceGone, Withdrawal,
};
use crate::domain::refusal::Refusal;
use crate::domain::service::{Dependency, HealthCheck};
use crate::logic::service_view::{
    Alive, InstanceView, OutOfRotation, RegistrationOutcome, ServiceView,
};

mod announcing;
mod asked;
mod forgetting;
mod life;
mod probes;

/// An open registry on a scripted network, and everything it says.
struct Office {
    address: Addr<Registry>,
    clock: Clock,
    transport: Rc<ScriptedTransport>,
    recorded: Received<Record>,
    announced: Received<ServiceChanged>,
}

fn office() -> Office {
    let office = closed_office();
    office.address.do_send(Open);
    office
}

/// One whose replay is not over.
fn closed_office() -> Office {
    tokio::time::pause();
    let (event_store, recorded) = probe();
    let (dispatcher, announced) = probe();
    let (clock, transport) = (Clock::start(), ScriptedTransport::new([]));
    let settings = Settings {
        clock,
        transport: transport.clone(),
        thresholds: Thresholds::default(),
        check_interval: Duration::from_secs(10),
        check_timeout: Duration::from_secs(5),
        instance_expiry: Duration::from_secs(60),
        strategy: Strategy::HealthAware,
        most_instances: 50,
    };
    let address = Registry::new(settings, event_store, dispatcher, unwatched()).start();
    Office {
        address,
        clock,
        transport,
        recorded,
        announced,
    }
}

/// An instance of `billing` that is probed every ten seconds.
fn checked(name: &str) -> Registration {
    Registration {
        health_check: Some(HealthCheck {
            endpoint: "/health".to_owned(),
            interval_ms: None,
            timeout_ms: None,
        }),
        ..registration(name)
    }
}

impl Office {
    fn commit(&self, registration: Registration) {
        let fact = Fact::Service(ServiceFact::ServiceRegistered(Arc::new(registration)));
        self.address.do_send(committed(1, vec![fact]));
    }

    fn commit_fact(&self, fact: Fact) {
        self.address.do_send(committed(2, vec![fact]));
    }

    /// The only instance as it is shown.
    async fn instance(&self) -> InstanceView {
        let mut views = self.view().await;
        let mut service = views.pop().expect("the service is there");
        service.instances.pop().expect("it has an instance")
    }

    /// What is recorded next, other than the health of instances.
    async fn next_record(&mut self) -> Record {
        loop {
            let record = self.recorded.recv().await;
            if !matches!(
                record.facts[..],
                [Fact::Service(ServiceFact::HealthChanged(_))]
            ) {
                return record;
            }
        }
    }

    /// What was recorded since last asked: health, and in words what led to it.
    async fn health_news(&mut self) -> Vec<(Health, Health, String)> {
        let records = self.recorded.drain().await;
        let facts = records.into_iter().flat_map(|record| record.facts);
        let news = facts.map(|fact| match fact {
            Fact::Service(ServiceFact::HealthChanged(changed)) => {
                (changed.from, changed.to, changed.cause)
            }
            other => panic!("{other:?}"),
        });
        news.collect()
    }

    /// Journals what was just recorded and tells whoever waits for it.
    async fn commit_next(&mut self) -> Vec<Fact> {
        let record = self.next_record().await;
        self.address.do_send(committed(2, record.facts.clone()));
        if let Some(reply) = record.reply {
            let _ = reply.send(());
        }
        record.facts
    }

    fn poll(&self) {
        let service = service("billing");
        self.address.do_send(Polled {
            service,
            wait: Duration::ZERO,
        });
    }

    /// The instances announced last, if any were since last asked.
    async fn latest(&mut self) -> Option<ServiceChanged> {
        self.announced.drain().await.pop()
    }

    /// The health of the only instance, as it is announced next.
    async fn next_health(&mut self) -> Health {
        let changed = self.announced.recv().await;
        assert_eq!(changed.targets.len(), 1);
        changed.targets[0].health
    }

    async fn view(&self) -> Vec<ServiceView> {
        let service = Some(service("billing"));
        self.address
            .send(InspectServices { service })
            .await
            .unwrap()
    }

    fn deregister(&self, instance_id: Option<InstanceId>) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(Deregister {
            service: service("billing"),
            instance_id,
            reply,
        });
        answer
    }
}

type Answer = Result<(), Refusal>;

fn draining(registration: &Registration) -> InstanceWithdrawn {
    InstanceWithdrawn {
        service: registration.service.clone(),
        instance_id: registration.instance_id.clone(),
        registered_at: registration.registered_at,
        at: registration.registered_at,
        why: Withdrawal::Draining,
    }
}

/// Lets time go by step by step, so that every timer goes off in its turn.
async fn pass(seconds: u32) {
    for _ in 0..seconds {
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    }
}

#[actix::test]
async fn a_registration_counts_once_it_is_in_the_journal() {
    let mut office = office();
    let (reply, mut answer) = oneshot::channel();
    let registration = registration("a");
    office.address.do_send(Register {
        registration: registration.clone(),
        reply,
    });
    let record = office.next_record().await;
    let fact = Fact::Service(ServiceFact::ServiceRegistered(Arc::new(
        registration.clone(),
    )));
    assert_eq!(record.facts, [fact]);
    assert!(office.latest().await.is_none());
    assert!(answer.try_recv().is_err());
    record.reply.unwrap().send(()).unwrap();
    assert!(!answer.await.unwrap().unwrap().replaced);
    office.commit(registration);
    let changed = office.latest().await.unwrap();
    assert_eq!(changed.targets.len(), 1);
    assert_eq!(changed.targets[0].instance_id, instance("a"));
    assert!(!changed.has_puller);
}

#[actix::test]
async fn registering_again_is_told_as_a_replacement() {
    let mut office = office();
    office.commit(registration("a"));
    let (reply, answer) = oneshot::channel();
    let registration = registration("a");
    office.address.do_send(Register {
        registration,
        reply,
    });
    let record = office.next_record().await;
    record.reply.unwrap().send(()).unwrap();
    assert!(answer.await.unwrap().unwrap().replaced);
}

#[actix::test]
async fn probes_change_the_health_of_an_instance() {
    let mut office = office();
    office.commit(checked("a"));
    assert_eq!(office.next_health().await, Health::Unknown);
    assert_eq!(office.next_health().await, Health::Healthy);
    office.transport.set_probe("a", Probe::Bad);
    assert_eq!(office.next_health().await, Health::Degraded);
    assert_eq!(office.next_health().await, Health::Unhealthy);
    let probes = office.transport.probes_of("a");
    office.transport.set_probe("a", Probe::Good);
    assert_eq!(office.next_health().await, Health::Healthy);
    assert_eq!(office.transport.probes_of("a"), probes + 2);
}

#[actix::test]
async fn probes_come_once_in_an_interval() {
    let office = office();
    office.commit(checked("a"));
    settle().await;
    assert_eq!(office.transport.probes_of("a"), 1);
    pass(9).await;
    assert_eq!(office.transport.probes_of("a"), 1);
    pass(2).await;
    assert_eq!(office.transport.probes_of("a"), 2);
}

#[actix::test]
async fn a_probe_that_hangs_delays_nobody_else() {
    let office = office();
    office.transport.set_probe("slow", Probe::Hang);
    office.commit(checked("slow"));
    office.commit(checked("fine"));
    pass(35).await;
    assert_eq!(office.transport.probes_of("slow"), 1);
    assert_eq!(office.transport.probes_of("fine"), 4);
}

#[actix::test]
async fn failed_deliveries_degrade_an_instance_and_good_ones_heal_it() {
    let mut office = office();
    office.commit(registration("a"));
    office.latest().await;
    let seen = |good| DeliverySeen {
        service: service("billing"),
        instance_id: instance("a"),
        address: address("a"),
        good,
    };
    office.address.do_send(seen(false));
    assert_eq!(office.next_health().await, Health::Degraded);
    pass(1).await;
    office.address.do_send(seen(true));
    assert!(office.latest().await.is_none());
    office.address.do_send(seen(true));
    assert_eq!(office.next_health().await, Health::Healthy);
}

#[actix::test]
async fn a_puller_is_there_for_a_minute_after_it_asked() {
    let mut office = office();
    office.poll();
    assert!(office.latest().await.unwrap().has_puller);
    pass(40).await;
    office.poll();
    settle().await;
    pass(59).await;
    assert!(office.latest().await.is_none());
    pass(2).await;
    assert!(!office.latest().await.unwrap().has_puller);
    assert!(office.view().await.is_empty());
}

#[actix::test]
async fn an_instance_that_is_gone_comes_back_when_it_registers() {
    let mut office = office();
    office.commit(registration("a"));
    office.address.do_send(InstanceGone {
        asked_at: Timestamp::MAX,
        service: service("billing"),
        instance_id: instance("a"),
        address: address("a"),
    });
    assert!(office.latest().await.unwrap().targets.is_empty());
    office.commit(registration("a"));
    assert_eq!(office.latest().await.unwrap().targets.len(), 1);
}

#[actix::test]
async fn what_is_not_registered_cannot_be_deregistered() {
    let mut office = office();
    office.commit(registration("a"));
    let answer = office.deregister(Some(instance("b"))).await.unwrap();
    assert_eq!(answer, Err(Refusal::NotFound));
    let gone = Fact::Service(ServiceFact::ServiceDeregistered(ServiceGone {
        service: service("billing"),
        at: office.clock.now(),
    }));
    office.address.do_send(committed(2, vec![gone]));
    let answer = office.deregister(None).await.unwrap();
    assert_eq!(answer, Err(Refusal::NotFound));
    assert!(office.recorded.drain().await.is_empty());
}

#[actix::test]
async fn a_deregistered_instance_is_no_target_and_is_probed_no_more() {
    let mut office = office();
    office.commit(checked("a"));
    settle().await;
    let answer = office.deregister(Some(instance("a")));
    office.commit_next().await;
    assert_eq!(answer.await.unwrap(), Ok(()));
    assert!(office.latest().await.unwrap().targets.is_empty());
    pass(30).await;
    assert_eq!(office.transport.probes_of("a"), 1);
}

#[actix::test]
async fn an_instance_that_registers_again_is_probed_as_often_as_before() {
    let office = office();
    for _ in 0..3 {
        office.commit(checked("a"));
    }
    settle().await;
    let at_once = office.transport.probes_of("a");
    pass(11).await;
    assert_eq!(office.transport.probes_of("a"), at_once + 1);
}

#[actix::test]
async fn what_an_old_address_answers_says_nothing_about_the_new_one() {
    let mut office = office();
    office.transport.set_probe("old", Probe::Bad);
    let mut moved = checked("old");
    office.commit(moved.clone());
    moved.address = Some(address("new"));
    office.commit(moved);
    pass(40).await;
    assert_eq!(office.transport.probes_of("old"), 1);
    let changed = office.latest().await.unwrap();
    assert_eq!(changed.targets[0].health, Health::Healthy);
}

#[actix::test]
async fn the_end_of_an_old_probe_is_not_taken_for_the_death_of_the_new_one() {
    let office = office();
    office.commit(checked("a"));
    settle().await;
    let gone = Fact::Service(ServiceFact::InstanceDeregistered(InstanceDeregistered {
        service: service("billing"),
        instance_id: instance("a"),
        at: office.clock.now(),
        registered_at: None,
    }));
    let again = Fact::Service(ServiceFact::ServiceRegistered(Arc::new(checked("a"))));
    office.address.do_send(committed(2, vec![gone, again]));
    pass(5).await;
    assert_eq!(office.transport.probes_of("a"), 2);
}
