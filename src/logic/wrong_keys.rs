//! Slows down who tries keys: from an address that showed many wrong ones further wrong ones are
//! not even answered for a while. A right key is never in the way of this.

use core::net::IpAddr;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::domain::timestamp::Timestamp;

/// At most so many addresses are watched at once.
const MOST_ADDRESSES: usize = 10_000;

/// The addresses from which wrong keys came lately.
pub struct WrongKeys {
    /// So many within the period are too many; 0: nobody is put off.
    most: usize,
    /// Wrong keys count for so long, and who showed too many is put off for so long.
    period: Duration,
    from: HashMap<IpAddr, Recent>,
}

#[derive(Default)]
struct Recent {
    /// When each of the latest came.
    at: VecDeque<Timestamp>,
    put_off_until: Option<Timestamp>,
}

impl WrongKeys {
    /// So many wrong keys from one address within a period are too many; 0: nobody is put off.
    pub fn new(most: usize, period: Duration) -> Self {
        Self {
            most,
            period,
            from: HashMap::new(),
        }
    }

    /// Counts a wrong key. Some time, if there were too many before it: when to come again.
    pub fn note(&mut self, from: IpAddr, now: Timestamp) -> Option<Duration> {
        if self.most == 0 {
            return None;
        }
        let from = network(from);
        if !self.from.contains_key(&from) && !self.makes_room(now) {
            return None;
        }
        let recent = self.from.entry(from).or_default();
        if let Some(until) = recent.put_off_until {
            if now < until {
                return Some(until.since(now));
            }
            *recent = Recent::default();
        }
        recent.at.retain(|at| now.since(*at) < self.period);
        recent.at.push_back(now);
        if recent.at.len() >= self.most {
            recent.put_off_until = Some(now.plus(self.period));
            recent.at = VecDeque::new();
        }
        None
    }

    /// When an address that showed too many is to come again.
    pub fn put_off(&self, from: IpAddr, now: Timestamp) -> Option<Duration> {
        let until = self.from.get(&network(from))?.put_off_until?;
        (now < until).then(|| until.since(now))
    }

    /// Forgets addresses that have been quiet, if there are many.
    fn makes_room(&mut self, now: Timestamp) -> bool {
        if self.from.len() >= MOST_ADDRESSES {
            let period = self.period;
            self.from.retain(|_, recent| recent.counts(now, period));
        }
        self.from.len() < MOST_ADDRESSES
    }
}

impl Recent {
    fn counts(&self, now: Timestamp, period: Duration) -> bool {
        self.put_off_until.is_some_and(|until| now < until)
            || self.at.back().is_some_and(|at| now.since(*at) < period)
    }
}

/// Whoever has one address of IPv6 has all of its /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn watched(most: usize) -> WrongKeys {
        WrongKeys::new(most, Duration::from_secs(10))
    }

    #[test]
    fn after_too_many_wrong_keys_an_address_is_put_off_for_a_while() {
        let mut keys = watched(20);
        let from = address("10.0.0.1");
        for n in 0..20 {
            assert_eq!(keys.note(from, at(n)), None, "{n}");
        }
        assert_eq!(keys.note(from, at(20)), Some(Duration::from_millis(9_999)));
        assert_eq!(keys.note(address("10.0.0.2"), at(20)), None);
        let just_before = keys.note(from, at(10_018));
        assert_eq!(just_before, Some(Duration::from_millis(1)));
        for n in 0..20 {
            assert_eq!(keys.note(from, at(10_019 + n)), None, "{n}");
        }
        assert!(keys.note(from, at(10_040)).is_some());
        assert_eq!(keys.put_off(from, at(10_040)), keys.note(from, at(10_040)));
        assert_eq!(keys.put_off(from, at(20_038)), None);
        assert_eq!(keys.put_off(address("10.0.0.2"), at(10_040)), None);
    }

    #[test]
    fn few_wrong_keys_at_a_time_put_nobody_off() {
        let mut keys = watched(3);
        for n in 0..100 {
            assert_eq!(keys.note(address("::1"), at(n * 5_000)), None, "{n}");
        }
        let mut off = watched(0);
        assert!((0..100).all(|n| off.note(address("::1"), at(n)).is_none()));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address_and_a_mapped_one_as_itself() {
        let mut keys = watched(1);
        assert_eq!(keys.note(address("2001:db8::1"), at(0)), None);
        assert!(keys.note(address("2001:db8::2"), at(0)).is_some());
        assert_eq!(keys.note(address("2001:db8:0:1::1"), at(0)), None);
        assert_eq!(keys.note(address("::ffff:10.0.0.1"), at(0)), None);
        assert!(keys.note(address("10.0.0.1"), at(0)).is_some());
        assert_eq!(keys.note(address("10.0.0.2"), at(0)), None);
    }

    #[test]
    fn the_addresses_watched_are_bounded() {
        let mut keys = watched(2);
        for n in 0..MOST_ADDRESSES as u32 + 10 {
            keys.note(IpAddr::V4(n.into()), at(0));
        }
        assert_eq!(keys.from.len(), MOST_ADDRESSES);
        keys.note(address("200.0.0.1"), at(20_000));
        assert_eq!(keys.from.len(), 1);
    }
}
