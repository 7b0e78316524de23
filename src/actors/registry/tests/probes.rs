//! Probes that die, and those that take over from them.

use super::*;

/// Lets so much time go by, a little more than the first pauses at a time.
async fn pass_millis(millis: u64) {
    for _ in 0..millis / 5 {
        tokio::time::advance(Duration::from_millis(5)).await;
        settle().await;
    }
}

#[actix::test]
async fn a_probe_that_died_is_replaced_after_a_pause() {
    let office = office();
    office.transport.set_probe("a", Probe::Panic);
    office.commit(checked("a"));
    settle().await;
    office.transport.set_probe("a", Probe::Good);
    pass_millis(20).await;
    assert_eq!(office.transport.probes_of("a"), 2);
    let views = office.view().await;
    assert_eq!(views[0].instances[0].health, Health::Healthy);
}

#[actix::test]
async fn a_probe_that_dies_whenever_it_begins_begins_ever_less_often() {
    let office = office();
    office.transport.set_probe("a", Probe::Panic);
    office.commit(checked("a"));
    let mut begun = Vec::new();
    for _ in 0..4 {
        pass_millis(1000).await;
        begun.push(office.transport.probes_of("a"));
    }
    // After 10, 30, 70, 150, 310, 630, 1270 and 2550 ms.
    assert_eq!(begun, [7, 8, 9, 9]);
}

#[actix::test]
async fn who_registers_elsewhere_while_its_probe_is_dead_gets_one_probe() {
    let office = office();
    office.transport.set_probe("a", Probe::Panic);
    office.transport.set_probe("b", Probe::Good);
    office.commit(checked("a"));
    settle().await;
    let moved = Registration {
        instance_id: checked("a").instance_id,
        ..checked("b")
    };
    office.commit(moved);
    settle().await;
    pass_millis(100).await;
    assert_eq!(office.transport.probes_of("b"), 1);
}

#[actix::test]
async fn a_heartbeat_is_answered_while_the_probe_is_dead() {
    let office = office();
    office.transport.set_probe("a", Probe::Panic);
    office.commit(checked("a"));
    settle().await;
    let (reply, answer) = oneshot::channel();
    office.address.do_send(Heartbeat {
        service: service("billing"),
        instance_id: checked("a").instance_id,
        reply,
    });
    let alive = answer.await.unwrap().unwrap();
    assert_eq!(alive.health, Health::Unknown);
}
