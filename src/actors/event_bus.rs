//! Brings events to those who follow them.
//!
//! Owns the newest events in memory, the feeds and the list of open sockets. Receives
//! [`Committed`], and [`Follow`], [`Credit`], [`Unfollow`] of followers; sends them [`Fed`], never
//! more than they have room for. Never reads the archive: who needs what is no longer in memory
//! reads it himself, and follows again.

mod asked;
mod named;

use std::sync::Arc;

use actix::{Actor, Context, Handler, Recipient};
use ahash::AHashMap;

use super::death_watch::DeathWatch;
use super::messages::{
    Committed, Credit, Drain, Fed, FeedId, Follow, Reply, SocketClosed, SocketNews, SocketOpened,
    Unfollow,
};
use crate::domain::event::Sequence;
use crate::domain::fact::{Fact, Recorded};
use crate::logic::feeds::Feeds;
use crate::logic::recent::{Framed, Recent};

/// Events in memory, in bytes.
const RECENT_BYTES: usize = 16 << 20;

pub struct EventBus {
    recent: Recent,
    /// The oldest event kept anywhere, or the next one to come.
    oldest: Sequence,
    feeds: Feeds<FeedId>,
    followers: AHashMap<FeedId, Recipient<Fed>>,
    sockets: AHashMap<FeedId, Recipient<SocketNews>>,
    draining: Option<Reply<()>>,
    _watch: DeathWatch,
}

impl EventBus {
    pub fn new(watch: DeathWatch) -> Self {
        Self {
            recent: Recent::new(RECENT_BYTES),
            oldest: 1,
            feeds: Feeds::default(),
            followers: AHashMap::new(),
            sockets: AHashMap::new(),
            draining: None,
            _watch: watch,
        }
    }

    /// Takes in what was published, and hands it on.
    fn publish(&mut self, records: &[Recorded]) {
        let mut batch = Vec::new();
        for record in records {
            match &record.fact {
                Fact::EventPublished(event) => {
                    let framed = Arc::new(Framed::new(event.clone()));
                    self.recent.push(framed.clone());
                    batch.push(framed);
                }
                Fact::Carried(carried) => self.recent.skip_to(carried.last_sequence),
                Fact::EventsRemoved(removed) => {
                    self.oldest = removed.before;
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
                follower.do_send(fed);
            }
        }
    }

    fn finish_drain(&mut self) {
        if self.sockets.is_empty()
            && let Some(reply) = self.draining.take()
        {
            let _ = reply.send(());
        }
    }
}

impl Actor for EventBus {
    type Context = Context<Self>;
}

impl Handler<Committed> for EventBus {
    type Result = ();

    fn handle(&mut self, committed: Committed, _: &mut Context<Self>) {
        self.publish(&committed.records);
    }
}

impl Handler<Follow> for EventBus {
    type Result = ();

    fn handle(&mut self, follow: Follow, _: &mut Context<Self>) {
        self.followers.insert(follow.feed, follow.to);
        let fed = self.feeds.follow(
            follow.feed,
            &follow.event_types,
            follow.from,
            follow.credit,
            &self.recent,
        );
        self.feed(fed);
    }
}

impl Handler<Credit> for EventBus {
    type Result = ();

    fn handle(&mut self, credit: Credit, _: &mut Context<Self>) {
        let fed = self.feeds.credit(credit.feed, credit.bytes, &self.recent);
        self.feed(fed);
    }
}

impl Handler<Unfollow> for EventBus {
    type Result = ();

    fn handle(&mut self, unfollow: Unfollow, _: &mut Context<Self>) {
        self.feeds.unfollow(unfollow.feed);
        self.followers.remove(&unfollow.feed);
    }
}

impl Handler<SocketOpened> for EventBus {
    type Result = ();

    fn handle(&mut self, opened: SocketOpened, _: &mut Context<Self>) {
        if self.draining.is_some() {
            opened.to.do_send(SocketNews::Draining);
        }
        self.sockets.insert(opened.socket, opened.to);
    }
}

impl Handler<SocketClosed> for EventBus {
    type Result = ();

    fn handle(&mut self, closed: SocketClosed, _: &mut Context<Self>) {
        self.sockets.remove(&closed.socket);
        self.finish_drain();
    }
}

/// Sockets are told to say where to resume, and close.
impl Handler<Drain> for EventBus {
    type Result = ();

    fn handle(&mut self, drain: Drain, _: &mut Context<Self>) {
        self.draining = Some(drain.reply);
        for socket in self.sockets.values() {
            socket.do_send(SocketNews::Draining);
        }
        self.finish_drain();
    }
}

#[cfg(test)]
mod tests;
