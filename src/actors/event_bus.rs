//! Brings events to those who follow them.
//!
//! Owns the newest events in memory, the feeds, the list of open sockets, and all subscriptions:
//! one [`Subscription`] child for each that has a callback, and one [`CallbackCircuit`] for each
//! origin of these. Receives [`Committed`], [`HistoryBegins`], what clients ask about subscriptions
//! (`clients`, `sockets`, `replays`), and [`Follow`], [`Credit`], [`Unfollow`] of followers; sends
//! them [`FeedNews`], never more than they have room for, and [`Record`] to the EventStore. Never
//! reads the archive: who needs what is no longer in memory reads it himself, and follows again.
//!
//! [`Subscription`]: super::subscription::Subscription
//! [`CallbackCircuit`]: super::callback_circuit::CallbackCircuit
//! [`Record`]: super::messages::event_store::Record

mod asked;
mod attached;
mod bounds;
mod children;
mod circuits;
mod clients;
mod kept;
mod losses;
mod lost;
mod positions;
mod replays;
mod sockets;
mod supervising;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};
use ahash::AHashMap;

use super::death_watch::DeathWatch;
use super::invariants;
use super::messages::archivist::Flush;
use super::messages::event_log::{Credit, Follow, SocketClosed, SocketOpened, Unfollow};
use super::messages::event_store::Record;
use super::messages::reply::Reply;
use super::messages::router::Publish;
use super::messages::{Committed, Drain, HistoryBegins, Open};
use super::timer::Timer;
use super::{callback_circuit, subscription};
use crate::clock::Clock;
use crate::domain::event::Sequence;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::{Fact, Recorded};
use crate::logic::feed_news::{FeedId, FeedNews, SocketNews};
use crate::logic::feeds::Fed;
use crate::logic::feeds::Feeds;
use crate::logic::limits::Limits;
use crate::logic::recent::{Framed, Recent};
use crate::logic::subscription_registry::SubscriptionRegistry;
use crate::metrics::Metrics;
use crate::ports::archive::EventArchive;
use attached::Attached;
use children::Children;
use lost::Lost;
use writing::Writing;

/// Events in memory, in bytes.
const RECENT_BYTES: usize = 16 << 20;
/// How long the stop waits for sockets to close. Who does not read cannot be told, and holds
/// nothing up.
const SOCKETS_PATIENCE: Duration = Duration::from_secs(3);

pub struct EventBus {
    recent: Recent,
    /// Retention removed the events before this one.
    removed_before: Sequence,
    /// Events before this one are not in the archive at present, nor on their way there.
    history_begins: Sequence,
    feeds: Feeds<FeedId>,
    followers: AHashMap<FeedId, Follower>,
    sockets: AHashMap<FeedId, Recipient<SocketNews>>,
    settings: Settings,
    hops: Hops,
    subscriptions: SubscriptionRegistry,
    children: Children,
    attached: Attached,
    lost: Lost,
    /// Of positions.
    writing: Writing,
    timer: Timer,
    /// It has told itself to go on with the feeds.
    awaits_turn: bool,
    is_open: bool,
    /// The hub stops.
    is_draining: bool,
    /// Nothing is under way to callbacks any more, and how far they are is written down.
    is_at_rest: bool,
    draining: Option<Reply<()>>,
    _watch: DeathWatch,
}

/// A feed goes on that has more to look through.
#[derive(Message)]
#[rtype(result = "()")]
struct NextTurn;

struct Follower {
    round: u64,
    to: Recipient<FeedNews>,
}

#[derive(Clone)]
pub struct Settings {
    pub clock: Clock,
    /// How long a secret that was changed signs beside the new one.
    pub secret_overlap: Duration,
    pub metrics: Arc<Metrics>,
    /// For its children: it reads nothing there itself.
    pub archive: Arc<dyn EventArchive>,
    pub subscriptions: subscription::Settings,
    pub circuits: callback_circuit::Settings,
    pub limits: Limits,
}

/// Where the EventBus's own messages go, and those of its children.
#[derive(Clone)]
pub struct Hops {
    pub event_store: Recipient<Record>,
    pub publish: Recipient<Publish>,
    /// The Archivist.
    pub flush: Recipient<Flush>,
}

impl EventBus {
    pub fn new(settings: Settings, hops: Hops, watch: DeathWatch) -> Self {
        Self {
            recent: Recent::new(RECENT_BYTES),
            removed_before: 1,
            history_begins: 1,
            feeds: Feeds::default(),
            followers: AHashMap::new(),
            sockets: AHashMap::new(),
            settings,
            hops,
            subscriptions: SubscriptionRegistry::default(),
            children: Children::default(),
            attached: Attached::default(),
            lost: Lost::default(),
            writing: Writing::default(),
            timer: Timer::default(),
            awaits_turn: false,
            is_open: false,
            is_draining: false,
            is_at_rest: false,
            draining: None,
            _watch: watch,
        }
    }

    /// Takes in what was published, and hands it on.
    fn publish(&mut self, records: &[Recorded]) {
        let mut batch = Vec::new();
        for record in records {
            match &record.fact {
                Fact::Event(EventFact::EventPublished(event)) => {
                    let framed = Arc::new(Framed::new(event.clone()));
                    self.recent.push(framed.clone());
                    batch.push(framed);
                }
                Fact::CompactionSummary(summary) => self.recent.skip_to(summary.last_sequence),
                Fact::Event(EventFact::EventsRemoved(removed)) => {
                    self.removed_before = removed.before;
                    self.recent.forget_before(removed.before);
                }
                _ => {}
            }
        }
        let fed = self.feeds.publish(&batch);
        self.feed(fed);
    }

    fn feed(&mut self, fed: Vec<(FeedId, Fed)>) {
        for (feed, fed) in fed {
            if let Some(follower) = self.followers.get(&feed) {
                let round = follower.round;
                follower.to.do_send(FeedNews { round, fed });
            }
        }
    }

    /// Whoever has more to look through goes on when the others had their turn.
    fn arrange_turns(&mut self, ctx: &mut Context<Self>) {
        if self.feeds.has_unfinished() && !self.awaits_turn {
            self.awaits_turn = true;
            ctx.notify(NextTurn);
        }
    }

    fn unfollow(&mut self, feed: FeedId) {
        self.feeds.unfollow(feed);
        self.followers.remove(&feed);
    }

    /// The oldest event there is, or the next one to come.
    fn oldest(&self) -> Sequence {
        self.removed_before.max(self.history_begins)
    }

    /// Of the last event; 0: there was none yet.
    fn newest(&self) -> Sequence {
        self.recent.next() - 1
    }

    fn finish_drain(&mut self) {
        if self.sockets.is_empty()
            && self.is_at_rest
            && let Some(reply) = self.draining.take()
        {
            let _ = reply.send(());
        }
    }
}

impl Actor for EventBus {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Handler<Committed> for EventBus {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        self.publish(&committed.records);
        for record in committed.records.iter() {
            if let Fact::Control(ControlFact::CircuitChanged(changed)) = &record.fact {
                let since = committed.at.of(changed.at, committed.source()).hub;
                self.subscriptions.circuit_changed(changed, since);
            }
            self.learn(&record.fact, ctx);
        }
    }
}

impl Handler<Open> for EventBus {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.is_open = true;
        self.give_up_orphans();
        self.drop_needless_circuits();
        let all: Vec<_> = self.subscriptions.all().map(|one| one.id).collect();
        for id in all {
            self.subscription_put(id, ctx);
        }
        self.show_subscriptions();
    }
}

impl Handler<HistoryBegins> for EventBus {
    type Result = ();

    fn handle(&mut self, history: HistoryBegins, _: &mut Context<Self>) {
        self.history_begins = history.oldest;
    }
}

impl Handler<Follow> for EventBus {
    type Result = ();

    fn handle(&mut self, follow: Follow, ctx: &mut Context<Self>) {
        let (round, to) = (follow.round, follow.to);
        self.followers.insert(follow.feed, Follower { round, to });
        let fed = self.feeds.follow(
            follow.feed,
            &follow.event_types,
            follow.from,
            follow.credit,
            &self.recent,
        );
        self.feed(fed);
        self.arrange_turns(ctx);
    }
}

impl Handler<Credit> for EventBus {
    type Result = ();

    fn handle(&mut self, credit: Credit, ctx: &mut Context<Self>) {
        let fed = self.feeds.credit(credit.feed, credit.bytes, &self.recent);
        self.feed(fed);
        self.arrange_turns(ctx);
    }
}

impl Handler<NextTurn> for EventBus {
    type Result = ();

    fn handle(&mut self, _: NextTurn, ctx: &mut Context<Self>) {
        self.awaits_turn = false;
        let fed = self.feeds.go_on(&self.recent);
        self.feed(fed);
        self.arrange_turns(ctx);
    }
}

impl Handler<Unfollow> for EventBus {
    type Result = ();

    fn handle(&mut self, unfollow: Unfollow, _: &mut Context<Self>) {
        self.unfollow(unfollow.feed);
    }
}

impl Handler<SocketOpened> for EventBus {
    type Result = ();

    fn handle(&mut self, opened: SocketOpened, _: &mut Context<Self>) {
        if self.is_draining {
            opened.to.do_send(SocketNews::Draining);
        }
        self.sockets.insert(opened.socket, opened.to);
    }
}

impl Handler<SocketClosed> for EventBus {
    type Result = ();

    fn handle(&mut self, closed: SocketClosed, _: &mut Context<Self>) {
        self.sockets.remove(&closed.socket);
        self.attached.leave(closed.socket);
        self.finish_drain();
    }
}

/// Sockets are told to say where to resume, and close; subscriptions begin nothing more.
impl Handler<Drain> for EventBus {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Context<Self>) {
        self.is_draining = true;
        self.draining = Some(drain.reply);
        self.rest(ctx);
        for socket in self.sockets.values() {
            socket.do_send(SocketNews::Draining);
        }
        ctx.run_later(SOCKETS_PATIENCE, |bus, _| {
            bus.sockets.clear();
            bus.finish_drain();
        });
        self.finish_drain();
    }
}

#[cfg(test)]
mod tests;
