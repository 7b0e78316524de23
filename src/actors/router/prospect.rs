//! What comes of a message to a service, as far as the Router was told.

use std::sync::Arc;

use crate::domain::ids::MessageType;
use crate::domain::service::{Outlook, TypeCapacity};
use crate::logic::type_index::TypeIndex;

/// What was last told of a service.
pub(super) struct Prospect {
    pub outlook: Outlook,
    types: Arc<[TypeCapacity]>,
    index: TypeIndex,
}

impl Prospect {
    pub(super) fn new(outlook: Outlook, types: Arc<[TypeCapacity]>) -> Self {
        let index = TypeIndex::of(types.iter().map(|class| &*class.types));
        Self {
            outlook,
            types,
            index,
        }
    }

    /// Whether nobody takes messages of this type.
    pub(super) fn parks(&self, message_type: &MessageType) -> bool {
        let capacity = self.types.get(self.index.find(message_type));
        capacity.is_some_and(|capacity| capacity.parks)
    }
}
