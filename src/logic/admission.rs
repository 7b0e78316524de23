//! Capacity at the admission gate: what is accepted and not settled, against what may be.

use super::admission_report::AdmissionSurvey;
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
    /// Only destinations that are owed something have an entry.
    owed: AHashMap<ServiceName, Owed>,
    /// Bytes that a destination may be owed, of those that have such a quota.
    most_waiting: AHashMap<ServiceName, u64>,
    total_bytes: u64,
    /// Of the message that was last refused for the bytes.
    refused_bytes: Option<u32>,
}

/// What one destination is owed.
#[derive(Clone, Copy, Debug, Default)]
struct Owed {
    /// Messages, by [`Priority::index`].
    counts: [usize; 5],
    bytes: u64,
}

impl Admission {
    /// Nothing is owed yet.
    pub fn new(max_queue_size: usize, max_queue_bytes: u64) -> Self {
        Self {
            max_queue_size,
            max_queue_bytes,
            owed: AHashMap::new(),
            most_waiting: AHashMap::new(),
            total_bytes: 0,
            refused_bytes: None,
        }
    }

    /// From now on so much may be owed; what is owed beyond that stays.
    pub fn configure(&mut self, max_queue_size: usize, max_queue_bytes: u64) {
        (self.max_queue_size, self.max_queue_bytes) = (max_queue_size, max_queue_bytes);
        self.refused_bytes = None;
    }

    /// Makes room for a message, or says which limit it would exceed.
    ///
    /// # Errors
    /// [`Refusal::LaneFull`], [`Refusal::MemoryFull`] and [`Refusal::ShareFull`]; nothing is counted
    /// then.
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
        self.within_share(lane)?;
        self.occupy(lane);
        Ok(())
    }

    /// No destination may have more than half of what the others leave, so that there is room for
    /// others, whoever sends to it; nor more than its quota. It may always have one message.
    fn within_share(&self, lane: &Lane) -> Result<(), Refusal> {
        let Some(owed) = self.owed.get(&lane.destination) else {
            return Ok(());
        };
        let others = self.total_bytes.saturating_sub(owed.bytes);
        let half = self.max_queue_bytes.saturating_sub(others) / 2;
        let quota = match self.most_waiting.is_empty() {
            true => None,
            false => self.most_waiting.get(&lane.destination),
        };
        let most = quota.map_or(half, |quota| half.min(*quota));
        if owed.bytes.saturating_add(lane.bytes.into()) <= most {
            return Ok(());
        }
        Err(Refusal::ShareFull {
            service: lane.destination.clone(),
            most,
        })
    }

    /// What a destination may be owed, in bytes; `None`: as much as any.
    pub fn set_most_waiting(&mut self, destination: &ServiceName, bytes: Option<u64>) {
        match bytes {
            Some(bytes) => drop(self.most_waiting.insert(destination.clone(), bytes)),
            None => drop(self.most_waiting.remove(destination)),
        }
    }

    /// Counts a message that is owed in any case: it was accepted before a restart, or it is
    /// redriven.
    pub fn occupy(&mut self, lane: &Lane) {
        let owed = self.owed.entry(lane.destination.clone()).or_default();
        owed.counts[lane.priority.index()] += 1;
        owed.bytes += u64::from(lane.bytes);
        self.total_bytes += u64::from(lane.bytes);
    }

    /// Gives back the room of a settled message. Room nobody took cannot be given back.
    pub fn release(&mut self, lane: &Lane) {
        let Some(owed) = self.owed.get_mut(&lane.destination) else {
            return;
        };
        let count = &mut owed.counts[lane.priority.index()];
        if *count == 0 {
            return;
        }
        *count -= 1;
        owed.bytes = owed.bytes.saturating_sub(lane.bytes.into());
        if owed.counts.iter().all(|count| *count == 0) {
            self.owed.remove(&lane.destination);
        }
        self.total_bytes = self.total_bytes.saturating_sub(lane.bytes.into());
    }

    /// How many messages of this level the destination is owed.
    pub fn count(&self, destination: &ServiceName, priority: Priority) -> usize {
        self.owed
            .get(destination)
            .map_or(0, |owed| owed.counts[priority.index()])
    }

    /// Those that are owed something.
    pub fn destinations(&self) -> impl Iterator<Item = &ServiceName> {
        self.owed.keys()
    }

    /// Whether it is owed anything.
    pub fn owes(&self, destination: &ServiceName) -> bool {
        self.owed.contains_key(destination)
    }

    /// The bytes of everything owed.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Looks at every destination; gives how many there are.
    ///
    /// # Panics
    /// If the bytes of all are not those of each together.
    pub fn check(&self) -> usize {
        let bytes: u64 = self.owed.values().map(|owed| owed.bytes).sum();
        assert_eq!(
            self.total_bytes, bytes,
            "all that is owed is owed to somebody"
        );
        for (destination, owed) in &self.owed {
            let is_owed = owed.counts.iter().any(|count| *count > 0);
            assert!(
                is_owed,
                "{destination} is forgotten once it is owed nothing"
            );
        }
        self.owed.len()
    }

    /// Which destinations are full, or nearly so.
    pub fn survey(&self) -> AdmissionSurvey {
        let mut survey = AdmissionSurvey {
            memory_full: self.is_memory_full(),
            ..AdmissionSurvey::default()
        };
        let almost_full = self.almost_full();
        for (destination, owed) in &self.owed {
            let most = owed.counts.into_iter().max().unwrap_or(0);
            if most >= self.max_queue_size {
                survey.full.push(destination.clone());
            } else if most >= almost_full {
                survey.throttled.push(destination.clone());
            }
        }
        survey.full.sort();
        survey.throttled.sort();
        survey
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
        let owed = self.owed.get(destination);
        owed.is_some_and(|owed| owed.counts.iter().any(|count| *count >= least))
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
    fn a_destination_leaves_half_of_what_there_is_to_others() {
        let mut admission = Admission::new(1000, 100);
        let fill = |admission: &mut Admission, name: &str| {
            let one = lane(name, Priority::Low, 1);
            (0..200).filter(|_| admission.reserve(&one).is_ok()).count()
        };
        for (name, most) in [("a", 50), ("b", 25), ("c", 12), ("d", 6), ("a", 0)] {
            assert_eq!(fill(&mut admission, name), most, "{name}");
        }
        let refusal = Refusal::ShareFull {
            service: service("a"),
            most: 28,
        };
        let small = lane("a", Priority::High, 1);
        assert_eq!(admission.reserve(&small), Err(refusal));
        // Who has nothing yet may have one, as long as there is room at all.
        assert_eq!(admission.reserve(&lane("e", Priority::Low, 7)), Ok(()));
        assert!(!admission.is_memory_full());
    }

    #[test]
    fn a_quota_bounds_what_waits_for_a_destination() {
        let mut admission = Admission::new(1000, 100);
        admission.set_most_waiting(&service("a"), Some(10));
        let one = lane("a", Priority::Low, 4);
        let taken =
            |admission: &mut Admission| (0..9).filter(|_| admission.reserve(&one).is_ok()).count();
        assert_eq!(taken(&mut admission), 2);
        admission.set_most_waiting(&service("a"), None);
        assert_eq!(taken(&mut admission), 9);
        assert!(admission.owes(&service("a")) && !admission.owes(&service("b")));
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
    fn a_survey_names_those_that_are_full_or_nearly_so() {
        let mut admission = Admission::new(10, u64::MAX);
        for (name, count) in [("b", 10), ("a", 10), ("nearly", 9), ("well", 8)] {
            for _ in 0..count {
                admission.reserve(&lane(name, Priority::Low, 1)).unwrap();
            }
        }
        let survey = admission.survey();
        assert_eq!(survey.full, [service("a"), service("b")]);
        assert_eq!(survey.throttled, [service("nearly")]);
        assert!(survey.is_overloaded() && !survey.memory_full);
        let free = Admission::new(10, u64::MAX).survey();
        assert!(!free.is_overloaded());
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
                        let to_it = owed
                            .iter()
                            .filter(|other| other.destination == lane.destination);
                        let its: u64 = to_it.clone().map(|lane| u64::from(lane.bytes)).sum();
                        let half = max_bytes.saturating_sub(total - its) / 2;
                        let fits = owed.iter().filter(same).count() < max_size
                            && total + u64::from(bytes) <= max_bytes
                            && (to_it.count() == 0 || its + u64::from(bytes) <= half);
                        prop_assert_eq!(admission.reserve(&lane).is_ok(), fits);
                        if fits {
                            owed.push(lane);
                        }
                    }
                }
                let total: u64 = owed.iter().map(|lane| u64::from(lane.bytes)).sum();
                prop_assert_eq!(admission.total_bytes(), total);
                admission.check();
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
