//! What always holds between the instances, their records, and what is in flight.

use crate::domain::ids::MessageType;
use crate::domain::service::Target;

use super::Balancer;

impl Balancer {
    /// `in_flight` are all attempts under way: each with its instance, as that was when it began,
    /// and the type of its message. Gives how many instances and attempts these are.
    ///
    /// # Panics
    /// If anything else is counted.
    pub fn check<'a>(
        &self,
        in_flight: impl Iterator<Item = (&'a Target, &'a MessageType)>,
    ) -> usize {
        assert_eq!(
            self.records.len(),
            self.targets.len(),
            "each instance has a record"
        );
        assert!(
            self.turn.max(self.asked_turn) <= self.targets.len(),
            "a turn is somebody's"
        );
        let mut present = vec![0; self.targets.len()];
        let mut departed = vec![0; self.departed.len()];
        let mut types = Vec::new();
        for (target, message_type) in in_flight {
            types.push(message_type);
            let mut targets = self.targets.iter();
            match targets.position(|present| present.is_same_place(target)) {
                Some(index) => present[index] += 1,
                None => {
                    let index = self.departed_at(target);
                    departed[index.expect("an instance that left is known while it is busy")] += 1;
                }
            }
        }
        let counted = self.records.iter().map(|record| record.in_flight);
        assert!(counted.eq(present), "what is in flight with the instances");
        for ((target, record), count) in self.departed.iter().zip(departed) {
            let instance = &target.instance_id;
            assert_eq!(
                record.in_flight, count,
                "what is in flight with {instance}, which left"
            );
            assert!(
                count > 0,
                "{instance}, which left, is forgotten with the last in flight"
            );
        }
        self.types.check(&types);
        self.targets.len() + self.departed.len() + types.len()
    }
}
