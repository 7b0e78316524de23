//! What the log and the metrics are told of messages, as the journal has it; never of a replay.

use super::Scheduler;
use crate::domain::fact::{Fact, Settlement};
use crate::domain::message::Message;
use crate::domain::timestamp::Timestamp;
use crate::metrics::notices::{Notice, Particulars};

impl Scheduler {
    /// To be called before the queues learn of `fact`.
    pub(super) fn tell(&self, fact: &Fact, now: Timestamp) {
        if let Some((_, settlement)) = fact.settlement() {
            self.tell_end(settlement, now);
        }
    }

    fn tell_end(&self, settlement: &Settlement, now: Timestamp) {
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
    }
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
