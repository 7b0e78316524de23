//! Dead letters of events among those of messages.

use std::sync::Arc;

use super::world::{JOB, World, event_given_back_by, event_redriven_by, job};
use super::{FAILED_IN_A_ROW, FAST};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::message::State;
use crate::domain::redrive::JobStatus;
use crate::logic::journal::samples;
use crate::logic::redrive::{News, Redrives};

fn started() -> Redrives {
    let mut redrives = Redrives::default();
    redrives.learn(
        1,
        &Fact::Control(ControlFact::RedriveAdvanced(Arc::new(job(1.0)))),
    );
    redrives
}

#[test]
fn dead_letters_of_both_kinds_are_sent_once_in_one_order() {
    let mut world = World::mixed(600, FAST);
    world.run_until_idle();
    let view = world.view();
    assert_eq!(
        (view.status, view.redriven, view.through),
        (JobStatus::Done, 600, 600)
    );
    assert!(world.times.values().all(|times| *times == 1));
    world.restart();
    assert!(world.reads.is_empty());
}

#[test]
fn an_event_counts_as_a_message_does() {
    for (end, news, counts) in [
        (samples::event_delivered(1, 5), News::Over, (1, 0)),
        (samples::event_dead_lettered(1, 5), News::Failed, (1, 1)),
        (event_given_back_by(JOB, 5), News::Over, (1, 0)),
    ] {
        let mut redrives = started();
        let redriven = redrives.learn(2, &event_redriven_by(JOB, 5));
        assert_eq!(redriven, Some(News::Redriven));
        assert_eq!(redrives.learn(3, &end), Some(news), "{end:?}");
        let view = redrives.view(JOB).unwrap();
        assert_eq!((view.redriven, view.failed), counts, "{end:?}");
        assert_eq!(redrives.learn(4, &end), None, "{end:?}");
    }
}

#[test]
fn an_event_that_somebody_sent_again_by_hand_is_of_no_job() {
    let mut redrives = started();
    assert_eq!(redrives.learn(2, &samples::event_redriven(1, 5)), None);
    assert_eq!(redrives.learn(3, &samples::event_dead_lettered(1, 5)), None);
    assert_eq!(redrives.view(JOB).unwrap().failed, 0);
}

#[test]
fn failures_in_a_row_are_of_both_kinds() {
    let mut world = World::mixed(30, FAST);
    world.run_until_idle();
    assert_eq!(world.view().redriven, 30);
    let mut world = World::mixed(500, 100.0);
    world.answer_read();
    while world.times.len() < 40 {
        if world.answer_asked().is_none() {
            world.sleep();
        }
    }
    let ends = u64::from(FAILED_IN_A_ROW);
    for number in 1..ends {
        world.settle(number, State::Dead);
    }
    // An ended subscription says nothing about the subscriber, and a good delivery begins anew.
    world.settle(12, State::Cancelled);
    world.settle(15, State::Delivered);
    for number in 16..16 + ends - 1 {
        world.settle(number, State::Dead);
    }
    let is_running =
        |version: &crate::domain::redrive::RedriveJob| version.status == JobStatus::Running;
    assert!(world.versions.iter().all(is_running));
    world.settle(30, State::Dead);
    assert_eq!(world.versions.back().unwrap().status, JobStatus::Stopped);
}
