//! Why a message has not been delivered yet, in words and numbers.

use crate::domain::message::Message;
use crate::domain::moment::Moment;
use crate::domain::service::Outlook;

use super::Queues;
use super::destination::{Destination, untold};
use super::entry::{Entry, Place};
use super::lease::Lease;
use super::pace::Limit;
use super::pause::Pause;

/// How far the messages ahead of one are counted, so that a look at many stays cheap.
const MOST_COUNTED: usize = 1000;

impl Queues {
    pub(super) fn waiting_for(&self, entry: &Entry, now: Moment) -> String {
        let message = &entry.message;
        match entry.place {
            Place::Scheduled { until } => {
                let at = until.wall_time(now);
                format!("scheduled: it may be delivered from {at} on")
            }
            Place::Retrying { at } if entry.lost > 0 => {
                let (lost, at) = (entry.lost, now.wall_time(at));
                format!("{lost} consumers were lost with it; it is handed out again at {at}")
            }
            Place::Retrying { at } => {
                let (failures, most) = (entry.failures(), self.policy.retries.max_attempts);
                let at = now.wall_time(at);
                format!("{failures} of {most} attempts failed; the next one is at {at}")
            }
            Place::Pushing { since } => {
                format!("an attempt is under way since {}", now.wall_time(since))
            }
            Place::Leased { token } => match self.leases.get(&token) {
                Some(Lease { since, until, .. }) => {
                    let since = now.wall_time(*since);
                    match until.map(|until| now.wall_time(until)) {
                        Some(until) => {
                            format!("leased to a consumer since {since}, until {until}")
                        }
                        None => format!("with a consumer's socket since {since}"),
                    }
                }
                None => "leased to a consumer".to_owned(),
            },
            Place::Settling => "its outcome is being written".to_owned(),
            Place::Held => self.waiting_for_key(message),
            Place::Queued => match self.destinations.get(&message.destination) {
                Some(destination) => self.waiting_for_turn(entry, destination, now),
                None => "queued".to_owned(),
            },
        }
    }

    fn waiting_for_key(&self, message: &Message) -> String {
        let keys = self.destinations.get(&message.destination);
        let (Some(keys), Some(key)) = (keys.map(|known| &known.keys), message.ordering_key())
        else {
            return "its ordering_key is about to become free".to_owned();
        };
        if let Some(id) = keys.holder(key) {
            return format!("message {id} with the same ordering_key is not settled yet");
        }
        match keys.dead_letter(key) {
            Some(id) => format!(
                "dead letter {id} holds the same ordering_key until it is reprocessed or deleted \
                 (ordering_on_failure: hold)"
            ),
            None => "its ordering_key is about to become free".to_owned(),
        }
    }

    fn waiting_for_turn(&self, entry: &Entry, to: &Destination, now: Moment) -> String {
        let (waiting, message_type) = (entry.waiting(&self.ranking), &entry.message.message_type);
        let turn = match to.lanes.ahead_of(&waiting, message_type, MOST_COUNTED) {
            MOST_COUNTED => format!("{MOST_COUNTED} messages or more are ahead of it"),
            1 => "1 message is ahead of it".to_owned(),
            ahead => format!("{ahead} messages are ahead of it"),
        };
        if let Some(pause) = &self.paused {
            return format!("all queues are paused {}; {turn}", in_words(pause));
        }
        if let Some(pause) = &to.paused {
            return format!("the queue is paused {}; {turn}", in_words(pause));
        }
        match to.outlook {
            outlook if outlook == untold() => {
                format!("no instance was available since the hub started; {turn}")
            }
            Outlook::NoInstance { since } => {
                let since = now.wall_time(since);
                format!("no instance is available since {since}; {turn}")
            }
            Outlook::Left => format!("no instance is registered, and nobody asks; {turn}"),
            Outlook::CircuitOpen { until } => {
                let until = now.wall_time(until);
                format!("the circuit is open and tried again at {until}; {turn}")
            }
            Outlook::Trial => {
                format!("the circuit is half open, one message at a time is tried; {turn}")
            }
            Outlook::Ready if to.lanes.parks(message_type) => {
                format!(
                    "no instance is available that takes messages of type {message_type}; {turn}"
                )
            }
            Outlook::Ready => waiting_for_room(to, now, &turn),
        }
    }
}

fn in_words(pause: &Pause) -> String {
    let since = pause.since;
    match &pause.by {
        Some(by) => format!("since {since} by {by}"),
        None => format!("since {since}"),
    }
}

fn waiting_for_room(to: &Destination, now: Moment, turn: &str) -> String {
    match to.pace.limit(to.in_hand(), now.hub) {
        Some(Limit::InFlight { most }) => {
            format!("the quota max_in_flight of {most} is used up; {turn}")
        }
        Some(Limit::Rate { rate, until }) => format!(
            "the quota deliver_rate of {rate} per second lets the next message go at {}; {turn}",
            now.wall_time(until)
        ),
        None => {
            let (in_flight, window) = (to.counts.pushing, to.window);
            format!(
                "{turn}; it goes out when an instance has room ({in_flight} of {window} under way) \
                 or a consumer asks"
            )
        }
    }
}
