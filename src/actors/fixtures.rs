//! What tests of actors are made of: messages, facts, a death nobody mourns, a scripted network.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::Message as ActixMessage;
use futures_util::future::{FutureExt, LocalBoxFuture, pending, ready};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::death_watch::DeathWatch;
use super::messages::Committed;
use super::messages::router::{Accept, EventSlot, Publish, Slot};
use super::probe::probe;
use crate::domain::attempt::{Attempt, AttemptOutcome};
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, EventExtras, EventId};
use crate::domain::fact::message::{AttemptFailed, MessageFact, Settlement};
use crate::domain::fact::service::{ServiceFact, ServiceSeen};
use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::{EventType, InstanceId, MessageId, MessageType, Position, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::message::{Extras, Fingerprint, Message, Priority};
use crate::domain::offer::{EventOffer, Offer};
use crate::domain::payload::Payload;
use crate::domain::refusal::Refusal;
use crate::domain::service::{Address, Health, Registration, Target};
use crate::domain::shortage::Shortage;
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::Delivery;
use crate::ports::transport::{ProbeResponse, PushRequest, PushResponse, Transport};

pub(super) fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

pub(super) fn instance(name: &str) -> InstanceId {
    InstanceId::parse(name).unwrap()
}

pub(super) fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

/// The timers of tokio go off at the next whole millisecond after their time.
pub(super) fn assert_time(now: Timestamp, expected: Timestamp) {
    let late = now.as_millis() - expected.as_millis();
    assert!((0..=1).contains(&late), "{late} ms late");
}

/// What is told while the disk is almost full.
pub(super) fn disk_low() -> Refusal {
    Refusal::StorageFull(Arc::new(Shortage {
        path: "wal".into(),
        free: Some(1),
        reserve: 2,
    }))
}

/// A normal message to `billing`.
pub(super) fn message(number: u128, now: Timestamp) -> Message {
    Message {
        id: id(number),
        destination: service("billing"),
        source: service("shop"),
        message_type: MessageType::parse("order.paid").unwrap(),
        priority: Priority::Normal,
        accepted_at: now,
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse("{}").unwrap(),
        extras: None,
    }
}

/// A message whose id the client chose; `content` stands for everything else in it.
pub(super) fn named_message(number: u128, content: u128, now: Timestamp) -> Message {
    let extras = Extras {
        fingerprint: Some(Fingerprint(Uuid::from_u128(content))),
        ..Extras::default()
    };
    Message {
        extras: Some(Box::new(extras)),
        ..message(number, now)
    }
}

pub(super) fn offer(message: Message) -> Slot {
    Slot::Offered(Offer {
        message: Arc::new(message),
        or_reject: false,
    })
}

/// The offers of one request, and where its answer arrives.
pub(super) fn accept(slots: Vec<Slot>) -> (Accept, oneshot::Receiver<Vec<Slot>>) {
    let (reply, answer) = oneshot::channel();
    (Accept { slots, reply }, answer)
}

/// An event of `shop` in no stream, without its place.
pub(super) fn event(number: u128, now: Timestamp) -> Event {
    Event {
        id: EventId(Uuid::from_u128(number)),
        sequence: 0,
        event_type: EventType::parse("order.paid").unwrap(),
        source: service("shop"),
        published_at: now,
        stream: None,
        correlation_id: None,
        causation_id: None,
        payload: JsonText::parse("{}").unwrap(),
        extras: None,
    }
}

/// An event whose id the publisher chose; `content` stands for everything else in it.
pub(super) fn named_event(number: u128, content: u128, now: Timestamp) -> Event {
    let extras = EventExtras {
        fingerprint: Some(Fingerprint(Uuid::from_u128(content))),
        ..EventExtras::default()
    };
    Event {
        extras: Some(Box::new(extras)),
        ..event(number, now)
    }
}

pub(super) fn event_offer(event: Event) -> EventSlot {
    EventSlot::Offered(Box::new(EventOffer {
        event,
        expected_version: None,
    }))
}

/// The events of one request, and where its answer arrives.
pub(super) fn publish(
    slots: Vec<EventSlot>,
    atomic: bool,
) -> (Publish, oneshot::Receiver<Vec<EventSlot>>) {
    let (reply, answer) = oneshot::channel();
    let publish = Publish {
        slots,
        atomic,
        reply,
    };
    (publish, answer)
}

pub(super) fn committed(first: Position, facts: Vec<Fact>) -> Committed {
    // Just now, as far as what has happened tells.
    let at = facts.iter().filter_map(Fact::at).max().unwrap_or_default();
    let records = (first..).zip(facts);
    Committed {
        at: at.into(),
        records: records
            .map(|(position, fact)| Recorded { position, fact })
            .collect(),
        replay: false,
        set_since: 0,
    }
}

pub(super) fn accepted(message: Message) -> Fact {
    Fact::Message(MessageFact::Accepted(Arc::new(message)))
}

pub(super) fn settlement(message: &Message, reason: Option<DeadReason>) -> Settlement {
    Settlement {
        id: message.id,
        at: message.accepted_at,
        lane: message.lane(),
        attempt: None,
        reason,
        holds_key: false,
    }
}

pub(super) fn delivered(message: &Message) -> Fact {
    Fact::Message(MessageFact::Delivered(settlement(message, None)))
}

pub(super) fn dead(message: &Message) -> Fact {
    Fact::Message(MessageFact::DeadLettered(settlement(
        message,
        Some(DeadReason::Rejected),
    )))
}

/// The first attempt, failed; the next begins at `retry_at`.
pub(super) fn attempt_failed(message: &Message, retry_at: Timestamp) -> Fact {
    let attempt = Attempt {
        number: 1,
        at: message.accepted_at,
        instance: None,
        outcome: AttemptOutcome::Failed,
        status_code: Some(500),
        duration_ms: 1,
        error: None,
    };
    Fact::Message(MessageFact::AttemptFailed(AttemptFailed {
        id: message.id,
        attempt,
        retry_at,
    }))
}

pub(super) fn service_seen(name: &str) -> Fact {
    Fact::Service(ServiceFact::ServiceSeen(ServiceSeen {
        service: service(name),
        at: Timestamp::default(),
    }))
}

pub(super) fn delivery(message: Message) -> Delivery {
    Delivery {
        outlived: message.expires_at,
        message: Arc::new(message),
        attempt: 1,
        hand_outs: 1,
    }
}

/// Ten messages at once go to `http://<name>/messages`.
pub(super) fn target(name: &str) -> Target {
    Target {
        instance_id: instance(name),
        address: address(name),
        max_in_flight: 10,
        health: Health::Healthy,
        is_checked: true,
        weight: 1,
        capabilities: Arc::new([]),
    }
}

pub(super) fn address(host: &str) -> Arc<Address> {
    Arc::new(Address {
        url: format!("http://{host}"),
        message_endpoint: "/messages".to_owned(),
    })
}

/// An instance of `billing` that is pushed to and has no health check.
pub(super) fn registration(name: &str) -> Registration {
    Registration {
        service: service("billing"),
        instance_id: instance(name),
        registered_at: Timestamp::default(),
        version: None,
        address: Some(address(name)),
        health_check: None,
        max_in_flight: 10,
        endpoints: Vec::new(),
        metadata: None,
        weight: 1,
        capabilities: Vec::new(),
        ttl_ms: None,
        dependencies: Vec::new(),
    }
}

#[derive(ActixMessage)]
#[rtype(result = "()")]
struct Dead;

/// A watch whose news nobody reads.
pub(super) fn unwatched() -> DeathWatch {
    let (watcher, _) = probe::<Dead>();
    DeathWatch::new(watcher, Dead)
}

/// How the scripted network answers one push.
pub(super) enum Push {
    Answer(PushResponse),
    /// The same, so long after it was sent.
    Late(Duration, PushResponse),
    Hang,
    Panic,
}

/// How the scripted network answers a probe.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    Good,
    Bad,
    Hang,
    Panic,
}

/// A network that answers by script and remembers what it was asked.
#[derive(Default)]
pub(super) struct ScriptedTransport {
    pushes: RefCell<VecDeque<Push>>,
    requests: RefCell<Vec<PushRequest>>,
    /// The first that is part of the url counts; none is a good answer.
    probes: RefCell<Vec<(&'static str, Probe)>>,
    probed: RefCell<Vec<String>>,
}

impl ScriptedTransport {
    pub(super) fn new(pushes: impl IntoIterator<Item = Push>) -> Rc<Self> {
        let pushes = RefCell::new(pushes.into_iter().collect());
        Rc::new(Self {
            pushes,
            ..Self::default()
        })
    }

    pub(super) fn then(&self, push: Push) {
        self.pushes.borrow_mut().push_back(push);
    }

    /// The urls of the pushes so far, in order.
    pub(super) fn pushed_to(&self) -> Vec<String> {
        let requests = self.requests.borrow();
        requests.iter().map(|request| request.url.clone()).collect()
    }

    /// The pushes so far, in order.
    pub(super) fn pushed(&self) -> Vec<PushRequest> {
        self.requests.borrow().clone()
    }

    /// From now on probes of `host` are answered so.
    pub(super) fn set_probe(&self, host: &'static str, probe: Probe) {
        self.probes.borrow_mut().insert(0, (host, probe));
    }

    /// How often `host` was probed.
    pub(super) fn probes_of(&self, host: &str) -> usize {
        let probed = self.probed.borrow();
        probed.iter().filter(|url| url.contains(host)).count()
    }
}

impl Transport for ScriptedTransport {
    fn push(&self, request: PushRequest) -> LocalBoxFuture<'static, PushResponse> {
        self.requests.borrow_mut().push(request);
        match self.pushes.borrow_mut().pop_front() {
            Some(Push::Answer(answer)) => ready(answer).boxed_local(),
            Some(Push::Late(after, answer)) => async move {
                tokio::time::sleep(after).await;
                answer
            }
            .boxed_local(),
            Some(Push::Hang) => pending().boxed_local(),
            Some(Push::Panic) => panic!("as scripted"),
            None => panic!("a push nobody scripted"),
        }
    }

    fn probe(&self, url: String, _: Duration) -> LocalBoxFuture<'static, ProbeResponse> {
        let probes = self.probes.borrow();
        let scripted = probes.iter().find(|(host, _)| url.contains(host));
        let answer = scripted.map_or(Probe::Good, |(_, probe)| *probe);
        self.probed.borrow_mut().push(url);
        match answer {
            Probe::Good => ready(ProbeResponse::Well).boxed_local(),
            Probe::Bad => ready(ProbeResponse::NotWell("as scripted".to_owned())).boxed_local(),
            Probe::Hang => pending().boxed_local(),
            Probe::Panic => panic!("as scripted"),
        }
    }
}

/// An HTTP answer without a body.
pub(super) fn status(code: u16) -> Push {
    Push::Answer(http(code))
}

/// The same five seconds late.
pub(super) fn late(code: u16) -> Push {
    Push::Late(Duration::from_secs(5), http(code))
}

fn http(code: u16) -> PushResponse {
    PushResponse::Status {
        code,
        retry_after: None,
        excerpt: String::new(),
    }
}

/// 503, to be tried again no sooner than `pause` from now.
pub(super) fn busy_for(pause: Duration) -> Push {
    Push::Answer(PushResponse::Status {
        code: 503,
        retry_after: Some(pause),
        excerpt: String::new(),
    })
}
