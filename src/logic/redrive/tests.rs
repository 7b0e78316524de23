mod events;
mod pages;
mod random;
mod restarts;
mod world;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::entry::{FAILED_IN_A_ROW, MOST_OWED};
use super::walk::MOST_ASKED;
use super::*;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::{DeadLetterDeleted, MessageFact};
use crate::domain::redrive::JobKind;
use crate::logic::journal::samples;
use world::{JOB, Place, World, job, last_page, redriven_by};

const SECOND: Duration = Duration::from_secs(1);
const FAST: f64 = 100_000.0;

/// A world in which `count` dead letters are owed again.
fn with_owed(count: u64) -> World {
    let mut world = World::new(count + 100, 100.0);
    world.answer_read();
    for number in 1..=count {
        while world.asked.is_empty() {
            world.sleep();
        }
        assert_eq!(world.answer_asked(), Some(number));
    }
    world.asked.clear();
    while !world.versions.is_empty() {
        world.commit_version();
    }
    world
}

/// Deletions are counted by their facts, so that a replay counts the same.
#[test]
fn a_job_that_deletes_owes_nothing_and_ends() {
    let mut redrives = Redrives::default();
    redrives.open();
    let delete = RedriveJob {
        kind: JobKind::Delete,
        ..job(1000.0)
    };
    let mut facts = vec![Fact::Control(ControlFact::RedriveAdvanced(Arc::new(
        delete.clone(),
    )))];
    redrives.learn(1, &facts[0]);
    let now = Timestamp::from_millis(1_780_000_000_000);
    let due = redrives.due(now);
    assert!(matches!(due[..], [Action::Read { .. }]), "{due:?}");
    let dead_letters = [3, 5].map(|position| ListedDeadLetter {
        position,
        id: samples::id(position.into()),
    });
    redrives.page_read(delete.job, Ok(last_page(&dead_letters)), now);
    assert_eq!(redrives.due(now).len(), 2);
    for (position, dead_letter) in (2..).zip(dead_letters) {
        let deleted = Fact::Message(MessageFact::DeadLetterDeleted(DeadLetterDeleted {
            id: dead_letter.id,
            at: now,
            job: Some(delete.job),
        }));
        assert_eq!(redrives.learn(position, &deleted), Some(News::Deleted));
        redrives.answered(delete.job, dead_letter, RedriveOutcome::Done, now);
        facts.push(deleted);
    }
    let due = redrives.due(now);
    let [Action::Record(version), ..] = &due[..] else {
        panic!("{due:?}");
    };
    assert_eq!((version.status, version.deleted), (JobStatus::Done, 2));
    facts.push(Fact::Control(ControlFact::RedriveAdvanced(Arc::new(
        RedriveJob::clone(version),
    ))));
    let mut again = Redrives::default();
    for (position, fact) in (1..).zip(&facts) {
        again.learn(position, fact);
    }
    let view = again.view(delete.job).unwrap();
    assert_eq!((view.status, view.deleted), (JobStatus::Done, 2));
    assert_eq!((view.redriven, view.failed), (0, 0));
}

#[test]
fn every_dead_letter_is_sent_once_in_order_and_then_it_is_done() {
    let mut world = World::new(1000, FAST);
    world.run_until_idle();
    let view = world.view();
    assert_eq!(
        (view.status, view.redriven, view.through),
        (JobStatus::Done, 1000, 1000)
    );
    assert!(world.times.values().all(|times| *times == 1));
    assert_eq!(world.times.len(), 1000);
    assert_eq!(world.redrives.next(world.now), None);
}

#[test]
fn a_job_that_matches_nothing_is_done_at_once() {
    let mut world = World::new(0, 1.0);
    world.run_until_idle();
    assert_eq!(world.view().status, JobStatus::Done);
}

#[test]
fn dead_letters_leave_at_the_rate_that_was_asked_for() {
    for rate in [0.5, 3.0, 200.0, 5000.0] {
        let mut world = World::new(9_000, rate);
        let start = world.now;
        let end = start.plus(if rate > 1000.0 { SECOND } else { 10 * SECOND });
        world.work();
        while world.now < end {
            world.sleep();
            world.work();
        }
        let took = world.now.since(start).as_secs_f64();
        let sent = world.asked_at.len() as f64;
        let most = rate * took + f64::from(allowance::Allowance::burst(rate));
        assert!(sent <= most, "{rate}: {sent} of {most}");
        assert!(sent >= 0.8 * rate * took, "{rate}: {sent} in {took} s");
    }
}

#[test]
fn the_smallest_rate_sends_one_and_sleeps_no_longer_than_an_hour() {
    let mut world = World::new(5, f64::MIN_POSITIVE);
    world.answer_read();
    assert_eq!(world.asked.len(), 1);
    let next = world.redrives.next(world.now).unwrap();
    assert!(next.since(world.now) <= Duration::from_secs(3601));
}

#[test]
fn no_more_than_some_dead_letters_are_on_their_way_at_once() {
    let mut world = World::new(2000, FAST);
    world.answer_read();
    for _ in 0..100 {
        world.pass(SECOND);
        world.answer_read();
    }
    assert_eq!(world.asked.len(), MOST_ASKED);
    world.answer_asked();
    world.pass(SECOND);
    assert_eq!(world.asked.len(), MOST_ASKED);
}

#[test]
fn a_job_waits_while_too_many_of_its_dead_letters_are_owed() {
    let count = MOST_OWED as u64 + 50;
    let mut world = World::new(count, FAST);
    world.run_until_idle();
    assert_eq!(world.asked_at.len(), MOST_OWED);
    assert_eq!(world.view().status, JobStatus::Running);
    assert!(world.view().cause.unwrap().contains("not settled"));
    world.restart();
    world.run_until_idle();
    assert_eq!(world.asked_at.len(), MOST_OWED);
    for number in 1..=50 {
        world.settle(number, State::Cancelled);
    }
    world.run_until_idle();
    assert_eq!(world.asked_at.len(), count as usize);
    assert_eq!(world.view().status, JobStatus::Done);
}

#[test]
fn a_paused_job_sends_nothing_from_that_moment_on_and_a_resumed_one_the_rest() {
    let mut world = World::new(1000, 100.0);
    world.answer_read();
    world.pass(SECOND);
    world.switch(Switch::Pause).unwrap();
    let sent = world.asked_at.len();
    // Before the journal has it, and after.
    world.pass(SECOND);
    world.commit_version();
    while world.answer_asked().is_some() {}
    for _ in 0..10 {
        world.pass(SECOND);
        world.commit_version();
    }
    assert_eq!(world.asked_at.len(), sent);
    assert_eq!(world.view().status, JobStatus::Paused);
    assert_eq!(world.view().redriven, sent as u64);
    world.switch(Switch::Resume).unwrap();
    world.run_until_idle();
    assert_eq!(world.view().status, JobStatus::Done);
    assert_eq!(world.asked_at.len(), 1000);
}

#[test]
fn a_pause_does_not_save_up_for_later() {
    let mut world = World::new(1000, 100.0);
    world.answer_read();
    world.switch(Switch::Pause).unwrap();
    world.pass(100 * SECOND);
    let before = world.asked_at.len();
    world.switch(Switch::Resume).unwrap();
    let at_once = (world.asked_at.len() - before) as f64;
    assert!(
        at_once <= f64::from(allowance::Allowance::burst(100.0)),
        "{at_once}"
    );
}

#[test]
fn a_job_is_switched_where_that_makes_sense() {
    use JobStatus::{Cancelled, Done, Paused, Running, Stopped};
    for (status, switch, expected) in [
        (Running, Switch::Pause, Some(Paused)),
        (Running, Switch::Resume, Some(Running)),
        (Running, Switch::Cancel, Some(Cancelled)),
        (Paused, Switch::Pause, Some(Paused)),
        (Paused, Switch::Resume, Some(Running)),
        (Paused, Switch::Cancel, Some(Cancelled)),
        (Done, Switch::Pause, None),
        (Done, Switch::Resume, None),
        (Done, Switch::Cancel, None),
        (Stopped, Switch::Resume, None),
        (Cancelled, Switch::Resume, None),
        (Cancelled, Switch::Cancel, Some(Cancelled)),
    ] {
        let mut redrives = Redrives::default();
        let version = RedriveJob { status, ..job(1.0) };
        redrives.learn(
            1,
            &Fact::Control(ControlFact::RedriveAdvanced(Arc::new(version))),
        );
        let switched = redrives.switch(JOB, switch);
        match expected {
            Some(expected) => assert_eq!(switched.unwrap().status, expected),
            None => assert!(
                matches!(switched, Err(Refusal::WrongStatus { status: named, .. }) if named == status),
                "{status:?} {switch:?}"
            ),
        }
    }
    let unknown = Redrives::default().switch(JOB, Switch::Pause);
    assert_eq!(unknown, Err(Refusal::NotFound));
}

#[test]
fn the_tenth_failure_in_a_row_stops_it_and_not_the_ninth() {
    let mut world = with_owed(30);
    for number in 1..=9 {
        world.settle(number, State::Dead);
    }
    world.settle(10, State::Delivered);
    for number in 11..=19 {
        let ends = [State::Dead, State::Expired];
        world.settle(number, ends[number as usize % 2]);
    }
    world.settle(20, State::Cancelled);
    assert!(
        world
            .versions
            .iter()
            .all(|version| version.status == JobStatus::Running)
    );
    let before = world.asked_at.len();
    world.settle(21, State::Dead);
    let stop = world.versions.back().unwrap().clone();
    assert_eq!((stop.status, stop.failed), (JobStatus::Stopped, 19));
    assert!(stop.cause.unwrap().contains("10 letters in a row"));
    world.pass(10 * SECOND);
    assert_eq!(world.asked_at.len(), before);
    while !world.versions.is_empty() {
        world.commit_version();
    }
    assert_eq!(world.view().status, JobStatus::Stopped);
}

#[test]
fn a_delivery_after_the_tenth_failure_comes_too_late() {
    let mut world = with_owed(11);
    let mut facts: Vec<_> = (1..=10).map(samples::dead_lettered).collect();
    facts.push(samples::delivered(11));
    // One batch of the journal: nothing is asked in between.
    for (position, fact) in (5000..).zip(&facts) {
        world.redrives.learn(position, fact);
    }
    world.turn();
    assert_eq!(world.versions.back().unwrap().status, JobStatus::Stopped);
}

#[test]
fn a_paused_job_is_not_stopped_and_counts_anew_when_it_is_resumed() {
    let mut world = with_owed(30);
    world.switch(Switch::Pause).unwrap();
    world.commit_version();
    for number in 1..=u64::from(FAILED_IN_A_ROW) + 2 {
        world.settle(number, State::Dead);
    }
    world.switch(Switch::Resume).unwrap();
    while !world.versions.is_empty() {
        world.commit_version();
    }
    assert_eq!(world.view().status, JobStatus::Running);
    for number in 13..=21 {
        world.settle(number, State::Dead);
    }
    assert_eq!(world.view().failed_in_a_row, 9);
    world.settle(22, State::Dead);
    assert_eq!(world.versions.back().unwrap().status, JobStatus::Stopped);
}

#[test]
fn failures_count_after_the_job_is_done() {
    let mut world = World::new(3, FAST);
    world.run_until_idle();
    assert_eq!(world.view().status, JobStatus::Done);
    world.settle(2, State::Dead);
    world.run_until_idle();
    assert_eq!(
        (world.view().failed, world.view().status),
        (1, JobStatus::Done)
    );
    let replayed = world.replayed().view(JOB).unwrap();
    assert_eq!((replayed.failed, replayed.counted > 0), (1, true));
}

#[test]
fn a_dead_letter_that_is_gone_is_skipped() {
    let mut world = World::new(5, FAST);
    world.answer_read();
    world.dead_letters.insert(2, Place::Over);
    while !world.asked.is_empty() {
        world.answer_asked();
    }
    world.run_until_idle();
    let view = world.view();
    assert_eq!(
        (view.redriven, view.skipped, view.status),
        (4, 1, JobStatus::Done)
    );
}

#[test]
fn how_far_it_is_is_recorded_about_once_a_second() {
    let mut world = World::new(10_000, 100.0);
    let mut recorded = world.work();
    let end = world.now.plus(10 * SECOND);
    while world.now < end {
        world.sleep();
        recorded += world.work();
    }
    assert!((9..=12).contains(&recorded), "{recorded}");
    assert!(world.replayed().view(JOB).unwrap().through > 800);
}

#[test]
fn a_version_does_not_undo_what_happened_on_its_way_into_the_journal() {
    let mut world = World::new(20, FAST);
    world.answer_read();
    world.pass(SECOND);
    for _ in 0..5 {
        world.answer_asked();
    }
    world.switch(Switch::Pause).unwrap();
    world.answer_asked();
    world.settle(1, State::Dead);
    while !world.versions.is_empty() {
        world.commit_version();
    }
    let view = world.view();
    assert_eq!(
        (view.redriven, view.failed, view.failed_in_a_row),
        (6, 1, 1)
    );
    assert_eq!(world.replayed().view(JOB).unwrap().redriven, 6);
}

#[test]
fn dead_letters_of_one_job_do_not_count_for_another() {
    let mut redrives = Redrives::default();
    let other = RedriveJob {
        job: JobId(Uuid::from_u128(2)),
        ..job(1.0)
    };
    redrives.learn(
        1,
        &Fact::Control(ControlFact::RedriveAdvanced(Arc::new(job(1.0)))),
    );
    redrives.learn(
        2,
        &Fact::Control(ControlFact::RedriveAdvanced(Arc::new(other.clone()))),
    );
    assert_eq!(
        redrives.learn(3, &redriven_by(other.job, 7)),
        Some(News::Redriven)
    );
    let dead = samples::dead_lettered(7);
    assert_eq!(redrives.learn(4, &dead), Some(News::Failed));
    // It was redriven by hand after that.
    assert_eq!(redrives.learn(5, &dead), None);
    assert_eq!(redrives.view(JOB).unwrap().failed, 0);
    assert_eq!(redrives.view(other.job).unwrap().failed, 1);
    assert_eq!(redrives.views()[0].job, other.job);
}

#[test]
fn the_newest_finished_jobs_are_remembered() {
    let mut redrives = Redrives::default();
    let version = |number: u128, status| {
        Fact::Control(ControlFact::RedriveAdvanced(Arc::new(RedriveJob {
            job: JobId(Uuid::from_u128(number)),
            status,
            ..job(1.0)
        })))
    };
    redrives.learn(1, &version(1000, JobStatus::Paused));
    for number in 0..150 {
        redrives.learn(number + 2, &version(number.into(), JobStatus::Done));
    }
    assert_eq!(redrives.views().len(), FINISHED_JOBS + 1);
    assert!(redrives.view(JobId(Uuid::from_u128(1000))).is_some());
    assert!(redrives.view(JobId(Uuid::from_u128(49))).is_none());
    assert!(redrives.view(JobId(Uuid::from_u128(50))).is_some());
    assert_eq!(redrives.count(JobStatus::Paused), 1);
}
