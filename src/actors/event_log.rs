//! Brings events to those who follow them.
//!
//! Owns the newest events in memory, and the feeds of those who follow: sockets and the actors of
//! subscriptions alike. Receives [`Committed`], [`HistoryBegins`], and [`Follow`], [`Credit`] and
//! [`Unfollow`] of followers; sends them [`FeedNews`], never more than they have room for. Answers
//! what is asked about the log (`reading`). Never reads the archive: who needs what is no longer in
//! memory reads it himself, and follows again.

mod reading;

use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};
use ahash::AHashMap;

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::event_log::{Credit, Follow, ShowLags, Unfollow};
use super::messages::{Committed, Drain, HistoryBegins, Open};
use crate::domain::fact::event::EventFact;
use crate::domain::fact::{Fact, Recorded};
use crate::logic::feed_news::{FeedId, FeedNews};
use crate::logic::feeds::{Fed, Feeds};
use crate::logic::log_bounds::LogBounds;
use crate::logic::recent::{Framed, Recent};

/// Events in memory, in bytes.
const RECENT_BYTES: usize = 16 << 20;

pub struct EventLog {
    recent: Recent,
    bounds: LogBounds,
    feeds: Feeds<FeedId>,
    followers: AHashMap<FeedId, Follower>,
    /// It has told itself to go on with the feeds.
    awaits_turn: bool,
    is_open: bool,
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

impl EventLog {
    pub fn new(watch: DeathWatch) -> Self {
        Self {
            recent: Recent::new(RECENT_BYTES),
            bounds: LogBounds::default(),
            feeds: Feeds::default(),
            followers: AHashMap::new(),
            awaits_turn: false,
            is_open: false,
            _watch: watch,
        }
    }

    /// Takes in what was published, and hands it on.
    fn publish(&mut self, records: &[Recorded]) {
        let mut batch = Vec::new();
        for record in records {
            self.bounds.learn(&record.fact);
            match &record.fact {
                Fact::Event(EventFact::EventPublished(event)) => {
                    let framed = Arc::new(Framed::new(event.clone()));
                    self.recent.push(framed.clone());
                    batch.push(framed);
                }
                Fact::CompactionSummary(summary) => self.recent.skip_to(summary.last_sequence),
                Fact::Event(EventFact::EventsRemoved(removed)) => {
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
}

impl Actor for EventLog {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for EventLog {
    fn check(&self) -> usize {
        assert_eq!(self.followers.len(), self.feeds.len(), "who is fed is told");
        assert_eq!(
            self.recent.next(),
            self.bounds.newest() + 1,
            "what comes next"
        );
        if self.is_open {
            let (first, kept_from) = (self.recent.first(), self.bounds.kept_from());
            assert!(
                first >= kept_from,
                "{first} was removed with those before {kept_from}"
            );
        }
        self.recent.check() + self.feeds.check()
    }
}

impl Handler<Committed> for EventLog {
    type Result = ();

    fn handle(&mut self, committed: Committed, _: &mut Context<Self>) {
        self.publish(&committed.records);
    }
}

impl Handler<Open> for EventLog {
    type Result = ();

    fn handle(&mut self, _: Open, _: &mut Context<Self>) {
        self.is_open = true;
    }
}

impl Handler<HistoryBegins> for EventLog {
    type Result = ();

    fn handle(&mut self, history: HistoryBegins, _: &mut Context<Self>) {
        self.bounds.history_begins(history.oldest);
    }
}

impl Handler<Follow> for EventLog {
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

impl Handler<Credit> for EventLog {
    type Result = ();

    fn handle(&mut self, credit: Credit, ctx: &mut Context<Self>) {
        let fed = self.feeds.credit(credit.feed, credit.bytes, &self.recent);
        self.feed(fed);
        self.arrange_turns(ctx);
    }
}

impl Handler<NextTurn> for EventLog {
    type Result = ();

    fn handle(&mut self, _: NextTurn, ctx: &mut Context<Self>) {
        self.awaits_turn = false;
        let fed = self.feeds.go_on(&self.recent);
        self.feed(fed);
        self.arrange_turns(ctx);
    }
}

impl Handler<Unfollow> for EventLog {
    type Result = ();

    fn handle(&mut self, unfollow: Unfollow, _: &mut Context<Self>) {
        self.feeds.unfollow(unfollow.feed);
        self.followers.remove(&unfollow.feed);
    }
}

impl Handler<ShowLags> for EventLog {
    type Result = ();

    /// No event is owed where the subscriber was given all that match and is done with these.
    fn handle(&mut self, show: ShowLags, _: &mut Context<Self>) {
        let newest = self.bounds.newest();
        let views = show.views.into_iter().map(|(mut view, feed)| {
            let has_all = feed.is_some_and(|feed| self.feeds.has_all(feed, view.position));
            view.lag = match has_all {
                true => 0,
                false => newest.saturating_sub(view.position),
            };
            view
        });
        let _ = show.reply.send(views.collect());
    }
}

/// Followers are told of the events that they do not want only now and then, but the last word is
/// to be right: whoever has all that it wants learns how far that is, before its position is
/// written down for good.
impl Handler<Drain> for EventLog {
    type Result = ();

    fn handle(&mut self, drain: Drain, _: &mut Context<Self>) {
        let fed = self.feeds.tell_all(self.bounds.newest());
        self.feed(fed);
        let _ = drain.reply.send(());
    }
}

#[cfg(test)]
mod tests;
