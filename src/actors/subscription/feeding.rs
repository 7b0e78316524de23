//! Where the live events come from: the EventBus, or pages of the archive while that is ahead.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message, Recipient};

use super::Subscription;
use super::feed::{PageRead, ROOM, Source};
use crate::actors::messages::{Credit, Flush, Follow, InspectLog, Unfollow};
use crate::domain::event::Sequence;
use crate::logic::follower::FollowerAction;
use crate::logic::type_filter::TypeFilter;
use crate::ports::archive::{Archive, ArchiveError, EventQuery};

/// How soon an archive that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Events read at once, if they are small.
const PAGE: usize = 512;

/// A page of the archive was read, or not.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct PageCame {
    round: u64,
    from: Sequence,
    page: Result<PageRead, ArchiveError>,
}

/// Who reads the archive for a subscription.
pub(super) struct Reader {
    log: Recipient<InspectLog>,
    /// The Archivist.
    flush: Recipient<Flush>,
    archive: Arc<dyn Archive>,
}

impl Subscription {
    /// Follows the events while they may be sent, and keeps none in memory while not.
    pub(super) fn mind_the_feed(&mut self, ctx: &Context<Self>) {
        let is_fed = self.feeding.source != Source::Nothing;
        if self.takes_nothing() {
            self.let_replays_go();
        }
        if is_fed && self.takes_nothing() {
            let action = self.feeding.let_go(&mut self.live);
            self.perform(action, ctx);
        } else if !is_fed && !self.takes_nothing() {
            self.follow(ctx);
        }
    }

    /// Asks for what comes after what it has.
    fn follow(&mut self, ctx: &Context<Self>) {
        let action = self.feeding.follow(&self.live);
        self.perform(action, ctx);
    }

    /// The types are others now: what has not begun and does not match any more is dropped.
    pub(super) fn follow_other_types(&mut self, ctx: &Context<Self>) {
        let mut types = TypeFilter::new(&self.subscription.event_types);
        let freed = self
            .live
            .retain_waiting(|event| types.wants(&event.event_type));
        self.feeding.freed(freed);
        if self.feeding.source != Source::Nothing {
            self.follow(ctx);
        }
    }

    /// An event is done with, so that there is room for others.
    pub(super) fn released(&mut self, bytes: usize, ctx: &Context<Self>) {
        if let Some(action) = self.feeding.released(&self.live, bytes) {
            self.perform(action, ctx);
        }
    }

    /// Reads what the EventBus has no longer in memory.
    pub(super) fn read_page(&mut self, from: Sequence, ctx: &Context<Self>) {
        let action = self.feeding.read(from);
        self.perform(action, ctx);
    }

    fn perform(&self, action: FollowerAction, ctx: &Context<Self>) {
        let feed = self.feeding.feed;
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
            FollowerAction::Read { round, from } => self.ask_archive(round, from, ctx),
        }
    }

    fn ask_archive(&self, round: u64, from: Sequence, ctx: &Context<Self>) {
        let query = EventQuery {
            event_types: self.subscription.event_types.to_vec(),
            from_sequence: Some(from),
            limit: PAGE,
            most_bytes: Some(ROOM),
            ..EventQuery::default()
        };
        let (home, reader) = (ctx.address(), self.reader());
        actix::spawn(async move {
            let page = reader.page(query).await;
            home.do_send(PageCame { round, from, page });
        });
    }

    pub(super) fn reader(&self) -> Reader {
        Reader {
            log: self.hops.log.clone(),
            flush: self.hops.flush.clone(),
            archive: self.settings.archive.clone(),
        }
    }
}

impl Reader {
    /// A page as of now: what was published by now is in it if there is room.
    pub(super) async fn page(self, query: EventQuery) -> Result<PageRead, ArchiveError> {
        let log = self.log.send(InspectLog).await;
        let newest = log.map_err(|_| ArchiveError::stopping())?.newest;
        Flush::ask(&self.flush).await?;
        let (from, to) = (query.from_sequence.unwrap_or(1), query.to_sequence);
        let page = self.archive.events(query).await?;
        // Once it was asked: what it has lost is told when it is opened.
        let log = self.log.send(InspectLog).await;
        let log = log.map_err(|_| ArchiveError::stopping())?;
        Ok(PageRead::of((from, to), newest, page, &log))
    }
}

impl Subscription {
    /// Whether the subscription goes on without these events: somebody said so, or there are none.
    /// Else they are waited for, since a backup of the archive may bring them back.
    fn passes(&mut self, lost: Option<(Sequence, Sequence)>) -> bool {
        let before = self.feeding.lost.take();
        if before.is_some() {
            self.progress.last_error = None;
        }
        let is_passed = self.feeding.passes(lost);
        let Some((first, last)) = lost else {
            return true;
        };
        let (id, service) = (self.subscription.id, &self.subscription.service);
        if is_passed {
            tracing::warn!(%id, %service, first, last, "a subscription goes on without lost events");
            return true;
        }
        let error = format!(
            "events {first} to {last} are gone from the archive: restore it, or pause and resume the \
             subscription to go on without them"
        );
        if before.is_none() {
            tracing::warn!(%id, %service, "a subscription waits: {error}");
        }
        self.progress.last_error = Some(error);
        self.feeding.lost = lost;
        false
    }

    /// Reads the page once more, a little later.
    fn read_again(&self, round: u64, from: Sequence, ctx: &mut Context<Self>) {
        ctx.run_later(RETRY, move |subscription, ctx| {
            if subscription.feeding.round == round {
                subscription.read_page(from, ctx);
            }
        });
    }
}

impl Handler<PageCame> for Subscription {
    type Result = ();

    fn handle(&mut self, read: PageCame, ctx: &mut Context<Self>) {
        if read.round != self.feeding.round {
            return;
        }
        let page = match read.page {
            Ok(page) => page,
            Err(error) => {
                tracing::debug!(id = %self.subscription.id, %error, "the archive is asked again");
                return self.read_again(read.round, read.from, ctx);
            }
        };
        if !self.passes(page.lost) {
            self.read_again(read.round, read.from, ctx);
            return self.tell();
        }
        if let Some(action) = self.feeding.page(&mut self.live, page) {
            self.perform(action, ctx);
        }
        self.go_on(ctx);
    }
}
