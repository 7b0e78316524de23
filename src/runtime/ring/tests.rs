//! Who hears of what is committed before whom.

use super::*;
use crate::adapters::archive_memory::MemoryArchive;
use crate::domain::ids::HubId;

fn ring() -> (Ring, PendingMailboxes) {
    let nothing: [(&str, &str); 0] = [];
    let config = Config::load(None, nothing).unwrap().config;
    let author = Author {
        hub: HubId(uuid::Uuid::from_u128(1)),
        epoch: 1,
        earlier: Arc::new([]),
    };
    Ring::new(
        &config,
        Trust::new(None).unwrap(),
        Clock::start(),
        Arc::new(Metrics::new()),
        (Arc::new(MemoryArchive::default()), author),
        Shared::new(&config),
    )
}

#[actix::test]
async fn whoever_must_not_know_less_than_another_hears_of_commits_before_it() {
    let (ring, _pending) = ring();
    let (to, committed) = (ring.to(), ring.to().committed());
    let place = |actor: Recipient<Committed>| {
        let place = committed.iter().position(|one| *one == actor);
        place.expect("it learns from the journal")
    };
    let archivist = place(to.archivist.clone().recipient());
    let scheduler = place(to.scheduler.clone().recipient());
    let subscriptions = place(to.subscriptions.clone().recipient());
    let event_log = place(to.event_log.clone().recipient());
    let retry_timer = place(to.retry_timer.clone().recipient());
    assert_eq!(archivist, 0, "what is gone elsewhere is on its way there");
    assert!(
        subscriptions < event_log,
        "an event is known to those who are told that it is done with"
    );
    assert!(
        scheduler < retry_timer,
        "a message is known when it is found to be due"
    );
    assert_eq!(retry_timer, committed.len() - 1);
}
