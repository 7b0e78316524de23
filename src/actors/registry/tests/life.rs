//! Heartbeats, silence, expiry and draining.

use super::*;
use crate::domain::fact::service::ServiceFact;

const TTL: Duration = Duration::from_secs(12);

/// An instance that promises heartbeats and is not probed.
fn beating(name: &str, office: &Office) -> Registration {
    Registration {
        ttl_ms: Some(TTL.as_millis() as u64),
        registered_at: office.clock.now(),
        ..registration(name)
    }
}

fn silent() -> (Health, Health, String) {
    let cause = "no heartbeat for 12 s".to_owned();
    (Health::Healthy, Health::Unhealthy, cause)
}

impl Office {
    fn heartbeat(&self, name: &str) -> oneshot::Receiver<Result<Alive, Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(Heartbeat {
            service: service("billing"),
            instance_id: instance(name),
            reply,
        });
        answer
    }

    async fn beat(&self, name: &str) -> Health {
        self.heartbeat(name).await.unwrap().unwrap().health
    }

    fn drain(&self, name: &str) -> oneshot::Receiver<Result<Timestamp, Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(DrainInstance {
            service: service("billing"),
            instance_id: instance(name),
            reply,
        });
        answer
    }
}

#[actix::test]
async fn a_first_heartbeat_makes_healthy_and_says_when_the_next_is_due() {
    let mut office = office();
    office.commit(beating("a", &office));
    let alive = office.heartbeat("a").await.unwrap().unwrap();
    assert_eq!(alive.health, Health::Healthy);
    assert_eq!(alive.expires_at, Some(office.clock.now().plus(TTL)));
    let news = (Health::Unknown, Health::Healthy, "heartbeat".to_owned());
    assert_eq!(office.health_news().await, [news]);
}

#[actix::test]
async fn a_heartbeat_of_an_unknown_instance_is_refused() {
    let office = office();
    let answer = office.heartbeat("a").await.unwrap();
    assert_eq!(answer, Err(Refusal::NotFound));
}

#[actix::test]
async fn a_heartbeat_without_a_ttl_is_a_good_sign_and_promises_nothing() {
    let office = office();
    office.commit(registration("a"));
    let alive = office.heartbeat("a").await.unwrap().unwrap();
    let expected = Alive {
        health: Health::Healthy,
        expires_at: None,
    };
    assert_eq!(alive, expected);
    pass(100).await;
    assert_eq!(office.instance().await.health, Health::Healthy);
}

#[actix::test]
async fn who_beats_in_time_stays_healthy() {
    let mut office = office();
    office.commit(beating("a", &office));
    for _ in 0..5 {
        office.beat("a").await;
        pass(11).await;
    }
    assert_eq!(office.health_news().await.len(), 1);
}

#[actix::test]
async fn silence_makes_unhealthy_and_only_heartbeats_heal_it() {
    let mut office = office();
    office.commit(beating("a", &office));
    office.beat("a").await;
    office.health_news().await;
    pass(11).await;
    assert!(office.health_news().await.is_empty());
    pass(2).await;
    assert_eq!(office.health_news().await, [silent()]);
    let view = office.instance().await;
    assert_eq!(view.out_of_rotation, Some(OutOfRotation::Unhealthy));
    assert_eq!(view.cause.as_deref(), Some("no heartbeat for 12 s"));
    for _ in 0..3 {
        office.address.do_send(DeliverySeen {
            service: service("billing"),
            instance_id: instance("a"),
            address: address("a"),
            good: true,
        });
    }
    assert!(office.health_news().await.is_empty());
    assert_eq!(office.beat("a").await, Health::Unhealthy);
    assert_eq!(office.beat("a").await, Health::Healthy);
    office.health_news().await;
    pass(13).await;
    assert_eq!(office.health_news().await, [silent()]);
}

#[actix::test]
async fn a_ttl_begins_at_registration() {
    let mut office = office();
    office.commit(beating("a", &office));
    pass(13).await;
    let news = office.health_news().await;
    assert_eq!((news[0].0, news[0].1), (Health::Unknown, Health::Unhealthy));
}

#[actix::test]
async fn registering_again_ends_a_silence() {
    let mut office = office();
    office.commit(beating("a", &office));
    pass(13).await;
    office.health_news().await;
    office.commit(beating("a", &office));
    let news = office.health_news().await;
    let expected = (
        Health::Unhealthy,
        Health::Unknown,
        "registered again".to_owned(),
    );
    assert_eq!(news, [expected]);
    assert_eq!(office.beat("a").await, Health::Healthy);
}

#[actix::test]
async fn the_answer_to_a_registration_says_how_the_instance_is_after_it() {
    let mut office = office();
    office.commit(beating("a", &office));
    pass(13).await;
    office.health_news().await;
    let (reply, answer) = oneshot::channel();
    office.address.do_send(Register {
        registration: beating("a", &office),
        reply,
    });
    office.commit_next().await;
    let expected = RegistrationOutcome {
        replaced: true,
        changed: Vec::new(),
        undid_drain: false,
        health: Health::Unknown,
        beside: None,
    };
    assert_eq!(answer.await.unwrap(), Ok(expected));
}

#[actix::test]
async fn registering_again_without_a_ttl_ends_a_silence_that_one_heartbeat_broke() {
    let office = office();
    office.commit(beating("a", &office));
    pass(13).await;
    assert_eq!(office.beat("a").await, Health::Unhealthy);
    office.commit(registration("a"));
    settle().await;
    assert_eq!(office.instance().await.health, Health::Unknown);
}

#[actix::test]
async fn a_ttl_given_up_is_not_waited_for() {
    let mut office = office();
    office.commit(beating("a", &office));
    office.commit(registration("a"));
    pass(30).await;
    assert!(office.health_news().await.is_empty());
}

#[actix::test]
async fn after_a_restart_the_ttl_begins_anew() {
    let mut office = closed_office();
    let long_ago = Registration {
        registered_at: Timestamp::default(),
        ..beating("a", &office)
    };
    office.commit(long_ago);
    office.address.do_send(Open);
    settle().await;
    pass(11).await;
    assert!(office.health_news().await.is_empty());
    pass(2).await;
    assert_eq!(office.health_news().await.len(), 1);
}

#[actix::test]
async fn who_stays_silent_is_deregistered() {
    let mut office = office();
    office.commit(beating("a", &office));
    office.beat("a").await;
    pass(59).await;
    assert_eq!(office.health_news().await.len(), 2);
    pass(2).await;
    let facts = office.commit_next().await;
    assert!(
        matches!(&facts[..], [Fact::Service(ServiceFact::InstanceDeregistered(gone))] if gone.instance_id == instance("a"))
    );
    pass(200).await;
    assert!(office.recorded.drain().await.is_empty());
}

#[actix::test]
async fn who_registers_while_its_expiry_is_on_its_way_stays() {
    let mut office = office();
    office.commit(beating("a", &office));
    pass(61).await;
    let expiry = office.next_record().await.facts;
    assert!(matches!(
        expiry[..],
        [Fact::Service(ServiceFact::InstanceDeregistered(_))]
    ));
    let refused = office.heartbeat("a").await.unwrap();
    assert_eq!(refused, Err(Refusal::NotFound));
    let again = Fact::Service(ServiceFact::ServiceRegistered(Arc::new(beating(
        "a", &office,
    ))));
    office.address.do_send(committed(2, vec![again]));
    office.address.do_send(committed(3, expiry));
    settle().await;
    assert_eq!(office.instance().await.health, Health::Unknown);
    pass(61).await;
    let facts = office.commit_next().await;
    assert!(matches!(
        facts[..],
        [Fact::Service(ServiceFact::InstanceDeregistered(_))]
    ));
    assert!(office.view().await[0].instances.is_empty());
}

#[actix::test]
async fn who_registers_does_not_expire_before_that_is_written() {
    let mut office = office();
    office.commit(beating("a", &office));
    pass(59).await;
    office.health_news().await;
    let (reply, _answer) = oneshot::channel();
    office.address.do_send(Register {
        registration: beating("a", &office),
        reply,
    });
    let facts = office.next_record().await.facts;
    assert!(matches!(
        facts[..],
        [Fact::Service(ServiceFact::ServiceRegistered(_))]
    ));
    pass(30).await;
    assert!(office.recorded.drain().await.is_empty());
}

#[actix::test]
async fn what_answers_no_health_check_is_deregistered_unless_it_lives_otherwise() {
    let mut office = office();
    office.transport.set_probe("a", Probe::Bad);
    office.commit(checked("a"));
    pass(25).await;
    assert_eq!(office.instance().await.health, Health::Unhealthy);
    for _ in 0..6 {
        pass(30).await;
        office.beat("a").await;
    }
    assert_eq!(office.health_news().await.len(), 2);
    pass(61).await;
    let facts = office.commit_next().await;
    assert!(matches!(
        facts[..],
        [Fact::Service(ServiceFact::InstanceDeregistered(_))]
    ));
}

#[actix::test]
async fn after_a_restart_the_time_to_expiry_begins_anew() {
    let mut office = closed_office();
    office.transport.set_probe("a", Probe::Bad);
    // Registered, and so last seen, long ago.
    office.commit(checked("a"));
    office.address.do_send(Open);
    settle().await;
    pass(59).await;
    assert_eq!(office.instance().await.health, Health::Unhealthy);
    assert_eq!(office.health_news().await.len(), 2);
    pass(2).await;
    let facts = office.commit_next().await;
    assert!(matches!(
        facts[..],
        [Fact::Service(ServiceFact::InstanceDeregistered(_))]
    ));
}

#[actix::test]
async fn who_is_judged_by_deliveries_alone_never_expires() {
    let mut office = office();
    office.commit(registration("a"));
    office.address.do_send(DeliverySeen {
        service: service("billing"),
        instance_id: instance("a"),
        address: address("a"),
        good: false,
    });
    pass(200).await;
    assert_eq!(office.health_news().await.len(), 1);
}

#[actix::test]
async fn what_happens_at_an_old_address_is_no_news_of_who_moved() {
    let mut office = office();
    office.commit(registration("a"));
    office.commit(Registration {
        address: Some(address("new")),
        ..registration("a")
    });
    office.address.do_send(DeliverySeen {
        service: service("billing"),
        instance_id: instance("a"),
        address: address("a"),
        good: false,
    });
    office.address.do_send(InstanceGone {
        asked_at: Timestamp::MAX,
        service: service("billing"),
        instance_id: instance("a"),
        address: address("a"),
    });
    assert!(office.recorded.drain().await.is_empty());
    let view = office.instance().await;
    assert_eq!((view.health, view.out_of_rotation), (Health::Unknown, None));
}

#[actix::test]
async fn a_fresh_probe_knows_of_an_overdue_heartbeat() {
    let office = office();
    office.commit(Registration {
        ttl_ms: Some(12_000),
        registered_at: office.clock.now(),
        ..checked("a")
    });
    pass(13).await;
    assert_eq!(office.instance().await.health, Health::Unhealthy);
    office.transport.set_probe("a", Probe::Panic);
    pass(9).await;
    office.transport.set_probe("a", Probe::Good);
    pass(20).await;
    assert_eq!(office.instance().await.health, Health::Unhealthy);
}

#[actix::test]
async fn a_draining_instance_is_no_target_until_it_registers_again() {
    let mut office = office();
    office.commit(registration("a"));
    assert_eq!(office.latest().await.unwrap().targets.len(), 1);
    let answer = office.drain("a");
    let facts = office.commit_next().await;
    let since = answer.await.unwrap().unwrap();
    assert!(
        matches!(&facts[..], [Fact::Service(ServiceFact::InstanceWithdrawn(one))] if one.at == since)
    );
    assert!(office.latest().await.unwrap().targets.is_empty());
    let view = office.instance().await;
    assert_eq!(view.out_of_rotation, Some(OutOfRotation::Draining));
    office.commit(registration("a"));
    assert_eq!(office.latest().await.unwrap().targets.len(), 1);
    assert_eq!(office.instance().await.out_of_rotation, None);
}

#[actix::test]
async fn a_drain_that_comes_late_means_the_registration_it_was_asked_for() {
    let mut office = office();
    office.commit(registration("a"));
    let _answer = office.drain("a");
    let later = office.clock.now().plus(Duration::from_secs(1));
    office.commit(Registration {
        registered_at: later,
        ..registration("a")
    });
    office.commit_next().await;
    assert_eq!(office.latest().await.unwrap().targets.len(), 1);
    assert_eq!(office.instance().await.out_of_rotation, None);
}

#[actix::test]
async fn draining_again_changes_nothing() {
    let mut office = office();
    office.commit(registration("a"));
    let first = office.drain("a");
    office.commit_next().await;
    let first = first.await.unwrap();
    pass(5).await;
    assert_eq!(office.drain("a").await.unwrap(), first);
    assert!(office.recorded.drain().await.is_empty());
    let unknown = office.drain("b").await.unwrap();
    assert_eq!(unknown, Err(Refusal::NotFound));
}

#[actix::test]
async fn draining_does_not_bring_back_who_is_gone_nor_stand_for_a_heartbeat() {
    let mut office = office();
    office.commit(beating("a", &office));
    office.address.do_send(InstanceGone {
        asked_at: Timestamp::MAX,
        service: service("billing"),
        instance_id: instance("a"),
        address: address("a"),
    });
    pass(10).await;
    office.commit_next().await;
    let answer = office.drain("a");
    office.commit_next().await;
    answer.await.unwrap().unwrap();
    let view = office.instance().await;
    assert_eq!(view.out_of_rotation, Some(OutOfRotation::Gone));
    pass(3).await;
    assert_eq!(office.instance().await.health, Health::Unhealthy);
}

#[actix::test]
async fn first_probes_after_a_restart_are_spread_over_a_second() {
    let mut office = closed_office();
    let names: Vec<String> = (0..1000).map(|number| format!("i{number}.")).collect();
    for name in &names {
        office.commit(checked(name));
    }
    office.address.do_send(Open);
    settle().await;
    assert!(office.transport.probes_of("i") < 100);
    pass(2).await;
    for name in &names {
        assert_eq!(office.transport.probes_of(&format!("//{name}")), 1);
    }
    assert_eq!(office.health_news().await.len(), 1000);
}
