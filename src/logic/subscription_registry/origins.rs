//! Where callbacks lead, as the journal says.

use std::collections::BTreeMap;

use crate::domain::circuit::Origin;
use crate::domain::subscription::Subscription;

/// How many callbacks lead to each origin.
#[derive(Default, PartialEq)]
pub(super) struct Origins {
    callbacks: BTreeMap<Origin, usize>,
}

impl Origins {
    pub(super) fn leads_to(&mut self, subscription: &Subscription) {
        if let Some(callback) = subscription.callback() {
            *self.callbacks.entry(Origin::of(&callback.url)).or_default() += 1;
        }
    }

    /// Whether a callback leads there.
    pub(super) fn is_known(&self, origin: &Origin) -> bool {
        self.callbacks.contains_key(origin)
    }

    /// It leads there no more; gives where, if it was the last.
    pub(super) fn led_to(&mut self, subscription: &Subscription) -> Option<Origin> {
        let origin = Origin::of(&subscription.callback()?.url);
        let callbacks = self.callbacks.get_mut(&origin)?;
        *callbacks -= 1;
        if *callbacks > 0 {
            return None;
        }
        self.callbacks.remove(&origin);
        Some(origin)
    }
}
