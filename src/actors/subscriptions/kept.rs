//! What always holds between subscriptions and their actors.

use super::Subscriptions;
use crate::actors::invariants::Invariants;

impl Invariants for Subscriptions {
    fn check(&self) -> usize {
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
        self.subscriptions.check()
    }
}
