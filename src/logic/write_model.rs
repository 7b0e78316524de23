//! What the journal says, as far as it decides what may be written next.
//!
//! The write model is the judge of races: whatever two actors believe, a message is opened once and
//! settled once, because only facts that follow from the journal enter it.

mod draft;
mod events;
mod instances;

pub use draft::Draft;
pub use events::{EventDraft, Mark, Offered, Publication};

use ahash::{AHashMap, AHashSet};

use crate::domain::compaction_summary::{KnownId, MessageTotals};
use crate::domain::fact::Fact;
use crate::domain::fact::message::MessageFact;
use crate::domain::ids::MessageId;
use crate::domain::timestamp::Timestamp;

use super::dedup::DedupWindow;
use super::message_totals;
use events::EventWriteModel;
use instances::{InstanceDraft, Instances};

/// What decides whether a fact may follow: what is open, the ids that are known, the order of
/// events.
#[derive(Debug)]
pub struct WriteModel {
    open: AHashSet<MessageId>,
    window: DedupWindow,
    totals: MessageTotals,
    events: EventWriteModel,
    instances: Instances,
}

impl WriteModel {
    /// Messages and events each have a window like this empty one.
    pub fn new(window: DedupWindow) -> Self {
        Self {
            open: AHashSet::new(),
            events: EventWriteModel::new(window.clone()),
            window,
            totals: MessageTotals::default(),
            instances: Instances::default(),
        }
    }

    /// Learns from a fact that is in the journal.
    pub fn apply(&mut self, fact: &Fact) {
        self.totals += message_totals::contribution(fact);
        self.events.apply(fact);
        self.instances.apply(fact);
        if let Fact::CompactionSummary(summary) = fact {
            let known = summary.known_ids.iter().copied();
            self.window.restore(known, summary.window_overflowed);
        }
        if let Some(message) = fact.opened() {
            self.open.insert(message.id);
        }
        if let Fact::Message(MessageFact::Accepted(message)) = fact
            && let Some(fingerprint) = message.fingerprint()
        {
            self.window.remember(KnownId {
                id: message.id.0,
                fingerprint,
                at: message.accepted_at,
                end: None,
            });
        }
        if let Fact::Message(MessageFact::Redriven(redrive)) = fact {
            self.window.set_end(redrive.message.id.0, None);
        }
        if let Some((state, settlement)) = fact.settlement() {
            self.open.remove(&settlement.id);
            self.window.set_end(settlement.id.0, Some(state));
        }
    }

    /// What the journal counts, over the whole life of the data.
    pub fn totals(&self) -> MessageTotals {
        self.totals
    }

    /// Whether the dedup window ever forgot an id, so that "not in it" no longer means "new".
    pub fn window_overflowed(&self) -> bool {
        self.window.overflowed()
    }

    /// As [`WriteModel::window_overflowed`], of the ids of events.
    pub fn event_window_overflowed(&self) -> bool {
        self.events.window_overflowed()
    }

    /// Looks at every id that is remembered, and every stream; gives how many these are.
    ///
    /// # Panics
    /// If they contradict each other.
    pub fn check(&self) -> usize {
        self.window.check() + self.events.check()
    }

    /// Begins to choose the facts of one batch.
    pub fn draft(&mut self, now: Timestamp) -> Draft<'_> {
        self.window.forget_aged(now);
        Draft {
            now,
            open: &self.open,
            window: &self.window,
            changes: AHashMap::new(),
            events: self.events.draft(now),
            registered: &self.instances,
            instances: InstanceDraft::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::{Message, State};
    use crate::logic::dedup::DedupVerdict;
    use crate::logic::journal::samples;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    /// The samples are accepted from here on, one per millisecond.
    const START: i64 = 1_780_000_000_000;
    const WINDOW: Duration = Duration::from_secs(1);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(START + millis)
    }

    fn write_model(facts: &[Fact]) -> WriteModel {
        let mut write_model = WriteModel::new(DedupWindow::new(100, WINDOW));
        for fact in facts {
            write_model.apply(fact);
        }
        write_model
    }

    /// Odd numbers are chosen by the client.
    fn message(number: u128) -> Message {
        samples::message(number, "1")
    }

    fn with_other_content(number: u128) -> Message {
        let mut other = message(number);
        let extras = other.extras.as_mut().unwrap();
        extras.fingerprint = Some(samples::known_id(77).fingerprint);
        other
    }

    #[test]
    fn a_repeat_is_recognised_before_and_after_it_is_settled() {
        for facts in [
            vec![samples::accepted(1)],
            vec![samples::accepted(1), samples::delivered(1)],
        ] {
            let mut write_model = write_model(&facts);
            let mut draft = write_model.draft(at(2));
            assert_eq!(draft.offer(&message(1)), DedupVerdict::SameContent);
            assert_eq!(
                draft.offer(&with_other_content(1)),
                DedupVerdict::OtherContent
            );
            assert_eq!(draft.offer(&message(3)), DedupVerdict::New);
        }
    }

    #[test]
    fn a_repeat_is_told_how_the_first_one_is() {
        let known = samples::compaction_summary(1..2);
        for (facts, state) in [
            (vec![samples::accepted(1)], Some(State::Queued)),
            (
                vec![samples::accepted(1), samples::delivered(1)],
                Some(State::Delivered),
            ),
            (
                vec![samples::accepted(1), samples::expired(1)],
                Some(State::Expired),
            ),
            (
                vec![
                    samples::accepted(1),
                    samples::dead_lettered(1),
                    samples::redriven(1, 1, State::Dead),
                ],
                Some(State::Queued),
            ),
            // As hubs wrote it that did not remember ends.
            (vec![known.clone()], None),
            (
                vec![known, samples::redriven(1, 1, State::Dead)],
                Some(State::Queued),
            ),
        ] {
            let mut write_model = write_model(&facts);
            let mut draft = write_model.draft(at(2));
            assert_eq!(draft.offer(&message(1)), DedupVerdict::SameContent);
            assert_eq!(draft.state(samples::id(1)), state, "{facts:?}");
        }
        let mut write_model = write_model(&[samples::accepted(1)]);
        let mut draft = write_model.draft(at(2));
        assert!(draft.admits(&samples::cancelled(1)));
        assert_eq!(draft.state(samples::id(1)), Some(State::Cancelled));
    }

    #[test]
    fn a_repeat_within_one_batch_is_recognised() {
        let mut write_model = write_model(&[]);
        let mut draft = write_model.draft(at(0));
        assert_eq!(draft.offer(&message(1)), DedupVerdict::New);
        assert_eq!(draft.offer(&message(1)), DedupVerdict::SameContent);
        assert_eq!(
            draft.offer(&with_other_content(1)),
            DedupVerdict::OtherContent
        );
    }

    #[test]
    fn a_batch_that_was_not_written_leaves_no_trace() {
        let mut write_model = write_model(&[samples::accepted(2)]);
        let mut draft = write_model.draft(at(0));
        assert_eq!(draft.offer(&message(1)), DedupVerdict::New);
        assert!(draft.admits(&samples::delivered(2)));
        let mut again = write_model.draft(at(0));
        assert_eq!(again.offer(&message(1)), DedupVerdict::New);
        assert!(again.admits(&samples::delivered(2)));
    }

    #[test]
    fn an_id_is_free_again_when_the_window_forgot_it_unless_it_is_open() {
        let facts = [
            samples::accepted(1),
            samples::accepted(3),
            samples::delivered(3),
        ];
        let mut write_model = write_model(&facts);
        assert!(!write_model.window_overflowed());
        let mut draft = write_model.draft(at(9_000));
        assert_eq!(draft.offer(&message(1)), DedupVerdict::OtherContent);
        assert_eq!(draft.offer(&message(3)), DedupVerdict::New);
        assert!(write_model.window_overflowed());
    }

    #[test]
    fn the_first_of_two_settlements_wins() {
        let mut write_model = write_model(&[samples::accepted(1), samples::accepted(2)]);
        let mut draft = write_model.draft(at(0));
        assert!(draft.admits(&samples::delivered(1)));
        assert!(!draft.admits(&samples::cancelled(1)));
        assert!(!draft.admits(&samples::attempt_failed(1, 1)));
        write_model.apply(&samples::delivered(1));
        let mut later = write_model.draft(at(0));
        assert!(!later.admits(&samples::expired(1)));
        assert!(later.admits(&samples::expired(2)));
    }

    #[test]
    fn a_message_is_settled_within_the_batch_that_opens_it() {
        let mut write_model = write_model(&[]);
        let mut draft = write_model.draft(at(0));
        assert!(!draft.admits(&samples::delivered(1)));
        assert_eq!(draft.offer(&message(1)), DedupVerdict::New);
        assert!(draft.admits(&samples::delivered(1)));
    }

    #[test]
    fn only_a_settled_message_is_redriven_and_only_once() {
        let redriven = samples::redriven(1, 1, State::Dead);
        let mut write_model = write_model(&[samples::accepted(1)]);
        assert!(!write_model.draft(at(0)).admits(&redriven));
        write_model.apply(&samples::dead_lettered(1));
        let mut draft = write_model.draft(at(0));
        assert!(draft.admits(&redriven));
        assert!(!draft.admits(&redriven));
        assert!(draft.admits(&samples::delivered(1)));
    }

    #[test]
    fn only_what_is_settled_is_deleted() {
        for deleted in [samples::dead_letter_deleted(1), samples::message_deleted(1)] {
            let mut write_model = write_model(&[samples::accepted(1)]);
            assert!(!write_model.draft(at(0)).admits(&deleted));
            write_model.apply(&samples::dead_lettered(1));
            assert!(write_model.draft(at(0)).admits(&deleted));
            let mut draft = write_model.draft(at(0));
            assert!(draft.admits(&samples::redriven(1, 1, State::Dead)));
            assert!(!draft.admits(&deleted));
        }
    }

    #[test]
    fn a_snapshot_is_no_further_than_its_stream() {
        let mut write_model = write_model(&[samples::event_published(1, 3)]);
        let mut draft = write_model.draft(at(0));
        for (stream, version, admitted) in
            [(1, 3, true), (1, 2, true), (1, 4, false), (2, 1, false)]
        {
            let taken = samples::snapshot_taken(stream, version);
            assert_eq!(draft.admits(&taken), admitted, "{stream} at {version}");
        }
    }

    #[test]
    fn news_is_told_in_the_order_of_events() {
        let mut write_model = write_model(&[
            samples::event_published(1, 8),
            samples::service_registered(1, "a", 1),
        ]);
        let mut draft = write_model.draft(at(0));
        let mut tell = |fact| {
            draft
                .own_event(&fact, || [0; 10])
                .map(|event| event.sequence)
        };
        assert_eq!(tell(samples::service_registered(1, "a", 2)), None);
        assert_eq!(tell(samples::service_registered(1, "b", 1)), Some(9));
        assert_eq!(tell(samples::service_deregistered(1)), Some(10));
        assert_eq!(tell(samples::instance_deregistered(1, "a")), None);
        assert_eq!(tell(samples::expired(1)), Some(11));
        assert_eq!(tell(samples::event_dead_lettered(1, 1)), None);
    }

    #[test]
    fn what_compaction_carried_is_known() {
        let mut write_model = write_model(&[samples::compaction_summary(1..3)]);
        assert_eq!(write_model.totals().accepted, 2);
        let mut draft = write_model.draft(at(5));
        assert_eq!(draft.offer(&message(1)), DedupVerdict::SameContent);
    }

    proptest! {
        /// Whatever is proposed: of one message, openings and settlements take turns.
        #[test]
        fn openings_and_settlements_take_turns(
            batches in prop::collection::vec(prop::collection::vec(samples::any_fact(), 0..8), 0..20),
        ) {
            let mut write_model = write_model(&[]);
            let mut open = BTreeSet::new();
            let mut totals = MessageTotals::default();
            for batch in batches {
                let mut written = Vec::new();
                let mut draft = write_model.draft(at(0));
                for fact in batch {
                    let is_new = match &fact {
                        Fact::Message(MessageFact::Accepted(message)) if open.contains(&message.id) => continue,
                        Fact::Message(MessageFact::Accepted(message)) => draft.offer(message) == DedupVerdict::New,
                        Fact::CompactionSummary(_) => false,
                        _ => draft.admits(&fact),
                    };
                    if !is_new {
                        continue;
                    }
                    if let Some(message) = fact.opened() {
                        prop_assert!(open.insert(message.id));
                    }
                    if let Some((_, settlement)) = fact.settlement() {
                        prop_assert!(open.remove(&settlement.id));
                    }
                    totals += message_totals::contribution(&fact);
                    written.push(fact);
                }
                for fact in &written {
                    write_model.apply(fact);
                }
                prop_assert_eq!(write_model.totals(), totals);
                prop_assert_eq!(write_model.open.len(), open.len());
            }
        }
    }
}
