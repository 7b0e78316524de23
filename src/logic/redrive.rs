//! Redrive jobs: which dead letter is sent again, or deleted, when, and when a job ends.
//!
//! A job means the dead letters that stood in the list at its start, messages and events alike. It
//! walks them once, by their positions. A message keeps its position when it dies again, and an
//! event gets one beyond those that are meant, so that neither is ever sent a second time. What a
//! job counts follows from facts alone: reading the journal again gives the same counts.

pub mod action;
mod allowance;
mod entry;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use ahash::AHashMap;

use super::journal::standing::FINISHED_JOBS;
use super::limits::Limit;
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{JobId, MessageId, Position};
use crate::domain::message::State;
use crate::domain::redrive::{JobStatus, RedriveJob, Switch};
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use action::Action;
use entry::{Change, Entry};
pub use walk::{ListedDeadLetter, PAGE, ReadPage, RedriveOutcome};

/// All unfinished jobs, and the newest finished ones.
#[derive(Debug, Default)]
pub struct Redrives {
    jobs: BTreeMap<JobId, Entry>,
    /// New ones on their way to the journal.
    beginning: BTreeSet<JobId>,
    /// By which job each dead letter was redriven that is owed since.
    outstanding: AHashMap<MessageId, JobId>,
    /// The newest fact learned.
    seen: Position,
    phase: RedrivePhase,
}

/// What the jobs may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum RedrivePhase {
    /// The journal is read: nothing is due.
    #[default]
    Replaying,
    Open,
    /// The hub stops: nothing is due any more.
    Closed,
}

/// What a fact was about, if it was about a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// A version of a job was recorded.
    Advanced,
    /// A dead letter is owed again because of a job.
    Redriven,
    /// A dead letter left the list because of a job.
    Deleted,
    /// A redriven dead letter died again.
    Failed,
    /// A redriven dead letter was delivered, cancelled or given back.
    Over,
}

/// How a dead letter that was owed again ended.
enum End {
    Delivered,
    Dead,
    /// Somebody cancelled it or ended its subscription, which says nothing about its destination.
    TakenBack,
}

impl Redrives {
    /// Learns from the fact at `position`.
    pub fn learn(&mut self, position: Position, fact: &Fact) -> Option<News> {
        self.seen = position;
        match fact {
            Fact::Control(ControlFact::RedriveAdvanced(version)) => {
                self.advance(position, version);
                Some(News::Advanced)
            }
            Fact::Message(MessageFact::Redriven(redrive)) => {
                self.redriven(position, redrive.message.id, redrive.job?)
            }
            Fact::Subscription(SubscriptionFact::EventRedriven(dead_letter)) => {
                self.redriven(position, dead_letter.id, dead_letter.job?)
            }
            Fact::Message(MessageFact::DeadLetterDeleted(deleted)) => {
                let entry = self.jobs.get_mut(&deleted.job?)?;
                entry.note(position, Change::Deleted);
                Some(News::Deleted)
            }
            _ => {
                let (id, end) = end(fact)?;
                let job = self.outstanding.remove(&id)?;
                self.settled(position, job, end)
            }
        }
    }

    /// Counts a job that will begin once the journal has it, where there may be `most` that are not
    /// finished.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`], or [`Refusal::Stopping`].
    pub fn expect(&mut self, job: JobId, most: usize) -> Result<(), Refusal> {
        self.must_not_be_closed()?;
        let unfinished = self.jobs.values().filter(|entry| !entry.is_finished());
        if unfinished.count() + self.beginning.len() >= most {
            return Err(Refusal::LimitReached {
                limit: Limit::RedriveJobs.name(),
                most: most as u64,
            });
        }
        self.beginning.insert(job);
        Ok(())
    }

    fn advance(&mut self, position: Position, version: &RedriveJob) {
        self.beginning.remove(&version.job);
        self.jobs
            .entry(version.job)
            .or_insert_with(|| Entry::new(version))
            .advance(position, version);
        self.forget_oldest();
    }

    /// Keeps what a compaction of the journal keeps.
    fn forget_oldest(&mut self) {
        let finished = self.jobs.values().filter(|entry| entry.is_finished());
        if finished.clone().count() <= FINISHED_JOBS {
            return;
        }
        if let Some(oldest) = finished.min_by_key(|entry| entry.version_at()) {
            let oldest = oldest.job().job;
            self.jobs.remove(&oldest);
            self.outstanding.retain(|_, job| *job != oldest);
        }
    }

    fn redriven(&mut self, position: Position, id: MessageId, job: JobId) -> Option<News> {
        // Also of a job not known yet: its older versions may have been dropped from the journal.
        self.outstanding.insert(id, job);
        let entry = self.jobs.get_mut(&job)?;
        entry.owed += 1;
        entry.note(position, Change::Redriven);
        Some(News::Redriven)
    }

    fn settled(&mut self, position: Position, job: JobId, end: End) -> Option<News> {
        let entry = self.jobs.get_mut(&job)?;
        entry.owed = entry.owed.saturating_sub(1);
        match end {
            End::Delivered => entry.note(position, Change::Delivered),
            End::Dead => {
                entry.note(position, Change::Failed);
                return Some(News::Failed);
            }
            End::TakenBack => {}
        }
        Some(News::Over)
    }

    /// The journal was read to its end: from now on something may be due.
    pub fn open(&mut self) {
        self.phase = RedrivePhase::Open;
        let jobs = &self.jobs;
        self.outstanding.retain(|_, job| jobs.contains_key(job));
        let owed = self.owed();
        for (job, entry) in &mut self.jobs {
            entry.owed = owed.get(job).copied().unwrap_or(0);
        }
    }

    /// How many dead letters are owed because of each job.
    fn owed(&self) -> AHashMap<JobId, usize> {
        let mut owed = AHashMap::new();
        for job in self.outstanding.values() {
            *owed.entry(*job).or_default() += 1;
        }
        owed
    }

    /// What is to be done now.
    pub fn due(&mut self, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.phase == RedrivePhase::Open {
            for entry in self.jobs.values_mut() {
                entry.due(now, self.seen, &mut actions);
            }
        }
        actions
    }

    /// When something will be due by itself.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        if self.phase != RedrivePhase::Open {
            return None;
        }
        let entries = self.jobs.values();
        entries.filter_map(|entry| entry.next(now)).min()
    }

    /// What was asked for by [`Action::Read`], or in words why it cannot be read now.
    pub fn page_read(&mut self, job: JobId, page: Result<ReadPage, String>, now: Timestamp) {
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.page_read(page, now);
        }
    }

    /// What became of [`Action::Reprocess`].
    pub fn answered(
        &mut self,
        job: JobId,
        dead_letter: ListedDeadLetter,
        answer: RedriveOutcome,
        now: Timestamp,
    ) {
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.answered(dead_letter, answer, now);
        }
    }

    /// The version of the job to record. Whoever asks for what is already so gets it, too.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::WrongStatus`] for a job that is finished, or
    /// [`Refusal::Stopping`].
    pub fn switch(&mut self, job: JobId, switch: Switch) -> Result<RedriveJob, Refusal> {
        self.must_not_be_closed()?;
        let entry = self.jobs.get_mut(&job).ok_or(Refusal::NotFound)?;
        entry.switch(switch, self.seen)
    }

    /// Stops for good what is running here, for another to go on with: what is not yet recorded.
    pub fn close(&mut self) -> Vec<RedriveJob> {
        self.phase = RedrivePhase::Closed;
        let entries = self.jobs.values_mut();
        entries
            .filter_map(|entry| entry.unrecorded(self.seen))
            .collect()
    }

    fn must_not_be_closed(&self) -> Result<(), Refusal> {
        match self.phase {
            RedrivePhase::Closed => Err(Refusal::Stopping),
            RedrivePhase::Replaying | RedrivePhase::Open => Ok(()),
        }
    }

    /// Looks at every job, and every dead letter that is owed because of one; gives how many these
    /// are.
    ///
    /// # Panics
    /// If a job counts other dead letters than are owed.
    pub fn check(&self) -> usize {
        let finished = self.jobs.values().filter(|entry| entry.is_finished());
        assert!(
            finished.count() <= FINISHED_JOBS,
            "the oldest finished jobs are forgotten"
        );
        let has_begun = |job: &JobId| self.jobs.contains_key(job);
        assert!(
            !self.beginning.iter().any(has_begun),
            "what has begun is not about to"
        );
        let mut owed = self.owed();
        let mut looked_at = self.outstanding.len() + self.beginning.len();
        for (job, entry) in &self.jobs {
            looked_at += entry.check();
            let owed = owed.remove(job).unwrap_or(0);
            // Only once the journal was read to its end is it known whose dead letters these are.
            assert!(
                self.phase != RedrivePhase::Open || entry.owed == owed,
                "{job} counts its dead letters"
            );
        }
        looked_at
    }

    /// How the job is.
    pub fn view(&self, job: JobId) -> Option<RedriveJob> {
        self.jobs.get(&job).map(Entry::view)
    }

    /// How all jobs are, newest first.
    pub fn views(&self) -> Vec<RedriveJob> {
        let mut views: Vec<_> = self.jobs.values().map(Entry::view).collect();
        views.sort_by_key(|job| std::cmp::Reverse((job.started_at, job.job)));
        views
    }

    /// How many jobs are so.
    pub fn count(&self, status: JobStatus) -> usize {
        let jobs = self.jobs.values().map(Entry::job);
        jobs.filter(|job| job.status == status).count()
    }
}

/// The dead letter that is owed no more by this fact, if it was.
fn end(fact: &Fact) -> Option<(MessageId, End)> {
    match fact {
        Fact::Subscription(SubscriptionFact::EventDelivered(delivered)) => {
            Some((delivered.id, End::Delivered))
        }
        Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_letter)) => {
            let is_given_up = dead_letter.job.is_none();
            let end = if is_given_up {
                End::Dead
            } else {
                End::TakenBack
            };
            Some((dead_letter.id, end))
        }
        _ => {
            let (state, settlement) = fact.settlement()?;
            let end = match state {
                State::Delivered => End::Delivered,
                State::Dead | State::Expired => End::Dead,
                _ => End::TakenBack,
            };
            Some((settlement.id, end))
        }
    }
}
