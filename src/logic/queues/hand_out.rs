//! What leaves the queues: pushed as far as the credit goes, or pulled, within the quota.

use crate::domain::fact::Fact;
use crate::domain::ids::{MessageId, ServiceName};
use crate::domain::moment::Moment;
use crate::domain::service::{Outlook, TypeCapacity};
use crate::domain::timestamp::Timestamp;
use crate::logic::lanes::Waiting;
use crate::logic::shown_payload::shown_bytes;
use crate::logic::verdict;

use super::delivery::{Delivery, HandOut};
use super::destination::Destination;
use super::entry::{Entry, Place};
use super::type_lanes::TypeLanes;
use super::{Queues, destination_of};

/// Which message of the lanes goes next.
type Next = fn(&mut TypeLanes) -> Option<Waiting>;

impl Queues {
    /// How many may be with the dispatcher at once for this destination, and if its instances
    /// differ in what they take, how many of each type.
    pub fn set_window(
        &mut self,
        service: &ServiceName,
        window: u32,
        outlook: Outlook,
        types: &[TypeCapacity],
        now: Timestamp,
    ) {
        if outlook == Outlook::Left && !self.knows(service) {
            // Whoever says so waits to be told that nothing is left here.
            self.unneeded.insert(service.clone());
            return;
        }
        self.destination(service, now);
        let (entries, destinations) = (&self.entries, &mut self.destinations);
        let Some(destination) = destinations.get_mut(service) else {
            return;
        };
        destination.window = window;
        destination.outlook = outlook;
        let type_of = |id: MessageId| entries[&id].message.message_type.clone();
        destination.lanes.set_capacities(types, type_of);
        self.ready.insert(service.clone());
        self.look_at(service);
    }

    /// The destinations that may have something to hand out since the last call.
    pub fn take_ready(&mut self) -> Vec<ServiceName> {
        self.ready.drain().collect()
    }

    /// Takes what the window has room for, most urgent first.
    pub fn push_out(&mut self, service: &ServiceName, now: impl Into<Moment>) -> HandOut<Delivery> {
        let now = now.into();
        let room = self.destinations.get(service).map_or(0, Destination::room);
        self.hand_out(
            service,
            (room, usize::MAX),
            now,
            TypeLanes::pop_to_push,
            |entry| {
                entry.place = Place::Pushing { since: now.hub };
                entry.delivery()
            },
        )
    }

    /// As many as `max`, or as many as fill `most_bytes` where they are shown: the last may go
    /// beyond.
    pub(super) fn hand_out<T>(
        &mut self,
        service: &ServiceName,
        (max, most_bytes): (usize, usize),
        now: Moment,
        next: Next,
        mut take: impl FnMut(&mut Entry) -> T,
    ) -> HandOut<T> {
        let mut out = HandOut {
            items: Vec::new(),
            expired: Vec::new(),
        };
        let Some(destination) = self.destinations.get_mut(service) else {
            return out;
        };
        if self.paused.is_some() || destination.paused.is_some() {
            return out;
        }
        let max = max.min(destination.pace.room(destination.in_hand(), now.hub));
        let mut bytes = 0;
        while out.items.len() < max && bytes < most_bytes {
            let Some(waiting) = next(&mut destination.lanes) else {
                break;
            };
            let entry = self
                .entries
                .get_mut(&waiting.id)
                .expect("what is in a lane has an entry");
            if entry.is_expired(now) {
                let policy = &self.policy.retries;
                out.expired
                    .push(verdict::expired(policy, &entry.message, now.wall, None));
                entry.place = Place::Settling;
            } else {
                let message = &entry.message;
                bytes += message.bytes_beside_payload() + shown_bytes(&message.payload);
                out.items.push(take(entry));
                destination.pace.take(now.hub);
            }
            if let Place::Pushing { .. } = entry.place {
                destination
                    .lanes
                    .push_began(waiting.id, &entry.message.message_type);
            }
            destination.enter(entry);
        }
        if let Some(at) = destination.pace.next_at(now.hub) {
            self.paced.set(service.clone(), at);
        }
        out
    }

    /// Puts back what was with the dispatcher but never tried: no attempt is spent, rank and order
    /// stay. Returns the facts of those that expired meanwhile.
    pub fn give_back(&mut self, ids: &[MessageId], now: impl Into<Moment>) -> Vec<Fact> {
        self.put_back(ids, now.into(), |place| {
            matches!(place, Place::Pushing { .. })
        })
    }

    /// As [`Queues::give_back`], for what was leased and did not reach its consumer.
    pub fn give_back_leased(&mut self, ids: &[MessageId], now: impl Into<Moment>) -> Vec<Fact> {
        self.put_back(ids, now.into(), |place| {
            matches!(place, Place::Leased { .. })
        })
    }

    fn put_back(
        &mut self,
        ids: &[MessageId],
        now: Moment,
        is_out: impl Fn(Place) -> bool,
    ) -> Vec<Fact> {
        let mut expired = Vec::new();
        for id in ids {
            let Some(entry) = self.entries.get(id) else {
                continue;
            };
            if !is_out(entry.place) {
                continue;
            }
            if entry.is_expired(now) {
                let fact = verdict::expired(&self.policy.retries, &entry.message, now.wall, None);
                expired.push(self.settle(*id, fact));
                continue;
            }
            self.displace(*id);
            let entry = self.entries.get_mut(id).expect("found above");
            let was_pushed = matches!(entry.place, Place::Pushing { .. });
            entry.place = Place::Queued;
            let destination = destination_of(&mut self.destinations, &entry.message);
            let message_type = &entry.message.message_type;
            destination.enter(entry);
            destination
                .lanes
                .push(entry.waiting(&self.ranking), message_type);
            destination.pace.give_back();
            // Whoever is still being pushed will make room; with nobody there is nothing to wait for.
            match (was_pushed, destination.counts.pushing) {
                (true, 0) => destination.lanes.unblock(),
                (true, _) => destination.lanes.block(message_type),
                (false, _) => {}
            }
        }
        expired
    }

    /// Everything of this destination that is with the dispatcher.
    pub fn pushing(&self, service: &ServiceName) -> Vec<MessageId> {
        match self.destinations.get(service) {
            Some(destination) => destination.lanes.pushing().collect(),
            None => Vec::new(),
        }
    }

    /// When a destination may be handed more by its quota.
    pub fn next_paced(&self) -> Option<Timestamp> {
        self.paced.next()
    }

    /// Looks again at the destinations whose quota allows more by now.
    pub fn wake_paced(&mut self, now: Timestamp) {
        self.ready.extend(self.paced.pop_due(now, usize::MAX));
    }
}
