//! When a destination is forgotten: as soon as nobody is there or expected, and nothing is left of
//! it.
//!
//! What there is of it is then what a message for it would make anew, so that nothing is lost by
//! it: only that it counts from zero again. What it counted before stays in the sum.

use crate::domain::ids::ServiceName;
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;

use super::Queues;
use super::destination::{DestinationRates, DestinationStatistics, untold};

impl Queues {
    /// The replay is over. What it left behind goes, unless the registry soon says that somebody is
    /// there; what it counted is no news.
    pub fn begin(&mut self) {
        self.begun = true;
        self.past = DestinationStatistics::default();
        for (service, destination) in &mut self.destinations {
            destination.statistics = DestinationStatistics::default();
            destination.rates = DestinationRates::default();
            if destination.outlook == untold() {
                destination.outlook = Outlook::Left;
            }
            if destination.is_unneeded() {
                self.unneeded.insert(service.clone());
            }
        }
    }

    /// Somebody is there, of whom the registry will say when he has left.
    pub(super) fn comes(&mut self, service: &ServiceName, now: Timestamp) {
        let destination = self.destination(service, now);
        if destination.outlook == Outlook::Left {
            destination.outlook = untold();
        }
    }

    /// In a replay nobody says who is there, and a name that came and went is no more than that.
    pub(super) fn left_in_replay(&mut self, service: &ServiceName) {
        let destination = self.destinations.get(service);
        let is_empty = destination.is_some_and(|destination| destination.is_empty());
        if !self.begun && is_empty && !self.with_own_quota.contains(service) {
            self.destinations.remove(service);
        }
    }

    /// To be called when something ended that may have been the last of it.
    pub(super) fn look_at(&mut self, service: &ServiceName) {
        if self.is_unneeded(service) {
            self.unneeded.insert(service.clone());
        }
    }

    /// Whether [`Queues::take_unneeded`] has anything to look at.
    pub fn may_be_unneeded(&self) -> bool {
        !self.unneeded.is_empty()
    }

    /// Forgets the destinations of which nothing is left by now, and says which these were. One
    /// whose messages somebody `awaits` is looked at again the next time.
    pub fn take_unneeded(&mut self, awaits: impl Fn(&ServiceName) -> bool) -> Vec<ServiceName> {
        let mut forgotten = Vec::new();
        for service in std::mem::take(&mut self.unneeded) {
            if !self.is_unneeded(&service) {
                continue;
            }
            if awaits(&service) {
                self.unneeded.insert(service);
                continue;
            }
            if let Some(destination) = self.destinations.remove(&service) {
                self.past += destination.statistics;
            }
            self.ready.remove(&service);
            self.paced.remove(&service);
            forgotten.push(service);
        }
        forgotten
    }

    /// What destinations counted before they were forgotten.
    pub fn past(&self) -> DestinationStatistics {
        self.past
    }

    pub(super) fn is_unneeded(&self, service: &ServiceName) -> bool {
        let destination = self.destinations.get(service);
        destination.is_none_or(|destination| destination.is_unneeded())
            && !self.with_own_quota.contains(service)
    }
}
