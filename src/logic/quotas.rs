//! Who may send how much: what the configuration says, what was set since, and what is left of it
//! (docs/guides/quotas.md).

use std::collections::{BTreeMap, BTreeSet};

use ahash::AHashMap;

use super::limits::Limit;
use super::token_bucket::TokenBucket;
use crate::domain::ids::ServiceName;
use crate::domain::quota::Quota;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;

/// Where a quota comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// It was set over the API, which wins.
    Api,
    /// It stands in the configuration.
    Configuration,
}

/// A quota that is in force.
#[derive(Clone, PartialEq, Debug)]
pub struct QuotaView {
    /// Whose it is.
    pub service: ServiceName,
    /// What it allows.
    pub quota: Quota,
    /// Who set it.
    pub source: Source,
}

impl Source {
    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Configuration => "configuration",
        }
    }
}

/// The quotas of all services, and a bucket for each that has a `send_rate`.
#[derive(Clone, Debug, Default)]
pub struct Quotas {
    configured: BTreeMap<ServiceName, Quota>,
    set: BTreeMap<ServiceName, Quota>,
    /// Who has none that was set, and one on its way to the journal.
    arriving: BTreeSet<ServiceName>,
    /// So many may be set; `None`: any number.
    most_set: Option<usize>,
    buckets: AHashMap<ServiceName, TokenBucket>,
}

impl Quotas {
    /// What is `configured` holds, and nobody has sent anything.
    pub fn new(configured: BTreeMap<ServiceName, Quota>, now: Timestamp) -> Self {
        let mut quotas = Self {
            configured,
            ..Self::default()
        };
        let services: Vec<_> = quotas.configured.keys().cloned().collect();
        for service in &services {
            quotas.fit_bucket(service, now);
        }
        quotas
    }

    /// So many may be set over the API.
    pub fn with_most(self, most: usize) -> Self {
        Self {
            most_set: Some(most),
            ..self
        }
    }

    /// Counts a quota that will be set once the journal has it. One that is there may always be
    /// replaced.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`]
    pub fn expect(&mut self, service: &ServiceName) -> Result<(), Refusal> {
        if self.is_set(service) || self.arriving.contains(service) {
            return Ok(());
        }
        let count = self.set.len() + self.arriving.len();
        if let Some(most) = self.most_set.filter(|most| count >= *most) {
            return Err(Refusal::LimitReached {
                limit: Limit::Quotas.name(),
                most: most as u64,
            });
        }
        self.arriving.insert(service.clone());
        Ok(())
    }

    /// Replaces the whole quota of a service; `None` takes back what was set, so that the
    /// configured one, if any, holds again.
    pub fn set(&mut self, service: &ServiceName, quota: Option<Quota>, now: Timestamp) {
        self.arriving.remove(service);
        match quota {
            Some(quota) => self.set.insert(service.clone(), quota),
            None => self.set.remove(service),
        };
        self.fit_bucket(service, now);
    }

    /// From now on this is `configured`; what was set over the API goes before it.
    pub fn configure(&mut self, configured: BTreeMap<ServiceName, Quota>, now: Timestamp) {
        let before = std::mem::replace(&mut self.configured, configured);
        let services: Vec<_> = before
            .into_keys()
            .chain(self.configured.keys().cloned())
            .collect();
        for service in &services {
            self.fit_bucket(service, now);
        }
    }

    /// The quota that holds for a service, if one does.
    pub fn in_force(&self, service: &ServiceName) -> Option<(Quota, Source)> {
        if let Some(quota) = self.set.get(service) {
            return Some((*quota, Source::Api));
        }
        let quota = self.configured.get(service)?;
        Some((*quota, Source::Configuration))
    }

    /// Whether the service has a quota that was set over the API.
    pub fn is_set(&self, service: &ServiceName) -> bool {
        self.set.contains_key(service)
    }

    /// The services with a quota, by name.
    pub fn services(&self) -> Vec<ServiceName> {
        let mut services: Vec<_> = self.configured.keys().chain(self.set.keys()).collect();
        services.sort();
        services.dedup();
        services.into_iter().cloned().collect()
    }

    /// Counts a message sent by `service`.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] if it has sent all it may for now; nothing is counted then.
    pub fn take(&mut self, service: &ServiceName, now: Timestamp) -> Result<(), Refusal> {
        let Some(bucket) = self.buckets.get_mut(service) else {
            return Ok(());
        };
        if bucket.take(now) {
            return Ok(());
        }
        let next_at = bucket.next_at(now).unwrap_or(now);
        Err(Refusal::RateLimited {
            service: service.clone(),
            retry_after: next_at.since(now),
        })
    }

    /// Takes back the count of a message that was not accepted after all.
    pub fn give_back(&mut self, service: &ServiceName) {
        if let Some(bucket) = self.buckets.get_mut(service) {
            bucket.give_back(1);
        }
    }

    /// Looks at every quota; gives how many there are.
    ///
    /// # Panics
    /// If there is a bucket without a rate, or a rate without a bucket.
    pub fn check(&self) -> usize {
        let has_rate = |service: &ServiceName| {
            let in_force = self.in_force(service);
            in_force.is_some_and(|(quota, _)| quota.send_rate.is_some())
        };
        for service in self.buckets.keys() {
            assert!(has_rate(service), "{service} is limited by a quota");
        }
        for service in self.configured.keys().chain(self.set.keys()) {
            let is_limited = self.buckets.contains_key(service);
            assert_eq!(
                is_limited,
                has_rate(service),
                "{service} is limited by its quota"
            );
        }
        let is_set = |service: &ServiceName| self.set.contains_key(service);
        assert!(
            !self.arriving.iter().any(is_set),
            "what is set is not about to be set"
        );
        self.configured.len() + self.set.len() + self.arriving.len()
    }

    /// Makes the bucket what the quota in force asks for; one that stays keeps what is in it.
    fn fit_bucket(&mut self, service: &ServiceName, now: Timestamp) {
        let quota = self.in_force(service).map(|(quota, _)| quota);
        let Some((rate, burst)) =
            quota.and_then(|quota| Some((quota.send_rate?, quota.send_burst)))
        else {
            self.buckets.remove(service);
            return;
        };
        match self.buckets.get_mut(service) {
            Some(bucket) => bucket.set(rate, burst, now),
            None => {
                let bucket = TokenBucket::new(rate, burst, now);
                self.buckets.insert(service.clone(), bucket);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    fn service(name: &str) -> ServiceName {
        ServiceName::parse(name).unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn sending(rate: f64, burst: u32) -> Quota {
        Quota {
            send_rate: Some(rate),
            send_burst: Some(burst),
            ..Quota::default()
        }
    }

    fn accepted(quotas: &mut Quotas, name: &str, now: Timestamp) -> usize {
        let sender = service(name);
        (0..100)
            .filter(|_| quotas.take(&sender, now).is_ok())
            .count()
    }

    #[test]
    fn each_sender_has_a_bucket_of_its_own() {
        let configured = BTreeMap::from([(service("shop"), sending(1.0, 3))]);
        let mut quotas = Quotas::new(configured, at(0));
        quotas.set(&service("mail"), Some(sending(1.0, 5)), at(0));
        for (name, expected) in [("shop", 3), ("mail", 5), ("billing", 100)] {
            assert_eq!(accepted(&mut quotas, name, at(0)), expected, "{name}");
        }
        assert_eq!(accepted(&mut quotas, "shop", at(2000)), 2);
    }

    #[test]
    fn so_many_may_be_set_and_no_more() {
        let configured = BTreeMap::from([(service("shop"), sending(1.0, 3))]);
        let mut quotas = Quotas::new(configured, at(0)).with_most(2);
        let full = Err(Refusal::LimitReached {
            limit: "quotas",
            most: 2,
        });
        for name in ["shop", "mail", "shop"] {
            assert_eq!(quotas.expect(&service(name)), Ok(()), "on its way");
        }
        assert_eq!(quotas.expect(&service("billing")), full);
        for name in ["shop", "mail"] {
            quotas.set(&service(name), Some(sending(2.0, 2)), at(0));
            assert_eq!(quotas.expect(&service(name)), Ok(()), "it is there");
        }
        assert_eq!(quotas.expect(&service("billing")), full);
        quotas.set(&service("mail"), None, at(0));
        assert_eq!(quotas.expect(&service("billing")), Ok(()));
    }

    #[test]
    fn says_when_to_come_again() {
        let mut quotas = Quotas::default();
        quotas.set(&service("shop"), Some(sending(0.5, 1)), at(0));
        assert_eq!(quotas.take(&service("shop"), at(0)), Ok(()));
        let refusal = Refusal::RateLimited {
            service: service("shop"),
            retry_after: Duration::from_millis(1500),
        };
        assert_eq!(quotas.take(&service("shop"), at(500)), Err(refusal));
    }

    #[test]
    fn what_was_not_accepted_is_not_counted() {
        let mut quotas = Quotas::default();
        quotas.set(&service("shop"), Some(sending(0.001, 2)), at(0));
        assert_eq!(accepted(&mut quotas, "shop", at(0)), 2);
        quotas.give_back(&service("shop"));
        quotas.give_back(&service("stranger"));
        assert_eq!(accepted(&mut quotas, "shop", at(0)), 1);
    }

    #[test]
    fn what_is_set_wins_until_it_is_taken_back() {
        let shop = service("shop");
        let (usual, special) = (sending(1.0, 2), sending(1.0, 7));
        let mut quotas = Quotas::new(BTreeMap::from([(shop.clone(), usual)]), at(0));
        assert_eq!(quotas.in_force(&shop), Some((usual, Source::Configuration)));
        assert!(!quotas.is_set(&shop));
        quotas.set(&shop, Some(special), at(0));
        assert_eq!(quotas.in_force(&shop), Some((special, Source::Api)));
        assert!(quotas.is_set(&shop));
        quotas.set(&shop, None, at(0));
        assert_eq!(quotas.in_force(&shop), Some((usual, Source::Configuration)));
        quotas.set(&service("mail"), Some(special), at(0));
        assert_eq!(quotas.services(), [service("mail"), shop]);
        quotas.set(&service("mail"), None, at(0));
        assert_eq!(quotas.in_force(&service("mail")), None);
    }

    #[test]
    fn a_quota_without_a_send_rate_lets_everything_in() {
        let mut quotas = Quotas::default();
        quotas.set(&service("shop"), Some(sending(0.001, 1)), at(0));
        assert_eq!(accepted(&mut quotas, "shop", at(0)), 1);
        let receiving = Quota {
            max_in_flight: Some(1),
            ..Quota::default()
        };
        quotas.set(&service("shop"), Some(receiving), at(0));
        assert_eq!(accepted(&mut quotas, "shop", at(0)), 100);
    }

    #[test]
    fn setting_it_again_makes_no_new_burst() {
        let mut quotas = Quotas::default();
        for _ in 0..3 {
            quotas.set(&service("shop"), Some(sending(0.001, 10)), at(0));
            accepted(&mut quotas, "shop", at(0));
        }
        assert_eq!(accepted(&mut quotas, "shop", at(0)), 0);
    }

    proptest! {
        #[test]
        fn what_holds_is_what_was_said_last(
            steps in prop::collection::vec((0usize..3, prop::option::of(1u32..9)), 0..40),
        ) {
            let names = ["a", "b", "c"];
            let configured = BTreeMap::from([(service("a"), sending(1.0, 100))]);
            let mut quotas = Quotas::new(configured.clone(), at(0));
            let mut last = BTreeMap::new();
            for (index, burst) in steps {
                let quota = burst.map(|burst| sending(1.0, burst));
                quotas.set(&service(names[index]), quota, at(0));
                last.insert(service(names[index]), quota);
            }
            for name in names.map(service) {
                let expected = match last.get(&name).copied().flatten() {
                    Some(quota) => Some((quota, Source::Api)),
                    None => configured.get(&name).map(|quota| (*quota, Source::Configuration)),
                };
                prop_assert_eq!(quotas.in_force(&name), expected);
                prop_assert_eq!(quotas.services().contains(&name), expected.is_some());
                prop_assert_eq!(quotas.buckets.contains_key(&name), expected.is_some());
            }
        }
    }
}
