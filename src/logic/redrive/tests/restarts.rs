//! What a restart finds, and a stop leaves.

use super::*;

#[test]
fn a_restart_goes_on_where_it_was() {
    let mut world = World::new(1000, 100.0);
    world.work();
    for _ in 0..100 {
        world.sleep();
        world.work();
    }
    world.restart();
    assert!(world.reads[0] > 100, "{:?}", world.reads);
    world.run_until_idle();
    assert_eq!(
        (world.view().redriven, world.view().status),
        (1000, JobStatus::Done)
    );
    assert!(world.times.values().all(|times| *times == 1));
}

#[test]
fn nothing_is_due_before_the_replay_is_over() {
    let world = World::new(10, FAST);
    let mut replayed = world.replayed();
    assert!(replayed.due(world.now).is_empty());
    assert_eq!(replayed.next(world.now), None);
    replayed.open();
    assert_eq!(
        replayed.due(world.now),
        [Action::Read { job: JOB, after: 0 }]
    );
}

#[test]
fn a_paused_job_stays_paused_over_a_restart() {
    let mut world = World::new(10, FAST);
    world.switch(Switch::Pause).unwrap();
    world.commit_version();
    world.restart();
    assert!(world.reads.is_empty() && world.asked.is_empty());
    assert_eq!(world.view().status, JobStatus::Paused);
}

#[test]
fn a_close_records_what_moved() {
    let mut world = World::new(10, FAST);
    world.answer_read();
    world.answer_asked();
    world.versions.clear();
    let versions = world.redrives.close();
    assert_eq!(versions.len(), 1);
    assert_eq!((versions[0].redriven, versions[0].through), (1, 1));
    assert!(world.redrives.due(world.now).is_empty());
}
