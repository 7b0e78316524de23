//! What the application does, in process.

mod acting;
mod dead_letters;
mod overviews;
mod publishing;
mod queues;
mod receiving;
mod redriving;
mod searching;
mod sending;
mod subscriptions;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use uuid::Uuid;

use super::Hub;
use super::access::{Principal, Role};
use super::receive::ReceiveTerms;
use super::request::RequestContext;
use crate::domain::ids::{LeaseToken, MessageId, MessageType, ServiceName};
use crate::domain::message::{Extras, Fingerprint, Message, Priority};
use crate::domain::offer::Offer;
use crate::domain::payload::Payload;
use crate::logic::queues::lease::LeaseEnd;
use crate::logic::queues::leases::Leased;
use crate::runtime::test_hub::TestHub;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

fn principal(name: &str, is_operator: bool) -> Principal {
    let name = Some(service(name));
    let role = match is_operator {
        true => Role::Operator,
        false => Role::Service,
    };
    Principal { name, role }
}

fn operator() -> Principal {
    principal("boss", true)
}

/// A message from the shop.
fn message(hub: &Hub, destination: &str, payload: &str) -> Message {
    let now = hub.clock.wall();
    Message {
        id: MessageId::generate(now, rand::rng().random()),
        destination: service(destination),
        source: service("shop"),
        message_type: MessageType::parse("order").unwrap(),
        priority: Priority::Normal,
        accepted_at: now,
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse(payload).unwrap(),
        extras: None,
    }
}

/// The message as a client sends it that chose this id; content that differs has another print.
fn with_id(mut message: Message, id: u128, print: u128) -> Message {
    message.id = MessageId(Uuid::from_u128(id));
    message.extras = Some(Box::new(Extras {
        fingerprint: Some(Fingerprint(Uuid::from_u128(print))),
        ..Extras::default()
    }));
    message
}

fn offer(message: Message) -> Offer {
    Offer {
        message: Arc::new(message),
        or_reject: false,
    }
}

/// So many, under the usual lease.
fn for_now(max: usize, wait: Duration) -> ReceiveTerms {
    ReceiveTerms {
        max,
        wait,
        lease: None,
    }
}

impl TestHub {
    /// A hub that knows a service, which asks for its messages.
    async fn with_puller(name: &str) -> Self {
        let test = Self::start().await;
        test.register_puller(name).await;
        test
    }

    async fn register_puller(&self, name: &str) {
        assert!(self.pull_now(name, 1).await.is_empty());
    }

    /// What waits for the service now.
    async fn pull_now(&self, name: &str, max: usize) -> Vec<Leased> {
        self.receive(name, max, Duration::ZERO).await
    }

    /// What comes first.
    async fn pull(&self, name: &str, max: usize) -> Vec<Leased> {
        self.receive(name, max, PATIENCE).await
    }

    async fn receive(&self, name: &str, max: usize, wait: Duration) -> Vec<Leased> {
        let principal = principal(name, false);
        let context = RequestContext::of(&principal, self.hub.clock.wall());
        let leased = self
            .hub
            .receive(&context, service(name), for_now(max, wait))
            .unwrap();
        leased.await.unwrap()
    }

    /// What became of each message, in words.
    async fn send(&self, messages: Vec<Message>) -> Vec<String> {
        let principal = principal("shop", false);
        let context = RequestContext::of(&principal, self.hub.clock.wall());
        let offers = messages.into_iter().map(offer).collect();
        let outcomes = self.hub.send(&context, offers).await.unwrap();
        let told = outcomes.map(|outcome| match outcome {
            Ok(sent) => match sent.known() {
                None => "accepted".to_owned(),
                Some(_) => "known".to_owned(),
            },
            Err(error) => error.code().name().to_owned(),
        });
        told.collect()
    }

    async fn end(&self, name: &str, lease: LeaseToken, end: LeaseEnd) {
        let principal = principal(name, false);
        let context = RequestContext::of(&principal, self.hub.clock.wall());
        let ended = self.hub.end_leases(&context, vec![lease], end);
        ended.await.unwrap();
    }
}
