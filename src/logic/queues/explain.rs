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
use super::wait_reason::{WaitCode, WaitReason};

impl Queues {
    pub(super) fn waiting_for(&self, entry: &Entry, now: Moment) -> WaitReason {
        let message = &entry.message;
        match entry.place {
            Place::Scheduled { until } => {
                let at = until.wall_time(now);
                let text = format!("scheduled: it may be delivered from {at} on");
                WaitReason::new(WaitCode::Scheduled, text).until(at)
            }
            Place::Retrying { at } => {
                let at = now.wall_time(at);
                let text = match (entry.lost, entry.failures()) {
                    (0, failures) => {
                        let most = self.policy.retries.max_attempts;
                        format!("{failures} of {most} attempts failed; the next one is at {at}")
                    }
                    (lost, _) => {
                        format!(
                            "{lost} consumers were lost with it; it is handed out again at {at}"
                        )
                    }
                };
                WaitReason::new(WaitCode::Retry, text).until(at)
            }
            Place::Pushing { since } => {
                let since = now.wall_time(since);
                let text = format!("an attempt is under way since {since}");
                WaitReason::new(WaitCode::Attempt, text).since(since)
            }
            Place::Leased { token } => match self.leases.get(&token) {
                Some(lease) => with_a_consumer(lease, now),
                None => WaitReason::new(WaitCode::Leased, "leased to a consumer"),
            },
            Place::Settling => WaitReason::new(WaitCode::Attempt, "its outcome is being written"),
            Place::Held => self.waiting_for_key(message),
            Place::Queued => match self.destinations.get(&message.destination) {
                Some(destination) => self.waiting_for_turn(entry, destination, now),
                None => WaitReason::new(WaitCode::Room, "queued"),
            },
        }
    }

    fn waiting_for_key(&self, message: &Message) -> WaitReason {
        let because = |text: String| WaitReason::new(WaitCode::OrderingKey, text);
        let known = self.destinations.get(&message.destination);
        let keys = known.map(|known| &known.keys).zip(message.ordering_key());
        if let Some(id) = keys.and_then(|(keys, key)| keys.holder(key)) {
            let text = format!("message {id} with the same ordering_key is not settled yet");
            return because(text).subject(id);
        }
        match keys.and_then(|(keys, key)| keys.dead_letter(key)) {
            Some(id) => because(format!(
                "dead letter {id} holds the same ordering_key until it is reprocessed or deleted \
                 (ordering_on_failure: hold)"
            ))
            .subject(id),
            None => because("its ordering_key is about to become free".to_owned()),
        }
    }

    fn waiting_for_turn(&self, entry: &Entry, to: &Destination, now: Moment) -> WaitReason {
        let message = &entry.message;
        let (waiting, message_type) = (entry.waiting(&self.ranking), &message.message_type);
        let ahead = to
            .lanes
            .ahead_of(&waiting, message_type, WaitReason::MOST_AHEAD);
        let reason = if let Some(pause) = &self.paused {
            paused("all queues are paused", pause)
        } else if let Some(pause) = &to.paused {
            paused("the queue is paused", pause).subject(&message.destination)
        } else if to.outlook == Outlook::Ready && to.lanes.parks(message_type) {
            let text =
                format!("no instance is available that takes messages of type {message_type}");
            WaitReason::new(WaitCode::NoInstanceForType, text).subject(message_type)
        } else {
            match outlook(to.outlook, now) {
                Some(reason) => reason.subject(&message.destination),
                None => waiting_for_room(to, now),
            }
        };
        reason.ahead(ahead)
    }
}

fn with_a_consumer(lease: &Lease, now: Moment) -> WaitReason {
    let since = now.wall_time(lease.since);
    let until = lease.until.map(|until| now.wall_time(until));
    let text = match until {
        Some(until) => format!("leased to a consumer since {since}, until {until}"),
        None => format!("with a consumer's socket since {since}"),
    };
    WaitReason::new(WaitCode::Leased, text)
        .since(since)
        .until(until)
}

fn paused(what: &str, pause: &Pause) -> WaitReason {
    let since = pause.since;
    let text = match &pause.by {
        Some(by) => format!("{what} since {since} by {by}"),
        None => format!("{what} since {since}"),
    };
    WaitReason::new(WaitCode::Paused, text).since(since)
}

/// Why nobody is sent anything; `None`: somebody may be.
fn outlook(outlook: Outlook, now: Moment) -> Option<WaitReason> {
    let nobody = |text: String| WaitReason::new(WaitCode::NoInstance, text);
    Some(match outlook {
        outlook if outlook == untold() => {
            nobody("no instance was available since the hub started".to_owned())
        }
        Outlook::NoInstance { since } => {
            let since = now.wall_time(since);
            nobody(format!("no instance is available since {since}")).since(since)
        }
        Outlook::Left => nobody("no instance is registered, and nobody asks".to_owned()),
        Outlook::CircuitOpen { until } => {
            let until = now.wall_time(until);
            let text = format!("the circuit is open and tried again at {until}");
            WaitReason::new(WaitCode::CircuitOpen, text).until(until)
        }
        Outlook::Trial => WaitReason::new(
            WaitCode::CircuitHalfOpen,
            "the circuit is half open, one message at a time is tried",
        ),
        Outlook::Ready => return None,
    })
}

fn waiting_for_room(to: &Destination, now: Moment) -> WaitReason {
    match to.pace.limit(to.in_hand(), now.hub) {
        Some(Limit::InFlight { most }) => {
            let text = format!("the quota max_in_flight of {most} is used up");
            WaitReason::new(WaitCode::Quota, text).subject("max_in_flight")
        }
        Some(Limit::Rate { rate, until }) => {
            let until = now.wall_time(until);
            let text = format!(
                "the quota deliver_rate of {rate} per second lets the next message go at {until}"
            );
            WaitReason::new(WaitCode::Quota, text)
                .until(until)
                .subject("deliver_rate")
        }
        None => {
            let (in_flight, window) = (to.counts.pushing, to.window);
            let text = format!(
                "it goes out when an instance has room ({in_flight} of {window} under way) or a \
                 consumer asks"
            );
            WaitReason::new(WaitCode::Room, text)
        }
    }
}
