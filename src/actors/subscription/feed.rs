//! How live events come to a subscription at the moment, and how many of them it holds.

use std::sync::Arc;

use crate::actors::messages::{FeedId, Framed};
use crate::domain::event::{Event, Sequence};
use crate::logic::delivery_window::DeliveryWindow;
use crate::logic::follower::FollowerAction;
use crate::logic::page::Page;
use crate::logic::retained_events::EventWindow;

/// Events held for a subscription, in bytes: a little more than the largest one.
pub(super) const ROOM: usize = (1 << 20) + (64 << 10);

pub(super) struct Feeding {
    pub feed: FeedId,
    /// Bytes of live events that are not done.
    pub held: usize,
    pub source: Source,
    /// The first and the last of the events that are owed, but gone from the archive.
    pub lost: Option<(Sequence, Sequence)>,
    /// Of what was lost, the events before this one are not waited for.
    passes_before: Sequence,
    /// Tells what is meant from what was on its way when that changed.
    pub round: u64,
}

/// Where more events come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// Nothing comes: nothing could be sent.
    Nothing,
    Feed,
    /// The held ones came from there, and follow no feed.
    Archive,
}

/// Events of the archive, in order.
pub(super) struct PageRead {
    pub events: Vec<Event>,
    /// Everything up to here was looked at.
    pub through: Sequence,
    pub is_last: bool,
    /// The first and the last of the events asked for that the archive lost.
    pub lost: Option<(Sequence, Sequence)>,
}

impl PageRead {
    /// Of the events from `from` to `to`: `log` is how it is once the archive was asked, and
    /// `newest` was the newest event before.
    pub(super) fn of(
        (from, to): (Sequence, Option<Sequence>),
        newest: Sequence,
        page: Page<Event>,
        log: &EventWindow,
    ) -> Self {
        let first_owed = from.max(log.kept_from);
        let last = page.items.last().map_or(0, |event| event.sequence);
        let end = to.map_or(newest, |to| to.min(newest));
        let through = match &page.next {
            Some(next) => next.sequence - 1,
            None => last.max(end),
        };
        Self {
            is_last: page.is_last(),
            events: page.items,
            through,
            lost: (first_owed < log.oldest).then(|| (first_owed, log.oldest - 1)),
        }
    }
}

impl Feeding {
    pub(super) fn new(feed: FeedId) -> Self {
        Self {
            feed,
            held: 0,
            source: Source::Nothing,
            lost: None,
            passes_before: 0,
            round: 0,
        }
    }

    /// Somebody lets the subscription go on, without what it waits for.
    pub(super) fn resumed(&mut self) {
        if let Some((_, last)) = self.lost {
            self.passes_before = last + 1;
        }
    }

    /// Whether it goes on without these.
    pub(super) fn passes(&self, lost: Option<(Sequence, Sequence)>) -> bool {
        lost.is_none_or(|(_, last)| last < self.passes_before)
    }

    /// Asks for what comes after what it has.
    pub(super) fn follow(&mut self, live: &DeliveryWindow) -> FollowerAction {
        self.source = Source::Feed;
        self.round += 1;
        FollowerAction::Follow {
            round: self.round,
            from: live.through() + 1,
            credit: ROOM.saturating_sub(self.held),
        }
    }

    /// Drops what has not begun: it is there again once it may be sent.
    pub(super) fn let_go(&mut self, live: &mut DeliveryWindow) -> FollowerAction {
        self.freed(live.rewind());
        self.source = Source::Nothing;
        self.round += 1;
        FollowerAction::Unfollow
    }

    pub(super) fn fed(
        &mut self,
        live: &mut DeliveryWindow,
        events: &[Arc<Framed>],
        through: Sequence,
    ) {
        for framed in events {
            self.hold(live, framed.event.clone());
        }
        live.advance(through);
    }

    fn hold(&mut self, live: &mut DeliveryWindow, event: Arc<Event>) {
        // What was read from the archive may be fed once more.
        if event.sequence > live.through() {
            self.held += event.bytes();
            live.add(event);
        }
    }

    /// So many bytes are not held any more.
    pub(super) fn freed(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }

    /// An event is done with, so that there is room for others.
    pub(super) fn released(
        &mut self,
        live: &DeliveryWindow,
        bytes: usize,
    ) -> Option<FollowerAction> {
        self.freed(bytes);
        match self.source {
            Source::Feed => Some(FollowerAction::Credit(bytes)),
            Source::Archive if live.is_empty() => Some(self.follow(live)),
            Source::Archive | Source::Nothing => None,
        }
    }

    /// What the log has no longer in memory comes from the archive.
    pub(super) fn read(&mut self, from: Sequence) -> FollowerAction {
        self.source = Source::Archive;
        FollowerAction::Read {
            round: self.round,
            from,
        }
    }

    pub(super) fn page(
        &mut self,
        live: &mut DeliveryWindow,
        page: PageRead,
    ) -> Option<FollowerAction> {
        for event in page.events {
            self.hold(live, Arc::new(event));
        }
        live.advance(page.through);
        live.is_empty().then(|| self.follow(live))
    }
}

#[cfg(test)]
mod tests;
