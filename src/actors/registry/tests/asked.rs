//! Strategies, forced circuits, dependencies and the status of a service.

use super::*;
use crate::actors::messages::registry::{Listen, SummarizeServices, SurveyServices};
use crate::domain::circuit::CircuitName;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::service::{ServiceFact, ServiceGone, ServiceSeen};
use crate::domain::ids::InstanceId;
use crate::logic::feed_news::FeedId;
use crate::logic::service_view::{InstanceTransport, ServiceSummary, ServicesSurvey};

fn forced(reset_timeout_ms: u64) -> CircuitChanged {
    CircuitChanged {
        circuit: CircuitName::Service(service("billing")),
        at: Timestamp::default(),
        from: CircuitState::Closed,
        to: CircuitState::Open,
        reason: "maintenance".to_owned(),
        forced: Some(Forced {
            by: None,
            reset_timeout_ms: Some(reset_timeout_ms),
        }),
    }
}

fn chosen(strategy: Option<Strategy>) -> Fact {
    Fact::Control(ControlFact::StrategyChosen(StrategyChosen {
        service: service("billing"),
        at: Timestamp::default(),
        strategy,
    }))
}

/// An instance of any service, pulling, that needs others.
fn needing(name: &str, needed: &[(&str, u32, bool)]) -> Registration {
    let dependencies = needed
        .iter()
        .map(|(name, minimum_instances, critical)| Dependency {
            service: service(name),
            minimum_instances: *minimum_instances,
            critical: *critical,
            version: None,
        });
    Registration {
        service: service(name),
        dependencies: dependencies.collect(),
        ..registration("a")
    }
}

impl Office {
    fn choose(&self, strategy: Option<Strategy>) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(ChooseStrategy {
            service: service("billing"),
            strategy,
            reply,
        });
        answer
    }

    async fn status_of(&self, name: &str) -> Health {
        let service = Some(service(name));
        let asked = self.address.send(InspectServices { service });
        asked.await.unwrap().pop().unwrap().status
    }

    async fn issues_of(&self, name: &str) -> Vec<String> {
        let asked = InspectDependencies {
            service: service(name),
            instead: None,
        };
        let report = self.address.send(asked).await.unwrap();
        report.expect("it is registered").issues()
    }
}

#[actix::test]
async fn a_strategy_is_told_once_it_is_in_the_journal() {
    let mut office = office();
    office.commit(registration("a"));
    assert_eq!(office.latest().await.unwrap().strategy, None);
    let answer = office.choose(Some(Strategy::Weighted));
    assert!(office.latest().await.is_none());
    assert_eq!(
        office.view().await[0].strategy,
        Strategy::HealthAware,
        "as configured"
    );
    office.commit_next().await;
    assert_eq!(answer.await.unwrap(), Ok(()));
    let told = office.latest().await.unwrap();
    assert_eq!(told.strategy, Some(Strategy::Weighted));
    let view = office.view().await.pop().unwrap();
    assert_eq!(
        (view.strategy, view.has_own_strategy),
        (Strategy::Weighted, true)
    );
    office.commit_fact(chosen(None));
    assert_eq!(office.latest().await.unwrap().strategy, None);
}

#[actix::test]
async fn an_unknown_service_has_no_strategy() {
    let mut office = office();
    let answer = office.choose(Some(Strategy::Random)).await.unwrap();
    assert_eq!(answer, Err(Refusal::NotFound));
    assert!(office.recorded.drain().await.is_empty());
}

#[actix::test]
async fn strategy_and_forced_circuit_are_known_after_a_restart_and_a_return() {
    let mut office = closed_office();
    office.commit(registration("a"));
    office.commit_fact(chosen(Some(Strategy::Random)));
    let changed = Arc::new(forced(1));
    office.commit_fact(Fact::Control(ControlFact::CircuitChanged(changed.clone())));
    assert!(office.latest().await.is_none());
    office.address.do_send(Open);
    let told = office.latest().await.unwrap();
    assert_eq!(told.strategy, Some(Strategy::Random));
    assert_eq!(told.forced.map(|forced| forced.changed), Some(changed));
    office.commit_fact(Fact::Service(ServiceFact::ServiceDeregistered(
        ServiceGone {
            service: service("billing"),
            at: Timestamp::default(),
        },
    )));
    office.commit(registration("a"));
    assert_eq!(
        office.latest().await.unwrap().strategy,
        Some(Strategy::Random)
    );
}

#[actix::test]
async fn only_the_latest_forced_state_is_told() {
    let mut office = office();
    office.commit(registration("a"));
    assert_eq!(office.latest().await.unwrap().forced, None);
    for reset_timeout_ms in [1, 2] {
        let changed = Arc::new(forced(reset_timeout_ms));
        office.commit_fact(Fact::Control(ControlFact::CircuitChanged(changed.clone())));
        let told = office.latest().await.unwrap().forced;
        assert_eq!(told.map(|forced| forced.changed), Some(changed));
    }
    let left = CircuitChanged {
        forced: None,
        ..forced(0)
    };
    office.commit_fact(Fact::Control(ControlFact::CircuitChanged(Arc::new(
        left.clone(),
    ))));
    assert_eq!(office.latest().await.unwrap().forced, None);
    office.commit_fact(Fact::Control(ControlFact::CircuitChanged(Arc::new(left))));
    assert!(office.latest().await.is_none());
}

#[actix::test]
async fn the_status_of_a_service_follows_its_instances() {
    use Health::{Degraded, Healthy, Unhealthy, Unknown};
    let cases: [(&[Health], Health); 8] = [
        (&[Unknown], Healthy),
        (&[Healthy, Healthy], Healthy),
        (&[Healthy, Degraded], Degraded),
        (&[Degraded], Degraded),
        (&[Healthy, Unhealthy], Degraded),
        (&[Unknown, Unhealthy], Degraded),
        (&[Unhealthy], Unhealthy),
        (&[Unhealthy, Unhealthy], Unhealthy),
    ];
    for (healths, expected) in cases {
        let mut services = Services::default();
        for (number, health) in healths.iter().enumerate() {
            let name = number.to_string();
            services.put(Arc::new(registration(&name)), Timestamp::default());
            let one = services.instance_mut(&service("billing"), &instance(&name));
            one.unwrap().health = *health;
        }
        let now = Timestamp::default();
        let status = services
            .view(&service("billing"), Strategy::RoundRobin, now.into())
            .unwrap()
            .status;
        assert_eq!(status, expected, "{healths:?}");
        services.put(Arc::new(registration("leaving")), Timestamp::default());
        services.withdraw(&draining(&registration("leaving")));
        let status = services
            .view(&service("billing"), Strategy::RoundRobin, now.into())
            .unwrap()
            .status;
        assert_eq!(status, expected, "one that drains does not count");
    }
}

#[actix::test]
async fn a_critical_dependency_degrades_while_it_is_missing() {
    let office = office();
    office.commit(needing("shop", &[("rules", 2, true)]));
    office.commit(needing("blog", &[("rules", 2, false)]));
    let missing = |found| [format!("Requires 2 instances of rules, found {found}")];
    assert_eq!(office.issues_of("shop").await, missing(0));
    assert_eq!(office.status_of("shop").await, Health::Degraded);
    assert_eq!(office.status_of("blog").await, Health::Healthy);
    let rules = |name| Registration {
        service: service("rules"),
        ..registration(name)
    };
    office.commit(rules("a"));
    assert_eq!(office.issues_of("shop").await, missing(1));
    office.commit(rules("b"));
    assert!(office.issues_of("shop").await.is_empty());
    assert_eq!(office.status_of("shop").await, Health::Healthy);
    office.address.do_send(InstanceGone {
        asked_at: Timestamp::MAX,
        service: service("rules"),
        instance_id: instance("a"),
        address: address("a"),
    });
    assert_eq!(office.issues_of("blog").await, missing(1));
    office.commit_fact(Fact::Service(ServiceFact::InstanceWithdrawn(draining(
        &rules("b"),
    ))));
    assert_eq!(office.issues_of("blog").await, missing(0));
}

#[actix::test]
async fn who_polls_without_registering_counts_as_one_instance() {
    let office = office();
    office.commit(needing("shop", &[("billing", 1, true)]));
    assert_eq!(office.issues_of("shop").await.len(), 1);
    office.poll();
    assert!(office.issues_of("shop").await.is_empty());
    let pulling = Registration {
        address: None,
        ..registration("a")
    };
    office.commit(pulling);
    assert_eq!(office.view().await[0].available, 1);
    office.commit(registration("b"));
    assert_eq!(office.view().await[0].available, 2);
}

#[actix::test]
async fn who_pulls_is_available_for_a_minute_after_it_polled() {
    let office = office();
    office.commit(needing("shop", &[("billing", 1, true)]));
    office.commit(Registration {
        address: None,
        ..registration("a")
    });
    let seen = async || {
        let view = office.view().await.pop().unwrap();
        (
            view.status,
            view.available,
            office.issues_of("shop").await.len(),
        )
    };
    assert_eq!(seen().await, (Health::Unhealthy, 0, 1));
    office.poll();
    assert_eq!(seen().await, (Health::Healthy, 1, 0));
    pass(61).await;
    assert_eq!(seen().await, (Health::Unhealthy, 0, 1));
}

#[actix::test]
async fn what_is_given_is_checked_instead_and_kept_nowhere() {
    let office = office();
    office.commit(needing("shop", &[("billing", 1, true)]));
    office.commit(needing("billing", &[("shop", 1, true)]));
    let [instead] = &needing("shop", &[("rules", 1, true)]).dependencies[..] else {
        panic!("one dependency")
    };
    for name in ["shop", "never-registered"] {
        let asked = InspectDependencies {
            service: service(name),
            instead: Some(vec![instead.clone()]),
        };
        let report = office.address.send(asked).await.unwrap().unwrap();
        assert_eq!(report.issues(), ["Requires 1 instance of rules, found 0"]);
        assert!(report.cycles.is_empty());
    }
    let asked = |name| InspectDependencies {
        service: service(name),
        instead: None,
    };
    let report = office.address.send(asked("shop")).await.unwrap().unwrap();
    assert!(report.is_satisfied());
    let cycle = ["shop", "billing", "shop"].map(service);
    assert_eq!(report.cycles, [cycle.to_vec()]);
    let unknown = office.address.send(asked("never-registered")).await;
    assert_eq!(unknown.unwrap(), None);
}

#[actix::test]
async fn a_service_has_no_more_instances_than_it_may() {
    let mut office = office();
    let enter = |office: &Office, name: &str| {
        let (reply, answer) = oneshot::channel();
        let registration = registration(name);
        office.address.do_send(Register {
            registration,
            reply,
        });
        answer
    };
    let mut answers = Vec::new();
    for n in 0..60 {
        answers.push(enter(&office, &format!("i{n}")));
    }
    for _ in 0..50 {
        office.commit_next().await;
    }
    for (n, answer) in answers.into_iter().enumerate() {
        let answer = answer.await.unwrap();
        assert_eq!(answer.is_ok(), n < 50, "{n}: {answer:?}");
    }
    // One that is there is replaced all the same, and who leaves makes room.
    let again = enter(&office, "i7");
    office.commit_next().await;
    assert!(again.await.unwrap().unwrap().replaced);
    office.deregister(Some(InstanceId::parse("i7").unwrap()));
    office.commit_next().await;
    let new = enter(&office, "new");
    office.commit_next().await;
    assert!(new.await.unwrap().is_ok());
}

/// What a summary must say of a service.
fn summed_up(view: &ServiceView) -> ServiceSummary {
    let of = |health| {
        let instances = view.instances.iter();
        instances.filter(|one| one.health == health).count()
    };
    let well = view.instances.iter();
    let well: Vec<_> = well.filter(|one| one.health != Health::Unhealthy).collect();
    let is_pushed = |one: &&InstanceView| one.transport == InstanceTransport::Http;
    let pushed = well.iter().copied().filter(is_pushed).count();
    let polls_unnamed = view.available as usize > well.len();
    ServiceSummary {
        service: view.service.clone(),
        status: view.status,
        instances: Health::ALL.map(of),
        available: view.available,
        consumers: well.len() - pushed + usize::from(polls_unnamed),
        is_failing: view.status == Health::Unhealthy
            && view.instances.iter().any(|one| is_pushed(&one)),
    }
}

/// Of those who are there and those who are not, who are called, who pull and who listen.
fn fill_with_all_sorts(office: &mut Office) {
    let pulling = |name, id| Registration {
        service: service(name),
        instance_id: instance(id),
        address: None,
        ..registration(id)
    };
    let failing = Registration {
        service: service("failing"),
        ttl_ms: Some(1000),
        ..registration("silent")
    };
    for registration in [
        registration("a"),
        registration("b"),
        failing,
        pulling("polled", "one"),
        pulling("idle", "one"),
        pulling("listened", "registered"),
        needing("lacking", &[("nobody", 1, true)]),
    ] {
        office.commit(registration);
    }
    for name in ["polled", "unnamed"] {
        office.commit_fact(Fact::Service(ServiceFact::ServiceSeen(ServiceSeen {
            service: service(name),
            at: Timestamp::default(),
        })));
        office.address.do_send(Polled {
            service: service(name),
            wait: Duration::ZERO,
        });
    }
    office.commit_fact(Fact::Service(ServiceFact::ServiceSeen(ServiceSeen {
        service: service("listened"),
        at: Timestamp::default(),
    })));
    for (socket, id) in [(1, "registered"), (2, "socket"), (3, "socket")] {
        let (reply, _agreed) = oneshot::channel();
        office.address.do_send(Listen {
            socket: FeedId(uuid::Uuid::from_u128(socket)),
            service: service("listened"),
            instance_id: instance(id),
            prefetch: 1,
            reply,
        });
    }
}

#[actix::test]
async fn a_summary_says_in_numbers_what_the_view_shows() {
    let mut office = office();
    fill_with_all_sorts(&mut office);
    pass(3).await;
    let views = office.address.send(InspectServices { service: None }).await;
    let expected: Vec<_> = views.unwrap().iter().map(summed_up).collect();
    let all = SummarizeServices { services: None };
    let summaries = office.address.send(all).await.unwrap();
    assert_eq!(summaries, expected);
    let some = ["polled", "never-seen", "failing"].map(service);
    let some = SummarizeServices {
        services: Some(some.into()),
    };
    let chosen = office.address.send(some).await.unwrap();
    let names: Vec<_> = chosen.iter().map(|one| one.service.as_str()).collect();
    assert_eq!(names, ["polled", "failing"]);
    assert!(chosen.iter().all(|one| summaries.contains(one)));
    let consumers = |name| {
        let mut all = summaries.iter();
        all.find(|one| one.service == service(name))
            .unwrap()
            .consumers
    };
    let told = ["billing", "polled", "unnamed", "listened"].map(consumers);
    assert_eq!(told, [0, 1, 1, 2]);
    let failing: Vec<_> = summaries.iter().filter(|one| one.is_failing).collect();
    assert_eq!(failing.len(), 1);
    assert_eq!(failing[0].service, service("failing"));
    let survey = office.address.send(SurveyServices).await.unwrap();
    let of = |status| summaries.iter().filter(|one| one.status == status).count();
    let together = ServicesSurvey {
        registered: summaries.len(),
        degraded: of(Health::Degraded),
        unhealthy: of(Health::Unhealthy),
        consumers: summaries.iter().map(|one| one.consumers).sum(),
        is_one_failing: true,
    };
    assert_eq!(survey, together);
    assert_eq!(survey.healthy(), of(Health::Healthy));
    drop(office.recorded.drain().await);
}
