//! What holds after every step of a random life.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ahash::AHashSet;

use super::{Life, NAMES, service};
use crate::domain::fact::Fact;
use crate::domain::fact::message::MessageFact;
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::State;
use crate::domain::service::Outlook;
use crate::logic::queues::Place;
use crate::logic::queues::listing::{Bounds, ListedMessage, Wanted};
use crate::logic::queues::tests::model;
use crate::logic::queues::view::QueueDepths;
use crate::logic::verdict;

impl Life {
    /// A run in which a kind of fact never came up proves nothing about it.
    pub(crate) fn has_seen_everything(&self) {
        let count = |kind: fn(&Fact) -> bool| self.journal.iter().filter(|fact| kind(fact)).count();
        let has = |kind| count(kind) > 10;
        assert!(has(|fact| matches!(
            fact,
            Fact::Message(MessageFact::Delivered(_))
        )));
        assert!(has(|fact| matches!(
            fact,
            Fact::Message(MessageFact::DeadLettered(_))
        )));
        assert!(has(|fact| matches!(
            fact,
            Fact::Message(MessageFact::Expired(_))
        )));
        assert!(has(|fact| matches!(
            fact,
            Fact::Message(MessageFact::Cancelled(_))
        )));
        assert!(has(|fact| matches!(
            fact,
            Fact::Message(MessageFact::Redriven(_))
        )));
        // Several in a row have to be lost with the same one.
        let given_up = self.given_up();
        assert!(given_up > 3, "only {given_up} lost their consumers");
    }

    pub(crate) fn into_journal(self) -> Vec<Fact> {
        self.journal
    }

    /// How many became dead letters because their consumers were lost.
    pub(crate) fn given_up(&self) -> usize {
        let lost = verdict::lost_in_words(model::DELIVERY_LIMIT);
        let given_up = self.journal.iter().filter(|fact| match fact {
            Fact::Message(MessageFact::DeadLettered(dead_letter)) => {
                let attempt = dead_letter.attempt.as_ref();
                let error = attempt.and_then(|attempt| attempt.error.as_ref());
                error == Some(&lost)
            }
            _ => false,
        });
        given_up.count()
    }

    pub(super) fn check(&self) {
        assert_eq!(self.queues.len(), self.model.open.len());
        for open in &self.model.open {
            let entry = &self.queues.entries[&open.message.id];
            let (seen, expected) = (self.queues.state(entry), self.model.state(open));
            assert_eq!(seen, expected, "{open:?} {:?}", entry.place);
            assert_eq!(entry.message, open.message);
            assert_eq!((entry.failures(), entry.lost), (open.failures, open.lost));
            assert_eq!((entry.order, entry.redriven), (open.order, open.redriven));
        }
        if self.journal.len().is_multiple_of(16) {
            self.check_list();
        }
        let depths = self.queues.depths().map(|(_, depths)| depths.open());
        assert_eq!(depths.sum::<usize>(), self.queues.len());
        self.check_survey();
        for index in 0..NAMES.len() {
            self.check_line(&service(index));
        }
    }

    fn check_survey(&self) {
        let survey = self.queues.survey();
        let mut total = QueueDepths {
            paused: self.queues.pause_of(None).cloned(),
            ..QueueDepths::default()
        };
        let mut held_back = BTreeMap::new();
        for (service, depths) in self.queues.depths() {
            total.add(&depths);
            let may_go = depths.outlook == Some(Outlook::Ready) && depths.paused.is_none();
            if depths.waiting() > 0 && !may_go {
                held_back.insert(service.clone(), depths);
            }
        }
        total.statistics += self.queues.past();
        assert_eq!(survey.total, total);
        assert!(survey.held_back.into_iter().eq(held_back));
    }

    /// Where in the journal the message was accepted.
    pub(super) fn accepted_at(&self, id: MessageId) -> Option<Position> {
        let is_it = |fact: &Fact| matches!(fact, Fact::Message(MessageFact::Accepted(message)) if message.id == id);
        let index = self.journal.iter().position(is_it)?;
        Some(index as Position + 1)
    }

    fn check_list(&self) {
        for destination in [None, Some(service(0))] {
            let wanted = Wanted {
                destination,
                states: vec![State::Queued, State::Parked, State::Retrying],
                ..Wanted::default()
            };
            let is_wanted = |open: &&model::Open| {
                let to = &open.message.destination;
                wanted.states.contains(&self.model.state(open))
                    && wanted.destination.as_ref().is_none_or(|one| one == to)
            };
            let expected = self.model.open.iter().filter(is_wanted);
            let mut expected: Vec<_> = expected.map(|open| open.message.id).collect();
            expected.sort_by_key(|id| Reverse(self.accepted_at(*id)));
            let mut found = Vec::new();
            let mut before = None;
            let most = Bounds {
                looked_at: 3,
                taken: 2,
            };
            loop {
                let stretch = self.queues.list(&wanted, before, most);
                assert!(stretch.looked_at <= 3 && stretch.messages.len() <= 2);
                found.extend(stretch.messages.iter().map(ListedMessage::id));
                before = stretch.before;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected);
        }
    }

    fn check_line(&self, service: &ServiceName) {
        let line = self.model.line(service);
        let expected = line.iter().map(|index| self.model.open[*index].message.id);
        if let Some(destination) = self.queues.destinations.get(service) {
            let mut lanes = destination.lanes.clone();
            let line = std::iter::from_fn(|| lanes.pop()).map(|waiting| waiting.id);
            assert!(line.eq(expected), "{service}");
            assert_eq!(destination.room(), self.model.room(service));
        }
        let mut keys = AHashSet::new();
        for entry in self.queues.entries.values() {
            let handed_out = matches!(entry.place, Place::Pushing { .. } | Place::Leased { .. });
            if let Some(key) = entry.message.ordering_key()
                && handed_out
                && entry.message.destination == *service
            {
                assert!(keys.insert(key), "two of {key} at once");
            }
        }
    }
}
