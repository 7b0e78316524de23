use std::collections::VecDeque;

use super::model::{self, Input, Machine, Output};
use super::*;
use crate::logic::journal::samples;
use crate::logic::page::Page;

const CAPACITY: usize = 64 << 10;

/// As a socket lets go: what is on its way does not count.
const STOPS: u8 = 0;
/// As a socket changes what it follows.
const ENDS: u8 = 1;
/// As a callback.
const WAITS: u8 = 2;

/// A consumer that takes one event after the other.
struct Consumer<const KIND: u8> {
    follower: Follower,
    /// Not taken.
    ready: VecDeque<Arc<Event>>,
    /// Bytes of those that were taken and not settled.
    taken: VecDeque<usize>,
}

impl<const KIND: u8> Consumer<KIND> {
    fn lets_go(&mut self) -> Option<FollowerAction> {
        if KIND == ENDS {
            return self.follower.end();
        }
        let Some(first) = self.ready.front() else {
            return self.follower.stop();
        };
        let through = first.sequence - 1;
        let bytes = self.ready.iter().map(|event| event.bytes()).sum();
        self.ready.clear();
        self.follower.rewind(through, bytes)
    }

    fn page(&mut self, round: u64, read: Option<EventsRead>) -> Option<Output> {
        match self.follower.page(round, read) {
            PageOutcome::Stale => None,
            PageOutcome::Later => Some(Output::Pauses { round }),
            PageOutcome::Taken { events, gap } => {
                self.ready.extend(events);
                let gap = gap.filter(|_| KIND != WAITS);
                gap.map(|(_, last)| Output::Tells(last + 1))
            }
        }
    }
}

impl<const KIND: u8> Machine for Consumer<KIND> {
    const CAPACITY: usize = CAPACITY;
    const WAITS: bool = KIND == WAITS;
    const HAS_BARRIER: bool = KIND == ENDS;

    fn new(after: Sequence) -> Self {
        let gaps = match KIND {
            WAITS => GapPolicy::Wait,
            _ => GapPolicy::GoOn,
        };
        Self {
            follower: Follower::new(CAPACITY, gaps, after),
            ready: VecDeque::new(),
            taken: VecDeque::new(),
        }
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        match input {
            Input::GoOn => outputs.push(Output::Asks(self.follower.follow())),
            Input::LetGo => outputs.extend(self.lets_go().map(Output::Asks)),
            Input::News { round, fed } => {
                let new = self.follower.hear(round, &fed).iter();
                self.ready.extend(new.map(|framed| framed.event.clone()));
            }
            Input::Page { round, read } => outputs.extend(self.page(round, read)),
            Input::Again { round } => self.follower.again(round),
            Input::Take => {
                if let Some(event) = self.ready.pop_front() {
                    self.taken.push_back(event.bytes());
                    outputs.push(Output::Gives(event.sequence));
                }
            }
            Input::Settle => self.follower.release(self.taken.pop_front().unwrap()),
            Input::SettleLast => self.follower.release(self.taken.pop_back().unwrap()),
            Input::Pass => self.follower.pass_lost(),
        }
        outputs.extend(
            self.follower
                .needs(!self.ready.is_empty())
                .map(Output::Asks),
        );
        outputs
    }

    fn held(&self) -> usize {
        let ready = self.ready.iter().map(|event| event.bytes());
        let held = ready.sum::<usize>() + self.taken.iter().sum::<usize>();
        assert_eq!(self.follower.held(), held);
        held
    }
}

#[test]
fn each_event_comes_once_and_in_order_or_the_gap_is_told() {
    model::run::<Consumer<STOPS>>();
}

#[test]
fn nothing_is_lost_or_comes_twice_when_what_is_followed_changes() {
    model::run::<Consumer<ENDS>>();
}

#[test]
fn what_was_lost_is_waited_for_until_somebody_says_otherwise() {
    model::run::<Consumer<WAITS>>();
}

#[test]
fn faults_are_noticed() {
    model::faults::are_noticed::<Consumer<STOPS>>();
    model::faults::are_noticed::<Consumer<WAITS>>();
}

fn framed(sequence: Sequence) -> Arc<Framed> {
    Arc::new(Framed::new(Arc::new(samples::event(1, sequence))))
}

fn events(sequences: std::ops::RangeInclusive<Sequence>) -> Fed {
    let through = *sequences.end();
    Fed::Events {
        events: sequences.map(framed).collect(),
        through,
    }
}

/// The events of a page from here on, where more are in memory from `in_memory` on.
fn read(from: Sequence, next: Option<Sequence>, window: EventWindow) -> Option<EventsRead> {
    let event = |sequence| Arc::new(samples::event(1, sequence));
    let page = Page {
        items: vec![event(from)],
        next: next.map(event),
    };
    Some(EventsRead { page, window })
}

fn window(oldest: Sequence, kept_from: Sequence, in_memory: Sequence) -> EventWindow {
    EventWindow {
        oldest,
        kept_from,
        newest: 20,
        in_memory,
    }
}

/// One that is behind, and has asked for the events from here on.
fn behind(gaps: GapPolicy, from: Sequence) -> Follower {
    let mut follower = Follower::new(CAPACITY, gaps, from - 1);
    follower.follow();
    follower.hear(1, &Fed::Behind { from });
    let expected = FollowerAction::Read { round: 1, from };
    assert_eq!(follower.needs(true), Some(expected));
    follower
}

#[test]
fn what_came_before_is_not_new() {
    let mut follower = Follower::new(CAPACITY, GapPolicy::GoOn, 3);
    let size = samples::event(1, 1).bytes();
    follower.follow();
    assert_eq!(follower.hear(1, &events(2..=5)).len(), 2);
    assert_eq!((follower.through(), follower.held()), (5, 2 * size));
    assert!(follower.hear(1, &events(4..=5)).is_empty());
    assert!(follower.hear(0, &events(6..=7)).is_empty());
    assert_eq!(follower.stop(), Some(FollowerAction::Unfollow));
    assert!(follower.hear(1, &events(6..=7)).is_empty());
    assert_eq!(follower.stop(), None);
}

#[test]
fn credit_goes_back_in_portions_and_when_nothing_is_held() {
    let mut follower = Follower::new(CAPACITY, GapPolicy::GoOn, 0);
    follower.follow();
    let size = samples::event(1, 1).bytes();
    follower.hear(1, &events(1..=3));
    follower.release(size);
    assert_eq!(follower.needs(true), None);
    follower.release(size);
    follower.release(size);
    assert_eq!(follower.needs(true), Some(FollowerAction::Credit(3 * size)));
    let portion = (CAPACITY / 4).div_ceil(size);
    follower.hear(1, &events(4..=100));
    follower.release(portion * size);
    assert_eq!(
        follower.needs(true),
        Some(FollowerAction::Credit(portion * size))
    );
    assert_eq!(follower.needs(true), None);
}

#[test]
fn what_is_held_for_long_takes_room_but_never_all() {
    let size = samples::event(1, 1).bytes();
    let mut follower = Follower::new(10 * size, GapPolicy::Wait, 0);
    follower.follow();
    follower.hear(1, &events(1..=9));
    follower.release(size);
    assert_eq!(follower.needs(true), None, "more are there to begin");
    assert_eq!(
        follower.needs(false),
        Some(FollowerAction::Credit(size)),
        "eight are tried again, and nothing else is there"
    );
    follower.hear(1, &Fed::Behind { from: 10 });
    assert_eq!(follower.needs(true), None);
    let expected = FollowerAction::Read { round: 1, from: 10 };
    assert_eq!(follower.needs(false), Some(expected));
}

#[test]
fn it_reads_on_until_the_rest_is_in_memory() {
    let mut follower = behind(GapPolicy::GoOn, 3);
    let page = follower.page(1, read(3, Some(9), window(1, 1, 15)));
    assert!(matches!(page, PageOutcome::Taken { gap: None, .. }));
    let expected = FollowerAction::Read { round: 1, from: 9 };
    assert_eq!(follower.needs(true), Some(expected));
    follower.page(1, read(9, Some(16), window(1, 1, 15)));
    let next = follower.needs(true);
    assert!(
        matches!(
            next,
            Some(FollowerAction::Follow {
                round: 2,
                from: 16,
                ..
            })
        ),
        "{next:?}"
    );
}

#[test]
fn an_archive_that_is_away_is_asked_again() {
    let mut follower = behind(GapPolicy::GoOn, 3);
    assert!(matches!(follower.page(1, None), PageOutcome::Later));
    assert_eq!(follower.needs(true), None);
    follower.again(0);
    assert_eq!(follower.needs(true), None);
    follower.again(1);
    let expected = FollowerAction::Read { round: 1, from: 3 };
    assert_eq!(follower.needs(true), Some(expected));
}

#[test]
fn a_gap_is_told_and_passed() {
    let mut follower = behind(GapPolicy::GoOn, 3);
    let page = follower.page(1, read(4, Some(9), window(7, 2, 15)));
    let PageOutcome::Taken { events, gap } = page else {
        panic!("{page:?}");
    };
    assert!(events.is_empty(), "what is said to be gone does not come");
    assert_eq!((gap, follower.through()), (Some((3, 6)), 8));
}

#[test]
fn what_was_lost_holds_up_whoever_waits_and_what_was_removed_does_not() {
    let mut follower = behind(GapPolicy::Wait, 3);
    let page = follower.page(1, read(7, None, window(7, 5, 15)));
    assert!(matches!(page, PageOutcome::Later));
    assert_eq!((follower.lost(), follower.through()), (Some((5, 6)), 2));
    follower.pass_lost();
    follower.again(1);
    follower.needs(true);
    let page = follower.page(1, read(7, None, window(7, 5, 15)));
    let passed = matches!(
        page,
        PageOutcome::Taken {
            gap: Some((5, 6)),
            ..
        }
    );
    assert!(passed, "{page:?}");
    assert_eq!((follower.lost(), follower.through()), (None, 20));
}
