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
fn the_first_version_says_what_is_chosen_and_no_other_has_to() {
    let mut world = World::choosing(&[2, 4, 5, 7, 9], 1.0);
    let chosen = [2, 4, 5, 7, 9].map(samples::id);
    world.work();
    for _ in 0..3 {
        world.sleep();
        world.work();
        assert_eq!(*world.view().chosen.unwrap().ids, chosen);
    }
    let is_version = |(_, fact): &&(Position, Fact)| {
        matches!(fact, Fact::Control(ControlFact::RedriveAdvanced(_)))
    };
    let versions: Vec<_> = world.journal.iter().filter(is_version).collect();
    for (_, fact) in &versions[1..] {
        let Fact::Control(ControlFact::RedriveAdvanced(version)) = fact else {
            panic!("{fact:?}");
        };
        let later = version.chosen.as_ref().unwrap();
        assert!(later.ids.is_empty() && later.count == 5);
    }
    // What a compaction leaves of them.
    let mut compacted = Redrives::default();
    for (position, fact) in [versions[0], versions[versions.len() - 1]] {
        compacted.learn(*position, fact);
    }
    assert_eq!(*compacted.view(JOB).unwrap().chosen.unwrap().ids, chosen);
    assert!(versions.len() > 2);
    world.restart();
    world.run_until_idle();
    let view = world.view();
    assert_eq!((view.status, view.redriven), (JobStatus::Done, 5));
    assert!(view.chosen.unwrap().ids.is_empty());
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
