//! A socket that follows the events, in process: what its client is sent, and when.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use actix::AsyncContext;
use actix_web::body::{BodyStream, BoxBody, MessageBody};
use actix_web::web;
use actix_web_actors::ws::{Message, WebsocketContext};
use futures_util::stream::{self, StreamExt};
use tokio::task::yield_now;
use tokio::time::{pause, timeout};

use super::super::door::Door;
use super::super::{Session, Who};
use super::*;
use crate::domain::event::EventId;
use crate::domain::ids::{EventType, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::offer::EventOffer;
use crate::hub::Hub;
use crate::hub::access::{Principal, Role};
use crate::hub::request::RequestContext;
use crate::logic::event_query::EventQuery;
use crate::runtime::test_hub::TestHub;
use crate::websocket::flow::{Metered, SendBuffer};
use crate::websocket::incoming::Gate;

fn shop() -> Principal {
    Principal {
        name: ServiceName::parse("shop").ok(),
        role: Role::Service,
    }
}

async fn publish(hub: &Hub, event_type: &str, payload: &str) {
    let now = hub.clock.wall();
    let event = Event {
        id: EventId(uuid::Uuid::from_u128(rand::random())),
        sequence: 0,
        event_type: EventType::parse(event_type).unwrap(),
        source: ServiceName::parse("shop").unwrap(),
        published_at: now,
        stream: None,
        correlation_id: None,
        causation_id: None,
        payload: JsonText::parse(payload).unwrap(),
        extras: None,
    };
    let offer = EventOffer {
        event,
        expected_version: None,
    };
    let shop = shop();
    let context = RequestContext::of(&shop, now);
    let outcomes = hub.publish(&context, vec![offer], false).await.unwrap();
    assert!(outcomes.into_iter().all(|outcome| outcome.is_ok()));
}

/// The client of a socket: what the hub writes to it.
struct Client {
    socket: Pin<Box<Metered>>,
    read: Vec<u8>,
}

impl Client {
    /// Opens a socket and says this.
    fn open(hub: web::Data<Hub>, said: &'static str) -> Self {
        let principal = shop();
        let peer = hub.counted_for(&principal, None);
        let who = Who {
            principal,
            address: None,
            place: hub.sockets.held(&peer),
            door: Door::Open,
            peer,
            open_sockets: web::Data::default(),
        };
        let (send_buffer, gate) = (SendBuffer::default(), Gate::default());
        let session = Session::new(hub, who, send_buffer.clone(), gate, false);
        let said = stream::iter([Ok(Message::Text(said.into()))]).chain(stream::pending());
        let written = WebsocketContext::with_factory(stream::pending(), |context| {
            context.add_stream(said);
            session
        });
        let written = BoxBody::new(BodyStream::new(written));
        Self {
            socket: Box::pin(Metered::new(written, send_buffer)),
            read: Vec::new(),
        }
    }

    fn poll(&mut self, context: &mut TaskContext<'_>) -> Poll<()> {
        self.socket.as_mut().poll_next(context).map(|written| {
            let written = written.expect("the socket is open").unwrap();
            self.read.extend_from_slice(&written);
        })
    }

    fn has_read(&self, text: &str) -> bool {
        let mut places = self.read.windows(text.len());
        places.any(|place| place == text.as_bytes())
    }

    async fn reads(&mut self, text: &str) {
        while !self.has_read(text) {
            poll_fn(|context| self.poll(context)).await;
        }
    }

    /// Whatever takes no time happens.
    async fn settles(&mut self) {
        for _ in 0..256 {
            let _ = poll_fn(|context| Poll::Ready(self.poll(context))).await;
            yield_now().await;
        }
    }
}

#[actix::test]
async fn a_socket_reads_on_when_the_pause_of_an_archive_that_was_away_is_over() {
    let test_hub = TestHub::start().await;
    let hub = web::Data::from(test_hub.hub.clone());
    publish(&hub, "rare", r#""the first""#).await;
    // More than the hub has in memory.
    let large = format!("\"{}\"", "x".repeat(900 << 10));
    for _ in 0..20 {
        publish(&hub, "common", &large).await;
    }
    let query = EventQuery {
        from_sequence: Some(1),
        limit: 1,
        ..EventQuery::default()
    };
    let read = hub.events_before_memory(query).await.unwrap();
    assert_eq!(read.page.items.len(), 1);
    assert!(read.window.in_memory > 1, "{:?}", read.window);
    pause();
    test_hub.archive.set_unavailable(true);
    let said = r#"{"type": "subscribe", "event_types": ["rare"], "from_sequence": 1}"#;
    let mut client = Client::open(hub, said);
    client.settles().await;
    test_hub.archive.set_unavailable(false);
    let in_the_pause = timeout(Duration::from_millis(900), client.reads("the first")).await;
    assert!(in_the_pause.is_err(), "the archive was not away");
    // Long before anything else has the socket looked after.
    let after_it = timeout(Duration::from_millis(200), client.reads("the first")).await;
    assert!(after_it.is_ok(), "it waits on");
}

#[actix::test]
async fn what_a_client_does_not_want_to_see_is_counted() {
    const PUBLISHED: usize = 30;
    let test_hub = TestHub::start().await;
    let hub = web::Data::from(test_hub.hub.clone());
    let said = r##"{"type": "subscribe", "event_types": ["#"], "max_rate": 1}"##;
    let mut client = Client::open(hub.clone(), said);
    client.reads("subscribed").await;
    for _ in 0..PUBLISHED {
        publish(&hub, "a", "1").await;
    }
    let mut counts = Vec::new();
    let mut seen = 0;
    while seen + counts.iter().sum::<usize>() < PUBLISHED {
        poll_fn(|context| client.poll(context)).await;
        let read = String::from_utf8_lossy(&client.read);
        seen = read.matches(r#""type":"event""#).count();
        let told = read.split(r#""type":"skipped","count":"#).skip(1);
        let count = |rest: &str| rest.split(',').next().unwrap().parse().unwrap();
        counts = told.map(count).collect();
    }
    assert!(seen >= 1 && !counts.is_empty(), "{seen} {counts:?}");
    assert_eq!(seen + counts.iter().sum::<usize>(), PUBLISHED);
    let last = format!(r#""through":{PUBLISHED}}}"#);
    assert!(client.has_read(&last) || client.has_read(&format!(r#""sequence":{PUBLISHED},"#)));
}

#[actix::test]
async fn how_much_of_each_event_a_client_is_sent_holds_until_it_says_otherwise() {
    let test_hub = TestHub::start().await;
    let hub = web::Data::from(test_hub.hub.clone());
    let said = r#"[
        {"type": "subscribe", "event_types": ["a"], "subscription": "s", "payload": "head"},
        {"type": "subscribe", "event_types": ["b"], "ref": 1}
    ]"#;
    let mut heads = Client::open(hub.clone(), said);
    heads.reads(r#""ref":1"#).await;
    let said = r##"{"type": "subscribe", "event_types": ["#"], "payload": "none"}"##;
    let mut nothing = Client::open(hub.clone(), said);
    nothing.reads("subscribed").await;
    let said = r##"{"type": "subscribe", "event_types": ["#"]}"##;
    let mut whole = Client::open(hub.clone(), said);
    whole.reads("subscribed").await;
    publish(&hub, "a", "1e400").await;
    publish(&hub, "b", r#"{"b": 2}"#).await;
    heads
        .reads(r#""payload_head":"1e400","payload_bytes":5"#)
        .await;
    heads
        .reads(r#""payload_head":"{\"b\": 2}","payload_bytes":8"#)
        .await;
    nothing.reads(r#""sequence":2"#).await;
    whole.reads(r#""data":{"b": 2}"#).await;
    assert!(whole.has_read(r#""data":1e400"#));
    assert!(!heads.has_read(r#""data""#));
    assert!(!nothing.has_read(r#""data""#) && !nothing.has_read("payload_"));
}
