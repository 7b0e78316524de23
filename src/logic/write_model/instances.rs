//! Who is registered, as far as it decides what is news: an instance that registers again is none.

use ahash::AHashMap;

use crate::domain::fact::Fact;
use crate::domain::fact::service::ServiceFact;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::timestamp::Timestamp;

/// The instances of one service, with when each registered last.
type Present = AHashMap<InstanceId, Timestamp>;

/// The registered instances of all services.
#[derive(Clone, Debug, Default)]
pub(super) struct Instances {
    services: AHashMap<ServiceName, Present>,
}

impl Instances {
    /// Learns from a fact that is in the journal.
    pub(super) fn apply(&mut self, fact: &Fact) {
        let Some(service) = service_of(fact) else {
            return;
        };
        let present = self.services.entry(service.clone()).or_default();
        change(present, fact);
        if present.is_empty() {
            self.services.remove(service);
        }
    }
}

/// Comings and goings of a batch that is not written yet, on top of what is registered.
#[derive(Default)]
pub(super) struct InstanceDraft {
    changed: AHashMap<ServiceName, Present>,
}

impl InstanceDraft {
    /// Takes in a fact of the batch. Whether somebody comes who was not there, or goes who was.
    pub(super) fn note(&mut self, fact: &Fact, registered: &Instances) -> bool {
        let Some(service) = service_of(fact) else {
            return false;
        };
        let before = || {
            registered
                .services
                .get(service)
                .cloned()
                .unwrap_or_default()
        };
        let present = self.changed.entry(service.clone()).or_insert_with(before);
        change(present, fact)
    }
}

/// The service whose instances change, if any do.
fn service_of(fact: &Fact) -> Option<&ServiceName> {
    match fact {
        Fact::Service(ServiceFact::ServiceRegistered(registration)) => Some(&registration.service),
        Fact::Service(ServiceFact::InstanceDeregistered(gone)) => Some(&gone.service),
        Fact::Service(ServiceFact::ServiceDeregistered(gone)) => Some(&gone.service),
        _ => None,
    }
}

fn change(present: &mut Present, fact: &Fact) -> bool {
    match fact {
        Fact::Service(ServiceFact::ServiceRegistered(registration)) => {
            let (id, at) = (&registration.instance_id, registration.registered_at);
            present.insert(id.clone(), at).is_none()
        }
        Fact::Service(ServiceFact::InstanceDeregistered(gone)) => {
            let is_meant = |at: &Timestamp| gone.means(*at);
            let leaves = present.get(&gone.instance_id).is_some_and(is_meant);
            if leaves {
                present.remove(&gone.instance_id);
            }
            leaves
        }
        Fact::Service(ServiceFact::ServiceDeregistered(_)) => {
            present.clear();
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;
    use proptest::prelude::*;

    fn news(registered: &Instances, facts: &[Fact]) -> Vec<bool> {
        let mut draft = InstanceDraft::default();
        facts
            .iter()
            .map(|fact| draft.note(fact, registered))
            .collect()
    }

    #[test]
    fn only_comings_and_goings_are_news() {
        let facts = [
            (samples::service_registered(1, "a", 1), true),
            (samples::service_registered(1, "a", 2), false),
            (samples::service_registered(1, "b", 1), true),
            (samples::instance_expired(1, "a", 2), false),
            (samples::instance_deregistered(1, "a"), true),
            (samples::instance_deregistered(1, "a"), false),
            (samples::service_registered(1, "a", 1), true),
            (samples::service_deregistered(1), true),
            (samples::service_registered(1, "b", 1), true),
            (samples::service_seen(1), false),
        ];
        let (facts, expected): (Vec<_>, Vec<_>) = facts.into_iter().unzip();
        assert_eq!(news(&Instances::default(), &facts), expected);
    }

    proptest! {
        /// However the same facts are spread over batches, the same ones are news.
        #[test]
        fn batches_make_no_difference(
            facts in prop::collection::vec(samples::any_fact(), 0..60),
            size in 1..10_usize,
        ) {
            let whole = news(&Instances::default(), &facts);
            let mut registered = Instances::default();
            let mut parts = Vec::new();
            for batch in facts.chunks(size) {
                parts.extend(news(&registered, batch));
                for fact in batch {
                    registered.apply(fact);
                }
            }
            prop_assert_eq!(parts, whole);
        }
    }
}
