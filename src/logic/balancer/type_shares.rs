//! The types of message that some instances take and others do not.
//!
//! Types that the very same instances take are one class. The classes are made when the instances
//! change; between two looks at their room only those are computed anew whose instances did
//! something.

use std::sync::Arc;

use ahash::AHashMap;

use super::capacity::Capacity;
use crate::domain::ids::MessageType;
use crate::domain::service::{Target, TypeCapacity};
use crate::logic::type_index::TypeIndex;

/// Without classes if every instance takes every type.
#[derive(Clone, Debug, Default)]
pub(super) struct TypeShares {
    /// In the order of the first type of each; the last is for every type that no instance names.
    classes: Vec<Class>,
    index: TypeIndex,
    /// By instance, the classes that it takes.
    taken: Vec<Vec<usize>>,
    /// By class.
    capacities: Arc<[TypeCapacity]>,
    /// Whether `capacities` counts on somebody who pulls.
    has_puller: bool,
}

#[derive(Clone, Debug)]
struct Class {
    /// The indices of the instances that take it, in order.
    takers: Vec<usize>,
    /// How many messages of it are in flight.
    under_way: u32,
    /// Its room may have changed.
    is_stale: bool,
}

impl TypeShares {
    /// `under_way` are the types of all messages in flight. Lists of types that are as in `before`
    /// are shared with it, so that whoever knows them sees at once that they are the same.
    pub(super) fn of<'a>(
        targets: &[Target],
        under_way: impl Iterator<Item = &'a MessageType>,
        before: &Self,
    ) -> Self {
        let classes = classes_of(targets);
        let mut types = Self {
            index: TypeIndex::of(classes.iter().map(|(names, _)| names.as_slice())),
            taken: vec![Vec::new(); targets.len()],
            ..Self::default()
        };
        let mut capacities = Vec::with_capacity(classes.len());
        for (index, (names, takers)) in classes.into_iter().enumerate() {
            for taker in &takers {
                types.taken[*taker].push(index);
            }
            capacities.push(TypeCapacity {
                types: before.shared(names),
                capacity: 0,
                parks: false,
            });
            types.classes.push(Class {
                takers,
                under_way: 0,
                is_stale: true,
            });
        }
        types.capacities = capacities.into();
        for message_type in under_way {
            types.started(message_type);
        }
        types
    }

    fn shared(&self, names: Vec<MessageType>) -> Arc<[MessageType]> {
        let known = names.first().map(|name| self.index.find(name));
        let known = known.and_then(|index| self.capacities.get(index));
        match known.filter(|capacity| *capacity.types == *names) {
            Some(capacity) => capacity.types.clone(),
            None => names.into(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Whether the instance takes messages of this type.
    pub(super) fn takes(&self, message_type: &MessageType, instance: usize) -> bool {
        let class = self.classes.get(self.index.find(message_type));
        class.is_none_or(|class| class.takers.binary_search(&instance).is_ok())
    }

    pub(super) fn started(&mut self, message_type: &MessageType) {
        if let Some(class) = self.classes.get_mut(self.index.find(message_type)) {
            class.under_way = class.under_way.saturating_add(1);
            class.is_stale = true;
        }
    }

    pub(super) fn finished(&mut self, message_type: &MessageType) {
        if let Some(class) = self.classes.get_mut(self.index.find(message_type)) {
            class.under_way = class.under_way.saturating_sub(1);
            class.is_stale = true;
        }
    }

    /// The instance has another number of messages in flight, or does better or worse.
    pub(super) fn touch(&mut self, instance: usize) {
        for class in self.taken.get(instance).into_iter().flatten() {
            self.classes[*class].is_stale = true;
        }
    }

    pub(super) fn touch_all(&mut self) {
        for class in &mut self.classes {
            class.is_stale = true;
        }
    }

    /// The classes whose room has to be computed anew, which they count as from now on.
    pub(super) fn take_stale(&mut self, has_puller: bool) -> Vec<usize> {
        if self.has_puller != has_puller {
            self.has_puller = has_puller;
            self.touch_all();
        }
        let mut stale = Vec::new();
        for (index, class) in self.classes.iter_mut().enumerate() {
            if std::mem::take(&mut class.is_stale) {
                stale.push(index);
            }
        }
        stale
    }

    /// The classes that this instance takes.
    pub(super) fn taken_by(&self, instance: usize) -> impl Iterator<Item = usize> + '_ {
        self.taken.get(instance).into_iter().flatten().copied()
    }

    /// The indices of the instances that take this class.
    pub(super) fn takers(&self, class: usize) -> impl Iterator<Item = usize> + Clone {
        self.classes[class].takers.iter().copied()
    }

    /// What the takers of this class have room for.
    pub(super) fn set_capacity(&mut self, class: usize, takers: Capacity) {
        let under_way = self.classes[class].under_way;
        let capacity = takers.full.min(takers.free.saturating_add(under_way));
        let parks = takers.full == 0 && !self.has_puller;
        let known = &self.capacities[class];
        if (known.capacity, known.parks) != (capacity, parks) {
            let known = &mut Arc::make_mut(&mut self.capacities)[class];
            (known.capacity, known.parks) = (capacity, parks);
        }
    }

    /// By class.
    pub(super) fn capacities(&self) -> &Arc<[TypeCapacity]> {
        &self.capacities
    }

    /// How many messages are in flight, by class.
    #[cfg(test)]
    pub(super) fn under_way(&self) -> Vec<u32> {
        let counts = self.classes.iter().map(|class| class.under_way);
        counts.collect()
    }
}

/// The types of each class and who takes it, in order.
fn classes_of(targets: &[Target]) -> Vec<(Vec<MessageType>, Vec<usize>)> {
    let mut takers: AHashMap<&MessageType, Vec<usize>> = AHashMap::new();
    let mut of_all = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        if target.capabilities.is_empty() {
            of_all.push(index);
        }
        for message_type in target.capabilities.iter() {
            takers.entry(message_type).or_default().push(index);
        }
    }
    if takers.is_empty() {
        return Vec::new();
    }
    let mut types: AHashMap<Vec<usize>, Vec<MessageType>> = AHashMap::new();
    for (message_type, mut takers) in takers {
        takers.extend(&of_all);
        takers.sort_unstable();
        takers.dedup();
        types.entry(takers).or_default().push(message_type.clone());
    }
    let mut classes = Vec::with_capacity(types.len() + 1);
    for (takers, mut types) in types {
        types.sort_unstable();
        classes.push((types, takers));
    }
    classes.sort_unstable();
    classes.push((Vec::new(), of_all));
    classes
}

impl TypeShares {
    /// `under_way` are the types of all messages in flight.
    ///
    /// # Panics
    /// If anything else is counted, or a class and an instance do not know each other.
    pub(super) fn check(&self, under_way: &[&MessageType]) {
        assert_eq!(
            self.capacities.len(),
            self.classes.len(),
            "each class has a capacity"
        );
        let mut counts = vec![0; self.classes.len()];
        for message_type in under_way {
            if let Some(count) = counts.get_mut(self.index.find(message_type)) {
                *count += 1;
            }
        }
        for (class, (known, count)) in self.classes.iter().zip(counts).enumerate() {
            assert_eq!(known.under_way, count, "what is in flight by type");
            assert!(
                known.takers.is_sorted(),
                "instances are found by their place"
            );
            let takes = |taker: &usize| self.taken[*taker].contains(&class);
            assert!(
                known.takers.iter().all(takes),
                "an instance knows what it takes"
            );
        }
    }
}
