//! Numbers that no hub wrote: a record that has one is damaged, or was made by hand.

use crate::domain::event::{Event, Sequence};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::HIGHEST;

/// Refuses a fact one of whose positions, sequences or versions is beyond [`HIGHEST`].
///
/// # Errors
/// Names the number.
pub(super) fn check(fact: &Fact) -> Result<(), String> {
    match fact {
        Fact::Message(fact) => check_message_fact(fact),
        Fact::Event(fact) => check_event_fact(fact),
        Fact::Subscription(fact) => check_subscription_fact(fact),
        Fact::Control(fact) => check_control_fact(fact),
        Fact::CompactionSummary(summary) => {
            check_number("last_sequence", summary.last_sequence)?;
            let mut versions = summary.streams.iter().map(|head| head.version);
            versions.try_for_each(|version| check_number("version", version))
        }
        Fact::Service(_) => Ok(()),
    }
}

fn check_message_fact(fact: &MessageFact) -> Result<(), String> {
    match fact {
        MessageFact::MessagesRemoved(removed) => {
            check_number("after", removed.after)?;
            check_number("through", removed.through)
        }
        _ => Ok(()),
    }
}

fn check_event_fact(fact: &EventFact) -> Result<(), String> {
    match fact {
        EventFact::EventPublished(event) => check_event(event),
        EventFact::SnapshotTaken(snapshot) => check_number("version", snapshot.version),
        EventFact::EventsRemoved(removed) => check_number("before", removed.before),
    }
}

fn check_subscription_fact(fact: &SubscriptionFact) -> Result<(), String> {
    match fact {
        SubscriptionFact::Subscribed(subscription) => check_number("after", subscription.after),
        SubscriptionFact::PositionAcked(acked) => check_number("through", acked.through),
        SubscriptionFact::EventDeadLettered(dead_event)
        | SubscriptionFact::EventRedriven(dead_event) => check_event(&dead_event.event),
        SubscriptionFact::ReplayAdvanced(replay) => check_number("next", replay.next),
        SubscriptionFact::Unsubscribed(_) | SubscriptionFact::EventDelivered(_) => Ok(()),
    }
}

fn check_control_fact(fact: &ControlFact) -> Result<(), String> {
    match fact {
        ControlFact::RedriveAdvanced(job) => {
            check_number("events_before", job.events_before.unwrap_or(0))?;
            check_number("through", job.through)?;
            check_number("counted", job.counted)
        }
        _ => Ok(()),
    }
}

fn check_event(event: &Event) -> Result<(), String> {
    check_number("sequence", event.sequence)?;
    let version = event.stream.as_ref().map_or(0, |place| place.version);
    check_number("version", version)
}

fn check_number(name: &str, number: Sequence) -> Result<(), String> {
    if number <= HIGHEST {
        return Ok(());
    }
    Err(format!("{name}: {number} is more than any journal has"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::logic::journal::codec::{self, VERSION};
    use crate::logic::journal::records::Kind;
    use crate::logic::journal::samples;

    #[test]
    fn what_no_hub_can_have_counted_is_not_read() {
        let published = |sequence: Sequence, version: u64| {
            let mut event = samples::event(1, 1);
            event.sequence = sequence;
            if let Some(place) = &mut event.stream {
                place.version = version;
            }
            Fact::Event(EventFact::EventPublished(Arc::new(event)))
        };
        for (fact, named) in [
            (published(HIGHEST, HIGHEST), None),
            (published(HIGHEST + 1, 1), Some("sequence: ")),
            (published(1, u64::MAX), Some("version: ")),
        ] {
            let mut body = Vec::new();
            codec::encode_body(&mut body, &fact);
            let read = codec::decode(Kind::of(&fact) as u8, VERSION, &body);
            match named {
                None => assert_eq!(read.unwrap(), fact),
                Some(named) => {
                    let error = read.unwrap_err().to_string();
                    assert!(error.contains(named), "{error}");
                }
            }
        }
    }
}
