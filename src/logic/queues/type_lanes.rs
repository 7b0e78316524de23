//! The lanes of one destination, apart for each type of message that only some instances take.
//!
//! As long as every instance takes everything there is one class of messages. Where instances name
//! what they take, types that the same instances take are a class with lanes of its own, so that a
//! type nobody has room for never stands in the way of the others.

use std::sync::Arc;

use ahash::AHashSet;

use crate::domain::ids::{MessageId, MessageType};
use crate::domain::message::Priority;
use crate::domain::service::TypeCapacity;
use crate::logic::lanes::{Lanes, Waiting};
use crate::logic::type_index::TypeIndex;

#[derive(Clone, Debug)]
pub(super) struct TypeLanes {
    /// Never empty.
    classes: Vec<Class>,
    index: TypeIndex,
    /// What is with the dispatcher now, no more than the window ever admitted.
    pushing: AHashSet<MessageId>,
}

#[derive(Clone, Debug, Default)]
struct Class {
    /// Empty: every type no other names.
    types: Arc<[MessageType]>,
    lanes: Lanes,
    /// How many may be with the dispatcher at once; `None`: as many as the window admits.
    capacity: Option<usize>,
    /// With the dispatcher now.
    pushing: usize,
    /// Nobody at all takes these messages.
    parks: bool,
    /// The dispatcher gave one back for want of room: nothing goes until something has changed.
    blocked: bool,
}

impl Class {
    fn is_open(&self) -> bool {
        !self.blocked && self.capacity.is_none_or(|capacity| self.pushing < capacity)
    }
}

impl Default for TypeLanes {
    fn default() -> Self {
        Self {
            classes: vec![Class::default()],
            index: TypeIndex::default(),
            pushing: AHashSet::new(),
        }
    }
}

impl TypeLanes {
    fn class(&self, message_type: &MessageType) -> &Class {
        &self.classes[self.index.find(message_type)]
    }

    fn class_mut(&mut self, message_type: &MessageType) -> &mut Class {
        let index = self.index.find(message_type);
        &mut self.classes[index]
    }

    /// Learns which types have room; `type_of` knows the type of every message here. Only when the
    /// classes are others than before anything moves.
    pub(super) fn set_capacities(
        &mut self,
        capacities: &[TypeCapacity],
        type_of: impl Fn(MessageId) -> MessageType,
    ) {
        if !self.has_the_classes_of(capacities) {
            self.sort_anew(capacities, type_of);
        }
        self.unblock();
        if capacities.is_empty() {
            (self.classes[0].capacity, self.classes[0].parks) = (None, false);
        }
        for (class, capacity) in self.classes.iter_mut().zip(capacities) {
            // Perhaps an equal list: the next comparison then sees at once that it is the same.
            class.types = capacity.types.clone();
            class.capacity = Some(capacity.capacity as usize);
            class.parks = capacity.parks;
        }
    }

    fn has_the_classes_of(&self, capacities: &[TypeCapacity]) -> bool {
        if capacities.is_empty() {
            return self.classes.len() == 1;
        }
        let mut pairs = self.classes.iter().zip(capacities);
        self.classes.len() == capacities.len()
            && pairs.all(|(class, capacity)| class.types == capacity.types)
    }

    fn sort_anew(
        &mut self,
        capacities: &[TypeCapacity],
        type_of: impl Fn(MessageId) -> MessageType,
    ) {
        let before = std::mem::take(self);
        self.index = TypeIndex::of(capacities.iter().map(|capacity| &*capacity.types));
        self.classes
            .resize_with(capacities.len().max(1), Class::default);
        for mut class in before.classes {
            while let Some(waiting) = class.lanes.pop() {
                self.push(waiting, &type_of(waiting.id));
            }
        }
        for id in before.pushing {
            self.push_began(id, &type_of(id));
        }
    }

    pub(super) fn push(&mut self, waiting: Waiting, message_type: &MessageType) {
        self.class_mut(message_type).lanes.push(waiting);
    }

    pub(super) fn remove(&mut self, waiting: &Waiting, message_type: &MessageType) {
        self.class_mut(message_type).lanes.remove(waiting);
    }

    /// Takes the next message for a consumer, who takes any.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        self.pop_from(|_| true)
    }

    /// Takes the next message that some instance has room for, and counts it as being pushed.
    pub(super) fn pop_to_push(&mut self) -> Option<Waiting> {
        self.pop_from(Class::is_open)
    }

    fn pop_from(&mut self, may_go: impl Fn(&Class) -> bool) -> Option<Waiting> {
        let mut first: Option<(usize, Waiting)> = None;
        for (index, class) in self.classes.iter().enumerate() {
            let Some(head) = class.lanes.peek().filter(|_| may_go(class)) else {
                continue;
            };
            let is_first =
                first.is_none_or(|(_, best)| (head.rank, head.order) < (best.rank, best.order));
            if is_first {
                first = Some((index, head));
            }
        }
        let (index, _) = first?;
        self.classes[index].lanes.pop()
    }

    pub(super) fn push_began(&mut self, id: MessageId, message_type: &MessageType) {
        self.pushing.insert(id);
        self.class_mut(message_type).pushing += 1;
    }

    pub(super) fn push_ended(&mut self, id: MessageId, message_type: &MessageType) {
        self.pushing.remove(&id);
        let class = self.class_mut(message_type);
        class.pushing = class.pushing.saturating_sub(1);
    }

    /// What is with the dispatcher, in no order.
    pub(super) fn pushing(&self) -> impl Iterator<Item = MessageId> {
        self.pushing.iter().copied()
    }

    /// The dispatcher had no room for a message of this type after all.
    pub(super) fn block(&mut self, message_type: &MessageType) {
        self.class_mut(message_type).blocked = true;
    }

    /// Something has changed, so what was given back may be tried again.
    pub(super) fn unblock(&mut self) {
        for class in &mut self.classes {
            class.blocked = false;
        }
    }

    /// Nobody at all takes messages of this type.
    pub(super) fn parks(&self, message_type: &MessageType) -> bool {
        self.class(message_type).parks
    }

    /// The next message of each level, class by class.
    pub(super) fn heads(&self) -> impl Iterator<Item = Waiting> {
        self.classes.iter().flat_map(|class| class.lanes.heads())
    }

    /// How many messages that somebody takes go before this one, counted no further than `most`.
    pub(super) fn ahead_of(
        &self,
        waiting: &Waiting,
        message_type: &MessageType,
        most: usize,
    ) -> usize {
        let own = self.index.find(message_type);
        let mut ahead = 0;
        for (index, class) in self.classes.iter().enumerate() {
            if index == own || !class.parks {
                ahead += class.lanes.ahead_of(waiting, most - ahead);
            }
        }
        ahead
    }

    /// Every message here, class by class.
    pub(super) fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.classes.iter().flat_map(|class| class.lanes.ids())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.iter().all(|class| class.lanes.is_empty())
    }

    pub(super) fn len_of(&self, priority: Priority) -> usize {
        let lengths = self
            .classes
            .iter()
            .map(|class| class.lanes.len_of(priority));
        lengths.sum()
    }

    /// How many wait although nobody takes their type.
    pub(super) fn parked(&self) -> usize {
        let parked = self.classes.iter().filter(|class| class.parks);
        parked.map(|class| class.lanes.len()).sum()
    }
}

impl TypeLanes {
    /// Whether it waits in the lanes of its type.
    pub(super) fn contains(&self, waiting: &Waiting, message_type: &MessageType) -> bool {
        self.class(message_type).lanes.contains(waiting)
    }

    /// # Panics
    /// If anything but this is counted as being with the dispatcher, or with another type.
    pub(super) fn check(&self, pushing: &[(MessageId, &MessageType)]) {
        assert_eq!(self.pushing.len(), pushing.len(), "what is pushed is known");
        let mut counts = vec![0; self.classes.len()];
        for (id, message_type) in pushing {
            assert!(self.pushing.contains(id), "{id} is pushed");
            counts[self.index.find(message_type)] += 1;
        }
        let counted = self.classes.iter().map(|class| class.pushing);
        assert!(counted.eq(counts), "what is pushed is counted by type");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn label(text: &str) -> MessageType {
        MessageType::parse(text).unwrap()
    }

    /// Its order is its rank and its id.
    fn waiting(order: u64) -> Waiting {
        Waiting {
            rank: order as i64,
            order,
            priority: Priority::Normal,
            id: MessageId(Uuid::from_u128(order.into())),
        }
    }

    fn capacity(message_type: Option<&str>, capacity: u32) -> TypeCapacity {
        TypeCapacity {
            types: message_type.map(label).into_iter().collect(),
            capacity,
            parks: capacity == 0,
        }
    }

    /// Odd orders are of the type "image".
    fn message_type(order: u64) -> MessageType {
        label(if order % 2 == 1 { "image" } else { "text" })
    }

    fn type_of(id: MessageId) -> MessageType {
        message_type(id.0.as_u128() as u64)
    }

    fn filled(capacities: &[TypeCapacity]) -> TypeLanes {
        let mut types = TypeLanes::default();
        for order in 1..=6 {
            types.push(waiting(order), &message_type(order));
        }
        types.set_capacities(capacities, type_of);
        types
    }

    fn pushed(types: &mut TypeLanes) -> Vec<u64> {
        let mut orders = Vec::new();
        while let Some(next) = types.pop_to_push() {
            types.push_began(next.id, &message_type(next.order));
            orders.push(next.order);
        }
        orders
    }

    #[test]
    fn without_named_types_all_go_in_order() {
        assert_eq!(pushed(&mut filled(&[])), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_type_without_room_lets_the_others_pass() {
        let mut types = filled(&[capacity(None, 9), capacity(Some("image"), 1)]);
        assert_eq!(pushed(&mut types), [1, 2, 4, 6]);
        types.push_ended(waiting(1).id, &label("image"));
        assert_eq!(pushed(&mut types), [3]);
        assert_eq!(types.parked(), 0);
    }

    #[test]
    fn what_nobody_takes_is_parked_but_a_consumer_may_have_it() {
        let mut types = filled(&[capacity(None, 0), capacity(Some("image"), 9)]);
        assert!(types.parks(&label("text")) && !types.parks(&label("image")));
        assert_eq!(types.parked(), 3);
        assert_eq!(pushed(&mut types), [1, 3, 5]);
        assert_eq!(types.pop().map(|next| next.order), Some(2));
    }

    #[test]
    fn what_came_back_waits_until_something_changes() {
        let mut types = filled(&[capacity(None, 9), capacity(Some("image"), 9)]);
        types.block(&label("image"));
        assert_eq!(pushed(&mut types), [2, 4, 6]);
        types.unblock();
        assert_eq!(pushed(&mut types), [1, 3, 5]);
    }

    #[test]
    fn new_types_sort_what_waits_and_what_is_under_way_anew() {
        let mut types = filled(&[]);
        let first = types.pop_to_push().unwrap();
        types.push_began(first.id, &label("image"));
        types.set_capacities(&[capacity(None, 9), capacity(Some("image"), 2)], type_of);
        assert_eq!(pushed(&mut types), [2, 3, 4, 6]);
        assert_eq!(types.pushing().count(), 5);
        types.set_capacities(&[], type_of);
        assert_eq!(pushed(&mut types), [5]);
    }

    #[test]
    fn types_of_one_class_share_its_room() {
        let both = TypeCapacity {
            types: [label("image"), label("text")].into(),
            ..capacity(None, 4)
        };
        let mut types = filled(&[both, capacity(None, 0)]);
        assert_eq!(pushed(&mut types), [1, 2, 3, 4]);
    }

    #[test]
    fn other_numbers_for_the_same_classes_move_nothing() {
        let nobody_asks = |_| panic!("nothing has to be sorted");
        let mut types = filled(&[capacity(Some("image"), 1), capacity(None, 9)]);
        for image_capacity in [0, 7] {
            // Lists that are equal but not the same ones, as after a restart of the breaker.
            let capacities = [capacity(Some("image"), image_capacity), capacity(None, 9)];
            types.set_capacities(&capacities, nobody_asks);
            assert_eq!(types.parks(&label("image")), image_capacity == 0);
        }
    }

    #[test]
    fn ahead_is_what_goes_before_but_not_what_nobody_takes() {
        let ahead = |capacities: &[TypeCapacity], order, most| {
            filled(capacities).ahead_of(&waiting(order), &message_type(order), most)
        };
        let capacities = [capacity(Some("image"), 1), capacity(None, 9)];
        assert_eq!((ahead(&capacities, 6, 9), ahead(&capacities, 6, 3)), (5, 3));
        let parked = [capacity(Some("image"), 0), capacity(None, 9)];
        assert_eq!((ahead(&parked, 6, 9), ahead(&parked, 5, 9)), (2, 4));
    }
}
