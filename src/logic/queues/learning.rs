//! What the queues learn from facts.

use std::sync::Arc;

use super::Queues;
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::service::ServiceFact;
use crate::domain::ids::Position;
use crate::domain::moment::{Moment, StampOrigin};
use crate::domain::timestamp::Timestamp;

impl Queues {
    /// Learns from a committed fact. Decides nothing: what follows from the fact may already be
    /// in the journal behind it. After a new `AttemptFailed` call [`Queues::due`].
    pub fn apply(&mut self, position: Position, fact: &Fact, now: impl Into<Moment>) {
        self.learn(
            position,
            fact,
            now.into(),
            StampOrigin::Journal { set_since: 0 },
        );
    }

    /// As [`Queues::apply`]; how old the fact is depends on where it is known from.
    pub fn learn(&mut self, position: Position, fact: &Fact, moment: Moment, source: StampOrigin) {
        match fact {
            Fact::Message(fact) => self.learn_of_message(position, fact, (moment, source)),
            Fact::Service(fact) => self.learn_of_service(fact, moment.hub),
            Fact::Control(ControlFact::QuotaSet(set)) => {
                self.set_quota(&set.service, set.quota, moment.hub);
            }
            Fact::Control(ControlFact::QueueSwitched(switched)) => {
                self.switch(switched, moment.hub);
            }
            _ => {}
        }
    }

    fn learn_of_message(
        &mut self,
        position: Position,
        fact: &MessageFact,
        (moment, source): (Moment, StampOrigin),
    ) {
        match fact {
            MessageFact::Accepted(message) => {
                let accepted = moment.of(message.accepted_at, source);
                self.open(message.clone(), position, 0, (accepted, moment));
                self.places.enter(position, message.id);
            }
            MessageFact::Redriven(redrive) => {
                self.dead_letter_sent_again(&redrive.message);
                let message = Arc::new(redrive.message.clone());
                let accepted = moment.of(message.accepted_at, source);
                self.open(message, position, redrive.times, (accepted, moment));
                self.places.enter_again(redrive, position);
            }
            MessageFact::AttemptFailed(failed) => {
                let retry_at = moment.of(failed.at(), source).hub_time(failed.retry_at);
                self.attempt_failed(failed.id, &failed.attempt, (retry_at, moment.hub));
            }
            MessageFact::DeadLetterDeleted(deleted) => self.dead_letter_gone(deleted.id),
            _ => {
                if let Some((state, settlement)) = fact.settlement() {
                    self.close(settlement, state, moment.hub);
                }
            }
        }
    }

    fn learn_of_service(&mut self, fact: &ServiceFact, now: Timestamp) {
        match fact {
            ServiceFact::ServiceSeen(seen) => self.comes(&seen.service, now),
            ServiceFact::ServiceRegistered(registration) => {
                self.comes(&registration.service, now);
            }
            ServiceFact::ServiceDeregistered(gone) => self.left_in_replay(&gone.service),
            _ => {}
        }
    }
}
