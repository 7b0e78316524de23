//! How far a job is on its way through the dead letters, from the oldest to the newest.

use std::collections::BTreeMap;
use std::time::Duration;

use super::allowance::Allowance;
use crate::domain::ids::{MessageId, Position};
use crate::domain::timestamp::Timestamp;

/// So many dead letters are read at once.
pub const PAGE: usize = 256;
/// So many dead letters may be on their way out at once.
pub(super) const MOST_ASKED: usize = 256;
/// Whoever did not answer, or took no dead letter now, is asked again after this.
const PAUSE: Duration = Duration::from_secs(1);

/// A dead letter, of a message or of an event, and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListedDeadLetter {
    /// Of a message, where it was accepted; of an event, where it died.
    pub position: Position,
    /// Of the message, or of the dead letter that an event left.
    pub id: MessageId,
}

/// A part of the list, as far as a job means what stands there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadPage {
    /// Those that are meant, from the oldest to the newest: maybe none of many.
    pub dead_letters: Vec<ListedDeadLetter>,
    /// The list was read up to here.
    pub through: Position,
    /// It ends there.
    pub is_last: bool,
}

/// What became of a dead letter that was to be owed again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RedriveOutcome {
    /// The journal has it.
    Done,
    /// It was no dead letter any more, somebody else was at work on it, or nobody is there to take
    /// it.
    Gone,
    /// In words, why not now.
    NotNow(String),
}

/// What the walk needs next.
pub(super) enum Step {
    Read { after: Position },
    Reprocess(ListedDeadLetter),
}

#[derive(Debug)]
pub(super) struct Walk {
    allowance: Allowance,
    /// Pages were read up to here.
    read_through: Position,
    reading: bool,
    at_end: bool,
    /// Read, and not yet sent out.
    waiting: BTreeMap<Position, MessageId>,
    /// Sent out, and not yet answered.
    asked: BTreeMap<Position, MessageId>,
    rest_until: Option<Timestamp>,
    /// In words, what keeps it from going on.
    trouble: Option<String>,
}

impl Walk {
    pub(super) fn new(rate: f64) -> Self {
        Self {
            allowance: Allowance::new(rate),
            read_through: 0,
            reading: false,
            at_end: false,
            waiting: BTreeMap::new(),
            asked: BTreeMap::new(),
            rest_until: None,
            trouble: None,
        }
    }

    /// Dead letters up to `through` are done, as an earlier run recorded.
    pub(super) fn go_on_after(&mut self, through: Position) {
        self.read_through = self.read_through.max(through);
    }

    /// Every dead letter up to here is done.
    pub(super) fn through(&self) -> Position {
        let first =
            |dead_letters: &BTreeMap<Position, MessageId>| dead_letters.keys().next().copied();
        let undone = [first(&self.waiting), first(&self.asked)];
        let undone = undone.into_iter().flatten().min();
        undone.map_or(self.read_through, |position| position.saturating_sub(1))
    }

    /// Every dead letter is done.
    pub(super) fn is_over(&self) -> bool {
        self.at_end && self.waiting.is_empty() && self.asked.is_empty()
    }

    pub(super) fn trouble(&self) -> Option<&String> {
        self.trouble.as_ref()
    }

    /// What to do now, if at most `most` dead letters may be sent out.
    pub(super) fn due(&mut self, now: Timestamp, most: usize) -> Vec<Step> {
        if self.rest_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        self.rest_until = None;
        let mut steps = Vec::new();
        let room = most.min(self.most_asked()).saturating_sub(self.asked.len());
        let count = self.allowance.take(now, room.min(self.waiting.len()));
        for _ in 0..count {
            let (position, id) = self.waiting.pop_first().expect("no more than wait");
            self.asked.insert(position, id);
            steps.push(Step::Reprocess(ListedDeadLetter { position, id }));
        }
        if self.waiting.is_empty() && !self.at_end && !self.reading {
            self.reading = true;
            steps.push(Step::Read {
                after: self.read_through,
            });
        }
        steps
    }

    /// When something is due by itself; what it waits to be told is not.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        if self.rest_until.is_some() {
            return self.rest_until;
        }
        let may_ask = !self.waiting.is_empty() && self.asked.len() < self.most_asked();
        may_ask.then(|| self.allowance.next(now))
    }

    /// While something keeps it from going on, one dead letter at a time finds out whether that is
    /// over.
    fn most_asked(&self) -> usize {
        if self.trouble.is_some() {
            1
        } else {
            MOST_ASKED
        }
    }

    pub(super) fn page_read(&mut self, page: Result<ReadPage, String>, now: Timestamp) {
        self.reading = false;
        match page {
            Ok(page) => {
                self.trouble = None;
                self.at_end = page.is_last;
                self.read_through = self.read_through.max(page.through);
                for dead_letter in page.dead_letters {
                    self.waiting.insert(dead_letter.position, dead_letter.id);
                }
            }
            Err(cause) => self.rest(cause, now),
        }
    }

    pub(super) fn answered(
        &mut self,
        dead_letter: ListedDeadLetter,
        answer: RedriveOutcome,
        now: Timestamp,
    ) {
        self.asked.remove(&dead_letter.position);
        match answer {
            RedriveOutcome::Done | RedriveOutcome::Gone => self.trouble = None,
            RedriveOutcome::NotNow(cause) => {
                self.waiting.insert(dead_letter.position, dead_letter.id);
                self.rest(cause, now);
            }
        }
    }

    pub(super) fn check(&self) -> usize {
        assert!(
            self.asked.len() <= MOST_ASKED,
            "{} dead letters are on their way",
            self.asked.len()
        );
        let is_asked = |position: &Position| self.asked.contains_key(position);
        assert!(
            !self.waiting.keys().any(is_asked),
            "a dead letter waits or is on its way"
        );
        let last = [
            self.waiting.keys().next_back(),
            self.asked.keys().next_back(),
        ];
        assert!(
            last.into_iter()
                .flatten()
                .all(|last| *last <= self.read_through),
            "it was read"
        );
        self.waiting.len() + self.asked.len()
    }

    fn rest(&mut self, cause: String, now: Timestamp) {
        self.trouble = Some(cause);
        self.rest_until = Some(now.plus(PAUSE));
    }
}
