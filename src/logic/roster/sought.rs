//! Subscriptions by what they are found by when somebody asks for the same once more.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::{Label, ServiceName};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{Channel, Subscription, SubscriptionId};

/// What makes two subscriptions the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sought {
    Callback {
        service: ServiceName,
        url: String,
        event_types: BTreeSet<Pattern>,
    },
    Socket {
        service: ServiceName,
        name: Label,
    },
}

impl Sought {
    pub(super) fn callback(service: &ServiceName, event_types: &[Pattern], url: &str) -> Self {
        Self::Callback {
            service: service.clone(),
            url: url.to_owned(),
            event_types: event_types.iter().cloned().collect(),
        }
    }

    pub(super) fn of(subscription: &Subscription) -> Self {
        let service = &subscription.service;
        match &subscription.channel {
            Channel::Callback(callback) => {
                Self::callback(service, &subscription.event_types, &callback.url)
            }
            Channel::Socket { name } => Self::Socket {
                service: service.clone(),
                name: name.clone(),
            },
        }
    }
}

#[derive(Default)]
pub(super) struct BySought(BTreeMap<Sought, BTreeSet<SubscriptionId>>);

impl BySought {
    pub(super) fn insert(&mut self, subscription: &Subscription) {
        let same = self.0.entry(Sought::of(subscription)).or_default();
        same.insert(subscription.id);
    }

    pub(super) fn remove(&mut self, subscription: &Subscription) {
        let sought = Sought::of(subscription);
        if let Some(same) = self.0.get_mut(&sought) {
            same.remove(&subscription.id);
            if same.is_empty() {
                self.0.remove(&sought);
            }
        }
    }

    /// The oldest of those.
    pub(super) fn get(&self, sought: &Sought) -> Option<SubscriptionId> {
        self.0.get(sought)?.first().copied()
    }
}
