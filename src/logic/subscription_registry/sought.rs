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

#[derive(Default, PartialEq)]
pub(super) struct BySought {
    same: BTreeMap<Sought, BTreeSet<SubscriptionId>>,
    usage: BTreeMap<ServiceName, Usage>,
}

/// What a service has of subscriptions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Those that stay: one about to end does not count.
    pub subscriptions: usize,
    /// Of all of them.
    pub patterns: usize,
}

impl BySought {
    pub(super) fn insert(&mut self, subscription: &Subscription) {
        let same = self.same.entry(Sought::of(subscription)).or_default();
        if same.insert(subscription.id) {
            let usage = self.usage.entry(subscription.service.clone()).or_default();
            usage.subscriptions += 1;
            usage.patterns += subscription.event_types.len();
        }
    }

    pub(super) fn remove(&mut self, subscription: &Subscription) {
        let sought = Sought::of(subscription);
        let Some(same) = self.same.get_mut(&sought) else {
            return;
        };
        if !same.remove(&subscription.id) {
            return;
        }
        if same.is_empty() {
            self.same.remove(&sought);
        }
        if let Some(usage) = self.usage.get_mut(&subscription.service) {
            usage.subscriptions -= 1;
            usage.patterns -= subscription.event_types.len();
            if usage.subscriptions == 0 {
                self.usage.remove(&subscription.service);
            }
        }
    }

    /// The oldest of those.
    pub(super) fn get(&self, sought: &Sought) -> Option<SubscriptionId> {
        self.same.get(sought)?.first().copied()
    }

    pub(super) fn usage(&self, service: &ServiceName) -> Usage {
        self.usage.get(service).copied().unwrap_or_default()
    }

    pub(super) fn usages(&self) -> impl Iterator<Item = (&ServiceName, Usage)> {
        self.usage.iter().map(|(service, usage)| (service, *usage))
    }
}
