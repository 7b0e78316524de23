//! What always holds between subscriptions and their actors.

use super::Subscriptions;
use crate::actors::children::Child;
use crate::actors::invariants::Invariants;
use crate::domain::circuit::{CircuitName, Origin};

impl Invariants for Subscriptions {
    fn check(&self) -> usize {
        for (id, subscriber) in &self.children.subscriptions {
            let subscription = self.subscriptions.present(*id);
            let callback = subscription.and_then(|subscription| subscription.callback());
            assert!(callback.is_some(), "{id} has an actor, and so a callback");
            let origin = callback.map(|callback| Origin::of(&callback.url));
            let has_circuit = origin.is_some_and(|one| self.children.circuits.contains_key(&one));
            assert!(has_circuit, "{id} has an actor, and so a circuit");
            let (told, known) = (
                subscriber.progress.position,
                self.subscriptions.positions.of(*id),
            );
            assert!(told <= known, "{id} is at {told}, and not back at {known}");
        }
        let is_there = |name: &CircuitName| self.children.has_circuit(name);
        self.children.not_closed.check(is_there);
        assert!(
            self.working.is_empty() || self.is_draining,
            "who works is waited for when the hub stops"
        );
        let subscriptions = self.children.subscriptions.values();
        let subscriptions = subscriptions.map(|subscriber| subscriber.child.generation());
        let circuits = self.children.circuits.values().map(Child::generation);
        let births = &self.children.births;
        births.check(subscriptions.chain(circuits))
            + self.subscriptions.check()
            + self.testing.check()
    }
}
