//! How many requests each service may make, counted where they come in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ahash::AHashMap;

use crate::domain::ids::ServiceName;
use crate::domain::quota::Quota;
use crate::domain::timestamp::Timestamp;
use crate::logic::token_bucket::TokenBucket;

/// The buckets of those that have a `request_rate`. Clones are the same; the Router, which knows
/// the quotas, says what they are.
#[derive(Clone, Default)]
pub struct RequestRates(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether anybody has one, so that without any a request costs one look.
    any: AtomicBool,
    buckets: Mutex<AHashMap<ServiceName, TokenBucket>>,
}

impl RequestRates {
    /// What holds for a service from now on.
    pub fn set(&self, service: &ServiceName, quota: Option<Quota>, now: Timestamp) {
        let mut buckets = self
            .0
            .buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let rate = quota.and_then(|quota| Some((quota.request_rate?, quota.request_burst)));
        match (rate, buckets.get_mut(service)) {
            (None, _) => drop(buckets.remove(service)),
            (Some((rate, burst)), Some(bucket)) => bucket.set(rate, burst, now),
            (Some((rate, burst)), None) => {
                buckets.insert(service.clone(), TokenBucket::new(rate, burst, now));
            }
        }
        self.0.any.store(!buckets.is_empty(), Ordering::Release);
    }

    /// Counts a request of this service.
    ///
    /// # Errors
    /// How long until the next one may come.
    pub fn take(
        &self,
        service: Option<&ServiceName>,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<(), Duration> {
        if !self.0.any.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut buckets = self
            .0
            .buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = service.and_then(|service| buckets.get_mut(service)) else {
            return Ok(());
        };
        let now = now();
        if bucket.take(now) {
            return Ok(());
        }
        Err(bucket.next_at(now).unwrap_or(now).since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_a_rate_is_counted() {
        let name = |text| ServiceName::parse(text).unwrap();
        let (shop, mail) = (name("shop"), name("mail"));
        let now = || Timestamp::from_millis(5);
        let rates = RequestRates::default();
        let unasked = || unreachable!("nobody has a rate");
        assert!(rates.take(Some(&shop), unasked).is_ok());
        let quota = Quota {
            request_rate: Some(2.0),
            request_burst: Some(3),
            ..Quota::default()
        };
        rates.set(&shop, Some(quota), now());
        for _ in 0..3 {
            assert_eq!(rates.take(Some(&shop), now), Ok(()));
        }
        let wait = Duration::from_millis(500);
        assert_eq!(rates.take(Some(&shop), now), Err(wait));
        assert_eq!(rates.take(Some(&mail), now), Ok(()));
        assert_eq!(rates.take(None, now), Ok(()));
        rates.set(&shop, None, now());
        assert_eq!(rates.take(Some(&shop), now), Ok(()));
    }
}
