//! What waits follows the system's clock, which deadlines are on.

use crate::domain::moment::{Moment, NOTEWORTHY_STEP_MS};

use super::entry::{Entry, Place};
use super::{Queues, destination_of};

impl Queues {
    /// Learns how the system's clock is set. When that changes, deadlines are nearer or further
    /// for what waits already.
    pub fn follow_clock(&mut self, now: impl Into<Moment>) {
        let ahead = now.into().hub_ahead();
        // Less moves no rank: a deadline is a matter of seconds.
        if (ahead - self.ranking.hub_ahead).abs() < NOTEWORTHY_STEP_MS {
            return;
        }
        let has_deadline = |entry: &&mut Box<Entry>| {
            entry.place == Place::Queued && entry.message.deadline().is_some()
        };
        for entry in self.entries.values_mut().filter(has_deadline) {
            let waiting = entry.waiting(&self.ranking);
            let destination = destination_of(&mut self.destinations, &entry.message);
            destination
                .lanes
                .remove(&waiting, &entry.message.message_type);
        }
        self.ranking.hub_ahead = ahead;
        for entry in self.entries.values_mut().filter(has_deadline) {
            let waiting = entry.waiting(&self.ranking);
            let destination = destination_of(&mut self.destinations, &entry.message);
            destination.lanes.push(waiting, &entry.message.message_type);
        }
    }
}
