//! The tests of callbacks that are under way: who waits for what comes of them.

use std::collections::BTreeMap;

use crate::actors::messages::reply::Reply;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;
use crate::logic::callback_tests::{CallbackTest, CallbackTests};

/// What is tested, and who waits for it.
#[derive(Default)]
pub(super) struct Testing {
    pub tests: CallbackTests,
    pub waiting: BTreeMap<SubscriptionId, Reply<Result<CallbackTest, Refusal>>>,
}

impl Testing {
    /// The hub stops, and waits for no callback that somebody only asked about.
    pub(super) fn give_up(&mut self) {
        for (_, reply) in std::mem::take(&mut self.waiting) {
            let _ = reply.send(Err(Refusal::Stopping));
        }
    }

    pub(super) fn check(&self) -> usize {
        let waiting = self.waiting.len();
        assert!(
            waiting <= self.tests.running(),
            "who waits for a test waits for one that is under way"
        );
        waiting
    }
}
