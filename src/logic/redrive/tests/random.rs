//! Whatever happens, and in whatever order.

use std::time::Duration;

use proptest::prelude::*;

use super::world::{JOB, Place, World};
use crate::domain::message::State;
use crate::domain::redrive::{JobStatus, RedriveJob, Switch};
use crate::domain::timestamp::Timestamp;
use crate::logic::redrive::allowance::Allowance;

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    Sleep,
    AnswerRead,
    FailRead,
    AnswerAsked(u8),
    PutOff,
    /// Somebody else redrives or deletes a dead letter.
    Take(u64),
    Settle(u64, State),
    CommitVersion,
    Switch(Switch),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        Just(State::Delivered),
        Just(State::Dead),
        Just(State::Expired),
        Just(State::Cancelled)
    ];
    let switch = prop_oneof![
        4 => Just(Switch::Pause),
        8 => Just(Switch::Resume),
        1 => Just(Switch::Cancel)
    ];
    prop_oneof![
        4 => (1..300u64).prop_map(Step::Pass),
        2 => Just(Step::Sleep),
        4 => Just(Step::AnswerRead),
        1 => Just(Step::FailRead),
        6 => (1..40u8).prop_map(Step::AnswerAsked),
        1 => Just(Step::PutOff),
        1 => (1..400u64).prop_map(Step::Take),
        6 => (1..400u64, end).prop_map(|(number, end)| Step::Settle(number, end)),
        4 => Just(Step::CommitVersion),
        1 => switch.prop_map(Step::Switch),
        1 => Just(Step::Restart),
    ]
}

fn take(world: &mut World, step: Step) {
    match step {
        Step::Pass(millis) => world.pass(Duration::from_millis(millis)),
        Step::Sleep if world.redrives.next(world.now).is_some() => world.sleep(),
        Step::Sleep => {}
        Step::AnswerRead => world.answer_read(),
        Step::FailRead => world.fail_read(),
        Step::AnswerAsked(count) => {
            for _ in 0..count {
                world.answer_asked();
            }
        }
        Step::PutOff => world.put_off_asked(),
        Step::Take(number) => {
            if world.dead_letters[&number] == Place::Listed {
                world.dead_letters.insert(number, Place::Over);
            }
        }
        Step::Settle(number, end) => {
            if world.dead_letters[&number] == Place::Owed {
                world.settle(number, end);
            }
        }
        Step::CommitVersion => world.commit_version(),
        // A finished job refuses.
        Step::Switch(switch) => drop(world.switch(switch)),
        Step::Restart => world.restart(),
    }
}

/// What follows from facts.
fn counts(job: &RedriveJob) -> (JobStatus, u64, u64, u32) {
    (job.status, job.redriven, job.failed, job.failed_in_a_row)
}

/// The most dead letters that left in any stretch of time are no more than it allows.
fn is_within(rate: f64, asked_at: &[Timestamp]) -> bool {
    asked_at.iter().enumerate().all(|(first, start)| {
        asked_at[first..].iter().zip(1..).all(|(end, count)| {
            let time = end.since(*start).as_secs_f64();
            f64::from(count) <= rate * time + f64::from(Allowance::burst(rate)) + 1e-6
        })
    })
}

proptest! {
    #[test]
    fn each_dead_letter_goes_once_and_a_replay_counts_the_same(
        steps in prop::collection::vec(step(), 1..200),
        rate in prop_oneof![Just(1.0), Just(37.5), Just(1000.0)],
    ) {
        let mut world = World::mixed(400, rate);
        for step in steps {
            if let Step::Restart = step {
                // A new start allows a first burst of its own.
                prop_assert!(is_within(rate, &world.asked_at));
                world.asked_at.clear();
            }
            take(&mut world, step);
            prop_assert!(world.times.values().all(|times| *times == 1));
            let view = world.view();
            prop_assert_eq!(view.redriven, world.times.len() as u64);
            let replayed = world.replayed().view(JOB).unwrap();
            prop_assert_eq!(counts(&view), counts(&replayed));
            prop_assert!(replayed.through <= view.through.max(400));
        }
        prop_assert!(is_within(rate, &world.asked_at));
    }

    #[test]
    fn a_job_that_is_let_go_on_reaches_every_dead_letter(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut world = World::mixed(400, 1000.0);
        for step in steps {
            take(&mut world, step);
        }
        let _ = world.switch(Switch::Resume);
        world.run_until_idle();
        let view = world.view();
        let left = world.dead_letters.values().filter(|place| **place == Place::Listed).count();
        match view.status {
            JobStatus::Done => prop_assert_eq!(left, 0),
            JobStatus::Stopped => prop_assert!(view.failed >= 10),
            status => prop_assert_eq!(status, JobStatus::Cancelled),
        }
    }
}
