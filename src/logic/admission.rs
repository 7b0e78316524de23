//! Capacity at the door: what is accepted and not settled, against what may be
//! (contract, section 6).

use ahash::AHashMap;

use crate::domain::ids::ServiceName;
use crate::domain::message::{Lane, Priority};
use crate::domain::refusal::Refusal;

/// Counts what is owed per destination and level, and the bytes of all of it.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Messages per destination and level.
    max_queue_size: usize,
    max_queue_bytes: u64,
    /// By [`Priority::index`]; only destinations that are owed something have an entry.
    owed: AHashMap<ServiceName, [usize; 5]>,
    total_bytes: u64,
    /// Of the message that was last refused for the bytes.
    refused_bytes: Option<u32>,
}

impl Admission {
    /// Nothing is owed yet.
    pub fn new(max_queue_size: usize, max_queue_bytes: u64) -> Self {
        Self {
            max_queue_size,
            max_queue_bytes,
            owed: AHashMap::new(),
            total_bytes: 0,
            refused_bytes: None,
        }
    }

    /// Makes room for a message, or says which limit it would exceed.
    ///
    /// # Errors
    /// [`Refusal::LaneFull`] and [`Refusal::MemoryFull`]; nothing is counted then.
    pub fn reserve(&mut self, lane: &Lane) -> Result<(), Refusal> {
        if self.count(&lane.destination, lane.priority) >= self.max_queue_size {
            return Err(Refusal::LaneFull {
                service: lane.destination.clone(),
                priority: lane.priority,
                capacity: self.max_queue_size,
            });
        }
        if !self.fits(lane.bytes) {
            self.refused_bytes = Some(lane.bytes);
            return Err(Refusal::MemoryFull {
                limit: self.max_queue_bytes,
            });
        }
        self.occupy(lane);
        Ok(())
    }

    /// Counts a message that is owed in any case: it was accepted before a restart, or it is
    /// redriven.
    pub fn occupy(&mut self, lane: &Lane) {
        let counts = self.owed.entry(lane.destination.clone()).or_default();
        counts[lane.priority.index()] += 1;
        self.total_bytes += u64::from(lane.bytes);
    }

    /// Gives back the room of a settled message. Room nobody took cannot be given back.
    pub fn release(&mut self, lane: &Lane) {
        let Some(counts) = self.owed.get_mut(&lane.destination) else {
            return;
        };
        let count = &mut counts[lane.priority.index()];
        if *count == 0 {
            return;
        }
        *count -= 1;
        if counts.iter().all(|count| *count == 0) {
            self.owed.remove(&lane.destination);
        }
        self.total_bytes = self.total_bytes.saturating_sub(lane.bytes.into());
    }

    /// How many messages of this level the destination is owed.
    pub fn count(&self, destination: &ServiceName, priority: Priority) -> usize {
        self.owed
            .get(destination)
            .map_or(0, |counts| counts[priority.index()])
    }

    /// The bytes of everything owed.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Whether a lane of this destination is at least 90 % full.
    pub fn is_throttled(&self, destination: &ServiceName) -> bool {
        self.has_lane_of(destination, self.almost_full())
    }

    /// Whether a lane of this destination refuses.
    pub fn is_full(&self, destination: &ServiceName) -> bool {
        self.has_lane_of(destination, self.max_queue_size)
    }

    /// Whether the message reserved last made its lane 90 % full.
    pub fn became_throttled(&self, lane: &Lane) -> bool {
        self.count(&lane.destination, lane.priority) == self.almost_full()
    }

    /// Whether the message that was last refused for the bytes would be refused again.
    pub fn is_memory_full(&self) -> bool {
        self.refused_bytes.is_some_and(|bytes| !self.fits(bytes))
    }

    fn fits(&self, bytes: u32) -> bool {
        self.total_bytes.saturating_add(bytes.into()) <= self.max_queue_bytes
    }

    fn almost_full(&self) -> usize {
        self.max_queue_size - self.max_queue_size / 10
    }

    fn has_lane_of(&self, destination: &ServiceName, least: usize) -> bool {
        let counts = self.owed.get(destination);
        counts.is_some_and(|counts| counts.iter().any(|count| *count >= least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn service(name: &str) -> ServiceName {
        ServiceName::parse(name).unwrap()
    }

    fn lane(destination: &str, priority: Priority, bytes: u32) -> Lane {
        Lane {
            destination: service(destination),
            priority,
            bytes,
        }
    }

    #[test]
    fn takes_exactly_the_capacity_of_a_lane() {
        let mut admission = Admission::new(3, 1000);
        let normal = lane("billing", Priority::Normal, 1);
        for _ in 0..3 {
            assert_eq!(admission.reserve(&normal), Ok(()));
        }
        let refusal = Refusal::LaneFull {
            service: service("billing"),
            priority: Priority::Normal,
            capacity: 3,
        };
        assert_eq!(admission.reserve(&normal), Err(refusal));
        assert_eq!(
            admission.reserve(&lane("billing", Priority::High, 1)),
            Ok(())
        );
        assert_eq!(
            admission.reserve(&lane("mail", Priority::Normal, 1)),
            Ok(())
        );
        admission.release(&normal);
        assert_eq!(admission.reserve(&normal), Ok(()));
    }

    #[test]
    fn takes_exactly_the_bytes() {
        let mut admission = Admission::new(10, 100);
        assert_eq!(admission.reserve(&lane("a", Priority::Low, 60)), Ok(()));
        let refusal = Refusal::MemoryFull { limit: 100 };
        assert_eq!(
            admission.reserve(&lane("b", Priority::Low, 41)),
            Err(refusal)
        );
        assert_eq!(admission.reserve(&lane("b", Priority::Low, 40)), Ok(()));
        assert_eq!(admission.total_bytes(), 100);
        assert!(admission.is_memory_full());
        admission.release(&lane("a", Priority::Low, 60));
        assert!(!admission.is_memory_full());
    }

    #[test]
    fn a_lane_becomes_throttled_once_and_is_full_while_it_refuses() {
        let mut admission = Admission::new(10, 1000);
        let low = lane("a", Priority::Low, 1);
        let mut became = Vec::new();
        for count in 1..=10 {
            admission.reserve(&low).unwrap();
            became.extend(admission.became_throttled(&low).then_some(count));
        }
        assert_eq!(became, [9]);
        assert!(admission.is_full(&service("a")));
        let high = lane("a", Priority::High, 1);
        admission.reserve(&high).unwrap();
        assert!(!admission.became_throttled(&high) && admission.is_full(&service("a")));
        admission.release(&low);
        assert!(!admission.is_full(&service("a")));
    }

    #[test]
    fn what_is_owed_anyway_may_exceed_the_limits() {
        let mut admission = Admission::new(1, 10);
        let urgent = lane("a", Priority::Critical, 10);
        admission.occupy(&urgent);
        admission.occupy(&urgent);
        assert_eq!(admission.count(&service("a"), Priority::Critical), 2);
        admission.release(&urgent);
        assert!(admission.reserve(&urgent).is_err());
    }

    #[test]
    fn throttles_from_ninety_percent() {
        for (capacity, throttled_from) in [(10, 9), (100, 90), (15, 14), (1, 1)] {
            let mut admission = Admission::new(capacity, 1000);
            for count in 1..=capacity {
                admission.occupy(&lane("a", Priority::Low, 1));
                let throttled = admission.is_throttled(&service("a"));
                assert_eq!(throttled, count >= throttled_from, "{count} of {capacity}");
            }
            assert!(!admission.is_throttled(&service("b")));
        }
    }

    #[test]
    fn an_empty_destination_costs_nothing() {
        let mut admission = Admission::new(10, 1000);
        let (low, high) = (lane("a", Priority::Low, 7), lane("a", Priority::High, 7));
        admission.occupy(&low);
        admission.occupy(&high);
        admission.release(&low);
        assert_eq!(admission.owed.len(), 1);
        admission.release(&low);
        assert_eq!(admission.total_bytes(), 7);
        admission.release(&high);
        assert!(admission.owed.is_empty());
    }

    proptest! {
        #[test]
        fn counts_as_a_plain_list(
            steps in prop::collection::vec((0u8..4, 0usize..3, 0usize..5, 0u32..50), 0..300),
        ) {
            let (max_size, max_bytes) = (5, 500);
            let mut admission = Admission::new(max_size, max_bytes);
            let mut owed: Vec<Lane> = Vec::new();
            for (action, destination, level, bytes) in steps {
                let lane = lane(["a", "b", "c"][destination], Priority::ALL[level], bytes);
                let same = |other: &&Lane| {
                    other.destination == lane.destination && other.priority == lane.priority
                };
                match action {
                    0 => {
                        admission.occupy(&lane);
                        owed.push(lane);
                    }
                    1 => {
                        if let Some(index) = owed.iter().position(|other| same(&other)) {
                            admission.release(&owed.remove(index));
                        }
                    }
                    _ => {
                        let total: u64 = owed.iter().map(|lane| u64::from(lane.bytes)).sum();
                        let fits = owed.iter().filter(same).count() < max_size
                            && total + u64::from(bytes) <= max_bytes;
                        prop_assert_eq!(admission.reserve(&lane).is_ok(), fits);
                        if fits {
                            owed.push(lane);
                        }
                    }
                }
                let total: u64 = owed.iter().map(|lane| u64::from(lane.bytes)).sum();
                prop_assert_eq!(admission.total_bytes(), total);
                for name in ["a", "b", "c"] {
                    for priority in Priority::ALL {
                        let count = owed
                            .iter()
                            .filter(|lane| lane.destination.as_str() == name && lane.priority == priority)
                            .count();
                        prop_assert_eq!(admission.count(&service(name), priority), count);
                    }
                }
            }
        }
    }
}
