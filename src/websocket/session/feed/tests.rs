//! The feed against the model of what followers go through.

use super::pages::PageRead;
use super::*;
use crate::logic::follower::FollowerAction;
use crate::logic::follower::model::{self, Input, Machine, Output};
use crate::logic::page::Page;
use crate::logic::retained_events::EventWindow;

struct Socket {
    feed: Feed,
    asked: Sequence,
}

impl Socket {
    /// As the session does when anything happened.
    fn pump(&mut self, outputs: &mut Vec<Output>) {
        let actions = [self.feed.credit(), self.feed.reads()];
        for action in actions.into_iter().flatten() {
            if let FollowerAction::Read { from, .. } = action {
                self.asked = from;
            }
            outputs.push(Output::Asks(action));
        }
    }

    fn page(&mut self, page: Page<Arc<Event>>, log: &EventWindow, outputs: &mut Vec<Output>) {
        let from = self.asked.max(log.oldest);
        let page = (from < log.in_memory).then(|| Page {
            items: page
                .items
                .into_iter()
                .filter(|event| event.sequence >= from)
                .map(|event| Event::clone(&event))
                .collect(),
            next: page.next.map(|event| Event::clone(&event)),
        });
        let read = PageRead::of(self.asked, log, page);
        let (gone, next) = self.feed.page(read);
        outputs.extend(gone.map(Output::Tells));
        outputs.extend(next.map(Output::Asks));
    }
}

impl Machine for Socket {
    const CAPACITY: usize = CREDIT;
    const WAITS: bool = false;
    const HAS_BARRIER: bool = true;

    fn new(after: Sequence) -> Self {
        let feed = Feed {
            through: after,
            sent: after,
            ..Feed::default()
        };
        Self { feed, asked: 0 }
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        match input {
            Input::GoOn => outputs.push(Output::Asks(self.feed.follow())),
            Input::LetGo => {
                outputs.extend(self.feed.stop().map(Output::Asks));
                self.feed.rewind(self.feed.sent + 1);
            }
            Input::News { fed, .. } => self.feed.take(fed),
            Input::Page { round, read: None } => {
                outputs.push(Output::Pauses { round });
            }
            Input::Page {
                round,
                read: Some((page, log)),
            } => {
                if self.feed.page_came(round) {
                    self.page(page, &log, &mut outputs);
                }
            }
            // The page that was not read comes after the pause.
            Input::Again { round } => drop(self.feed.page_came(round)),
            Input::Take => {
                if let Some(framed) = self.feed.ready.front() {
                    outputs.push(Output::Gives(framed.event.sequence));
                    self.feed.pop(0);
                }
            }
            Input::Settle(_) | Input::Pass => {}
        }
        self.pump(&mut outputs);
        outputs
    }

    fn held(&self) -> usize {
        self.feed.ready_bytes
    }
}

#[test]
fn a_client_gets_each_event_once_and_in_order_or_is_told_of_the_gap() {
    model::run::<Socket>();
}

#[test]
fn faults_are_noticed() {
    model::faults::are_noticed::<Socket>();
}
