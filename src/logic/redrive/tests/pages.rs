//! What a job reads of the list.

use super::*;

#[test]
fn an_archive_that_does_not_answer_is_asked_again_and_no_dead_letter_is_missed() {
    let mut world = World::new(5, FAST);
    world.fail_read();
    assert_eq!(world.view().cause.as_deref(), Some("no disk"));
    assert_eq!(world.view().status, JobStatus::Running);
    assert!(world.reads.is_empty());
    world.pass(SECOND);
    assert_eq!(world.reads.len(), 1);
    world.answer_read();
    assert_eq!(world.view().cause, None);
    assert!(world.asked.len() > 1);
    while !world.asked.is_empty() {
        world.put_off_asked();
    }
    assert_eq!(world.view().cause.as_deref(), Some("no disk"));
    world.pass(SECOND);
    assert_eq!(world.asked.len(), 1, "one finds out whether it can go on");
    world.run_until_idle();
    assert_eq!(
        (world.view().redriven, world.view().status),
        (5, JobStatus::Done)
    );
    assert_eq!(world.view().cause, None);
}

#[test]
fn a_page_without_any_that_are_meant_is_not_the_last() {
    let (few, many) = (3, 5 * PAGE as u64);
    let mut world = World::choosing(&[few, many], FAST);
    world.answer_read();
    assert_eq!(world.asked.len(), 1);
    world.run_until_idle();
    let view = world.view();
    assert_eq!((view.status, view.redriven), (JobStatus::Done, 2));
    assert_eq!(view.through, many);
    // As many pages as the list has, and what tells that it ends.
    assert_eq!(world.times.keys().copied().collect::<Vec<_>>(), [few, many]);
}

#[test]
fn a_job_that_is_paused_or_killed_between_two_pages_goes_on_there() {
    let many = 5 * PAGE as u64;
    let mut world = World::choosing(&[many], FAST);
    world.answer_read();
    assert_eq!(world.reads, [PAGE as Position]);
    world.switch(Switch::Pause).unwrap();
    world.commit_version();
    world.answer_read();
    assert!(world.reads.is_empty());
    world.restart();
    world.switch(Switch::Resume).unwrap();
    world.commit_version();
    assert_eq!(world.reads, [PAGE as Position]);
    world.run_until_idle();
    let view = world.view();
    assert_eq!((view.status, view.redriven), (JobStatus::Done, 1));
}
