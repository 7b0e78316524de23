use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::domain::event::{EventExtras, EventId, StreamPlace};
use crate::domain::fact::event::EventFact;
use crate::domain::ids::StreamId;
use crate::domain::lack::Lack;
use crate::logic::journal::compaction::{Fate, Survey};
use crate::logic::journal::known_ids::DedupLimits;
use crate::logic::journal::samples;
use proptest::prelude::*;

const LIMITS: DedupLimits = DedupLimits {
    capacity: 100,
    age: Duration::from_secs(3600),
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + millis)
}

fn write_model() -> EventWriteModel {
    EventWriteModel::new(DedupWindow::new(LIMITS.capacity, LIMITS.age))
}

fn stream(name: &str) -> Option<StreamPlace> {
    let id = StreamId::parse(name).unwrap();
    Some(StreamPlace { id, version: 0 })
}

fn event(stream: Option<StreamPlace>) -> Offered {
    let event = Event {
        sequence: 0,
        stream,
        extras: None,
        ..samples::event(1, 2)
    };
    Offered {
        event,
        expected_version: None,
        refusal_if_new: None,
    }
}

fn expecting(name: &str, expected: ExpectedVersion) -> Offered {
    Offered {
        expected_version: Some(expected),
        ..event(stream(name))
    }
}

/// An event whose id the publisher chose; `content` stands for everything else in it.
fn named(number: u128, content: u128, stream: Option<StreamPlace>) -> Offered {
    let mut offered = event(stream);
    offered.event.id = EventId(Uuid::from_u128(number));
    offered.event.extras = Some(Box::new(EventExtras {
        fingerprint: Some(Fingerprint(Uuid::from_u128(content))),
        ..EventExtras::default()
    }));
    offered
}

/// Sequence, and version if it has a stream.
fn place(publication: Publication) -> (Sequence, Option<u64>) {
    let Publication::Published(event) = publication else {
        panic!("{publication:?}");
    };
    let version = event.stream.as_ref().map(|place| place.version);
    (event.sequence, version)
}

fn conflict(expected: i64, current: u64) -> Publication {
    Publication::Refused(Refusal::VersionConflict { expected, current })
}

#[test]
fn events_and_those_of_each_stream_are_counted_from_one() {
    let mut write_model = write_model();
    let mut draft = write_model.draft(at(0));
    for (name, expected) in [
        (Some("a"), (1, Some(1))),
        (None, (2, None)),
        (Some("b"), (3, Some(1))),
        (Some("a"), (4, Some(2))),
    ] {
        let stream = name.and_then(stream);
        assert_eq!(place(draft.publish(event(stream))), expected);
    }
}

fn published_at(write_model: &mut EventWriteModel, now: Timestamp) -> Timestamp {
    let published = write_model.draft(now).publish(event(None));
    let Publication::Published(event) = published else {
        panic!("{published:?}");
    };
    write_model.apply(&Fact::Event(EventFact::EventPublished(event.clone())));
    event.published_at
}

#[test]
fn times_wait_for_a_clock_that_was_set_back_but_not_for_years() {
    const MINUTE: i64 = 60_000;
    let mut write_model = write_model();
    for (now, expected) in [
        (0, 0),
        (-10 * MINUTE, 0),
        (MINUTE, MINUTE),
        (1_000_000 * MINUTE, 1_000_000 * MINUTE),
        (2 * MINUTE, 2 * MINUTE),
        (MINUTE, 2 * MINUTE),
    ] {
        assert_eq!(published_at(&mut write_model, at(now)), at(expected));
    }
}

#[test]
fn what_was_expected_of_the_stream_must_hold() {
    use ExpectedVersion::{Exactly, Existing};
    let mut write_model = write_model();
    let mut draft = write_model.draft(at(0));
    assert_eq!(
        draft.publish(expecting("a", Existing)),
        conflict(-1, 0),
        "no such stream"
    );
    assert_eq!(draft.publish(expecting("a", Exactly(1))), conflict(1, 0));
    let first = draft.publish(expecting("a", Exactly(0)));
    assert_eq!(place(first), (1, Some(1)), "what was refused took no place");
    assert_eq!(draft.publish(expecting("a", Exactly(0))), conflict(0, 1));
    let second = draft.publish(expecting("a", Exactly(1)));
    assert_eq!(place(second), (2, Some(2)), "they count on each other");
    let third = draft.publish(expecting("a", Existing));
    assert_eq!(place(third), (3, Some(3)));
}

#[test]
fn a_repeat_is_told_before_its_expectation() {
    let mut write_model = write_model();
    let Publication::Published(first) = write_model.draft(at(0)).publish(named(1, 7, stream("a")))
    else {
        panic!("it is new");
    };
    write_model.apply(&Fact::Event(EventFact::EventPublished(first)));
    let mut draft = write_model.draft(at(0));
    let again = Offered {
        expected_version: Some(ExpectedVersion::Exactly(0)),
        refusal_if_new: Some(Refusal::ShortOf(Lack::Space)),
        ..named(1, 7, stream("a"))
    };
    assert_eq!(draft.publish(again), Publication::Duplicate);
    let other = Publication::Refused(Refusal::OtherContent);
    assert_eq!(draft.publish(named(1, 8, None)), other);
    assert_eq!(place(draft.publish(named(2, 8, None))), (2, None));
    assert_eq!(draft.publish(named(2, 8, None)), Publication::Duplicate);
    assert_eq!(draft.publish(named(2, 7, None)), other);
}

#[test]
fn a_new_event_that_may_not_come_takes_no_place() {
    let mut write_model = write_model();
    let mut draft = write_model.draft(at(0));
    let doubtful = Offered {
        refusal_if_new: Some(Refusal::ShortOf(Lack::Space)),
        ..named(1, 7, stream("a"))
    };
    let refused = Publication::Refused(Refusal::ShortOf(Lack::Space));
    assert_eq!(draft.publish(doubtful), refused);
    assert_eq!(place(draft.publish(named(1, 8, stream("a")))), (1, Some(1)));
}

#[test]
fn what_is_taken_back_leaves_no_trace() {
    let mut write_model = write_model();
    let mut draft = write_model.draft(at(0));
    draft.publish(event(stream("a")));
    let mark = draft.mark();
    for offered in [event(stream("a")), named(1, 7, stream("b")), event(None)] {
        draft.publish(offered);
    }
    draft.roll_back(mark);
    assert_eq!(
        draft.publish(expecting("b", ExpectedVersion::Existing)),
        conflict(-1, 0)
    );
    assert_eq!(place(draft.publish(named(1, 8, stream("a")))), (2, Some(2)));
}

#[test]
fn the_time_never_falls() {
    let mut write_model = write_model();
    for (now, expected) in [(5, 5), (3, 5), (9, 9)] {
        let Publication::Published(event) = write_model.draft(at(now)).publish(event(None)) else {
            panic!("nothing was expected");
        };
        assert_eq!(event.published_at, at(expected));
        write_model.apply(&Fact::Event(EventFact::EventPublished(event)));
    }
}

#[test]
fn an_id_is_free_again_when_the_window_forgot_it() {
    let mut write_model = write_model();
    write_model.apply(&samples::event_published(1, 1));
    let known = known(&write_model)[0];
    let again = |offered: &mut Offered| {
        let extras = offered.event.extras.get_or_insert_default();
        extras.fingerprint = Some(known.fingerprint);
    };
    let mut offered = named(known.id.as_u128(), 0, None);
    again(&mut offered);
    let soon = write_model.draft(at(1000)).publish(offered.clone());
    assert_eq!(soon, Publication::Duplicate);
    assert!(!write_model.window_overflowed());
    let late = write_model.draft(at(4_000_000)).publish(offered);
    assert_eq!(place(late), (2, None));
    assert!(write_model.window_overflowed());
}

fn known(write_model: &EventWriteModel) -> Vec<KnownId> {
    write_model.window.known().collect()
}

/// What somebody wants published.
#[derive(Clone, Debug)]
struct Wish {
    id: Option<u128>,
    content: u128,
    stream: Option<u8>,
    expected: Option<i64>,
    may_come: bool,
}

impl Wish {
    fn offered(&self) -> Offered {
        let stream = self.stream.and_then(|number| stream(&format!("s{number}")));
        let mut offered = match self.id {
            Some(id) => named(id, self.content, stream),
            None => event(stream),
        };
        offered.expected_version = self.expected.map(|expected| match expected {
            -1 => ExpectedVersion::Existing,
            exactly => ExpectedVersion::Exactly(exactly as u64),
        });
        offered.refusal_if_new = (!self.may_come).then_some(Refusal::ShortOf(Lack::Space));
        offered
    }
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let id = prop::option::of(1..6_u128);
    let stream = prop::option::of(0..3_u8);
    let expected = prop::option::weighted(0.4, -1..5_i64);
    let may_come = prop::bool::weighted(0.9);
    (id, 0..2_u128, stream, expected, may_come).prop_map(
        |(id, content, stream, expected, may_come)| Wish {
            id,
            content,
            stream,
            expected: expected.filter(|_| stream.is_some()),
            may_come,
        },
    )
}

/// The same rules in a few lines: every event published so far, with its stream.
#[derive(Clone, Default)]
struct Model {
    streams: Vec<Option<u8>>,
    ids: BTreeMap<u128, u128>,
}

impl Model {
    fn version(&self, stream: u8) -> u64 {
        let of_stream = self.streams.iter().filter(|one| **one == Some(stream));
        of_stream.count() as u64
    }

    /// What must come of it: a place, a repeat (`None` within) or a refusal.
    fn publish(&mut self, wish: &Wish) -> Result<Option<(u64, Option<u64>)>, ()> {
        if let Some(content) = wish.id.and_then(|id| self.ids.get(&id)) {
            return if *content == wish.content {
                Ok(None)
            } else {
                Err(())
            };
        }
        let before = wish.stream.map_or(0, |stream| self.version(stream));
        let is_met = match wish.expected {
            None => true,
            Some(-1) => before > 0,
            Some(expected) => before == expected as u64,
        };
        if !is_met || !wish.may_come {
            return Err(());
        }
        self.streams.push(wish.stream);
        self.ids.extend(wish.id.map(|id| (id, wish.content)));
        let version = wish.stream.map(|_| before + 1);
        Ok(Some((self.streams.len() as u64, version)))
    }
}

fn compacted(facts: &[Fact]) -> Vec<Fact> {
    let mut survey = Survey::new(LIMITS);
    for (position, fact) in (1..).zip(facts) {
        survey.note(position, fact);
    }
    let mut selection = survey.finish(facts.len() as u64);
    let mut left = Vec::new();
    for (position, fact) in (1..).zip(facts) {
        match selection.fate(position) {
            Fate::Keep => left.push(fact.clone()),
            Fate::Replace(fact) => left.push(fact),
            Fate::Drop => {}
        }
    }
    left
}

/// Everything a write model knows, to compare it with another.
fn contents(
    write_model: &EventWriteModel,
) -> (Sequence, Timestamp, BTreeMap<StreamId, u64>, Vec<KnownId>) {
    let streams = write_model.streams.iter();
    let streams = streams.map(|(id, version)| (id.clone(), *version));
    (
        write_model.last_sequence,
        write_model.last_published_at,
        streams.collect(),
        known(write_model),
    )
}

fn replayed(facts: &[Fact]) -> EventWriteModel {
    let mut write_model = write_model();
    for fact in facts {
        write_model.apply(fact);
    }
    write_model
}

/// One request, which is there whole or not at all if it is atomic; gives what is to be written.
fn publish_as_the_model(
    draft: &mut EventDraft<'_>,
    model: &mut Model,
    (atomic, wishes): (bool, &[Wish]),
) -> Result<Vec<Fact>, TestCaseError> {
    let (request_start, mark) = (model.clone(), draft.mark());
    let mut events = Vec::new();
    for wish in wishes {
        let expected = model.publish(wish);
        match draft.publish(wish.offered()) {
            Publication::Published(event) => {
                let version = event.stream.as_ref().map(|place| place.version);
                prop_assert_eq!(Ok(Some((event.sequence, version))), expected);
                events.push(Fact::Event(EventFact::EventPublished(event)));
            }
            Publication::Duplicate => prop_assert_eq!(expected, Ok(None)),
            Publication::Refused(_) => {
                prop_assert_eq!(expected, Err(()));
                if atomic {
                    draft.roll_back(mark);
                    *model = request_start;
                    return Ok(Vec::new());
                }
            }
        }
    }
    Ok(events)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever is refused, taken back or never written: no gap, no number twice, and a restart
    /// knows the same, whether the journal was compacted or not.
    #[test]
    fn sequences_and_versions_have_no_gap(
        batches in prop::collection::vec(
            (prop::bool::weighted(0.8), 0..100_i64, prop::collection::vec(
                (any::<bool>(), prop::collection::vec(any_wish(), 0..5)), 0..5,
            )),
            0..12,
        ),
        cut in 0..60_usize,
    ) {
        let (mut write_model, mut model) = (write_model(), Model::default());
        let mut written: Vec<Fact> = Vec::new();
        for (is_written, now, requests) in batches {
            let (before, mut facts) = (model.clone(), Vec::new());
            let mut draft = write_model.draft(at(now));
            for (atomic, wishes) in requests {
                let request = (atomic, &wishes[..]);
                let events = publish_as_the_model(&mut draft, &mut model, request)?;
                facts.extend(events);
            }
            if !is_written {
                model = before;
                continue;
            }
            for fact in &facts {
                write_model.apply(fact);
            }
            write_model.check();
            written.extend(facts);
        }
        let mut last = at(0);
        for (sequence, fact) in (1..).zip(&written) {
            let Fact::Event(EventFact::EventPublished(event)) = fact else { unreachable!("only events") };
            prop_assert_eq!(event.sequence, sequence);
            prop_assert!(event.published_at >= last);
            last = event.published_at;
        }
        prop_assert_eq!(model.streams.len(), written.len());
        prop_assert_eq!(contents(&replayed(&written)), contents(&write_model));
        let (old, new) = written.split_at(cut.min(written.len()));
        let shorter = [compacted(old), new.to_vec()].concat();
        prop_assert_eq!(contents(&replayed(&shorter)), contents(&write_model));
    }
}
