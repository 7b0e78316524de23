//! What always holds between what a subscription was given and what it has under way.

use super::Subscription;
use super::lanes::LaneId;
use crate::actors::invariants::Invariants;

impl Invariants for Subscription {
    fn check(&self) -> usize {
        let replays = self.replays.iter();
        let replays = replays.map(|lane| (LaneId::Replay(lane.replay.id), &lane.window));
        let in_order = [(LaneId::Live, &self.live)].into_iter().chain(replays);
        let dead_events = (LaneId::DeadEvent, &self.dead_events.window);
        let mut looked_at = self.pushes.len();
        for (lane, window) in in_order.clone().chain([dead_events]) {
            looked_at += window.check();
            let pushes = self.pushes.values().filter(|push| push.lane == lane);
            assert_eq!(
                window.in_flight() as usize,
                pushes.count(),
                "pushes of {lane:?}"
            );
        }
        for (lane, window) in in_order {
            assert!(
                window.begins_in_order(),
                "the events of {lane:?} begin in order"
            );
        }
        let in_hand = self.dead_events.in_hand.len();
        assert_eq!(
            self.dead_events.window.len(),
            in_hand,
            "dead events in hand"
        );
        assert_eq!(
            self.follower.held(),
            self.live.bytes(),
            "bytes of the live events it holds"
        );
        assert_eq!(
            self.follower.through(),
            self.live.through(),
            "the live events go on behind those that came in"
        );
        let told = self.told.as_ref().map_or(0, |told| told.position);
        assert!(told <= self.live.position(), "a position never goes back");
        assert!(!self.rest_told || self.flow.is_resting());
        looked_at
    }
}
