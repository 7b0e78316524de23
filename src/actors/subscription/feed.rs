//! How live events come to a subscription at the moment, and how many of them it holds.

use crate::actors::messages::FeedId;
use crate::domain::event::Sequence;

pub(super) struct Feeding {
    pub feed: FeedId,
    /// Bytes of live events that are not done.
    pub held: usize,
    pub source: Source,
    /// The first and the last of the events that are owed, but gone from the archive.
    pub lost: Option<(Sequence, Sequence)>,
    /// Of what was lost, the events before this one are not waited for.
    pub passes_before: Sequence,
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
}
