//! The log, its memory, the archive, and what is under way between them and a machine.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::Step;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::EventType;
use crate::domain::json_text::JsonText;
use crate::domain::pattern::Pattern;
use crate::logic::event_window::{EventWindow, EventsRead};
use crate::logic::feeds::{Fed, Feeds};
use crate::logic::follower::FollowerAction;
use crate::logic::journal::samples;
use crate::logic::page::Filling;
use crate::logic::recent::{Framed, Recent};

/// So many events fit into a machine, and into a page.
const FIT: usize = 5;
/// So many events are in memory.
const IN_MEMORY: usize = 6;

/// What the archive answers, by the round it was asked in; `None`: it is away.
type Answer = (u64, Option<EventsRead>);

/// What comes from the log.
#[derive(Debug)]
pub(super) enum Arrival {
    News {
        round: u64,
        fed: Fed,
    },
    /// Everything was sent that was asked for before this.
    Barrier,
}

pub(super) struct World {
    capacity: usize,
    payload: JsonText,
    wanted: Arc<[Pattern]>,
    /// All there ever were.
    log: Vec<Arc<Event>>,
    recent: Recent,
    feeds: Feeds<u8>,
    /// Of what is followed.
    round: u64,
    /// The archive has got everything up to here at some time.
    archived: Sequence,
    /// What it has.
    rows: BTreeSet<Sequence>,
    is_away: bool,
    /// Retention removed those before.
    pub removed_before: Sequence,
    /// Those before are not there.
    pub history_begins: Sequence,
    /// The most that was ever gone.
    pub most_gone: Sequence,
    /// On its way to the log; `None` is a barrier.
    pub asked: VecDeque<Option<FollowerAction>>,
    pub sent: VecDeque<Arrival>,
    /// Asked of the archive, which has not looked yet.
    readings: VecDeque<(u64, Sequence)>,
    /// On its way from the archive.
    pub pages: VecDeque<Answer>,
}

impl World {
    pub(super) fn new(capacity: usize) -> Self {
        let bytes = capacity / FIT;
        let payload = format!("\"{}\"", "x".repeat(bytes));
        Self {
            capacity,
            payload: JsonText::parse(&payload).unwrap(),
            wanted: Arc::new([Pattern::parse("wanted").unwrap()]),
            log: Vec::new(),
            recent: Recent::new(IN_MEMORY * (bytes + 1000)),
            feeds: Feeds::default(),
            round: 0,
            archived: 0,
            rows: BTreeSet::new(),
            is_away: false,
            removed_before: 1,
            history_begins: 1,
            most_gone: 1,
            asked: VecDeque::new(),
            sent: VecDeque::new(),
            readings: VecDeque::new(),
            pages: VecDeque::new(),
        }
    }

    pub(super) fn event_bytes(&self) -> usize {
        self.payload.as_json().len() + 1000
    }

    /// The events that the consumer wants, of those behind `after` and before `before`.
    pub(super) fn wanted(
        &self,
        after: Sequence,
        before: Sequence,
    ) -> impl Iterator<Item = Sequence> {
        let events = self.log.iter().map(|event| event.sequence);
        let is_between = move |sequence: &Sequence| *sequence > after && *sequence < before;
        events
            .filter(is_between)
            .filter(|sequence| self.is_wanted(*sequence))
    }

    pub(super) fn is_wanted(&self, sequence: Sequence) -> bool {
        self.event(sequence).event_type.as_str() == "wanted"
    }

    fn event(&self, sequence: Sequence) -> &Arc<Event> {
        &self.log[sequence as usize - 1]
    }

    fn newest(&self) -> Sequence {
        self.log.len() as Sequence
    }

    fn window(&self) -> EventWindow {
        EventWindow {
            oldest: self.removed_before.max(self.history_begins),
            kept_from: self.removed_before,
            newest: self.newest(),
            in_memory: self.recent.first(),
        }
    }

    pub(super) fn has_barrier(&self) -> bool {
        let is_barrier = |one: &Arrival| matches!(one, Arrival::Barrier);
        self.asked.contains(&None) || self.sent.iter().any(is_barrier)
    }

    /// Nothing reaches the machine any more that was on its way.
    pub(super) fn disconnect(&mut self) {
        self.feeds.unfollow(0);
        self.asked.clear();
        self.sent.clear();
        self.readings.clear();
        self.pages.clear();
    }

    pub(super) fn change(&mut self, step: Step) {
        match step {
            Step::Publish(events) => self.publish(&events),
            Step::Archive if !self.is_away => self.flush(),
            Step::ArchiveAway(is_away) => self.is_away = is_away,
            Step::Lose(left) => {
                self.rows = self.rows.iter().copied().take(left).collect();
                self.history_begins = self.archived + 1;
            }
            Step::Restore => {
                self.rows = (self.removed_before..=self.archived).collect();
                self.history_begins = 1;
            }
            Step::Remove(count) => {
                let before = self.removed_before + count as Sequence;
                let before = before.min(self.archived + 1).max(self.removed_before);
                self.removed_before = before;
                self.rows.retain(|row| *row >= before);
                self.recent.forget_before(before);
            }
            _ => {}
        }
        self.most_gone = self.most_gone.max(self.window().oldest);
    }

    fn publish(&mut self, wanted: &[bool]) {
        let mut batch = Vec::new();
        for is_wanted in wanted {
            let name = if *is_wanted { "wanted" } else { "other" };
            let event = Arc::new(Event {
                event_type: EventType::parse(name).unwrap(),
                payload: self.payload.clone(),
                ..samples::event(1, self.newest() + 1)
            });
            self.log.push(event.clone());
            let framed = Arc::new(Framed::new(event));
            self.recent.push(framed.clone());
            batch.push(framed);
        }
        let fed = self.feeds.publish(&batch);
        self.send(fed);
    }

    fn send(&mut self, fed: Vec<(u8, Fed)>) {
        let round = self.round;
        let news = fed.into_iter().map(|(_, fed)| Arrival::News { round, fed });
        self.sent.extend(news);
    }

    /// The log hears the next of what was asked. `false`: nothing was.
    pub(super) fn hear(&mut self) -> bool {
        let Some(asked) = self.asked.pop_front() else {
            return false;
        };
        match asked {
            None => self.sent.push_back(Arrival::Barrier),
            Some(FollowerAction::Follow {
                round,
                from,
                credit,
            }) => {
                self.round = round;
                let fed = self
                    .feeds
                    .follow(0, &self.wanted, from, credit, &self.recent);
                self.send(fed);
            }
            Some(FollowerAction::Unfollow) => self.feeds.unfollow(0),
            Some(FollowerAction::Credit(bytes)) => {
                let fed = self.feeds.credit(0, bytes, &self.recent);
                self.send(fed);
            }
            Some(FollowerAction::Read { round, from }) => self.readings.push_back((round, from)),
        }
        self.feeds.check();
        true
    }

    /// All that is published is in the archive.
    fn flush(&mut self) {
        self.rows.extend(self.archived + 1..=self.newest());
        self.archived = self.newest();
    }

    /// The archive answers what it was asked first. `false`: it was asked nothing.
    pub(super) fn read(&mut self) -> bool {
        let Some((round, from)) = self.readings.pop_front() else {
            return false;
        };
        if self.is_away {
            self.pages.push_back((round, None));
            return true;
        }
        self.flush();
        let mut page = Filling::new(usize::MAX, self.capacity);
        for row in self.rows.range(from..) {
            if !self.is_wanted(*row) {
                continue;
            }
            let event = self.event(*row).clone();
            let bytes = event.bytes();
            if !page.add(event, bytes) {
                break;
            }
        }
        let read = EventsRead {
            page: page.finish(),
            window: self.window(),
        };
        self.pages.push_back((round, Some(read)));
        true
    }
}
