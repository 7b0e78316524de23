mod events;
mod quotas;

use std::collections::BTreeMap;
use std::time::Duration;

use actix::Addr;
use tokio::sync::oneshot;

use super::*;
use crate::actors::fixtures::{
    accept, accepted, committed, delivered, event, event_offer, message, named_event,
    named_message, offer, publish, service, service_seen, unwatched,
};
use crate::actors::probe::{Received, probe};
use crate::domain::fact::control::ControlFact;
use crate::domain::message::{Message, Priority};
use crate::domain::quota::Quota;
use crate::domain::service::TypeCapacity;
use crate::logic::quotas::Source;
use crate::metrics::Scrape;
use crate::metrics::services::{ServiceNow, ServicesPicture};

/// A gate with room for two messages of each level, and what it lets through.
struct Gate {
    address: Addr<Router>,
    clock: Clock,
    metrics: Arc<Metrics>,
    let_in: Received<Accept>,
    published: Received<Publish>,
    recorded: Received<Record>,
    request_rates: RequestRates,
}

fn gate() -> Gate {
    tokio::time::pause();
    let (accept, let_in) = probe();
    let (record, recorded) = probe();
    let (publish, published) = probe();
    let hops = Hops {
        accept,
        publish,
        record,
    };
    let (clock, metrics) = (Clock::start(), Arc::new(Metrics::new()));
    let shown = metrics.clone();
    let admission = Admission::new(2, 1 << 20);
    let configured = BTreeMap::from([(service("frugal"), sending(1))]);
    let quotas = Quotas::new(configured, clock.now());
    let request_rates = RequestRates::default();
    let router = Router::new(
        clock,
        metrics,
        admission,
        (quotas, request_rates.clone()),
        hops,
        unwatched(),
    );
    Gate {
        address: router.start(),
        clock,
        metrics: shown,
        let_in,
        published,
        recorded,
        request_rates,
    }
}

fn released(messages: Vec<Arc<Message>>) -> Release {
    Release {
        messages,
        publishers: Vec::new(),
    }
}

/// A gate that knows `billing`.
fn gate_to_billing() -> Gate {
    let gate = gate();
    gate.address
        .do_send(committed(1, vec![service_seen("billing")]));
    gate
}

impl Gate {
    fn message(&self, number: u128) -> Message {
        message(number, self.clock.now())
    }

    fn ask(&self, slots: Vec<Slot>) -> oneshot::Receiver<Vec<Slot>> {
        let (request, answer) = accept(slots);
        self.address.do_send(request);
        answer
    }

    /// The slots of the one request that was let in.
    async fn only_request(&mut self) -> Vec<Slot> {
        let mut requests = self.let_in.drain().await;
        assert_eq!(requests.len(), 1);
        requests.remove(0).slots
    }

    /// What is measured, while `billing` is shown.
    fn series(&self) -> String {
        let billing = ServiceNow {
            name: "billing".to_owned(),
            ..ServiceNow::default()
        };
        let picture = ServicesPicture {
            services: vec![billing],
            ..ServicesPicture::default()
        };
        let texts = self.metrics.texts(&Scrape {
            totals: Default::default(),
            depths: &Default::default(),
            picture: &picture,
            now: self.clock.now(),
        });
        String::from_utf8(texts.with_names.to_vec()).unwrap()
    }

    async fn report(&self, name: &str) -> AdmissionReport {
        let service = Some(service(name));
        let asked = InspectAdmission { service };
        self.address.send(asked).await.unwrap()
    }

    async fn let_in_count(&mut self) -> usize {
        self.let_in.drain().await.len()
    }

    fn or_reject(&self, number: u128) -> Slot {
        Slot::Offered(Offer {
            message: Arc::new(self.message(number)),
            or_reject: true,
        })
    }

    /// A message of another sender than usual.
    fn message_of(&self, sender: &str, number: u128) -> Message {
        Message {
            source: service(sender),
            ..self.message(number)
        }
    }

    async fn set(&self, name: &str, quota: Option<Quota>) {
        let set = QuotaSet {
            service: service(name),
            at: self.clock.now(),
            quota,
        };
        let news = committed(9, vec![Fact::Control(ControlFact::QuotaSet(set))]);
        self.address.send(news).await.unwrap();
    }

    async fn quotas(&self) -> Vec<QuotaView> {
        let asked = InspectQuotas { service: None };
        self.address.send(asked).await.unwrap()
    }

    fn see(&self, outlook: Outlook) {
        self.see_types(outlook, Arc::new([]));
    }

    fn see_types(&self, outlook: Outlook, types: Arc<[TypeCapacity]>) {
        self.address.do_send(WindowChanged {
            service: service("billing"),
            window: 1,
            outlook,
            types,
        });
    }
}

/// A burst, and then a message a thousand seconds.
fn sending(burst: u32) -> Quota {
    Quota {
        send_rate: Some(0.001),
        send_burst: Some(burst),
        ..Quota::default()
    }
}

fn rate_limited(sender: &str) -> Refusal {
    Refusal::RateLimited {
        service: service(sender),
        retry_after: Duration::from_secs(1000),
    }
}

fn lane_full() -> Slot {
    Slot::Refused(Refusal::LaneFull {
        service: service("billing"),
        priority: Priority::Normal,
        capacity: 2,
    })
}

#[actix::test]
async fn refuses_a_destination_nobody_ever_registered() {
    let mut gate = gate();
    let answer = gate.ask(vec![offer(gate.message(1))]).await.unwrap();
    let unknown = Refusal::UnknownService {
        service: service("billing"),
    };
    assert_eq!(answer, [Slot::Refused(unknown)]);
    assert_eq!(gate.let_in_count().await, 0);
}

#[actix::test]
async fn lets_in_exactly_the_capacity_and_more_after_a_settlement() {
    let mut gate = gate_to_billing();
    for number in 1..=2 {
        let slots = vec![offer(gate.message(number))];
        let _client = gate.ask(slots.clone());
        assert_eq!(gate.only_request().await, slots);
    }
    let answer = gate.ask(vec![offer(gate.message(3))]).await.unwrap();
    assert_eq!(answer, [lane_full()]);
    // What came through this gate is not counted twice.
    let (first, second) = (gate.message(1), gate.message(2));
    let facts = vec![accepted(first.clone()), accepted(second), delivered(&first)];
    gate.address.do_send(committed(2, facts));
    let _client = gate.ask(vec![offer(gate.message(4))]);
    assert_eq!(gate.let_in_count().await, 1);
    let answer = gate.ask(vec![offer(gate.message(5))]).await.unwrap();
    assert_eq!(answer, [lane_full()]);
}

#[actix::test]
async fn counts_what_was_owed_before_a_restart() {
    let gate = gate_to_billing();
    let facts = vec![accepted(gate.message(1)), accepted(gate.message(2))];
    let replayed = Committed {
        at: crate::domain::moment::Moment::default(),
        replay: true,
        set_since: 0,
        ..committed(2, facts)
    };
    gate.address.do_send(replayed);
    let answer = gate.ask(vec![offer(gate.message(3))]).await.unwrap();
    assert_eq!(answer, [lane_full()]);
}

#[actix::test]
async fn room_that_was_not_used_is_free_again() {
    let mut gate = gate_to_billing();
    let slots = vec![offer(gate.message(1)), offer(gate.message(2))];
    let _client = gate.ask(slots);
    assert_eq!(gate.let_in_count().await, 1);
    let messages = vec![Arc::new(gate.message(1))];
    gate.address.do_send(released(messages));
    let slots = vec![offer(gate.message(3)), offer(gate.message(4))];
    let _client = gate.ask(slots);
    let slots = gate.only_request().await;
    assert!(matches!(slots[0], Slot::Offered(_)));
    assert_eq!(slots[1], lane_full());
}

#[actix::test]
async fn who_does_not_want_to_queue_is_told_why_he_would() {
    let mut gate = gate_to_billing();
    let no_instance = Slot::Refused(Refusal::NoInstance {
        service: service("billing"),
    });
    let answer = gate.ask(vec![gate.or_reject(1)]).await.unwrap();
    assert_eq!(answer, std::slice::from_ref(&no_instance));
    let since = gate.clock.now();
    gate.see(Outlook::NoInstance { since });
    let answer = gate.ask(vec![gate.or_reject(1)]).await.unwrap();
    assert_eq!(answer, [no_instance]);
    let retry_after = Duration::from_secs(40);
    let until = gate.clock.now().plus(retry_after);
    gate.see(Outlook::CircuitOpen { until });
    let answer = gate.ask(vec![gate.or_reject(1)]).await.unwrap();
    let circuit_open = Refusal::CircuitOpen {
        service: service("billing"),
        retry_after,
    };
    assert_eq!(answer, [Slot::Refused(circuit_open)]);
    assert_eq!(gate.let_in_count().await, 0);
    gate.see(Outlook::Ready);
    let _client = gate.ask(vec![gate.or_reject(1)]);
    assert_eq!(gate.let_in_count().await, 1);
}

#[actix::test]
async fn who_does_not_want_to_queue_is_refused_a_type_nobody_takes() {
    let mut gate = gate_to_billing();
    let types: Arc<[_]> = Arc::new([gate.message(1).message_type]);
    for (capacity, is_let_in) in [(0, false), (3, true)] {
        let parks = capacity == 0;
        let types = Arc::new([TypeCapacity {
            types: types.clone(),
            capacity,
            parks,
        }]);
        gate.see_types(Outlook::Ready, types);
        let _client = gate.ask(vec![gate.or_reject(1)]);
        assert_eq!(gate.let_in_count().await, usize::from(is_let_in));
    }
}

#[actix::test]
async fn who_may_queue_does_so_while_the_circuit_is_open() {
    let mut gate = gate_to_billing();
    let until = gate.clock.now().plus(Duration::from_secs(40));
    gate.see(Outlook::CircuitOpen { until });
    let _client = gate.ask(vec![offer(gate.message(1))]);
    assert_eq!(gate.let_in_count().await, 1);
}

#[actix::test]
async fn each_message_of_a_batch_gets_an_answer_of_its_own() {
    let mut gate = gate_to_billing();
    let mut elsewhere = gate.message(1);
    elsewhere.destination = service("nowhere");
    let good = offer(gate.message(2));
    let _client = gate.ask(vec![
        offer(elsewhere),
        good.clone(),
        gate.or_reject(3),
        good.clone(),
        good.clone(),
    ]);
    let slots = gate.only_request().await;
    let unknown = Refusal::UnknownService {
        service: service("nowhere"),
    };
    let no_instance = Refusal::NoInstance {
        service: service("billing"),
    };
    let expected = [
        Slot::Refused(unknown),
        good.clone(),
        Slot::Refused(no_instance),
        good,
        lane_full(),
    ];
    assert_eq!(slots, expected);
}

#[actix::test]
async fn reports_how_full_it_is() {
    let mut gate = gate_to_billing();
    let slots = (1..=3).map(|number| offer(gate.message(number))).collect();
    let _client = gate.ask(slots);
    gate.let_in_count().await;
    let report = gate.report("billing").await;
    let billing = DestinationAdmission {
        is_throttled: true,
        is_full: true,
        events: AdmissionEvents {
            overflows: 1,
            throttles: 1,
        },
    };
    assert_eq!(report.destinations.get("billing"), Some(&billing));
    assert!(!report.memory_full);
}

#[actix::test]
async fn what_is_forgotten_stays_a_destination_and_in_the_sums() {
    let mut gate = gate_to_billing();
    let slots = (1..=3).map(|number| offer(gate.message(number))).collect();
    let _client = gate.ask(slots);
    gate.let_in_count().await;
    let forgotten = Forgotten {
        service: service("billing"),
    };
    let overflows = |report: &AdmissionReport| {
        let one = report.destinations.get("billing");
        (
            one.map(|one| one.events.overflows),
            report.past_events.overflows,
        )
    };
    assert_eq!(overflows(&gate.report("billing").await), (Some(1), 0));
    let series = "message_hub_refusals_total{reason=\"lane_full\",service=\"billing\"} 1";
    gate.address.do_send(forgotten.clone());
    // Two messages of it were just let in.
    assert_eq!(overflows(&gate.report("billing").await), (Some(0), 1));
    assert!(gate.series().contains(series));
    let both = [1, 2].map(|number| Arc::new(gate.message(number)));
    gate.address.do_send(released(both.into()));
    gate.address.do_send(forgotten);
    let report = gate.report("billing").await;
    assert_eq!(overflows(&report), (None, 1));
    assert!(report.is_known && !gate.series().contains("message_hub_refusals_total{"));
    assert!(!gate.report("mail").await.is_known);
}
