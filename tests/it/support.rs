//! What the tests of the whole hub need: the hub itself as a process, a client with a verb per
//! route, services to deliver to, and a way to wait for something to become true.

pub mod authority;
pub mod client;
pub mod fake_service;
pub mod hub;
pub mod load;
pub mod postgres;
pub mod socket;
pub mod verbs;
pub mod wire;

pub use client::Client;
pub use fake_service::{FakeService, Reply};
pub use hub::TestHub;

use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; who waits so long waits for ever.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds and fails the test if it never does.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
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
pub fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}
