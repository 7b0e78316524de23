//! Everything around the jobs: a list of dead letters, a journal, and requests that wait for
//! answers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{JobId, MessageId, Position};
use crate::domain::message::State;
use crate::domain::redrive::{ChosenLetters, RedriveJob, Switch};
use crate::domain::refusal::Refusal;
use crate::domain::subscription::DeadEvent;
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::samples;
use crate::logic::redrive::action::Action;
use crate::logic::redrive::{ListedDeadLetter, PAGE, ReadPage, RedriveOutcome, Redrives};

pub(super) const JOB: JobId = JobId(Uuid::from_u128(1));

/// Where a dead letter is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Listed,
    Owed,
    Over,
}

pub(super) struct World {
    pub redrives: Redrives,
    pub now: Timestamp,
    pub journal: Vec<(Position, Fact)>,
    /// By position; the id is made of the number.
    pub dead_letters: BTreeMap<u64, Place>,
    /// How often each was redriven.
    pub times: BTreeMap<u64, u32>,
    pub reads: VecDeque<Position>,
    pub asked: VecDeque<ListedDeadLetter>,
    /// Not in the journal yet.
    pub versions: VecDeque<RedriveJob>,
    /// When each dead letter was asked for.
    pub asked_at: Vec<Timestamp>,
    /// Every third dead letter is of an event.
    has_events: bool,
}

pub(super) fn job(rate: f64) -> RedriveJob {
    RedriveJob::begun(JOB, Timestamp::from_millis(1_780_000_000_000), rate)
}

pub(super) fn redriven_by(job: JobId, dead_letter: u64) -> Fact {
    let Fact::Message(MessageFact::Redriven(redrive)) =
        samples::redriven(dead_letter.into(), 1, State::Dead)
    else {
        panic!("a sample of something else");
    };
    let mut redrive = Arc::unwrap_or_clone(redrive);
    redrive.job = Some(job);
    Fact::Message(MessageFact::Redriven(Arc::new(redrive)))
}

pub(super) fn event_redriven_by(job: JobId, dead_letter: u64) -> Fact {
    Fact::Subscription(SubscriptionFact::EventRedriven(dead_event(
        dead_letter,
        Some(job),
    )))
}

/// One that came back because its subscription ended.
pub(super) fn event_given_back_by(job: JobId, dead_letter: u64) -> Fact {
    Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_event(
        dead_letter,
        Some(job),
    )))
}

fn dead_event(number: u64, job: Option<JobId>) -> Arc<DeadEvent> {
    let Fact::Subscription(SubscriptionFact::EventRedriven(dead_letter)) =
        samples::event_redriven(1, number)
    else {
        panic!("a sample of something else");
    };
    let dead_letter = Arc::unwrap_or_clone(dead_letter);
    Arc::new(DeadEvent { job, ..dead_letter })
}

/// These, and that there are no more.
pub(super) fn last_page(dead_letters: &[ListedDeadLetter]) -> ReadPage {
    ReadPage {
        dead_letters: dead_letters.to_vec(),
        through: dead_letters.last().map_or(0, |last| last.position),
        is_last: true,
    }
}

impl World {
    /// As [`World::new`], but every third dead letter is of an event.
    pub(super) fn mixed(dead_letters: u64, rate: f64) -> Self {
        let mut world = Self::new(dead_letters, rate);
        world.has_events = true;
        world
    }

    /// So many dead letters of messages, and a job that runs at `rate`.
    pub(super) fn new(dead_letters: u64, rate: f64) -> Self {
        Self::with_job(dead_letters, job(rate))
    }

    fn with_job(dead_letters: u64, begun: RedriveJob) -> Self {
        let mut world = Self {
            redrives: Redrives::default(),
            now: begun.started_at,
            journal: Vec::new(),
            dead_letters: (1..=dead_letters)
                .map(|number| (number, Place::Listed))
                .collect(),
            times: BTreeMap::new(),
            reads: VecDeque::new(),
            asked: VecDeque::new(),
            versions: VecDeque::new(),
            asked_at: Vec::new(),
            has_events: false,
        };
        world.redrives.open();
        world.commit(Fact::Control(ControlFact::RedriveAdvanced(Arc::new(begun))));
        world
    }

    /// As many dead letters as the highest number, of which these are chosen.
    pub(super) fn choosing(numbers: &[u64], rate: f64) -> Self {
        let ids = numbers.iter().map(|number| samples::id((*number).into()));
        let chosen = ChosenLetters::new(ids.collect());
        let begun = RedriveJob {
            chosen: Some(chosen),
            ..job(rate)
        };
        let dead_letters = numbers.iter().copied().max().unwrap_or(0);
        Self::with_job(dead_letters, begun)
    }

    pub(super) fn commit(&mut self, fact: Fact) {
        let position = self.journal.len() as Position + 1000;
        self.redrives.learn(position, &fact);
        self.journal.push((position, fact));
        self.turn();
    }

    fn is_event(&self, number: u64) -> bool {
        self.has_events && number.is_multiple_of(3)
    }

    fn id(&self, number: u64) -> MessageId {
        if self.is_event(number) {
            dead_event(number, None).id
        } else {
            samples::id(number.into())
        }
    }

    /// Does what is due as far as to ask for it.
    pub(super) fn turn(&mut self) {
        for action in self.redrives.due(self.now) {
            match action {
                Action::Read { after, .. } => self.reads.push_back(after),
                Action::Reprocess { dead_letter, .. } => {
                    self.asked.push_back(dead_letter);
                    self.asked_at.push(self.now);
                }
                Action::Record(version) => self.versions.push_back(*version),
            }
        }
        // With many dead letters each look is a long one.
        let facts = self.journal.len();
        if facts < 64 || facts.is_multiple_of(64) {
            self.redrives.check();
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.turn();
    }

    /// Lets time go by until something is due by itself.
    pub(super) fn sleep(&mut self) {
        let next = self
            .redrives
            .next(self.now)
            .expect("something is due later");
        assert!(next > self.now, "due at once, for ever");
        self.now = next;
        self.turn();
    }

    pub(super) fn commit_version(&mut self) {
        if let Some(version) = self.versions.pop_front() {
            self.commit(Fact::Control(ControlFact::RedriveAdvanced(Arc::new(
                version,
            ))));
        }
    }

    pub(super) fn answer_read(&mut self) {
        let Some(after) = self.reads.pop_front() else {
            return;
        };
        let listed = self.dead_letters.range(after + 1..);
        let chosen = self.view().chosen;
        let is_meant = |number: &u64| match &chosen {
            Some(chosen) => chosen.ids.contains(&self.id(*number)),
            None => true,
        };
        let listed = listed.filter(|(_, place)| **place == Place::Listed);
        let read: Vec<_> = listed.take(PAGE).map(|(number, _)| *number).collect();
        let found = read.iter().copied().filter(is_meant);
        let page = ReadPage {
            dead_letters: found
                .map(|number| ListedDeadLetter {
                    position: number,
                    id: self.id(number),
                })
                .collect(),
            through: read.last().copied().unwrap_or(after),
            is_last: read.len() < PAGE,
        };
        self.redrives.page_read(JOB, Ok(page), self.now);
        self.turn();
    }

    pub(super) fn fail_read(&mut self) {
        if self.reads.pop_front().is_some() {
            self.redrives
                .page_read(JOB, Err("no disk".into()), self.now);
            self.turn();
        }
    }

    /// Answers the oldest request truly; gives the dead letter if it is owed now.
    pub(super) fn answer_asked(&mut self) -> Option<u64> {
        let dead_letter = self.asked.pop_front()?;
        let number = dead_letter.position;
        let answer = if self.dead_letters[&number] == Place::Listed {
            self.dead_letters.insert(number, Place::Owed);
            *self.times.entry(number).or_default() += 1;
            self.commit(if self.is_event(number) {
                event_redriven_by(JOB, number)
            } else {
                redriven_by(JOB, number)
            });
            RedriveOutcome::Done
        } else {
            RedriveOutcome::Gone
        };
        let is_owed = answer == RedriveOutcome::Done;
        self.redrives.answered(JOB, dead_letter, answer, self.now);
        self.turn();
        is_owed.then_some(number)
    }

    pub(super) fn put_off_asked(&mut self) {
        if let Some(dead_letter) = self.asked.pop_front() {
            let answer = RedriveOutcome::NotNow("no disk".into());
            self.redrives.answered(JOB, dead_letter, answer, self.now);
            self.turn();
        }
    }

    /// How a dead letter that is owed ends; one that dies is in the list again, as a later death.
    pub(super) fn settle(&mut self, number: u64, state: State) {
        self.dead_letters.insert(number, Place::Over);
        if self.is_event(number) {
            return self.commit(match state {
                State::Delivered => samples::event_delivered(1, number),
                State::Dead | State::Expired => samples::event_dead_lettered(1, number),
                _ => event_given_back_by(JOB, number),
            });
        }
        let number = number.into();
        self.commit(match state {
            State::Delivered => samples::delivered(number),
            State::Dead => samples::dead_lettered(number),
            State::Expired => samples::expired(number),
            _ => samples::cancelled(number),
        });
    }

    /// Answers everything that is asked now; gives how many versions were committed.
    pub(super) fn work(&mut self) -> usize {
        let mut committed = 0;
        while !(self.reads.is_empty() && self.asked.is_empty() && self.versions.is_empty()) {
            self.answer_read();
            self.answer_asked();
            committed += usize::from(!self.versions.is_empty());
            self.commit_version();
        }
        committed
    }

    /// Works, sleeping if need be, until nothing is due any more.
    pub(super) fn run_until_idle(&mut self) {
        self.work();
        while self.redrives.next(self.now).is_some() {
            self.sleep();
            self.work();
        }
    }

    pub(super) fn switch(&mut self, switch: Switch) -> Result<(), Refusal> {
        let version = self.redrives.switch(JOB, switch)?;
        self.versions.push_back(version);
        self.turn();
        Ok(())
    }

    pub(super) fn view(&self) -> RedriveJob {
        self.redrives.view(JOB).expect("it was started")
    }

    /// The jobs as a replay of the journal makes them.
    pub(super) fn replayed(&self) -> Redrives {
        let mut redrives = Redrives::default();
        for (position, fact) in &self.journal {
            redrives.learn(*position, fact);
        }
        redrives
    }

    /// A kill and a start: what was on its way is lost.
    pub(super) fn restart(&mut self) {
        self.redrives = self.replayed();
        self.reads.clear();
        self.asked.clear();
        self.versions.clear();
        self.redrives.open();
        self.turn();
    }
}
