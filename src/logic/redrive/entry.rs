//! One job: its counts by the facts, its walk, and what of both is recorded.

use std::sync::Arc;
use std::time::Duration;

use super::action::Action;
use super::walk::{ListedDeadLetter, ReadPage, RedriveOutcome, Step, Walk};
use crate::domain::ids::Position;
use crate::domain::redrive::{ChosenLetters, JobStatus, RedriveJob, Switch};
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;

/// A job stops itself when so many dead letters in a row died again.
pub(super) const FAILED_IN_A_ROW: u32 = 10;
/// A job waits while so many of its dead letters are owed, so that the dead letters of a
/// destination that takes none do not all end up in memory.
pub(super) const MOST_OWED: usize = 10_000;
/// How far a job is, is recorded no more often than this.
const RECORD_EVERY: Duration = Duration::from_secs(1);

/// What a fact changes in the counts of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Redriven,
    Deleted,
    Failed,
    Delivered,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// As the facts say.
    job: RedriveJob,
    /// Where the latest version is in the journal.
    version_at: Position,
    /// What happened that the latest version does not count.
    changes: Vec<(Position, Change)>,
    /// It failed so often in a row that it has to stop, unless it was stopped meanwhile.
    must_stop: bool,
    walk: Walk,
    /// Dead letters that are owed because of it.
    pub owed: usize,
    /// Versions that are on their way into the journal.
    under_way: u32,
    /// Status and cause by the newest of these: what to act on before the journal has it.
    wanted: Option<(JobStatus, Option<String>)>,
    /// Something moved since the newest version.
    moved: bool,
    recorded_at: Timestamp,
}

impl Entry {
    pub(super) fn new(version: &RedriveJob) -> Self {
        Self {
            job: version.clone(),
            version_at: 0,
            changes: Vec::new(),
            must_stop: false,
            walk: Walk::new(version.rate),
            owed: 0,
            under_way: 0,
            wanted: None,
            moved: false,
            recorded_at: Timestamp::default(),
        }
    }

    pub(super) fn check(&self) -> usize {
        let is_new = |(at, _): &(Position, Change)| *at > self.job.counted;
        assert!(
            self.changes.iter().all(is_new),
            "what a version counts is counted once"
        );
        self.walk.check() + self.changes.len() + 1
    }

    pub(super) fn job(&self) -> &RedriveJob {
        &self.job
    }

    pub(super) fn is_finished(&self) -> bool {
        self.job.status.is_finished()
    }

    pub(super) fn version_at(&self) -> Position {
        self.version_at
    }

    pub(super) fn view(&self) -> RedriveJob {
        let mut view = self.job.clone();
        if view.status == JobStatus::Running && view.cause.is_none() {
            view.cause = self.walk.trouble().cloned().or_else(|| self.congestion());
        }
        view
    }

    fn congestion(&self) -> Option<String> {
        let is_full = self.owed >= MOST_OWED;
        is_full.then(|| format!("{MOST_OWED} letters it sent again are not settled yet"))
    }

    /// The journal has this version: it takes the place of the one before.
    pub(super) fn advance(&mut self, position: Position, version: &RedriveJob) {
        let before = std::mem::replace(&mut self.job, version.clone());
        // How far the walk is nobody knows but this, and the version may be of a moment ago.
        self.job.through = self.job.through.max(before.through);
        self.job.skipped = self.job.skipped.max(before.skipped);
        self.keep_chosen(before.chosen);
        self.walk.go_on_after(version.through);
        self.version_at = position;
        self.under_way = self.under_way.saturating_sub(1);
        if self.under_way == 0 {
            self.wanted = None;
        }
        self.must_stop = self.job.failed_in_a_row >= FAILED_IN_A_ROW;
        self.changes.retain(|(at, _)| *at > version.counted);
        for (_, change) in self.changes.clone() {
            self.count(change);
        }
    }

    /// Only the first version says which dead letters are chosen, and only a job that goes on needs
    /// to know.
    fn keep_chosen(&mut self, before: Option<ChosenLetters>) {
        let Some(chosen) = &mut self.job.chosen else {
            return;
        };
        chosen.ids = match before {
            _ if self.job.status.is_finished() => Arc::default(),
            Some(before) if chosen.ids.is_empty() => before.ids,
            _ => return,
        };
    }

    /// A fact that is not in the counts yet.
    pub(super) fn note(&mut self, position: Position, change: Change) {
        self.moved = true;
        self.changes.push((position, change));
        self.count(change);
    }

    fn count(&mut self, change: Change) {
        match change {
            Change::Redriven => self.job.redriven += 1,
            Change::Deleted => self.job.deleted += 1,
            Change::Delivered => self.job.failed_in_a_row = 0,
            Change::Failed => {
                self.job.failed += 1;
                self.job.failed_in_a_row += 1;
                self.must_stop |= self.job.failed_in_a_row >= FAILED_IN_A_ROW;
            }
        }
    }

    pub(super) fn page_read(&mut self, page: Result<ReadPage, String>, now: Timestamp) {
        self.walk.page_read(page, now);
    }

    pub(super) fn answered(
        &mut self,
        dead_letter: ListedDeadLetter,
        answer: RedriveOutcome,
        now: Timestamp,
    ) {
        if answer == RedriveOutcome::Gone {
            self.job.skipped += 1;
        }
        self.moved = true;
        self.walk.answered(dead_letter, answer, now);
    }

    pub(super) fn due(&mut self, now: Timestamp, seen: Position, actions: &mut Vec<Action>) {
        if self.must_stop && self.wanted.is_none() && self.job.status == JobStatus::Running {
            let cause = format!("{FAILED_IN_A_ROW} letters in a row died again");
            let version = self.change_to(JobStatus::Stopped, Some(cause), seen);
            actions.push(Action::Record(Box::new(version)));
        }
        if self.status() == JobStatus::Running {
            self.walk_on(now, actions);
            if self.walk.is_over() {
                let version = self.change_to(JobStatus::Done, None, seen);
                actions.push(Action::Record(Box::new(version)));
            }
        }
        if self.record_at().is_some_and(|at| at <= now) {
            self.recorded_at = now;
            actions.push(Action::Record(Box::new(self.version(seen))));
        }
    }

    fn walk_on(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let job = self.job.job;
        let room = MOST_OWED.saturating_sub(self.owed);
        for step in self.walk.due(now, room) {
            actions.push(match step {
                Step::Read { after } => Action::Read { job, after },
                Step::Reprocess(dead_letter) => Action::Reprocess { job, dead_letter },
            });
        }
    }

    /// When something is due by itself.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let is_running = self.status() == JobStatus::Running;
        // Without room it waits for something to be settled.
        let may_walk = is_running && self.owed < MOST_OWED;
        let walk = may_walk.then(|| self.walk.next(now)).flatten();
        walk.into_iter().chain(self.record_at()).min()
    }

    fn record_at(&self) -> Option<Timestamp> {
        let is_due = self.moved && self.under_way == 0;
        is_due.then(|| self.recorded_at.plus(RECORD_EVERY))
    }

    /// The status to act on.
    fn status(&self) -> JobStatus {
        let wanted = self.wanted.as_ref();
        wanted.map_or(self.job.status, |(status, _)| *status)
    }

    pub(super) fn switch(&mut self, switch: Switch, seen: Position) -> Result<RedriveJob, Refusal> {
        let (target, hint) = match switch {
            Switch::Pause => (JobStatus::Paused, "only a running one can be paused"),
            Switch::Resume => (JobStatus::Running, "only a paused one can be resumed"),
            Switch::Cancel => (JobStatus::Cancelled, "it is over already"),
        };
        let status = self.status();
        if status.is_finished() && status != target {
            return Err(Refusal::WrongStatus { status, hint });
        }
        let mut version = self.change_to(target, None, seen);
        if switch == Switch::Resume && status == JobStatus::Paused {
            // Whoever resumes it has seen to what failed.
            version.failed_in_a_row = 0;
        }
        Ok(version)
    }

    fn change_to(
        &mut self,
        status: JobStatus,
        cause: Option<String>,
        seen: Position,
    ) -> RedriveJob {
        self.wanted = Some((status, cause));
        self.version(seen)
    }

    /// What the journal does not have yet, if it is not on its way.
    pub(super) fn unrecorded(&mut self, seen: Position) -> Option<RedriveJob> {
        self.moved.then(|| self.version(seen))
    }

    /// The job as it is now, to be recorded.
    fn version(&mut self, seen: Position) -> RedriveJob {
        self.moved = false;
        self.under_way += 1;
        let mut version = self.job.clone();
        if let Some((status, cause)) = self.wanted.clone() {
            version.status = status;
            version.cause = cause;
        }
        if let Some(chosen) = &mut version.chosen {
            chosen.ids = Arc::default();
        }
        version.through = version.through.max(self.walk.through());
        version.counted = seen;
        version
    }
}
