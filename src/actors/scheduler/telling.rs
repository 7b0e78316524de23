//! What the log and the metrics are told of messages, as the journal has it; never of a replay.
//! Whoever dies is told at WARN, in limits; every step of each message at DEBUG, with its ids.

use super::Scheduler;
use crate::domain::attempt::Attempt;
use crate::domain::fact::Fact;
use crate::domain::fact::message::{AttemptFailed, MessageFact, Settlement};
use crate::domain::ids::{MessageId, ServiceName};
use crate::domain::message::{Message, State};
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::leases::Leased;
use crate::metrics::notices::{Notice, Particulars};

/// So many messages are told one by one that they are parked, or are no more.
const MOST_PARKED: usize = 1000;

/// What waited for a service, and whether it was parked.
pub(super) type Parking = Vec<(MessageId, State)>;

fn follows() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

impl Scheduler {
    /// To be called before the queues learn of `fact`: they still know what an end is about.
    pub(super) fn tell(&self, fact: &Fact, now: Timestamp) {
        match fact {
            Fact::Message(MessageFact::AttemptFailed(failed)) if follows() => {
                self.tell_failure(failed);
            }
            Fact::Message(MessageFact::DeadLetterDeleted(deleted)) => {
                tracing::debug!(id = %deleted.id, "dead letter deleted");
            }
            _ => {
                if let Some((state, settlement)) = fact.settlement() {
                    self.tell_end(state, settlement, now);
                }
            }
        }
    }

    /// To be called when the queues have learnt of `fact`.
    pub(super) fn tell_place(&self, fact: &Fact, now: Moment) {
        if !follows() {
            return;
        }
        let Some(open) = fact
            .opened()
            .and_then(|new| self.queues.inspect(new.id, now))
        else {
            return;
        };
        let word = match fact {
            Fact::Message(MessageFact::Redriven(_)) => "message redriven",
            _ => "message in line",
        };
        let message = &open.message;
        tracing::debug!(
            id = %message.id,
            correlation_id = message.correlation_id(),
            destination = %message.destination,
            state = open.state.name(),
            redriven = open.redriven,
            waiting_for = open.waiting_for.text,
            "{word}"
        );
    }

    fn tell_failure(&self, failed: &AttemptFailed) {
        let message = self.queues.message(failed.id);
        let Attempt {
            number,
            instance,
            outcome,
            error,
            ..
        } = &failed.attempt;
        tracing::debug!(
            id = %failed.id,
            correlation_id = message.map(|message| message.correlation_id()),
            destination = message.map(|message| tracing::field::display(&message.destination)),
            instance = instance.as_ref().map(tracing::field::display),
            attempt = number,
            ?outcome,
            error,
            retry_at = %failed.retry_at,
            "message: attempt failed"
        );
    }

    fn tell_end(&self, state: State, settlement: &Settlement, now: Timestamp) {
        let Some(message) = self.queues.message(settlement.id) else {
            return;
        };
        let took = settlement.at.since(message.accepted_at);
        self.metrics.observe_processing(took.as_secs_f64());
        if let Some(reason) = settlement.reason {
            let notice = Notice::Died {
                destination: message.destination.clone(),
                reason,
            };
            let of = || death(message, settlement);
            self.metrics.notices.note(&notice, now, of);
        }
        if follows() {
            tell_settled(state, settlement, message);
        }
    }

    pub(super) fn tell_leased(&self, service: &ServiceName, leased: &[Leased]) {
        if !follows() {
            return;
        }
        for Leased { delivery, token } in leased {
            tracing::debug!(
                id = %delivery.message.id,
                correlation_id = delivery.message.correlation_id(),
                %service,
                lease = %token,
                attempt = delivery.attempt,
                "message handed out to a consumer"
            );
        }
    }

    /// Nobody tried them.
    pub(super) fn tell_given_back(&self, ids: &[MessageId]) {
        if !follows() {
            return;
        }
        for id in ids {
            let message = self.queues.message(*id);
            tracing::debug!(
                %id,
                correlation_id = message.map(|message| message.correlation_id()),
                "message not tried: back in line"
            );
        }
    }

    /// What waits now, to see afterwards what has changed.
    pub(super) fn parking(&self, service: &ServiceName) -> Parking {
        if !follows() {
            return Parking::new();
        }
        let waiting = self.queues.waiting(service, None).into_iter();
        let states = waiting.filter_map(|id| Some((id, self.queues.state_of(id)?)));
        states.take(MOST_PARKED).collect()
    }

    pub(super) fn tell_parking(&self, before: Parking, now: Timestamp) {
        for (id, was) in before {
            let is = self.queues.state_of(id);
            if is == Some(was) || ![Some(was), is].contains(&Some(State::Parked)) {
                continue;
            }
            let Some(open) = self.queues.inspect(id, now) else {
                continue;
            };
            let word = match open.state {
                State::Parked => "message parked",
                _ => "message no longer parked",
            };
            tracing::debug!(
                %id,
                correlation_id = open.message.correlation_id(),
                destination = %open.message.destination,
                waiting_for = open.waiting_for.text,
                "{word}"
            );
        }
    }
}

fn tell_settled(state: State, settlement: &Settlement, message: &Message) {
    let attempt = settlement.attempt.as_ref();
    let instance = attempt.and_then(|attempt| attempt.instance.as_ref());
    tracing::debug!(
        id = %message.id,
        correlation_id = message.correlation_id(),
        destination = %message.destination,
        reason = settlement.reason.map(|reason| reason.name()),
        attempt = attempt.map(|attempt| attempt.number),
        instance = instance.map(tracing::field::display),
        error = attempt.and_then(|attempt| attempt.error.as_deref()),
        "message {}",
        state.name()
    );
}

fn death(message: &Message, settlement: &Settlement) -> Particulars {
    let attempt = settlement.attempt.as_ref();
    Particulars {
        id: Some(message.id.to_string()),
        event: None,
        correlation_id: Some(message.correlation_id()),
        source: Some(message.source.clone()),
        destination: None,
        error: attempt.and_then(|attempt| attempt.error.clone()),
    }
}
