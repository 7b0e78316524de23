use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::AttemptOutcome;
use crate::logic::journal::samples;
use crate::logic::outcome::Rejection;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + millis)
}

fn event(sequence: Sequence) -> Arc<Event> {
    Arc::new(samples::event(1, sequence))
}

fn attempt(number: u32) -> Attempt {
    Attempt {
        number,
        at: at(0),
        instance: None,
        outcome: AttemptOutcome::Failed,
        status_code: Some(500),
        duration_ms: 1,
        error: None,
    }
}

fn window(room: u32, sequences: impl IntoIterator<Item = Sequence>) -> DeliveryWindow {
    let mut window = DeliveryWindow::new(0, room);
    for sequence in sequences {
        window.add(event(sequence));
    }
    window
}

#[test]
fn a_failing_event_holds_back_those_behind_it() {
    let mut window = window(1, 1..=3);
    assert_eq!(window.next(at(0)), Some(1));
    let (_, number) = window.start(1).unwrap();
    assert_eq!((number, window.next(at(0))), (1, None));
    window.failed(1, attempt(1), at(1000));
    assert_eq!(window.next(at(999)), None);
    assert_eq!(window.next_retry(), Some(at(1000)));
    assert_eq!(window.next(at(1000)), Some(1));
    assert_eq!(window.start(1).unwrap().1, 2);
    assert_eq!(window.position(), 0);
    let ended = window.end(1, attempt(2)).unwrap();
    assert_eq!(ended.attempts, [attempt(1), attempt(2)]);
    assert_eq!((window.position(), window.next(at(1000))), (1, Some(2)));
}

#[test]
fn the_position_waits_for_the_first_that_is_not_done() {
    let mut window = window(3, [2, 5, 9]);
    window.advance(12);
    for sequence in [2, 5, 9] {
        window.start(sequence).unwrap();
    }
    window.end(9, attempt(1)).unwrap();
    assert_eq!(window.position(), 1);
    window.end(2, attempt(1)).unwrap();
    assert_eq!(window.position(), 4);
    window.end(5, attempt(1)).unwrap();
    assert_eq!((window.position(), window.is_empty()), (12, true));
}

#[test]
fn what_is_given_back_spends_no_attempt() {
    let mut window = window(1, [1]);
    window.start(1).unwrap();
    assert!(window.start(1).is_none());
    window.give_back(1, at(7));
    assert_eq!(window.next(at(7)), Some(1));
    assert_eq!(window.start(1).unwrap().1, 1);
}

#[test]
fn only_what_failed_is_retried() {
    let mut window = window(1, [1]);
    assert!(!window.is_retrying());
    window.start(1).unwrap();
    window.give_back(1, at(7));
    assert!(!window.is_retrying());
    window.start(1).unwrap();
    window.failed(1, attempt(1), at(9));
    assert!(window.is_retrying());
    window.start(1).unwrap();
    assert!(window.is_retrying());
    window.end(1, attempt(2)).unwrap();
    assert!(!window.is_retrying());
}

#[test]
fn other_patterns_drop_only_what_has_not_begun() {
    let mut window = window(1, 1..=3);
    window.start(1).unwrap();
    let freed = window.retain_waiting(|event| event.sequence == 3);
    assert_eq!(freed, event(2).bytes());
    window.end(1, attempt(1)).unwrap();
    assert_eq!((window.position(), window.next(at(0))), (2, Some(3)));
}

#[test]
fn outcomes_are_those_of_messages() {
    let policy = RetryPolicy::default();
    let later = Some(Duration::from_secs(60));
    let failed = |retry_after| Answered::Failed { retry_after };
    for (answered, number, outcome) in [
        (Answered::Delivered, 9, Outcome::Delivered),
        (
            Answered::Rejected(Rejection::Message),
            1,
            Outcome::Dead(DeadReason::Rejected),
        ),
        (Answered::Gone, 1, Outcome::Gone),
        (failed(None), 1, Outcome::RetryAt(at(1000))),
        (failed(None), 4, Outcome::RetryAt(at(8000))),
        (failed(later), 1, Outcome::RetryAt(at(60_000))),
        (
            failed(later),
            5,
            Outcome::Dead(DeadReason::AttemptsExhausted),
        ),
    ] {
        let found = conclude(&policy, answered, number, at(0), 0.0);
        assert_eq!(found, outcome, "{answered:?} {number}");
    }
}

/// What may happen to a window.
#[derive(Clone, Copy, Debug)]
enum Step {
    Add { gap: u64 },
    Advance { gap: u64 },
    Start,
    GiveBack(usize),
    Fail { which: usize, wait: i64 },
    End(usize),
    Wait(i64),
    SetRoom(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4_u64).prop_map(|gap| Step::Add { gap }),
        1 => (0..4_u64).prop_map(|gap| Step::Advance { gap }),
        6 => Just(Step::Start),
        1 => any::<usize>().prop_map(Step::GiveBack),
        2 => (any::<usize>(), 0..9_i64).prop_map(|(which, wait)| Step::Fail { which, wait }),
        4 => any::<usize>().prop_map(Step::End),
        1 => (0..9_i64).prop_map(Step::Wait),
        1 => (1..5_u32).prop_map(Step::SetRoom),
    ]
}

/// The same in the plainest terms: every event ever added, with what became of it.
#[derive(Default)]
struct Model {
    events: Vec<(Sequence, State)>,
    through: Sequence,
    room: usize,
    now: i64,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Waiting,
    InFlight,
    Retrying(i64),
    Done,
}

impl Model {
    fn add(&mut self, gap: u64) -> Sequence {
        self.through += gap;
        self.events.push((self.through, State::Waiting));
        self.through
    }

    fn state(&mut self, sequence: Sequence) -> &mut State {
        let mut events = self.events.iter_mut();
        let found = events.find(|(one, _)| *one == sequence);
        &mut found.expect("it was added").1
    }

    fn in_flight(&self) -> Vec<Sequence> {
        let events = self.events.iter();
        let in_flight = events.filter(|(_, state)| *state == State::InFlight);
        in_flight.map(|(sequence, _)| *sequence).collect()
    }

    /// One of those in flight.
    fn pick(&self, which: usize) -> Option<Sequence> {
        let in_flight = self.in_flight();
        let index = which.checked_rem(in_flight.len())?;
        in_flight.get(index).copied()
    }

    fn position(&self) -> Sequence {
        let mut events = self.events.iter();
        let first = events.find(|(_, state)| *state != State::Done);
        first.map_or(self.through, |(sequence, _)| sequence - 1)
    }

    fn next(&self) -> Option<Sequence> {
        let mut due = self.events.iter().filter_map(|(sequence, state)| {
            let is_due = matches!(state, State::Retrying(at) if *at <= self.now);
            is_due.then_some(*sequence)
        });
        if let Some(sequence) = due.next() {
            return Some(sequence);
        }
        let is_begun = |state: &State| matches!(state, State::InFlight | State::Retrying(_));
        let states = self.events.iter().map(|(_, state)| state);
        if states.filter(|state| is_begun(state)).count() >= self.room {
            return None;
        }
        let mut events = self.events.iter();
        let waiting = events.find(|(_, state)| *state == State::Waiting);
        waiting.map(|(sequence, _)| *sequence)
    }
}

proptest! {
    #[test]
    fn nothing_is_skipped_and_nothing_begins_too_early(
        room in 1..5_u32, steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut window = DeliveryWindow::new(0, room);
        let mut model = Model { room: room as usize, ..Model::default() };
        for step in steps {
            match step {
                Step::Add { gap } => window.add(event(model.add(gap))),
                Step::Advance { gap } => {
                    model.through += gap;
                    window.advance(model.through);
                }
                Step::Start => if let Some(sequence) = model.next() {
                    prop_assert!(window.start(sequence).is_some());
                    *model.state(sequence) = State::InFlight;
                },
                Step::GiveBack(which) => if let Some(sequence) = model.pick(which) {
                    window.give_back(sequence, at(model.now));
                    *model.state(sequence) = State::Retrying(model.now);
                },
                Step::Fail { which, wait } => if let Some(sequence) = model.pick(which) {
                    let retry_at = model.now + wait;
                    window.failed(sequence, attempt(1), at(retry_at));
                    *model.state(sequence) = State::Retrying(retry_at);
                },
                Step::End(which) => if let Some(sequence) = model.pick(which) {
                    prop_assert_eq!(window.end(sequence, attempt(1)).unwrap().event.sequence, sequence);
                    *model.state(sequence) = State::Done;
                },
                Step::Wait(millis) => model.now += millis,
                Step::SetRoom(room) => {
                    model.room = room as usize;
                    window.set_room(room);
                }
            }
            prop_assert_eq!(window.next(at(model.now)), model.next());
            prop_assert_eq!(window.position(), model.position());
            prop_assert_eq!(window.in_flight() as usize, model.in_flight().len());
            prop_assert_eq!(window.through(), model.through);
            window.check();
            prop_assert!(window.begins_in_order());
        }
    }

    #[test]
    fn with_room_for_one_everything_ends_in_order(
        count in 1..20_u64, failures in prop::collection::vec(0..3_usize, 20),
    ) {
        let mut window = window(1, 1..=count);
        let mut ended = Vec::new();
        while let Some(sequence) = window.next(at(0)) {
            let (_, number) = window.start(sequence).unwrap();
            prop_assert_eq!((window.in_flight(), window.next(at(0))), (1, None));
            if (number as usize) <= failures[sequence as usize - 1] {
                window.failed(sequence, attempt(number), at(0));
            } else {
                ended.push(window.end(sequence, attempt(number)).unwrap().event.sequence);
                prop_assert_eq!(window.position(), sequence);
            }
        }
        prop_assert_eq!(ended, (1..=count).collect::<Vec<_>>());
    }
}

#[test]
fn what_has_not_begun_can_be_given_once_more() {
    let mut window = window(2, [2, 5, 9]);
    window.advance(12);
    window.start(2).unwrap();
    assert!(window.has_room());
    assert_eq!(window.rewind(), event(5).bytes() + event(9).bytes());
    assert_eq!(
        (window.through(), window.position(), window.len()),
        (4, 1, 1)
    );
    assert_eq!(window.rewind(), 0);
    window.add(event(5));
    assert_eq!(window.next(at(0)), Some(5));
    window.end(2, attempt(1)).unwrap();
    assert_eq!(window.position(), 4);
}
