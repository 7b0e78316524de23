//! How often the dispatcher is told: once for all that happened together.

use super::*;

/// As many as a service may have here.
const MANY: usize = 50;

impl Office {
    fn commit_many(&self, made: fn(&str) -> Registration) {
        for n in 0..MANY {
            self.commit(made(&format!("instance-{n}")));
        }
    }
}

#[actix::test]
async fn many_registrations_at_once_are_announced_once() {
    let mut office = office();
    office.commit_many(registration);
    let announced = office.announced.drain().await;
    assert_eq!(announced.len(), 1);
    assert_eq!(announced[0].targets.len(), MANY);
}

#[actix::test]
async fn many_changes_of_health_at_once_are_announced_once() {
    let mut office = office();
    office.commit_many(checked);
    office.announced.drain().await;
    for n in 0..MANY {
        let registration = checked(&format!("instance-{n}"));
        office.address.do_send(DeliverySeen {
            service: registration.service,
            instance_id: registration.instance_id,
            address: registration.address.unwrap(),
            good: false,
        });
    }
    let announced = office.announced.drain().await;
    assert_eq!(announced.len(), 1);
    let targets = &announced[0].targets;
    assert!(
        targets
            .iter()
            .all(|target| target.health == Health::Degraded)
    );
    assert_eq!(targets.len(), MANY);
}

#[actix::test]
async fn two_services_are_announced_apart() {
    let mut office = office();
    office.commit(registration("a"));
    office.commit(Registration {
        service: service("mail"),
        ..registration("a")
    });
    office.commit(registration("b"));
    let mut announced = office.announced.drain().await;
    announced.sort_by(|one, other| one.service.cmp(&other.service));
    let counts = announced.iter().map(|told| told.targets.len());
    assert_eq!(counts.collect::<Vec<_>>(), [2, 1]);
}

#[actix::test]
async fn who_registered_is_answered_when_the_dispatcher_has_been_told() {
    let mut office = office();
    let (reply, answer) = oneshot::channel();
    office.address.do_send(Register {
        registration: registration("a"),
        reply,
    });
    office.commit_next().await;
    answer.await.unwrap().unwrap();
    assert_eq!(office.announced.recv().await.targets.len(), 1);
}
