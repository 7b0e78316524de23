//! The types of message that some instances take and others do not.

use crate::domain::ids::Label;
use crate::domain::service::Target;

/// Empty if every instance takes every type.
#[derive(Clone, Debug, Default)]
pub struct Kinds(Vec<Kind>);

#[derive(Clone, Debug)]
pub struct Kind {
    /// `None`, the last: every type that no instance names.
    pub name: Option<Label>,
    /// The indices of the instances that take it.
    pub takers: Vec<usize>,
    /// How many messages of it are in flight.
    pub under_way: u32,
}

impl Kinds {
    /// `under_way` are the types of all messages in flight.
    pub fn of<'a>(targets: &[Target], under_way: impl Iterator<Item = &'a Label>) -> Self {
        let named = targets.iter().flat_map(|target| target.capabilities.iter());
        let mut named: Vec<_> = named.cloned().collect();
        if named.is_empty() {
            return Self::default();
        }
        named.sort();
        named.dedup();
        let names = named.into_iter().map(Some).chain([None]);
        let mut kinds = Self(names.map(|name| Kind::of(name, targets)).collect());
        for kind in under_way {
            kinds.started(kind);
        }
        kinds
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.0.iter()
    }

    pub fn started(&mut self, kind: &Label) {
        if let Some(kind) = self.find(kind) {
            kind.under_way = kind.under_way.saturating_add(1);
        }
    }

    pub fn finished(&mut self, kind: &Label) {
        if let Some(kind) = self.find(kind) {
            kind.under_way = kind.under_way.saturating_sub(1);
        }
    }

    fn find(&mut self, name: &Label) -> Option<&mut Kind> {
        let (others, named) = self.0.split_last_mut()?;
        let found = named.binary_search_by(|kind| kind.name.as_ref().cmp(&Some(name)));
        match found {
            Ok(index) => Some(&mut named[index]),
            Err(_) => Some(others),
        }
    }
}

impl Kind {
    fn of(name: Option<Label>, targets: &[Target]) -> Self {
        let takes = |target: &Target| match &name {
            Some(name) => target.takes(name),
            None => target.capabilities.is_empty(),
        };
        let takers = (0..targets.len()).filter(|index| takes(&targets[*index]));
        Self {
            takers: takers.collect(),
            name,
            under_way: 0,
        }
    }
}
