//! What becomes of a service that nobody is left of.

use super::*;
use crate::domain::fact::control::ControlFact;
use crate::domain::service::Outlook;

fn left() -> ServiceChanged {
    ServiceChanged {
        targets: Arc::new([]),
        is_left: true,
        ..instances("a")
    }
}

impl House {
    fn unneeded(&self) {
        let service = service("billing");
        self.address.do_send(Unneeded { service });
    }

    async fn outlooks(&mut self) -> Vec<Outlook> {
        let changes = self.windows.drain().await;
        changes.iter().map(|changed| changed.outlook).collect()
    }

    /// How many breakers there are, those that nobody knows any more counted.
    async fn breakers(&self) -> usize {
        settle().await;
        // The dispatcher and this house have it, too.
        Rc::strong_count(&self.transport) - 2
    }

    async fn circuits(&self) -> usize {
        let (reply, circuits) = oneshot::channel();
        self.address.do_send(InspectCircuits {
            circuits: None,
            reply,
        });
        circuits.await.unwrap().len()
    }
}

#[actix::test]
async fn a_service_goes_when_nobody_is_left_and_nothing_waits() {
    let mut house = house([]);
    house.address.do_send(left());
    assert_eq!(house.outlooks().await, [Outlook::Ready, Outlook::Left]);
    assert!(house.forgotten.drain().await.is_empty());
    assert_eq!((house.circuits().await, house.breakers().await), (1, 1));
    house.unneeded();
    assert_eq!(house.forgotten.recv().await.service, service("billing"));
    assert_eq!((house.circuits().await, house.breakers().await), (0, 0));
    assert_eq!(house.pick("billing").await, Err(Refusal::NotFound));
}

#[actix::test]
async fn who_is_there_is_not_forgotten_whatever_the_scheduler_heard_before() {
    let mut house = house([status(200)]);
    house.address.do_send(left());
    house.address.do_send(instances("a"));
    house.unneeded();
    assert!(house.forgotten.drain().await.is_empty());
    house.dispatch("billing", 1);
    assert!(house.is_delivered().await);
}

#[actix::test]
async fn who_comes_back_in_the_same_moment_gets_everything() {
    let mut house = house([status(200), status(200)]);
    for number in 1..=2 {
        // All of it waits in the mailbox at once: the old breaker has not heard that it is back.
        house.address.do_send(left());
        house.address.do_send(instances("a"));
        house.address.do_send(left());
        house.unneeded();
        house.address.do_send(instances("b"));
        house.dispatch("billing", number);
        assert!(house.is_delivered().await);
        let told = house.outlooks().await;
        assert_eq!(told.last(), Some(&Outlook::Ready), "{told:?}");
        assert_eq!(house.forgotten.drain().await.len(), 1);
        assert_eq!((house.circuits().await, house.breakers().await), (1, 1));
    }
    assert!(house.given_back.drain().await.is_empty());
    assert!(house.all_given_back.drain().await.is_empty());
}

#[actix::test]
async fn a_breaker_that_leaves_finishes_what_it_has() {
    let mut house = house([late(200), status(200)]);
    house.dispatch("billing", 1);
    settle().await;
    let answer = house.force("billing");
    house.address.do_send(left());
    house.unneeded();
    house.address.do_send(instances("b"));
    house.dispatch("billing", 2);
    let record = house.recorded.recv().await;
    assert!(matches!(
        record.facts[..],
        [Fact::Control(ControlFact::CircuitChanged(_))]
    ));
    record.reply.unwrap().send(()).unwrap();
    assert_eq!(answer.await.unwrap().unwrap().state, CircuitState::Open);
    assert!(house.is_delivered().await, "by the new one");
    assert_eq!(house.breakers().await, 2);
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(house.is_delivered().await, "by the old one");
    assert_eq!(house.breakers().await, 1);
    // Of its circuit it says nothing more.
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(house.outlooks().await.last(), Some(&Outlook::Ready));
    assert!(house.recorded.drain().await.is_empty());
}

#[actix::test]
async fn an_open_circuit_of_nobody_does_not_keep_its_breaker() {
    let mut house = house([]);
    let answer = house.force("billing");
    house.recorded.recv().await.reply.unwrap().send(()).unwrap();
    answer.await.unwrap().unwrap();
    house.address.do_send(left());
    house.unneeded();
    assert_eq!(house.forgotten.drain().await.len(), 1);
    assert_eq!(house.breakers().await, 0);
    tokio::time::advance(Duration::from_secs(600)).await;
    assert!(house.recorded.drain().await.is_empty(), "it tries nothing");
}

#[actix::test]
async fn one_that_just_died_is_forgotten_too() {
    let mut house = house([Push::Panic]);
    house.dispatch("billing", 1);
    house.all_given_back.recv().await;
    house.address.do_send(left());
    house.unneeded();
    assert_eq!(house.forgotten.drain().await.len(), 1);
    tokio::time::advance(PAUSE).await;
    assert_eq!(house.circuits().await, 0, "nobody takes over");
}

#[actix::test]
async fn of_a_service_it_never_had_the_word_is_passed_on() {
    let mut house = house([]);
    house.windows.drain().await;
    house.address.do_send(ServiceChanged {
        service: service("mail"),
        ..left()
    });
    let told = house.windows.recv().await;
    assert_eq!(
        (told.service, told.outlook),
        (service("mail"), Outlook::Left)
    );
    assert_eq!(house.circuits().await, 1);
}
