//! What always holds between the events in memory, those who follow them, and subscriptions.

use super::EventBus;
use crate::actors::invariants::Invariants;

impl Invariants for EventBus {
    fn check(&self) -> usize {
        assert_eq!(self.followers.len(), self.feeds.len(), "who is fed is told");
        if self.is_open {
            let (first, removed_before) = (self.recent.first(), self.removed_before);
            assert!(
                first >= removed_before,
                "{first} was removed with those before {removed_before}"
            );
        }
        for (id, subscriber) in &self.children.subscriptions {
            let subscription = self.subscriptions.present(*id);
            let callback = subscription.and_then(|subscription| subscription.callback());
            assert!(callback.is_some(), "{id} has an actor, and so a callback");
            let (told, known) = (
                subscriber.progress.position,
                self.subscriptions.positions.of(*id),
            );
            assert!(told <= known, "{id} is at {told}, and not back at {known}");
        }
        self.recent.check() + self.feeds.check() + self.subscriptions.check()
    }
}
