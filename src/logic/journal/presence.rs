//! Which records say what is known of one service.

use ahash::AHashMap;

use crate::domain::fact::service::InstanceDeregistered;
use crate::domain::ids::{InstanceId, Position};
use crate::domain::service::Registration;
use crate::domain::timestamp::Timestamp;

/// The records about one service that still matter. A name once known stays a known destination.
#[derive(Default)]
pub(super) struct Presence {
    instances: AHashMap<InstanceId, Registered>,
    seen: Option<Position>,
    /// The registration and the end of the instance that left last: kept as long as nothing
    /// else says that the service is known.
    left: Option<(Position, Position)>,
    deregistered: Option<Position>,
}

/// The latest registration of an instance, and what was said of it since.
struct Registered {
    at: Timestamp,
    position: Position,
    withdrawn: Option<Position>,
}

impl Presence {
    pub(super) fn saw(&mut self, position: Position) {
        self.deregistered = None;
        self.seen = Some(position);
    }

    pub(super) fn registered(&mut self, registration: &Registration, position: Position) {
        self.deregistered = None;
        let registered = Registered {
            at: registration.registered_at,
            position,
            withdrawn: None,
        };
        let id = registration.instance_id.clone();
        self.instances.insert(id, registered);
    }

    /// Whether that registration was meant is for whoever replays to see.
    pub(super) fn withdrawn(&mut self, instance_id: &InstanceId, position: Position) {
        if let Some(registered) = self.instances.get_mut(instance_id) {
            registered.withdrawn = Some(position);
        }
    }

    pub(super) fn instance_deregistered(
        &mut self,
        gone: &InstanceDeregistered,
        position: Position,
    ) {
        let registered = self.instances.get(&gone.instance_id);
        if let Some(registered) = registered.filter(|registered| gone.means(registered.at)) {
            self.left = Some((registered.position, position));
            self.instances.remove(&gone.instance_id);
        }
    }

    pub(super) fn deregistered(&mut self, position: Position) {
        *self = Self {
            deregistered: Some(position),
            ..Self::default()
        };
    }

    /// Adds the positions of the records that must stay.
    pub(super) fn kept(&self, positions: &mut Vec<Position>) {
        for registered in self.instances.values() {
            positions.push(registered.position);
            positions.extend(registered.withdrawn);
        }
        positions.extend(self.seen);
        positions.extend(self.deregistered);
        if let Some((registered, left)) = self.left
            && self.instances.is_empty()
            && self.seen.is_none()
        {
            positions.extend([registered, left]);
        }
    }
}
