//! Where the live events come from: the EventLog, or pages of the archive while that is ahead.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message};

use super::Subscription;
use super::lanes::ROOM;
use crate::actors::messages::archivist::Flush;
use crate::actors::messages::event_log::{Credit, Follow, Unfollow};
use crate::domain::event::Sequence;
use crate::logic::event_query::EventQuery;
use crate::logic::event_window::EventsRead;
use crate::logic::feed_news::FeedNews;
use crate::logic::follower::{FollowerAction, PageOutcome};
use crate::logic::type_filter::TypeFilter;
use crate::ports::archive::ArchiveError;

/// How soon an archive that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Events read at once, if they are small.
const PAGE: usize = 512;

/// A page of the archive was read, or not.
#[derive(Message)]
#[rtype(result = "()")]
struct PageRead {
    round: u64,
    read: Result<EventsRead, ArchiveError>,
}

impl Subscription {
    /// Follows the events while they may be sent, and keeps none in memory while not.
    pub(super) fn mind_the_feed(&mut self, ctx: &Context<Self>) {
        if self.flow.takes_nothing() {
            self.let_replays_go();
            if !self.follower.is_idle() {
                self.let_go(ctx);
            }
        } else if self.follower.is_idle() {
            self.follow(ctx);
        }
        if let Some(action) = self.follower.needs(self.live.has_waiting()) {
            self.perform(action, ctx);
        }
    }

    /// Drops what has not begun: it is there again once it may be sent.
    fn let_go(&mut self, ctx: &Context<Self>) {
        let freed = self.live.rewind();
        if let Some(action) = self.follower.rewind(self.live.through(), freed) {
            self.perform(action, ctx);
        }
    }

    /// Asks for what comes after what it has.
    fn follow(&mut self, ctx: &Context<Self>) {
        let action = self.follower.follow();
        self.perform(action, ctx);
    }

    /// The types are others now: what has not begun and does not match any more is dropped.
    pub(super) fn follow_other_types(&mut self, ctx: &Context<Self>) {
        let mut types = TypeFilter::new(&self.subscription.event_types);
        let freed = self
            .live
            .retain_waiting(|event| types.wants(&event.event_type));
        self.follower.forget(freed);
        if !self.follower.is_idle() {
            self.follow(ctx);
        }
    }

    fn perform(&self, action: FollowerAction, ctx: &Context<Self>) {
        let feed = self.feed;
        match action {
            FollowerAction::Follow {
                round,
                from,
                credit,
            } => self.hops.follow.do_send(Follow {
                feed,
                round,
                event_types: self.subscription.event_types.clone(),
                from,
                credit,
                to: ctx.address().recipient(),
            }),
            FollowerAction::Unfollow => self.hops.unfollow.do_send(Unfollow { feed }),
            FollowerAction::Credit(bytes) => self.hops.credit.do_send(Credit { feed, bytes }),
            FollowerAction::Read { round, from } => self.read_page(round, from, ctx),
        }
    }

    fn read_page(&self, round: u64, from: Sequence, ctx: &Context<Self>) {
        let query = EventQuery {
            event_types: self.subscription.event_types.to_vec(),
            from_sequence: Some(from),
            limit: PAGE,
            most_bytes: Some(ROOM),
            ..EventQuery::default()
        };
        let (events, flush) = (self.hops.events.clone(), self.hops.flush.clone());
        let home = ctx.address();
        actix::spawn(async move {
            let read = events.archived(query, Flush::ask(&flush)).await;
            home.do_send(PageRead { round, read });
        });
    }

    /// Tells why nothing comes, if that changed: events are lost, and may come back with a backup
    /// of the archive.
    fn mind_what_is_lost(&mut self, before: Option<(Sequence, Sequence)>) {
        let Some((first, last)) = self.follower.lost() else {
            if before.is_some() {
                self.progress.last_error = None;
            }
            return;
        };
        let error = format!(
            "events {first} to {last} are gone from the archive: restore it, or pause and resume the \
             subscription to go on without them"
        );
        if before.is_none() {
            let (id, service) = (self.subscription.id, &self.subscription.service);
            tracing::warn!(%id, %service, "a subscription waits: {error}");
        }
        self.progress.last_error = Some(error);
    }
}

impl Handler<FeedNews> for Subscription {
    type Result = ();

    fn handle(&mut self, news: FeedNews, ctx: &mut Context<Self>) {
        for framed in self.follower.hear(news.round, &news.fed) {
            self.live.add(framed.event.clone());
        }
        self.live.advance(self.follower.through());
        self.go_on(ctx);
    }
}

impl Handler<PageRead> for Subscription {
    type Result = ();

    fn handle(&mut self, page: PageRead, ctx: &mut Context<Self>) {
        let (id, round) = (self.subscription.id, page.round);
        if let Err(error) = &page.read {
            tracing::debug!(%id, %error, "the archive is asked again");
        }
        let before = self.follower.lost();
        match self.follower.page(round, page.read.ok()) {
            PageOutcome::Stale => return,
            PageOutcome::Later => {
                ctx.run_later(RETRY, move |subscription, ctx| {
                    subscription.follower.again(round);
                    subscription.go_on(ctx);
                });
            }
            PageOutcome::Taken { events, gap } => {
                if let Some((first, last)) = gap {
                    let service = &self.subscription.service;
                    tracing::warn!(%id, %service, first, last, "a subscription goes on without lost events");
                }
                for event in events {
                    self.live.add(event);
                }
                self.live.advance(self.follower.through());
            }
        }
        self.mind_what_is_lost(before);
        self.go_on(ctx);
    }
}
