//! What always holds between subscriptions and what is found, counted and owed by them.

use super::SubscriptionRegistry;
use super::origins::Origins;
use super::sought::BySought;

impl SubscriptionRegistry {
    /// Looks at every subscription, and whatever is owed to one; gives how many these are.
    ///
    /// # Panics
    /// If something else is found or counted than there is.
    pub fn check(&self) -> usize {
        let (mut sought, mut origins) = (BySought::default(), Origins::default());
        let mut count = 0;
        for (id, entry) in &self.entries {
            assert_eq!(*id, entry.wanted.id);
            let is_known = entry.present.is_some() || entry.outstanding > 0;
            assert!(is_known, "{id} is in the journal, or on its way there");
            if let Some(present) = &entry.present {
                count += 1;
                origins.leads_to(present);
            }
            if !entry.is_leaving {
                sought.insert(&entry.wanted);
            }
        }
        assert_eq!(self.count, count, "subscriptions that the journal knows");
        assert!(
            self.sought == sought,
            "subscriptions are found by what they are"
        );
        assert!(
            self.origins == origins,
            "callbacks are counted by where they lead"
        );
        for id in self.holders.ids().chain(self.lost.ids()) {
            assert!(self.entries.contains_key(&id), "{id} is there to be held");
        }
        self.entries.len()
            + self.positions.check()
            + self.dead_events.check()
            + self.replays.check()
    }
}
