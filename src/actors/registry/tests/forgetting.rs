//! Services that nobody is left of.

use super::*;
use crate::actors::messages::Forgotten;
use crate::actors::messages::registry::{Listen, StopListening};
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::service::{ServiceFact, ServiceGone, ServiceSeen};
use crate::logic::feed_news::FeedId;
use uuid::Uuid;

const SOCKET: FeedId = FeedId(Uuid::from_u128(7));

impl Office {
    /// Whether it was last told that nobody is there or expected, if anything was told.
    async fn is_left(&mut self) -> Option<bool> {
        self.latest().await.map(|told| told.is_left)
    }

    fn deregistered(&self) -> Fact {
        Fact::Service(ServiceFact::ServiceDeregistered(ServiceGone {
            service: service("billing"),
            at: self.clock.wall(),
        }))
    }

    fn instance_deregistered(&self) -> Fact {
        Fact::Service(ServiceFact::InstanceDeregistered(InstanceDeregistered {
            service: service("billing"),
            instance_id: instance("a"),
            at: self.clock.wall(),
            registered_at: None,
        }))
    }

    /// A name that asked and did not register.
    fn commit_seen(&self, name: &str) {
        let seen = Fact::Service(ServiceFact::ServiceSeen(ServiceSeen {
            service: service(name),
            at: self.clock.wall(),
        }));
        self.address.do_send(committed(1, vec![seen]));
    }

    fn forgotten(&self) {
        let service = service("billing");
        self.address.do_send(Forgotten { service });
    }

    async fn listen(&mut self) {
        let (reply, _answer) = oneshot::channel();
        self.address.do_send(Listen {
            socket: SOCKET,
            service: service("billing"),
            instance_id: instance("a"),
            prefetch: 1,
            reply,
        });
        settle().await;
    }

    fn stop_listening(&self) {
        self.address.do_send(StopListening {
            socket: SOCKET,
            service: service("billing"),
        });
    }
}

#[actix::test]
async fn one_that_deregisters_goes_at_once_and_may_come_back() {
    let mut office = office();
    office.commit(registration("a"));
    assert_eq!(office.is_left().await, Some(false));
    office.commit_fact(office.deregistered());
    assert_eq!(office.is_left().await, Some(true));
    office.commit(registration("a"));
    assert_eq!(office.is_left().await, Some(false));
}

#[actix::test]
async fn one_that_only_asked_goes_when_it_did_not_ask_for_long() {
    let mut office = office();
    office.commit_seen("billing");
    office.poll();
    assert_eq!(office.is_left().await, Some(false));
    pass(59).await;
    office.poll();
    assert_eq!(office.is_left().await, None);
    pass(59).await;
    assert_eq!(office.is_left().await, None);
    pass(4).await;
    assert_eq!(office.is_left().await, Some(true));
    assert!(
        office.recorded.drain().await.is_empty(),
        "it never registered"
    );
    office.poll();
    assert_eq!(office.is_left().await, Some(false));
}

#[actix::test]
async fn one_without_instances_is_deregistered_once_nothing_waits_for_it() {
    let mut office = office();
    office.commit(registration("a"));
    office.commit_fact(office.instance_deregistered());
    assert_eq!(office.is_left().await, Some(false));
    pass(59).await;
    assert_eq!(
        (office.is_left().await, office.view().await.len()),
        (None, 1)
    );
    pass(2).await;
    assert_eq!(office.is_left().await, Some(true));
    assert!(
        office.recorded.drain().await.is_empty(),
        "something may wait for it"
    );
    office.forgotten();
    let facts = office.commit_next().await;
    assert!(matches!(
        &facts[..],
        [Fact::Service(ServiceFact::ServiceDeregistered(_))]
    ));
    assert_eq!(office.is_left().await, Some(true));
    assert!(office.view().await.is_empty());
    office.forgotten();
    assert!(office.recorded.drain().await.is_empty());
}

#[actix::test]
async fn whoever_registers_meanwhile_is_not_deregistered() {
    let mut office = office();
    office.commit(registration("a"));
    office.commit_fact(office.instance_deregistered());
    pass(61).await;
    let (reply, answer) = oneshot::channel();
    office.address.do_send(Register {
        registration: registration("b"),
        reply,
    });
    office.forgotten();
    let facts = office.commit_next().await;
    assert!(matches!(
        &facts[..],
        [Fact::Service(ServiceFact::ServiceRegistered(_))]
    ));
    assert!(answer.await.unwrap().is_ok());
    assert!(office.recorded.drain().await.is_empty());
    assert_eq!(office.is_left().await, Some(false));
}

#[actix::test]
async fn a_socket_that_listens_is_somebody() {
    let mut office = office();
    office.commit(registration("b"));
    office.listen().await;
    office.commit_fact(office.deregistered());
    assert_eq!(office.is_left().await, Some(false));
    office.stop_listening();
    assert_eq!(office.is_left().await, Some(false));
    pass(60).await;
    assert_eq!(office.is_left().await, Some(true));
}

#[actix::test]
async fn a_circuit_that_somebody_opened_keeps_a_service_until_it_changes() {
    let mut office = office();
    office.commit(registration("a"));
    let forced = CircuitChanged {
        circuit: crate::domain::circuit::CircuitName::Service(service("billing")),
        at: office.clock.wall(),
        from: CircuitState::Closed,
        to: CircuitState::Open,
        reason: "maintenance".to_owned(),
        forced: Some(Forced::new(None, None)),
    };
    office.commit_fact(Fact::Control(ControlFact::CircuitChanged(Arc::new(
        forced.clone(),
    ))));
    office.commit_fact(office.deregistered());
    assert_eq!(office.is_left().await, Some(false));
    let after = CircuitChanged {
        from: CircuitState::Open,
        to: CircuitState::HalfOpen,
        forced: None,
        ..forced
    };
    office.commit_fact(Fact::Control(ControlFact::CircuitChanged(Arc::new(after))));
    assert_eq!(office.is_left().await, Some(true));
}

#[actix::test]
async fn of_those_who_came_and_went_a_replay_leaves_nothing() {
    let mut office = closed_office();
    office.commit_seen("stock");
    office.commit(registration("a"));
    office.commit_fact(office.deregistered());
    office.address.do_send(Open);
    assert!(office.announced.drain().await.is_empty());
}
