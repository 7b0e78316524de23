//! One socket: what its client asks, and the events and messages on their way to it.
//!
//! Owns what was read and not done, the answers, the feed of events and the consumers. Receives
//! frames from its client, [`FeedNews`] from the EventLog, [`SocketNews`] from Subscriptions and
//! messages from the Scheduler; sends what the client asks to whoever does it. Never holds more
//! than its bounds: it runs only while the connection takes bytes (see [`super::flow`]), asks for
//! no more events than it has room for, and stops reading while too much of what it read is not
//! answered.

mod client;
mod consumers;
pub(super) mod door;
mod entrance;
mod feed;
mod leaving;
mod life;
mod requests;
mod stage;
mod step;
mod watch;
mod watching;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::fut::ActorFuture;
use actix::{Actor, AsyncContext, Handler, Message, StreamHandler};
use actix_web::web;
use actix_web_actors::ws::{self, CloseCode, ProtocolError, WebsocketContext};
use bytestring::ByteString;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::answers::{Answer, Answers, Slip, array};
use super::flow::SendBuffer;
use super::frames;
use super::incoming::{Gate, Trouble};
use super::open_sockets::{Describe, OpenSocket, OpenSockets};
use super::texts;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::access::Principal;
use crate::hub::error::HubError;
use crate::logic::feed_news::{FeedId, FeedNews, SocketNews};
use crate::phase::Phase;
use crate::pool::{Held, Peer};
use client::{SocketClient, SocketName};
use consumers::Consumers;
use door::Door;
use feed::Feed;
use life::Life;
use stage::{Farewell, Stage};
use step::Step;
use watch::Watching;

const PING_INTERVAL: Duration = Duration::from_secs(15);
/// No more is read while so many frames, or bytes of them, are not answered.
const MOST_REQUESTS: usize = 1024;
const MOST_REQUEST_BYTES: usize = 512 << 10;
/// Nothing more is done while so many bytes of answers wait to be written.
const MOST_ANSWER_BYTES: usize = 256 << 10;
/// An array of events and messages is ended at this size, in bytes.
const ARRAY_BYTES: usize = 64 << 10;

pub(crate) type Context = WebsocketContext<Session>;

/// Who opens a socket.
pub(crate) struct Who {
    pub principal: Principal,
    pub address: Option<SocketAddr>,
    pub peer: Peer,
    /// Among the sockets of its peer.
    pub place: Held,
    pub door: Door,
    pub open_sockets: web::Data<OpenSockets>,
}

pub(crate) struct Session {
    hub: web::Data<Hub>,
    client: Rc<SocketClient>,
    peer: Peer,
    _place: Held,
    door: Door,
    open_sockets: web::Data<OpenSockets>,
    /// By the system's clock.
    opened_at: Timestamp,
    socket: FeedId,
    send_buffer: SendBuffer,
    gate: Gate,
    /// Read, and not looked at.
    texts: VecDeque<ByteString>,
    /// Of the text that was looked at last, what is not begun.
    steps: VecDeque<Step>,
    answers: Answers,
    feed: Feed,
    consumers: Consumers,
    watching: Watching,
    /// The client has shown that it takes arrays.
    takes_arrays: bool,
    /// Whose turn it is when both events and messages wait.
    events_first: bool,
    is_draining: bool,
    stage: Stage,
    life: Life,
    /// When it was last looked after, by the hub's own clock.
    beaten_at: Timestamp,
}

impl Session {
    pub(crate) fn new(
        hub: web::Data<Hub>,
        who: Who,
        send_buffer: SendBuffer,
        gate: Gate,
        takes_arrays: bool,
    ) -> Self {
        let socket = FeedId(Uuid::from_u128(rand::random()));
        hub.counters.open_sockets.inc();
        let beaten_at = hub.clock.now();
        Self {
            feed: Feed::default(),
            consumers: Consumers::new(hub.returns(), hub.phase.clone(), socket),
            opened_at: hub.clock.wall(),
            watching: Watching::default(),
            hub,
            client: Rc::new(SocketClient {
                principal: who.principal,
                address: who.address,
                socket: SocketName(socket.0),
                turn: Mutex::default(),
            }),
            peer: who.peer,
            _place: who.place,
            door: who.door,
            open_sockets: who.open_sockets,
            socket,
            send_buffer,
            gate,
            texts: VecDeque::new(),
            steps: VecDeque::new(),
            answers: Answers::default(),
            takes_arrays,
            events_first: true,
            is_draining: false,
            stage: Stage::Open,
            life: Life::new(),
            beaten_at,
        }
    }

    /// Runs whenever anything happened, and whenever there is room again.
    fn pump(&mut self, ctx: &mut Context) {
        if matches!(self.stage, Stage::Closed) {
            return;
        }
        loop {
            let stopped_for_room = self.work(ctx);
            self.write(ctx);
            if !stopped_for_room || !self.send_buffer.is_left() {
                break;
            }
        }
        self.feed_on(ctx);
        self.await_report(ctx);
        self.ask_for_messages(ctx);
        self.gate.set_open(self.wants_more());
        self.part(ctx);
    }

    fn wants_more(&self) -> bool {
        let listens = match self.stage {
            Stage::Open => !self.is_draining,
            Stage::Parting => true,
            Stage::Leaving(_) | Stage::Closed => false,
        };
        listens && self.texts.is_empty() && self.steps.is_empty() && self.may_begin()
    }

    /// Whether one more text may be looked at.
    fn may_begin(&self) -> bool {
        self.answers.requests() < MOST_REQUESTS
            && self.answers.bytes() < MOST_REQUEST_BYTES
            && self.answers.ready_bytes() < MOST_ANSWER_BYTES
    }

    /// As much as there is room for: answers first, then events and messages in turn.
    fn write(&mut self, ctx: &mut Context) {
        if self.has_said_goodbye() {
            return self.answers.forget_ready();
        }
        while self.send_buffer.is_left() {
            if let Some(text) = self.answers.pop() {
                self.emit(text, ctx);
                continue;
            }
            let Some(text) = self.next_delivery() else {
                break;
            };
            self.life.wrote();
            if self.takes_arrays {
                let text = self.gather(text);
                self.emit(text, ctx);
            } else {
                self.emit(text, ctx);
            }
        }
    }

    fn emit(&self, text: ByteString, ctx: &mut Context) {
        self.send_buffer.take(text.len());
        self.hub.counters.texts_sent.inc();
        ctx.text(text);
    }

    /// What else is ready, in one array.
    fn gather(&mut self, first: ByteString) -> ByteString {
        let mut bytes = first.len();
        let mut texts = vec![first];
        while bytes < ARRAY_BYTES {
            let Some(text) = self.next_delivery() else {
                break;
            };
            bytes += text.len();
            texts.push(text);
        }
        array(&texts)
    }

    fn next_delivery(&mut self) -> Option<ByteString> {
        if self.is_draining || !matches!(self.stage, Stage::Open) {
            return None;
        }
        self.events_first = !self.events_first;
        if self.events_first {
            self.next_event().or_else(|| self.next_message())
        } else {
            self.next_message().or_else(|| self.next_event())
        }
    }

    fn next_message(&mut self) -> Option<ByteString> {
        let now = self.hub.clock.moment();
        let leased = self.consumers.pop(now.hub)?;
        let most = self.hub.settings.max_retry_attempts;
        Some(texts::message(&leased, most, now))
    }

    fn refuse(&mut self, slip: &Slip, error: &HubError) {
        let text = texts::error(slip.reference.as_ref(), error, self.hub.clock.wall());
        self.answers.give((slip.place, Some(text)));
    }

    /// Tells the client something it did not ask.
    fn complain(&mut self, error: &HubError) {
        let text = texts::error(None, error, self.hub.clock.wall());
        self.answers.say(text);
    }

    fn beat(&mut self, ctx: &mut Context) {
        self.tell_passed();
        // What passed while the hub stood still is nobody's silence, and then intervals end at
        // once.
        let now = self.hub.clock.now();
        if now.since(self.beaten_at) < PING_INTERVAL / 2 {
            return;
        }
        self.beaten_at = now;
        self.use_session();
        if !self.life.beat(|| self.hub.clock.wall()) {
            let reason = (CloseCode::Policy, "two pings were not answered");
            return self.close(Farewell::because(reason), ctx);
        }
        if !self.has_said_goodbye() {
            ctx.ping(b"");
        }
    }

    fn refuse_binary(&mut self) {
        let frame = frames::wrong("body", "is binary; send text");
        if let Err(error) = frame.ask {
            self.complain(&error);
        }
    }

    /// The hub takes in what is new.
    fn is_open(&self) -> bool {
        !self.is_draining && self.hub.phase.get() == Phase::Open
    }
}

/// Has the session look after its work each time it is polled.
struct Pump;

impl ActorFuture<Session> for Pump {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        session: &mut Session,
        ctx: &mut Context,
        _: &mut TaskContext<'_>,
    ) -> Poll<()> {
        session.pump(ctx);
        Poll::Pending
    }
}

impl Actor for Session {
    type Context = Context;

    fn started(&mut self, ctx: &mut Context) {
        let told = ctx.address().recipient();
        self.hub.socket_opened(self.socket, told);
        let socket = ctx.address().recipient();
        self.open_sockets.add(self.socket.0, socket);
        ctx.run_interval(PING_INTERVAL, Self::beat);
        self.watch_door(ctx);
        ctx.spawn(Pump);
    }
}

/// Also when the client is simply gone, or something panicked. The consumers and the feed look
/// after themselves.
impl Drop for Session {
    fn drop(&mut self) {
        self.hub.counters.open_sockets.dec();
        self.open_sockets.remove(self.socket.0);
        self.stop_following();
        self.tell_passed();
        self.lose_events();
        self.hub.socket_closed(self.socket);
    }
}

impl StreamHandler<Result<ws::Message, ProtocolError>> for Session {
    fn handle(&mut self, message: Result<ws::Message, ProtocolError>, ctx: &mut Context) {
        if matches!(self.stage, Stage::Closed) {
            return;
        }
        self.life.heard();
        match message {
            Ok(ws::Message::Text(text)) => {
                self.hub.counters.texts_received.inc();
                self.life.said();
                self.texts.push_back(text);
            }
            Ok(ws::Message::Binary(_)) => self.refuse_binary(),
            Ok(ws::Message::Ping(payload)) if !self.has_said_goodbye() => ctx.pong(&payload),
            // Parts were put together before.
            Ok(ws::Message::Ping(_) | ws::Message::Pong(_) | ws::Message::Continuation(_)) => {}
            Ok(ws::Message::Nop) => {}
            Ok(ws::Message::Close(said)) => self.leave(Farewell::answering(said)),
            // Nothing that comes after can be understood.
            Err(error) => self.leave(Farewell::because(Trouble::close_code(&error))),
        }
    }

    /// Nothing comes any more. The client may have ended only its half of the connection.
    fn finished(&mut self, _: &mut Context) {
        self.leave(Farewell::because((CloseCode::Normal, "")));
    }
}

impl Handler<Describe> for Session {
    type Result = ();

    fn handle(&mut self, describe: Describe, _: &mut Context) {
        let consumers = self.consumers.describe();
        let _ = describe.reply.send(OpenSocket {
            id: self.socket.0,
            service: self.client.principal.name.clone(),
            peer: self.client.address.map(|address| address.to_string()),
            since: self.opened_at,
            last_used_at: self.life.last_used(|| self.hub.clock.wall()),
            in_flight: consumers.iter().map(|one| one.in_flight).sum(),
            consumers,
            subscriptions: self.feed.describe().into_iter().collect(),
        });
    }
}

/// Something that was asked is done.
#[derive(Message)]
#[rtype(result = "()")]
struct Answered(Vec<Answer>);

impl Handler<Answered> for Session {
    type Result = ();

    fn handle(&mut self, answered: Answered, _: &mut Context) {
        for answer in answered.0 {
            self.answers.give(answer);
        }
    }
}

impl Handler<FeedNews> for Session {
    type Result = ();

    fn handle(&mut self, news: FeedNews, _: &mut Context) {
        self.feed.take(&news);
    }
}

impl Handler<SocketNews> for Session {
    type Result = ();

    fn handle(&mut self, news: SocketNews, _: &mut Context) {
        match news {
            SocketNews::Draining => self.is_draining = true,
            SocketNews::Displaced => self.displaced(),
            SocketNews::Ended(id) => self.ended(id),
            SocketNews::DeadEvent(dead_event) => self.owe(dead_event),
        }
    }
}
