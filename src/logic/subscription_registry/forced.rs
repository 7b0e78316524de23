//! The circuits of callbacks that stand as somebody forced them.

use std::sync::Arc;

use super::SubscriptionRegistry;
use crate::domain::circuit::{CircuitChanged, CircuitName, CircuitState, Origin};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::timestamp::Timestamp;
use crate::logic::circuit::ForcedSince;

impl SubscriptionRegistry {
    /// Takes in that a circuit changed then, by the hub's own clock.
    pub fn circuit_changed(&mut self, changed: &Arc<CircuitChanged>, since: Timestamp) {
        let CircuitName::Callback(origin) = &changed.circuit else {
            return;
        };
        if changed.forced.is_some() {
            let changed = changed.clone();
            let forced = ForcedSince { changed, since };
            self.forced.insert(origin.clone(), forced);
        } else {
            self.forced.remove(origin);
        }
    }

    /// Circuits that stand as somebody forced them, and that no callback leads to.
    pub fn forced_for_nobody(&self) -> Vec<Origin> {
        let forced = self.forced.keys();
        let needless = forced.filter(|origin| !self.origins.is_known(origin));
        needless.cloned().collect()
    }

    /// Nobody needs this circuit any more: the state that somebody forced it into is over, in the
    /// journal too, for which this is.
    pub fn release(&mut self, origin: Origin, at: Timestamp) -> Option<Fact> {
        let forced = self.forced.remove(&origin)?;
        let over = CircuitChanged {
            circuit: CircuitName::Callback(origin),
            at,
            from: forced.changed.to,
            to: CircuitState::Closed,
            reason: "no subscription leads there any more".to_owned(),
            forced: None,
        };
        Some(Fact::Control(ControlFact::CircuitChanged(Arc::new(over))))
    }

    /// The state somebody forced this circuit into, if it has not left that since.
    pub fn forced(&self, origin: &Origin) -> Option<ForcedSince> {
        self.forced.get(origin).cloned()
    }
}
