//! Events of a named subscription that its clients had and did not settle: how often each was sent.
//!
//! A client acknowledges up to a sequence, so what it had not settled when it was lost is all that
//! it was sent after its last acknowledgement.

use std::time::Duration;

use super::backoff::RetryPolicy;
use crate::domain::event::Sequence;

/// More are not told apart.
const MOST: usize = 1000;

/// Clients that were lost, or refused an event, by the last event that is meant.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Losses(Vec<Sequence>);

impl Losses {
    /// Everything not acknowledged up to `sent` has to be sent once more.
    pub fn add(&mut self, sent: Sequence) {
        if self.0.len() < MOST {
            self.0.push(sent);
        }
    }

    /// The subscriber is done with everything up to here.
    pub fn acked(&mut self, through: Sequence) {
        self.0.retain(|sent| *sent > through);
    }

    /// How often the next event was sent to somebody who did not settle it.
    pub fn count(&self) -> u32 {
        self.0.len() as u32
    }

    /// Until what was not settled is sent again, of which there is something: as long as the client
    /// asked, else nothing after the first time, as that may be chance. `random` as for
    /// [`RetryPolicy::delay`].
    pub fn pause(&self, asked: Option<Duration>, policy: &RetryPolicy, random: f64) -> Duration {
        match asked {
            Some(delay) => delay.min(policy.max_delay),
            None if self.count() < 2 => Duration::ZERO,
            None => policy.delay(self.count() - 1, random),
        }
    }

    /// The number of the attempt to send this event.
    pub fn attempt(&self, sequence: Sequence) -> u32 {
        let meant = self.0.iter().filter(|sent| **sent >= sequence);
        1 + meant.count() as u32
    }

    /// What the event was that all had in common is dealt with; the others begin anew.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_counts_those_who_had_it_until_it_is_acknowledged() {
        let mut losses = Losses::default();
        losses.add(7);
        losses.add(5);
        let attempts = |losses: &Losses| [4, 5, 6, 7, 8].map(|event| losses.attempt(event));
        assert_eq!(attempts(&losses), [3, 3, 2, 2, 1]);
        assert_eq!(losses.count(), 2);
        losses.acked(5);
        assert_eq!(attempts(&losses), [2, 2, 2, 2, 1]);
        losses.forget();
        assert_eq!(attempts(&losses), [1; 5]);
    }

    #[test]
    fn what_was_lost_twice_waits_ever_longer_unless_the_client_says_for_how_long() {
        let policy = RetryPolicy::default();
        let mut losses = Losses::default();
        let pauses = [(); 3].map(|()| {
            losses.add(7);
            losses.pause(None, &policy, 0.0).as_secs()
        });
        assert_eq!(pauses, [0, 1, 2]);
        let asked = |secs| losses.pause(Some(Duration::from_secs(secs)), &policy, 0.0);
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(100_000), policy.max_delay);
    }

    #[test]
    fn they_are_bounded() {
        let mut losses = Losses::default();
        for _ in 0..2 * MOST {
            losses.add(1);
        }
        assert_eq!(losses.count() as usize, MOST);
    }
}
