//! What always holds between the messages that are owed and the lists, counters and timers they
//! stand in.

use ahash::AHashMap;

use crate::domain::ids::{Label, MessageId, MessageType, ServiceName};
use crate::domain::message::Priority;

use super::Queues;
use super::destination::{Destination, PlaceCounts};
use super::entry::{Entry, Place};

/// The messages of one destination, by where each of them says that it is.
#[derive(Default)]
struct Census<'a> {
    /// In the lanes, by [`Priority::index`].
    queued: [usize; Priority::ALL.len()],
    held: usize,
    counts: PlaceCounts,
    pushing: Vec<(MessageId, &'a MessageType)>,
}

impl Queues {
    /// Looks at every message and destination; gives how many these are.
    ///
    /// # Panics
    /// If a message is not where it says that it is, or something is counted that is not there.
    pub fn check(&self) -> usize {
        let entries = self.entries.values().map(|entry| &**entry);
        self.places.check(entries);
        let mut censuses: AHashMap<&ServiceName, Census<'_>> = AHashMap::new();
        let (mut leased, mut returning) = (0, 0);
        for (id, entry) in &self.entries {
            assert_eq!(*id, entry.message.id);
            let service = &entry.message.destination;
            let destination = self.destinations.get(service);
            let destination = destination.expect("a destination stays as long as it has a message");
            let census = censuses.entry(service).or_default();
            self.check_place(entry, destination, census);
            leased += usize::from(matches!(entry.place, Place::Leased { .. }));
            returning += usize::from(self.returns.get(id).is_some());
        }
        let timed = self.leases.values().filter(|lease| lease.until.is_some());
        assert_eq!(self.leases.len(), leased, "leases are of messages leased");
        assert_eq!(self.lease_ends.len(), timed.count(), "leases that end");
        assert_eq!(self.returns.len(), returning, "what returns is owed");
        for timers in [
            self.lease_ends.check(),
            self.returns.check(),
            self.paced.check(),
        ] {
            assert!(timers, "timers are found by their key and by their time");
        }
        for (service, destination) in &self.destinations {
            destination.check(&censuses.remove(service).unwrap_or_default());
            self.check_keys(service, destination);
            let is_noted = self.unneeded.contains(service);
            assert!(
                is_noted || !self.begun || !self.is_unneeded(service),
                "{service} is forgotten"
            );
        }
        self.entries.len() + self.destinations.len()
    }

    fn check_place<'a>(
        &self,
        entry: &'a Entry,
        destination: &Destination,
        census: &mut Census<'a>,
    ) {
        let (id, message) = (entry.message.id, &entry.message);
        if let Some(counter) = census.counts.at(entry.place) {
            *counter += 1;
        }
        let is_there = match entry.place {
            Place::Queued => {
                census.queued[message.priority.index()] += 1;
                let waiting = entry.waiting(&self.ranking);
                destination.lanes.contains(&waiting, &message.message_type)
            }
            Place::Held => {
                census.held += 1;
                let held = &destination.held[message.priority.index()];
                held.contains(&(entry.order, id))
            }
            Place::Scheduled { .. } => destination.not_due.contains(&id),
            Place::Retrying { at } => {
                let is_told = self.returns.get(&id).is_none_or(|returns| returns == at);
                destination.not_due.contains(&id) && is_told
            }
            Place::Pushing { .. } => {
                census.pushing.push((id, &message.message_type));
                true
            }
            Place::Leased { token } => {
                let lease = self.leases.get(&token).filter(|lease| lease.id == id);
                lease.is_some_and(|lease| lease.until == self.lease_ends.get(&token))
            }
            Place::Settling => true,
        };
        assert!(is_there, "{id} is {:?}, and not there", entry.place);
        let Some(key) = message.ordering_key() else {
            return;
        };
        let is_in_order = match entry.place {
            Place::Queued | Place::Pushing { .. } | Place::Leased { .. } => {
                destination.keys.holder(key) == Some(id)
            }
            Place::Held => destination.keys.awaits(key, entry.order, id),
            // In a replay one that has its key waits here, and one that is settled may be in line.
            Place::Scheduled { .. } | Place::Retrying { .. } | Place::Settling => true,
        };
        assert!(is_in_order, "{id} is {:?}, and out of order", entry.place);
    }

    fn check_keys(&self, service: &ServiceName, destination: &Destination) {
        let is_owed = |id: MessageId, key: &Label| {
            let message = self.message(id);
            message.is_some_and(|message| {
                message.destination == *service && message.ordering_key() == Some(key)
            })
        };
        let is_dead_letter = |id: MessageId, key: &Label| {
            let held = self.holding.get(&id);
            held.is_some_and(|(holds_at, held)| holds_at == service && held == key)
        };
        destination.keys.check(is_owed, is_dead_letter);
    }
}

impl Destination {
    fn check(&self, census: &Census<'_>) {
        assert_eq!(self.counts, census.counts);
        let queued = Priority::ALL.map(|priority| self.lanes.len_of(priority));
        assert_eq!(queued, census.queued, "what is in the lanes is queued");
        let held: usize = self.held.iter().map(|held| held.len()).sum();
        assert_eq!(held, census.held, "what is held waits for its key");
        let not_due = census.counts.scheduled + census.counts.retrying;
        assert_eq!(
            self.not_due.len(),
            not_due,
            "what is not due waits for its time"
        );
        self.lanes.check(&census.pushing);
    }
}
