//! What the tests of the whole hub need: the hub itself as a process, a client with a verb per
//! route, services to deliver to, and a way to wait for something to become true.

pub(crate) mod authority;
pub(crate) mod client;
pub(crate) mod fake_service;
pub(crate) mod hub;
pub(crate) mod load;
pub(crate) mod place;
pub(crate) mod postgres;
pub(crate) mod socket;
pub(crate) mod verbs;
pub(crate) mod wire;

pub(crate) use client::Client;
pub(crate) use fake_service::{FakeService, Reply};
pub(crate) use hub::TestHub;

use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; who waits so long waits for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds and fails the test if it never does.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let given_up_at = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < given_up_at, "never happened: {what}");
        pause();
    }
}

/// Between two looks at something.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where tests poll; nothing depends on how long it is"
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}
