//! What each fact counts: summed over all facts it gives the totals of `/metrics`.

use crate::domain::compaction_summary::MessageTotals;
use crate::domain::fact::Fact;
use crate::domain::fact::message::{MessageFact, Redrive};
use crate::domain::message::State;

/// What `fact` adds to the totals.
pub fn contribution(fact: &Fact) -> MessageTotals {
    match fact {
        Fact::Message(fact) => contribution_of_message(fact),
        Fact::CompactionSummary(summary) => summary.totals,
        Fact::Event(_) | Fact::Subscription(_) | Fact::Service(_) | Fact::Control(_) => {
            MessageTotals::default()
        }
    }
}

/// As [`contribution`]. A redrive takes its message out of the dead or the expired.
pub fn contribution_of_message(fact: &MessageFact) -> MessageTotals {
    let mut totals = MessageTotals::default();
    match fact {
        MessageFact::Accepted(_) => totals.accepted = 1,
        MessageFact::Delivered(_) => totals.delivered = 1,
        MessageFact::DeadLettered(_) => totals.dead = 1,
        MessageFact::Expired(_) => totals.expired = 1,
        MessageFact::Cancelled(_) => totals.cancelled = 1,
        MessageFact::Redriven(redrive) => return of_redrive(redrive),
        MessageFact::AttemptFailed(_)
        | MessageFact::DeadLetterDeleted(_)
        | MessageFact::MessageDeleted(_)
        | MessageFact::MessagesRemoved(_) => {}
    }
    totals
}

fn of_redrive(redrive: &Redrive) -> MessageTotals {
    let mut totals = MessageTotals::default();
    match redrive.from {
        State::Expired => totals.expired = -1,
        _ => totals.dead = -1,
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::compaction_summary::CompactionSummary;
    use crate::logic::journal::samples;

    fn sum(facts: &[Fact]) -> MessageTotals {
        let mut total = MessageTotals::default();
        for fact in facts {
            total += contribution(fact);
        }
        total
    }

    #[test]
    fn a_message_is_open_until_it_is_settled() {
        let mut facts = vec![samples::accepted(1), samples::attempt_failed(1, 1)];
        assert_eq!(sum(&facts).open(), 1);
        facts.push(samples::delivered(1));
        assert_eq!(sum(&facts).open(), 0);
        assert_eq!(sum(&facts).delivered, 1);
    }

    #[test]
    fn a_redrive_takes_back_the_settlement_it_came_from() {
        let facts = [
            samples::accepted(1),
            samples::dead_lettered(1),
            samples::redriven(1, 1, State::Dead),
            samples::expired(1),
            samples::redriven(1, 2, State::Expired),
        ];
        let expected = MessageTotals {
            accepted: 1,
            ..MessageTotals::default()
        };
        assert_eq!(sum(&facts), expected);
    }

    #[test]
    fn what_was_carried_counts_as_it_did() {
        let totals = MessageTotals {
            accepted: 7,
            cancelled: 3,
            ..MessageTotals::default()
        };
        let summary = CompactionSummary {
            totals,
            ..CompactionSummary::default()
        };
        let facts = [
            Fact::CompactionSummary(summary.into()),
            samples::cancelled(9),
        ];
        assert_eq!(sum(&facts).cancelled, 4);
        assert_eq!(sum(&facts).open(), 3);
    }
}
