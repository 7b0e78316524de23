//! Pages of lists that are in memory as a whole, each item with a key of its own.

use std::cmp::Ordering;

use uuid::Uuid;

use super::query::Query;
use crate::domain::circuit::CircuitName;
use crate::domain::ids::{JobId, ServiceName};
use crate::domain::subscription::SubscriptionId;
use crate::hub::error::HubError;
use crate::logic::page::{Filling, MOST_BYTES};

/// What such a list is in the order of.
pub(crate) trait Key: Ord + ToString + Sized {
    fn parse(text: &str) -> Option<Self>;
}

impl Key for ServiceName {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl Key for CircuitName {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl Key for SubscriptionId {
    fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

/// Of sockets.
impl Key for Uuid {
    fn parse(text: &str) -> Option<Self> {
        Self::try_parse(text).ok()
    }
}

impl Key for JobId {
    fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

/// Where a list begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// Which part of a list is asked for.
pub(crate) struct Part<K> {
    limit: usize,
    /// The last key of the page before.
    after: Option<K>,
}

/// A part of a list.
pub(crate) struct CursorPage<T> {
    pub items: Vec<T>,
    /// The last key of this page, if there is more.
    pub next_cursor: Option<String>,
}

impl<K: Key> Part<K> {
    /// # Errors
    /// 400 with `limit` or `cursor`.
    pub(crate) fn of(asked: &Query) -> Result<Self, HubError> {
        let problem = "must be the next_cursor of an earlier answer";
        Ok(Self {
            limit: asked.limit()?,
            after: asked.read("cursor", |text| K::parse(text).ok_or(problem))?,
        })
    }

    /// This part of all items, which are small.
    pub(crate) fn take<T>(
        self,
        all: Vec<T>,
        order: Order,
        key: impl Fn(&T) -> &K,
    ) -> CursorPage<T> {
        self.take_measured(all, order, key, |_| 0)
    }

    /// This part of all items; it also ends with the one that makes it as large as any page may
    /// be. `bytes` says how large each is.
    pub(crate) fn take_measured<T>(
        self,
        mut all: Vec<T>,
        order: Order,
        key: impl Fn(&T) -> &K,
        bytes: impl Fn(&T) -> usize,
    ) -> CursorPage<T> {
        let compare = |one: &K, other: &K| match order {
            Order::Ascending => one.cmp(other),
            Order::Descending => other.cmp(one),
        };
        all.sort_unstable_by(|one, other| compare(key(one), key(other)));
        if let Some(after) = &self.after {
            all.retain(|item| compare(key(item), after) == Ordering::Greater);
        }
        let mut filling = Filling::new(self.limit, MOST_BYTES);
        for item in all {
            let size = bytes(&item);
            if !filling.add(item, size) {
                break;
            }
        }
        let page = filling.finish();
        let last = page.items.last().filter(|_| !page.is_last());
        CursorPage {
            next_cursor: last.map(|item| key(item).to_string()),
            items: page.items,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn name(number: u8) -> ServiceName {
        ServiceName::parse(&format!("s{number:03}")).unwrap()
    }

    fn part(query: &str) -> Result<Part<ServiceName>, HubError> {
        let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
        Part::of(&Query::of(&request)?)
    }

    #[test]
    fn a_wrong_limit_or_cursor_is_named() {
        for (query, wrong) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("cursor=a%20b", "cursor"),
        ] {
            match part(query) {
                Err(HubError::Invalid { field, .. }) => assert_eq!(field, wrong, "{query}"),
                _ => panic!("{query} is let through"),
            }
        }
        assert!(part("limit=1000&cursor=anything").is_ok());
    }

    proptest! {
        #[test]
        fn the_pages_together_are_the_list(
            names in prop::collection::btree_set(any::<u8>(), 0..60),
            limit in 1..20_usize,
            large in 1..20_usize,
            descending in any::<bool>(),
        ) {
            let order = if descending { Order::Descending } else { Order::Ascending };
            let mut expected: Vec<_> = names.into_iter().map(name).collect();
            let all = expected.clone();
            if descending {
                expected.reverse();
            }
            let mut found = Vec::new();
            let mut query = format!("limit={limit}");
            loop {
                let part = part(&query).unwrap();
                let bytes = |_: &ServiceName| MOST_BYTES.div_ceil(large);
                let page = part.take_measured(all.clone(), order, |name| name, bytes);
                prop_assert!(page.items.len() <= limit.min(large));
                found.extend(page.items);
                let Some(cursor) = page.next_cursor else { break };
                query = format!("limit={limit}&cursor={cursor}");
            }
            prop_assert_eq!(found, expected);
        }
    }
}
