//! The live events of a subscription against the model of what followers go through.

use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::domain::attempt::{Attempt, AttemptOutcome};
use crate::domain::timestamp::Timestamp;
use crate::logic::feeds::Fed;
use crate::logic::follower::model::{self, Input, Machine, Output};

/// One that has three events under way at most.
struct Callback {
    feeding: Feeding,
    live: DeliveryWindow,
    asked: Sequence,
}

impl Callback {
    fn asks(&mut self, action: impl Into<Option<FollowerAction>>) -> Vec<Output> {
        let action = action.into();
        if let Some(FollowerAction::Read { from, .. }) = action {
            self.asked = from;
        }
        action.map(Output::Asks).into_iter().collect()
    }

    fn page(&mut self, page: Page<Arc<Event>>, log: &EventWindow) -> Vec<Output> {
        let page = page.map(|event| Event::clone(&event));
        let read = PageRead::of((self.asked, None), log.newest, page, log);
        self.feeding.lost = None;
        if !self.feeding.passes(read.lost) {
            self.feeding.lost = read.lost;
            let round = self.feeding.round;
            return vec![Output::Pauses { round }];
        }
        let next = self.feeding.page(&mut self.live, read);
        self.asks(next)
    }
}

impl Machine for Callback {
    const CAPACITY: usize = ROOM;
    const WAITS: bool = true;
    const HAS_BARRIER: bool = false;

    fn new(after: Sequence) -> Self {
        Self {
            feeding: Feeding::new(FeedId(Uuid::nil())),
            live: DeliveryWindow::new(after, 3),
            asked: 0,
        }
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        match input {
            Input::GoOn => {
                let follow = self.feeding.follow(&self.live);
                self.asks(follow)
            }
            Input::LetGo => {
                let unfollow = self.feeding.let_go(&mut self.live);
                self.asks(unfollow)
            }
            Input::News { round, fed } if round == self.feeding.round => match fed {
                Fed::Events { events, through } => {
                    self.feeding.fed(&mut self.live, &events, through);
                    Vec::new()
                }
                Fed::Behind { from } => {
                    let read = self.feeding.read(from);
                    self.asks(read)
                }
            },
            Input::Page { round, read } if round == self.feeding.round => match read {
                Some((page, log)) => self.page(page, &log),
                None => vec![Output::Pauses { round }],
            },
            Input::Again { round } if round == self.feeding.round => {
                let read = self.feeding.read(self.asked);
                self.asks(read)
            }
            Input::News { .. } | Input::Page { .. } | Input::Again { .. } => Vec::new(),
            Input::Take => {
                let next = self.live.next(Timestamp::default());
                let begun = next.and_then(|next| self.live.start(next));
                let given = begun.map(|(event, _)| Output::Gives(event.sequence));
                given.into_iter().collect()
            }
            Input::Settle(sequence) => {
                let ended = self.live.end(sequence, attempt()).unwrap();
                let next = self.feeding.released(&self.live, ended.event.bytes());
                self.asks(next)
            }
            Input::Pass => {
                self.feeding.resumed();
                Vec::new()
            }
        }
    }

    fn held(&self) -> usize {
        assert_eq!(self.feeding.held, self.live.bytes());
        self.feeding.held
    }
}

fn attempt() -> Attempt {
    Attempt {
        number: 1,
        at: Timestamp::default(),
        instance: None,
        outcome: AttemptOutcome::Delivered,
        status_code: Some(200),
        duration_ms: 1,
        error: None,
    }
}

#[test]
fn a_callback_gets_each_event_once_and_in_order_but_for_what_nobody_waits_for() {
    model::run::<Callback>();
}

#[test]
fn faults_are_noticed() {
    model::faults::are_noticed::<Callback>();
}
