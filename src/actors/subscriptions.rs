//! Has the subscriptions: who wants which events, and how far each is.
//!
//! Owns all subscriptions as the journal says, one [`Subscription`] child for each that has a
//! callback and one [`CallbackCircuit`] for each origin of these, and the sockets that are open
//! with the subscriptions they have. Receives [`Committed`] and [`HistoryBegins`], what clients ask
//! (`requests`, `queries`, `sockets`, `circuits`), and how far subscribers are (`positions`); sends
//! [`Record`] to the EventStore. The events themselves go from the EventLog to whoever follows them.
//!
//! It hears of what is committed before the EventLog does, so nobody is ever done with an event
//! that it does not know of.
//!
//! [`Subscription`]: super::subscription::Subscription
//! [`CallbackCircuit`]: super::callback_circuit::CallbackCircuit

mod calling;
mod children;
mod circuits;
mod kept;
mod positions;
mod queries;
mod requests;
mod sockets;
mod supervising;
mod testing;
mod writing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Recipient};
use ahash::AHashMap;

use super::death_watch::DeathWatch;
use super::event_reader::EventReader;
use super::invariants;
use super::messages::archivist::Flush;
use super::messages::event_log::{Credit, Follow, ShowLags, Unfollow};
use super::messages::event_store::Record;
use super::messages::reply::Reply;
use super::messages::router::Publish;
use super::messages::{Committed, Drain, HistoryBegins, Open};
use super::timer::Timer;
use super::{callback_circuit, subscription};
use crate::clock::Clock;
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::subscription::SubscriptionId;
use crate::logic::feed_news::{FeedId, SocketNews};
use crate::logic::limits::Limits;
use crate::logic::subscription_registry::SubscriptionRegistry;
use crate::metrics::Metrics;
use children::Children;
use testing::Testing;
use writing::Writing;

/// How long the stop waits for sockets to close. Who does not read cannot be told, and holds
/// nothing up.
const SOCKETS_PATIENCE: Duration = Duration::from_secs(3);

pub struct Subscriptions {
    sockets: AHashMap<FeedId, Recipient<SocketNews>>,
    settings: Settings,
    hops: Hops,
    subscriptions: SubscriptionRegistry,
    children: Children,
    testing: Testing,
    /// Of positions.
    writing: Writing,
    timer: Timer,
    is_open: bool,
    /// The hub stops.
    is_draining: bool,
    /// Callbacks to which something is still under way though the hub stops.
    working: BTreeSet<SubscriptionId>,
    draining: Option<Reply<()>>,
    _watch: DeathWatch,
}

#[derive(Clone)]
pub struct Settings {
    pub clock: Clock,
    /// How long a secret that was changed signs beside the new one.
    pub secret_overlap: Duration,
    pub metrics: Arc<Metrics>,
    pub subscriptions: subscription::Settings,
    pub circuits: callback_circuit::Settings,
    pub limits: Limits,
}

/// Where its own messages go, and those of its children.
#[derive(Clone)]
pub struct Hops {
    pub event_store: Recipient<Record>,
    pub publish: Recipient<Publish>,
    /// The Archivist.
    pub flush: Recipient<Flush>,
    /// The EventLog, as what follows.
    pub follow: Recipient<Follow>,
    pub credit: Recipient<Credit>,
    pub unfollow: Recipient<Unfollow>,
    pub show_lags: Recipient<ShowLags>,
    pub events: EventReader,
}

impl Subscriptions {
    pub fn new(settings: Settings, hops: Hops, watch: DeathWatch) -> Self {
        Self {
            sockets: AHashMap::new(),
            subscriptions: SubscriptionRegistry::new(settings.limits),
            settings,
            hops,
            children: Children::default(),
            testing: Testing::default(),
            writing: Writing::default(),
            timer: Timer::default(),
            is_open: false,
            is_draining: false,
            working: BTreeSet::new(),
            draining: None,
            _watch: watch,
        }
    }

    fn finish_drain(&mut self, ctx: &Context<Self>) {
        if self.sockets.is_empty()
            && self.working.is_empty()
            && let Some(reply) = self.draining.take()
        {
            // How far sockets came is known only when they are closed.
            self.write_all_positions(ctx);
            let _ = reply.send(());
        }
    }
}

impl Actor for Subscriptions {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Handler<Committed> for Subscriptions {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        for record in committed.records.iter() {
            if let Fact::Control(ControlFact::CircuitChanged(changed)) = &record.fact {
                let since = committed.at.of(changed.at, committed.source()).hub;
                self.subscriptions.circuit_changed(changed, since);
            }
            self.learn(&record.fact, ctx);
        }
    }
}

impl Handler<Open> for Subscriptions {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.is_open = true;
        let orphans = self
            .subscriptions
            .give_up_orphans(self.settings.clock.wall());
        self.record(orphans);
        self.drop_needless_circuits();
        let all: Vec<_> = self.subscriptions.all().map(|one| one.id).collect();
        for id in all {
            self.subscription_put(id, ctx);
        }
        self.show_subscriptions();
    }
}

impl Handler<HistoryBegins> for Subscriptions {
    type Result = ();

    fn handle(&mut self, history: HistoryBegins, _: &mut Context<Self>) {
        self.subscriptions.history_begins(history.oldest);
    }
}

/// Sockets are told to say where to resume, and close; subscriptions begin nothing more.
impl Handler<Drain> for Subscriptions {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Context<Self>) {
        self.is_draining = true;
        self.draining = Some(drain.reply);
        self.let_rest(ctx);
        self.testing.give_up();
        for socket in self.sockets.values() {
            socket.do_send(SocketNews::Draining);
        }
        ctx.run_later(SOCKETS_PATIENCE, |subscriptions, ctx| {
            subscriptions.sockets.clear();
            subscriptions.finish_drain(ctx);
        });
        self.finish_drain(ctx);
    }
}

#[cfg(test)]
mod tests;
