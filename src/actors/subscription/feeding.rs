//! Where the live events come from: the EventBus, or pages of the archive while that is ahead.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message, Recipient};

use super::Subscription;
use super::feed::Source;
use crate::actors::messages::{Credit, Flush, Follow, Framed, InspectLog, Unfollow};
use crate::domain::event::{Event, Sequence};
use crate::logic::type_filter::TypeFilter;
use crate::ports::archive::{Archive, ArchiveError, EventQuery};

/// Events held for a subscription, in bytes: a little more than the largest one.
pub(super) const ROOM: usize = (1 << 20) + (64 << 10);
/// How soon an archive that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Events read at once, if they are small.
const PAGE: usize = 512;

/// A page of the archive was read, or not.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct PageRead {
    round: u64,
    from: Sequence,
    page: Result<Page, ArchiveError>,
}

/// Who reads the archive for a subscription.
pub(super) struct Reader {
    log: Recipient<InspectLog>,
    /// The Archivist.
    flush: Recipient<Flush>,
    archive: Arc<dyn Archive>,
}

/// Events of the archive, in order.
pub(super) struct Page {
    pub events: Vec<Event>,
    /// Everything up to here was looked at.
    pub through: Sequence,
    pub is_last: bool,
    /// The first and the last of the events asked for that the archive lost.
    lost: Option<(Sequence, Sequence)>,
}

impl Subscription {
    /// Follows the events while they may be sent, and keeps none in memory while not.
    pub(super) fn mind_the_feed(&mut self, ctx: &Context<Self>) {
        let is_fed = self.feeding.source != Source::Nothing;
        if self.takes_nothing() {
            self.let_replays_go();
        }
        if is_fed && self.takes_nothing() {
            self.let_go();
        } else if !is_fed && !self.takes_nothing() {
            self.follow(ctx);
        }
    }

    /// Drops what has not begun: it is there again once it may be sent.
    fn let_go(&mut self) {
        let freed = self.live.rewind();
        self.feeding.held = self.feeding.held.saturating_sub(freed);
        self.feeding.source = Source::Nothing;
        self.feeding.round += 1;
        let feed = self.feeding.feed;
        self.hops.unfollow.do_send(Unfollow { feed });
    }

    /// Asks for what comes after what it has.
    fn follow(&mut self, ctx: &Context<Self>) {
        self.feeding.source = Source::Feed;
        self.feeding.round += 1;
        self.hops.follow.do_send(Follow {
            feed: self.feeding.feed,
            round: self.feeding.round,
            event_types: self.subscription.event_types.clone(),
            from: self.live.through() + 1,
            credit: ROOM.saturating_sub(self.feeding.held),
            to: ctx.address().recipient(),
        });
    }

    pub(super) fn fed(&mut self, events: &[Arc<Framed>], through: Sequence) {
        for framed in events {
            self.hold(framed.event.clone());
        }
        self.live.advance(through);
    }

    fn hold(&mut self, event: Arc<Event>) {
        // What was read from the archive may be fed once more.
        if event.sequence > self.live.through() {
            self.feeding.held += event.bytes();
            self.live.add(event);
        }
    }

    /// The types are others now: what has not begun and does not match any more is dropped.
    pub(super) fn follow_other_types(&mut self, ctx: &Context<Self>) {
        let mut types = TypeFilter::new(&self.subscription.event_types);
        let freed = self
            .live
            .retain_waiting(|event| types.wants(&event.event_type));
        self.feeding.held = self.feeding.held.saturating_sub(freed);
        if self.feeding.source != Source::Nothing {
            self.follow(ctx);
        }
    }

    /// An event is done with, so that there is room for others.
    pub(super) fn released(&mut self, bytes: usize, ctx: &Context<Self>) {
        self.feeding.held = self.feeding.held.saturating_sub(bytes);
        match self.feeding.source {
            Source::Feed => {
                let feed = self.feeding.feed;
                self.hops.credit.do_send(Credit { feed, bytes });
            }
            Source::Archive if self.live.is_empty() => self.follow(ctx),
            Source::Archive | Source::Nothing => {}
        }
    }

    /// Reads what the EventBus has no longer in memory.
    pub(super) fn read_page(&mut self, from: Sequence, ctx: &mut Context<Self>) {
        self.feeding.source = Source::Archive;
        let query = EventQuery {
            event_types: self.subscription.event_types.to_vec(),
            from_sequence: Some(from),
            limit: PAGE,
            most_bytes: Some(ROOM),
            ..EventQuery::default()
        };
        let (home, round) = (ctx.address(), self.feeding.round);
        let reader = self.reader();
        actix::spawn(async move {
            let page = reader.page(query).await;
            home.do_send(PageRead { round, from, page });
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
    pub(super) async fn page(self, query: EventQuery) -> Result<Page, ArchiveError> {
        let log = self.log.send(InspectLog).await;
        let newest = log.map_err(|_| ArchiveError::stopping())?.newest;
        Flush::ask(&self.flush).await?;
        let (from, to) = (query.from_sequence.unwrap_or(1), query.to_sequence);
        let page = self.archive.events(query).await?;
        // Once it was asked: what it has lost is told when it is opened.
        let log = self.log.send(InspectLog).await;
        let log = log.map_err(|_| ArchiveError::stopping())?;
        let first_owed = from.max(log.kept_from);
        let last = page.items.last().map_or(0, |event| event.sequence);
        let end = to.map_or(newest, |to| to.min(newest));
        let through = match &page.next {
            Some(next) => next.sequence - 1,
            None => last.max(end),
        };
        Ok(Page {
            is_last: page.is_last(),
            events: page.items,
            through,
            lost: (first_owed < log.oldest).then(|| (first_owed, log.oldest - 1)),
        })
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
        let Some((first, last)) = lost else {
            return true;
        };
        let (id, service) = (self.subscription.id, &self.subscription.service);
        if last < self.feeding.passes_before {
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

impl Handler<PageRead> for Subscription {
    type Result = ();

    fn handle(&mut self, read: PageRead, ctx: &mut Context<Self>) {
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
        for event in page.events {
            self.hold(Arc::new(event));
        }
        self.live.advance(page.through);
        if self.live.is_empty() {
            self.follow(ctx);
        }
        self.go_on(ctx);
    }
}
