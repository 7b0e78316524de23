//! What those who follow the events ask for.

use crate::domain::event::Sequence;

#[cfg(test)]
pub(crate) mod model;

/// What a follower needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FollowerAction {
    /// The events from here on, as long as they are in memory; replaces what it followed before.
    Follow {
        /// Comes back with what follows from it.
        round: u64,
        from: Sequence,
        /// So many bytes of events it has room for.
        credit: usize,
    },
    /// Nothing more.
    Unfollow,
    /// It has room for so many bytes more.
    Credit(usize),
    /// A page of the archive, from here on.
    Read { round: u64, from: Sequence },
}
