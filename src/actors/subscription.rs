//! Sends the events of one subscription to its callback, one after the other.
//!
//! Owns what the subscriber is owed: the live events, dead letters to be sent again and replays
//! beside them. Receives [`FeedNews`] from the EventLog, reads the archive where that is ahead, and
//! asks the circuit of the callback's origin to push. Sends [`Record`] to the EventStore and
//! [`SubscriptionNews`] to Subscriptions, which write positions down. Never changes the subscription.
//!
//! [`FeedNews`]: crate::logic::feed_news::FeedNews

mod choosing;
mod feeding;
mod kept;
mod lanes;
mod pushing;
mod replaying;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Context, Handler, Recipient};
use ahash::AHashMap;

use super::death_watch::DeathWatch;
use super::event_reader::EventReader;
use super::invariants;
use super::messages::archivist::Flush;
use super::messages::callback_circuit::{CircuitHops, Turn};
use super::messages::event_log::{Credit, Follow, Unfollow};
use super::messages::event_store::Record;
use super::messages::router::Publish;
use super::messages::subscription::{
    CircuitLost, DeliverDeadEvent, EndSubscription, Rest, SubscriptionChanged,
};
use super::messages::subscriptions::{Progress, SubscriptionNews};
use super::timer::Timer;
use crate::clock::Clock;
use crate::domain::event::Sequence;
use crate::domain::subscription::{Callback, Subscription as Subscribed};
use crate::logic::backoff::RetryPolicy;
use crate::logic::delivery_window::DeliveryWindow;
use crate::logic::feed_news::FeedId;
use crate::logic::follower::{Follower, GapPolicy};
use crate::logic::subscription::FlowControl;
use crate::metrics::Metrics;
use crate::pool::Pool;
use lanes::{DeadEventLane, Push, ROOM, ReplayLane};

pub struct Subscription {
    settings: Settings,
    hops: Hops,
    subscription: Arc<Subscribed>,
    circuit: CircuitHops,
    /// By which it follows the events.
    feed: FeedId,
    follower: Follower,
    live: DeliveryWindow,
    dead_events: DeadEventLane,
    replays: Vec<ReplayLane>,
    /// Under way, by the number of the push.
    pushes: AHashMap<u64, Push>,
    last_push: u64,
    flow: FlowControl,
    /// That nothing is under way any more was told, since the hub stops.
    rest_told: bool,
    progress: Progress,
    told: Option<Progress>,
    /// That it is failing was published, and nothing was delivered since.
    failing_told: bool,
    timer: Timer,
    _watch: DeathWatch,
}

#[derive(Clone)]
pub struct Settings {
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub retries: RetryPolicy,
    pub message_timeout: Duration,
    /// What all replays have in memory.
    pub replays: Pool,
}

/// Where a subscription's messages go.
#[derive(Clone)]
pub struct Hops {
    pub event_store: Recipient<Record>,
    pub publish: Recipient<Publish>,
    /// The Archivist.
    pub flush: Recipient<Flush>,
    pub follow: Recipient<Follow>,
    pub credit: Recipient<Credit>,
    pub unfollow: Recipient<Unfollow>,
    pub events: EventReader,
    /// The Subscriptions.
    pub parent: Recipient<SubscriptionNews>,
}

impl Subscription {
    /// Goes on after `position`, by a feed of this id.
    pub fn new(
        (subscription, position): (Arc<Subscribed>, Sequence),
        feed: FeedId,
        circuit: CircuitHops,
        settings: Settings,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        let flow = FlowControl::new(subscription.paused.is_some());
        let room = subscription.callback().map_or(1, |one| one.max_in_flight);
        Self {
            settings,
            hops,
            subscription,
            circuit,
            feed,
            follower: Follower::new(ROOM, GapPolicy::Wait, position),
            live: DeliveryWindow::new(position, room),
            dead_events: DeadEventLane::new(),
            replays: Vec::new(),
            pushes: AHashMap::new(),
            last_push: 0,
            flow,
            rest_told: false,
            progress: Progress::default(),
            told: None,
            failing_told: false,
            timer: Timer::default(),
            _watch: watch,
        }
    }

    fn callback(&self) -> &Callback {
        self.subscription
            .callback()
            .expect("only callback subscriptions have an actor")
    }

    /// Begins what can begin, and arranges what comes next.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        self.next_dead_events();
        self.mind_the_feed(ctx);
        if self.flow.may_begin() {
            self.begin_pushes(now, ctx);
        }
        self.advance_replays(now, ctx);
        self.arm(now, ctx);
        self.tell();
        if self.flow.is_resting() && self.pushes.is_empty() && !self.rest_told {
            self.rest_told = true;
            self.record_replays();
            let id = self.subscription.id;
            self.hops.parent.do_send(SubscriptionNews::Rests { id });
        }
    }
}

impl Actor for Subscription {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
        self.go_on(ctx);
    }
}

impl Handler<EndSubscription> for Subscription {
    type Result = ();

    fn handle(&mut self, _: EndSubscription, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<SubscriptionChanged> for Subscription {
    type Result = ();

    fn handle(&mut self, changed: SubscriptionChanged, ctx: &mut Context<Self>) {
        let before = std::mem::replace(&mut self.subscription, changed.subscription);
        if self.circuit.origin != changed.circuit.origin {
            self.flow.circuit_changed();
            self.circuit_open(false, None);
        }
        self.circuit = changed.circuit;
        self.flow.changed(self.subscription.paused.is_some());
        if before.paused.is_some() && self.subscription.paused.is_none() {
            self.follower.pass_lost();
        }
        self.live.set_room(self.callback().max_in_flight);
        if before.event_types != self.subscription.event_types {
            self.follow_other_types(ctx);
        }
        self.go_on(ctx);
    }
}

impl Handler<CircuitLost> for Subscription {
    type Result = ();

    fn handle(&mut self, lost: CircuitLost, ctx: &mut Context<Self>) {
        self.circuit_lost(&lost.origin);
        self.go_on(ctx);
    }
}

impl Handler<Turn> for Subscription {
    type Result = ();

    fn handle(&mut self, turn: Turn, ctx: &mut Context<Self>) {
        self.flow.turn(turn.room);
        self.circuit_open(false, None);
        self.go_on(ctx);
    }
}

impl Handler<DeliverDeadEvent> for Subscription {
    type Result = ();

    fn handle(&mut self, deliver: DeliverDeadEvent, ctx: &mut Context<Self>) {
        self.dead_events.waiting.push_back(deliver.dead_event);
        self.go_on(ctx);
    }
}

impl Handler<Rest> for Subscription {
    type Result = ();

    fn handle(&mut self, _: Rest, ctx: &mut Context<Self>) {
        self.flow.rest();
        self.go_on(ctx);
    }
}
