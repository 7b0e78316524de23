//! How somebody follows the events: from memory, from the archive while that is ahead, and from
//! memory again.
//!
//! ```text
//!             follow                    behind
//!   Idle ───────────────> Recent ───────────────────> Archive
//!     ^                   │    ^                      │     │
//!     │ stop              │    └──────────────────────┘     │
//!     ├───────────────────┤      nothing more is there, or  │
//!     │                   │ end  the rest is in memory      │
//!     └───── Ending <─────┴─────────────────────────────────┘
//! ```
//!
//! What was asked for is under way for a while. A round tells what is meant from what was asked
//! before the follower stopped; while it ends, what is on its way still counts.

use std::sync::Arc;

use super::event_window::{EventWindow, EventsRead};
use super::feeds::Fed;
use super::recent::Framed;
use crate::domain::event::{Event, Sequence};

/// What a follower needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FollowerAction {
    /// The events from here on, as long as they are in memory; replaces what it followed before.
    Follow {
        /// Comes back with what follows from it.
        round: u64,
        /// The first that is needed.
        from: Sequence,
        /// So many bytes of events it has room for.
        credit: usize,
    },
    /// Nothing more.
    Unfollow,
    /// It has room for so many bytes more.
    Credit(usize),
    /// A page of the archive, from here on.
    Read {
        /// Comes back with the page.
        round: u64,
        /// The first that is needed.
        from: Sequence,
    },
}

/// What a page of the archive came to.
#[derive(Debug)]
pub enum PageOutcome {
    /// It was asked for before the follower stopped.
    Stale,
    /// The archive is away, or has lost what is needed: to be asked [`Follower::again`] after a
    /// pause.
    Later,
    /// They came in, and everything up to the last that was looked at is known.
    Taken {
        /// Those that are meant, oldest first.
        events: Vec<Arc<Event>>,
        /// The first and the last event that it goes on without, since they are gone.
        gap: Option<(Sequence, Sequence)>,
    },
}

/// What a follower does about events that are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GapPolicy {
    /// It goes on behind them and says so.
    GoOn,
    /// It waits for those that were lost, since a backup of the archive may bring them back, until
    /// somebody has it [`Follower::pass_lost`].
    Wait,
}

/// One that follows the events.
#[derive(Debug)]
pub struct Follower {
    /// Bytes of events it has room for.
    capacity: usize,
    gaps: GapPolicy,
    stage: Stage,
    round: u64,
    /// Every event up to here that is meant came in.
    through: Sequence,
    /// Bytes of the events that came in and are not done with.
    held: usize,
    /// Bytes of those that are done with, for which no credit was given back.
    used: usize,
    /// The first and the last of the events it waits for.
    lost: Option<(Sequence, Sequence)>,
    /// Of what was lost, the events before this one are not waited for.
    passes_before: Sequence,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Idle,
    Ending,
    Recent,
    Archive(Reading),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    /// A page is to be read once there is room.
    Due,
    UnderWay,
    /// It is to be asked again, after a pause.
    Pausing,
    /// What comes next is in memory.
    Over,
}

impl Follower {
    /// One that is done with everything up to `through`, and follows nothing yet.
    pub fn new(capacity: usize, gaps: GapPolicy, through: Sequence) -> Self {
        Self {
            capacity,
            gaps,
            stage: Stage::Idle,
            round: 0,
            through,
            held: 0,
            used: 0,
            lost: None,
            passes_before: 0,
        }
    }

    /// Whether it follows nothing, and nothing on its way counts.
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Idle
    }

    /// Whether it follows no more, and what is on its way from memory counts.
    pub fn is_ending(&self) -> bool {
        self.stage == Stage::Ending
    }

    /// Another one from whenever it follows or stops.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// Every event up to here that is meant came in.
    pub fn through(&self) -> Sequence {
        self.through
    }

    /// Bytes of the events that came in and are not done with.
    pub fn held(&self) -> usize {
        self.held
    }

    /// The first and the last of the events it waits for, as the archive has lost them.
    pub fn lost(&self) -> Option<(Sequence, Sequence)> {
        self.lost
    }

    /// What comes after this event is meant from now on.
    pub fn seek(&mut self, through: Sequence) {
        self.through = through;
    }

    /// Follows what comes after what it has, instead of what it followed before.
    pub fn follow(&mut self) -> FollowerAction {
        self.stage = Stage::Recent;
        self.round += 1;
        self.used = 0;
        FollowerAction::Follow {
            round: self.round,
            from: self.through + 1,
            credit: self.capacity.saturating_sub(self.held),
        }
    }

    /// Follows no more; what is on its way does not count.
    pub fn stop(&mut self) -> Option<FollowerAction> {
        let unfollow = self.unfollow();
        self.stage = Stage::Idle;
        self.round += 1;
        unfollow
    }

    /// Follows no more; what is on its way from memory still counts.
    pub fn end(&mut self) -> Option<FollowerAction> {
        let unfollow = self.unfollow();
        self.stage = Stage::Ending;
        unfollow
    }

    fn unfollow(&self) -> Option<FollowerAction> {
        let is_known = matches!(self.stage, Stage::Recent | Stage::Archive(_));
        is_known.then_some(FollowerAction::Unfollow)
    }

    /// Stops, and forgets what came after `through`, so many bytes of events: they come again.
    pub fn rewind(&mut self, through: Sequence, bytes: usize) -> Option<FollowerAction> {
        self.forget(bytes);
        self.through = through;
        self.stop()
    }

    /// So many bytes of events are not wanted any more. Their room is given back with the next
    /// follow.
    pub fn forget(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }

    /// So many bytes of events are done with.
    pub fn release(&mut self, bytes: usize) {
        self.forget(bytes);
        self.used += bytes;
    }

    /// Takes what the log says; gives the events that are new.
    pub fn hear<'a>(&mut self, round: u64, fed: &'a Fed) -> &'a [Arc<Framed>] {
        match fed {
            _ if round != self.round => &[],
            Fed::Events { events, through }
                if matches!(self.stage, Stage::Recent | Stage::Ending) =>
            {
                self.take(events, *through)
            }
            Fed::Behind { .. } if self.stage == Stage::Recent => {
                self.stage = Stage::Archive(Reading::Due);
                &[]
            }
            _ => &[],
        }
    }

    fn take<'a>(&mut self, events: &'a [Arc<Framed>], through: Sequence) -> &'a [Arc<Framed>] {
        let known = events.partition_point(|framed| framed.event.sequence <= self.through);
        let new = &events[known..];
        self.held += new.iter().map(|framed| framed.event.bytes()).sum::<usize>();
        let last = new.last().map_or(0, |framed| framed.event.sequence);
        self.through = self.through.max(last).max(through);
        new
    }

    /// What it needs now; to be asked whenever anything happened. `has_next` says whether events
    /// that came in have not begun: without them, what is held may be held for long.
    pub fn needs(&mut self, has_next: bool) -> Option<FollowerAction> {
        let room = self.capacity.saturating_sub(self.held);
        match self.stage {
            Stage::Recent => {
                let all = if has_next { self.capacity } else { room };
                self.credit(all / 4)
            }
            Stage::Archive(Reading::Due)
                if self.held <= self.capacity / 2 || (!has_next && room > 0) =>
            {
                self.stage = Stage::Archive(Reading::UnderWay);
                Some(FollowerAction::Read {
                    round: self.round,
                    from: self.through + 1,
                })
            }
            Stage::Archive(Reading::Over) => Some(self.follow()),
            _ => None,
        }
    }

    /// Credit goes back in portions, so that not every event tells so.
    fn credit(&mut self, portion: usize) -> Option<FollowerAction> {
        let is_due = self.used > 0 && (self.used >= portion || self.held == 0);
        is_due.then(|| FollowerAction::Credit(std::mem::take(&mut self.used)))
    }

    /// What [`FollowerAction::Read`] brought; `None`: the archive is away.
    pub fn page(&mut self, round: u64, read: Option<EventsRead>) -> PageOutcome {
        if round != self.round || self.stage != Stage::Archive(Reading::UnderWay) {
            return PageOutcome::Stale;
        }
        self.stage = Stage::Archive(Reading::Pausing);
        let Some(read) = read else {
            return PageOutcome::Later;
        };
        let from = self.through + 1;
        let gap = self.gap(from, &read.window);
        self.lost = gap.filter(|(_, last)| self.waits_for(*last));
        if self.lost.is_some() {
            return PageOutcome::Later;
        }
        self.through = self.through.max(read.through(None));
        let is_last = read.page.is_last();
        let mut events = read.page.items;
        // What an old backup has of events that are said to be gone would come after a gap of
        // which nobody was told.
        if let (GapPolicy::GoOn, Some((_, last))) = (self.gaps, gap) {
            events.retain(|event| event.sequence > last);
            self.through = self.through.max(last);
        }
        self.held += events.iter().map(|event| event.bytes()).sum::<usize>();
        let is_over = is_last || self.through + 1 >= read.window.in_memory;
        self.stage = Stage::Archive(if is_over { Reading::Over } else { Reading::Due });
        PageOutcome::Taken { events, gap }
    }

    /// Of the events from here on, those that are gone and that somebody has to know of.
    fn gap(&self, from: Sequence, window: &EventWindow) -> Option<(Sequence, Sequence)> {
        match self.gaps {
            GapPolicy::GoOn => (from < window.oldest).then(|| (from, window.oldest - 1)),
            GapPolicy::Wait => window.lost_from(from),
        }
    }

    fn waits_for(&self, last: Sequence) -> bool {
        self.gaps == GapPolicy::Wait && last >= self.passes_before
    }

    /// The pause of this round is over.
    pub fn again(&mut self, round: u64) {
        if round == self.round && self.stage == Stage::Archive(Reading::Pausing) {
            self.stage = Stage::Archive(Reading::Due);
        }
    }

    /// Somebody lets it go on without what it waits for.
    pub fn pass_lost(&mut self) {
        if let Some((_, last)) = self.lost {
            self.passes_before = last + 1;
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
