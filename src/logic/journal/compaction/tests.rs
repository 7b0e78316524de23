use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::*;
use crate::domain::attempt::Attempt;
use crate::domain::compaction_summary::KnownId;
use crate::domain::fact::Recorded;
use crate::domain::fact::compaction_key::CompactionKey;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::service::{ServiceFact, Withdrawal};
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{InstanceId, StreamId};
use crate::domain::message::{Message, State};
use crate::domain::service::Registration;
use crate::logic::journal::samples;
use proptest::prelude::*;
use uuid::Uuid;

const UNLIMITED: DedupLimits = DedupLimits {
    capacity: usize::MAX,
    age: Duration::MAX,
};

fn numbered(facts: Vec<Fact>) -> Vec<Recorded> {
    let numbered = facts.into_iter().zip(1..);
    numbered
        .map(|(fact, position)| Recorded { position, fact })
        .collect()
}

/// A dead letter that holds its ordering key stays in the journal, so no hub accepts its id anew.
fn without_ids_of_held_dead_letters(facts: Vec<Fact>) -> Vec<Fact> {
    let mut held = HashSet::new();
    let is_possible = |fact: &Fact| {
        match fact {
            Fact::Message(MessageFact::Accepted(message)) => return !held.contains(&message.id),
            Fact::Message(MessageFact::Redriven(redrive)) => {
                held.remove(&redrive.message.id);
            }
            Fact::Message(MessageFact::DeadLetterDeleted(deleted)) => {
                held.remove(&deleted.id);
            }
            _ => {
                let settled = fact.settlement();
                if let Some((_, settlement)) = settled.filter(|(_, one)| one.holds_key) {
                    held.insert(settlement.id);
                }
            }
        }
        true
    };
    let mut facts = facts;
    facts.retain(is_possible);
    facts
}

fn compacted(records: &[Recorded]) -> Vec<Recorded> {
    let mut survey = Survey::new(UNLIMITED);
    for record in records {
        survey.note(record.position, &record.fact);
    }
    let last = records.last().map_or(0, |record| record.position);
    let mut selection = survey.finish(last);
    let mut left = Vec::new();
    for record in records {
        let position = record.position;
        match selection.fate(position) {
            Fate::Keep => left.push(record.clone()),
            Fate::Replace(fact) => left.push(Recorded { position, fact }),
            Fate::Drop => {}
        }
    }
    assert!(selection.kept.is_empty() && selection.summaries.is_empty());
    left
}

/// What whoever replays makes of the records.
#[derive(Default, PartialEq, Debug)]
struct Replayed {
    open: BTreeMap<MessageId, (Message, Vec<Attempt>)>,
    totals: MessageTotals,
    known_services: BTreeMap<ServiceName, bool>,
    registrations: BTreeMap<(ServiceName, InstanceId), (Registration, Option<Withdrawal>)>,
    known_ids: BTreeMap<MessageId, KnownId>,
    /// Dead letters that hold their ordering keys.
    holding: BTreeMap<MessageId, Message>,
    standing: HashMap<CompactionKey, Fact>,
    last_sequence: u64,
    last_published_at: Timestamp,
    streams: BTreeMap<StreamId, u64>,
    known_event_ids: BTreeMap<Uuid, KnownId>,
}

impl Replayed {
    fn of(records: &[Recorded]) -> Self {
        let mut replayed = Self::default();
        for record in records {
            replayed.totals += contribution(&record.fact);
            replayed.apply(&record.fact);
        }
        // The records of a dead letter that holds its key say themselves how it ended, and stay; if
        // its id was given anew meanwhile, their word comes after what was carried.
        for id in replayed.holding.keys() {
            if let Some(known) = replayed.known_ids.get_mut(id) {
                known.end = None;
            }
        }
        replayed
    }

    fn apply(&mut self, fact: &Fact) {
        if let Fact::Subscription(SubscriptionFact::Unsubscribed(gone)) = fact {
            self.standing.remove(&CompactionKey::Position(gone.id));
        }
        if let Fact::Control(ControlFact::RedriveAdvanced(job)) = fact
            && job.status.is_finished()
        {
            let chosen = CompactionKey::ChosenLetters(job.job);
            self.standing.remove(&chosen);
        }
        match fact.compaction_key() {
            Some((subject, true)) => drop(self.standing.insert(subject, fact.clone())),
            Some((subject, false)) => drop(self.standing.remove(&subject)),
            None => {}
        }
        match fact {
            Fact::Message(MessageFact::Accepted(message)) => {
                if let Some(fingerprint) = message.fingerprint() {
                    self.remember(KnownId {
                        id: message.id.0,
                        fingerprint,
                        at: message.accepted_at,
                        end: None,
                    });
                }
                let fresh = (Message::clone(message), Vec::new());
                self.open.insert(message.id, fresh);
            }
            Fact::Message(MessageFact::DeadLetterDeleted(deleted)) => {
                self.holding.remove(&deleted.id);
            }
            Fact::Message(MessageFact::Redriven(redrive)) => {
                self.holding.remove(&redrive.message.id);
                self.end(redrive.message.id, None);
                let fresh = (redrive.message.clone(), Vec::new());
                self.open.insert(redrive.message.id, fresh);
            }
            Fact::Message(MessageFact::AttemptFailed(failed)) => {
                if let Some((_, attempts)) = self.open.get_mut(&failed.id) {
                    attempts.push(failed.attempt.clone());
                }
            }
            Fact::CompactionSummary(summary) => self.restore(summary),
            Fact::Event(EventFact::EventPublished(event)) => self.publish(event),
            _ => match fact.settlement() {
                Some((state, settlement)) => self.settle(state, settlement),
                None => self.apply_presence(fact),
            },
        }
    }

    fn settle(&mut self, state: State, settlement: &Settlement) {
        let open = self.open.remove(&settlement.id);
        let message = open.as_ref().map(|(message, _)| message);
        // Only what was open can end.
        if message.is_some_and(|message| message.fingerprint().is_some()) {
            self.end(settlement.id, Some(state));
        }
        if let Some((message, _)) = open.filter(|_| settlement.holds_key) {
            self.holding.insert(settlement.id, message);
        }
    }

    fn apply_presence(&mut self, fact: &Fact) {
        match fact {
            Fact::Service(ServiceFact::ServiceSeen(seen)) => {
                self.known_services.insert(seen.service.clone(), true);
            }
            Fact::Service(ServiceFact::ServiceRegistered(registration)) => {
                let service = registration.service.clone();
                self.known_services.insert(service.clone(), true);
                let key = (service, registration.instance_id.clone());
                self.registrations
                    .insert(key, (Registration::clone(registration), None));
            }
            Fact::Service(ServiceFact::InstanceWithdrawn(withdrawn)) => {
                let key = (withdrawn.service.clone(), withdrawn.instance_id.clone());
                let registered = self.registrations.get_mut(&key);
                if let Some((registration, withdrawal)) = registered
                    && registration.registered_at == withdrawn.registered_at
                {
                    *withdrawal = Some(withdrawn.why);
                }
            }
            Fact::Service(ServiceFact::InstanceDeregistered(gone)) => {
                let key = (gone.service.clone(), gone.instance_id.clone());
                let registered = self.registrations.get(&key);
                if registered.is_some_and(|(one, _)| gone.means(one.registered_at)) {
                    self.registrations.remove(&key);
                }
            }
            Fact::Service(ServiceFact::ServiceDeregistered(gone)) => {
                self.known_services.insert(gone.service.clone(), false);
                self.registrations
                    .retain(|(service, _), _| *service != gone.service);
            }
            _ => {}
        }
    }

    fn publish(&mut self, event: &Event) {
        self.last_sequence = event.sequence;
        self.last_published_at = self.last_published_at.max(event.published_at);
        if let Some(place) = &event.stream {
            self.streams.insert(place.id.clone(), place.version);
        }
        if let Some(fingerprint) = event.fingerprint() {
            let known_id = KnownId {
                id: event.id.0,
                fingerprint,
                at: event.published_at,
                end: None,
            };
            self.known_event_ids.insert(event.id.0, known_id);
        }
    }

    fn restore(&mut self, summary: &CompactionSummary) {
        for known_id in &summary.known_ids {
            self.remember(*known_id);
        }
        for known_id in &summary.known_event_ids {
            self.known_event_ids.insert(known_id.id, *known_id);
        }
        for head in &summary.streams {
            self.streams.insert(head.id.clone(), head.version);
        }
        self.last_sequence = self.last_sequence.max(summary.last_sequence);
        self.last_published_at = self.last_published_at.max(summary.last_published_at);
    }

    fn remember(&mut self, known_id: KnownId) {
        self.known_ids.insert(MessageId(known_id.id), known_id);
    }

    fn end(&mut self, id: MessageId, end: Option<State>) {
        if let Some(known) = self.known_ids.get_mut(&id) {
            known.end = end;
        }
    }
}

fn summaries_of(records: &[Recorded]) -> Vec<&CompactionSummary> {
    let mut found = Vec::new();
    for record in records {
        if let Fact::CompactionSummary(summary) = &record.fact {
            found.push(&**summary);
        }
    }
    found
}

#[test]
fn only_what_is_owed_stays() {
    let records = numbered(vec![
        samples::accepted(1),
        samples::accepted(2),
        samples::attempt_failed(2, 1),
        samples::delivered(1),
        samples::accepted(4),
        samples::cancelled(4),
    ]);
    let left = compacted(&records);
    let positions: Vec<Position> = left.iter().map(|record| record.position).collect();
    assert_eq!(positions, [1, 2, 3, 6]);
    let summaries = summaries_of(&left);
    let delivered = KnownId {
        end: Some(State::Delivered),
        ..samples::known_id(1)
    };
    assert_eq!(summaries[0].known_ids, [delivered]);
    assert_eq!(summaries[0].totals.accepted, 2);
    assert_eq!(*summaries[1], CompactionSummary::default());
}

#[test]
fn a_redriven_message_keeps_only_its_newest_life() {
    let records = numbered(vec![
        samples::accepted(1),
        samples::attempt_failed(1, 1),
        samples::dead_lettered(1),
        samples::redriven(1, 1, State::Dead),
        samples::attempt_failed(1, 1),
    ]);
    let left = compacted(&records);
    assert_eq!(left[1..], records[3..]);
    assert_eq!(summaries_of(&left)[0].totals.dead, 1);
    assert_eq!(summaries_of(&left)[0].known_ids, [samples::known_id(1)]);
}

/// 2 waits for the ordering key of 1, a dead letter that is sent again.
#[test]
fn a_held_dead_letter_sent_again_still_comes_before_what_waits_for_it() {
    let records = numbered(vec![
        samples::accepted(1),
        samples::accepted(3),
        samples::dead_lettered_holding(1),
        samples::redriven(1, 1, State::Dead),
        samples::accepted(5),
        samples::delivered(5),
    ]);
    let left = compacted(&records);
    assert_eq!(left[..4], records[..4]);
    let known_ids = &summaries_of(&left)[0].known_ids;
    assert_eq!(known_ids[0].id, samples::known_id(5).id);
    assert_eq!(
        (known_ids.len(), known_ids[0].end),
        (1, Some(State::Delivered))
    );
    assert_eq!(summaries_of(&left)[0].totals.dead, 0);
    // Once it is delivered nothing of it is needed.
    let mut later: Vec<_> = records.iter().map(|record| record.fact.clone()).collect();
    later.push(samples::delivered(1));
    let left = compacted(&numbered(later));
    assert_eq!(
        left.iter()
            .filter(|record| matches!(record.fact, Fact::Message(MessageFact::Accepted(_))))
            .count(),
        1
    );
}

#[test]
fn many_ids_are_spread_over_several_records() {
    let mut facts = Vec::new();
    for number in (1..20_001).step_by(2) {
        facts.extend([samples::accepted(number), samples::delivered(number)]);
    }
    let left = compacted(&numbered(facts));
    let sizes: Vec<usize> = summaries_of(&left)
        .iter()
        .map(|c| c.known_ids.len())
        .collect();
    assert_eq!(sizes, [4096, 4096, 1808, 0]);
}

#[test]
fn a_deregistered_service_stays_a_known_name() {
    let records = numbered(vec![
        samples::service_registered(1, "a", 1),
        samples::service_deregistered(1),
        samples::service_registered(2, "a", 1),
        samples::service_registered(2, "a", 2),
        samples::instance_deregistered(2, "a"),
    ]);
    let left = compacted(&records);
    let positions: Vec<Position> = left.iter().map(|record| record.position).collect();
    assert_eq!(positions, [2, 4, 5]);
}

#[test]
fn pays_only_for_enough_new_bytes() {
    assert!(!is_worthwhile(400, 0, 100));
    assert!(is_worthwhile(401, 0, 100));
    assert!(!is_worthwhile(1000, 1000, 100));
    assert!(is_worthwhile(1001, 1000, 100));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn replays_to_the_same_as_all_records(
        facts in prop::collection::vec(samples::any_fact(), 1..60),
        first_cut in 0..60_usize,
        second_cut in 0..60_usize,
    ) {
        let records = numbered(without_ids_of_held_dead_letters(facts));
        prop_assume!(!records.is_empty());
        let whole = Replayed::of(&records);

        let (old, rest) = records.split_at(first_cut.min(records.len()));
        let once = [&compacted(old), rest].concat();
        prop_assert_eq!(&Replayed::of(&once), &whole);
        prop_assert!(once.is_sorted_by_key(|record| record.position));
        prop_assert_eq!(once.last().unwrap().position, records.last().unwrap().position);

        let (old, rest) = once.split_at(second_cut.min(once.len()));
        let twice = [&compacted(old), rest].concat();
        prop_assert_eq!(&Replayed::of(&twice), &whole);
    }

    #[test]
    fn never_leaves_more_records_than_there_were(
        facts in prop::collection::vec(samples::any_fact(), 1..60),
    ) {
        let records = numbered(facts);
        let left = compacted(&records);
        prop_assert!(left.len() <= records.len());
        prop_assert!(compacted(&left).len() <= left.len());
    }
}
