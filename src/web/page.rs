//! Pages of lists: which part is asked for and, of lists that are in memory as a whole, each item
//! with a key of its own, that part.

use std::cmp::Ordering;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Required, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use uuid::Uuid;

use crate::api::numbers::Digits;
use crate::domain::circuit::CircuitName;
use crate::domain::ids::{EventType, JobId, Position, ServiceName, StreamId};
use crate::domain::subscription::SubscriptionId;
use crate::logic::page::{Filling, MOST_BYTES};

const DEFAULT_LIMIT: usize = 100;
const MOST_LIMIT: u64 = 1000;
pub(crate) const NO_CURSOR: &str = "must be the next_cursor of an earlier answer";

/// Where a page ended, as its `next_cursor` says it.
pub(crate) trait Cursor: Sized {
    /// `None`: no page ended so.
    fn parse(text: &str) -> Option<Self>;

    /// How it looks.
    fn schema() -> RefOr<Schema>;
}

/// Of a cursor that is a word of the domain.
fn word<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

/// Of a cursor that only means something to the hub.
pub(crate) fn opaque() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

impl Cursor for ServiceName {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn schema() -> RefOr<Schema> {
        word::<Self>()
    }
}

impl Cursor for CircuitName {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn schema() -> RefOr<Schema> {
        word::<Self>()
    }
}

impl Cursor for SubscriptionId {
    fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    fn schema() -> RefOr<Schema> {
        word::<Self>()
    }
}

impl Cursor for JobId {
    fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    fn schema() -> RefOr<Schema> {
        word::<Self>()
    }
}

impl Cursor for StreamId {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn schema() -> RefOr<Schema> {
        word::<Self>()
    }
}

impl Cursor for EventType {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn schema() -> RefOr<Schema> {
        word::<Self>()
    }
}

/// Of sockets.
impl Cursor for Uuid {
    fn parse(text: &str) -> Option<Self> {
        Self::try_parse(text).ok()
    }

    fn schema() -> RefOr<Schema> {
        opaque().into()
    }
}

/// Of lists in the archive, which counts in 63 bits.
impl Cursor for Position {
    fn parse(text: &str) -> Option<Self> {
        text.parse::<i64>().ok()?.try_into().ok()
    }

    fn schema() -> RefOr<Schema> {
        opaque().pattern(Some("^[0-9]{1,19}$")).into()
    }
}

/// Which part of a list is asked for.
#[derive(Deserialize)]
#[serde(bound = "C: Cursor")]
pub(crate) struct PageQuery<C> {
    limit: Option<Digits<1, MOST_LIMIT>>,
    /// Where the page before ended.
    #[serde(default, deserialize_with = "cursor")]
    pub cursor: Option<C>,
}

fn cursor<'de, D: Deserializer<'de>, C: Cursor>(deserializer: D) -> Result<Option<C>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let read = |text: String| C::parse(&text).ok_or_else(|| D::Error::custom(NO_CURSOR));
    text.map(read).transpose()
}

impl<C: Cursor> IntoParams for PageQuery<C> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = match Digits::<1, MOST_LIMIT>::schema() {
            RefOr::T(Schema::Object(mut number)) => {
                number.default = Some(json!(DEFAULT_LIMIT));
                Schema::Object(number).into()
            }
            other => other,
        };
        let about_limit = "How many items at most. A page of large ones has fewer, about 4 MiB: \
            what counts is whether there is a `next_cursor`.";
        let about_cursor = "The `next_cursor` of the page before.";
        let parameter = |name: &str, description: &str, schema: RefOr<Schema>| {
            let parameter = ParameterBuilder::new().name(name);
            let parameter = parameter.parameter_in(ParameterIn::Query);
            let parameter = parameter.required(Required::False);
            let parameter = parameter.description(Some(description));
            parameter.schema(Some(schema)).build()
        };
        vec![
            parameter("limit", about_limit, limit),
            parameter("cursor", about_cursor, C::schema()),
        ]
    }
}

/// Where a list begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// A part of a list.
pub(crate) struct CursorPage<T> {
    pub items: Vec<T>,
    /// The last key of this page, if there is more.
    pub next_cursor: Option<String>,
}

impl<C> PageQuery<C> {
    /// How many items at most.
    pub(crate) fn limit(&self) -> usize {
        self.limit.map_or(DEFAULT_LIMIT, |limit| limit.0 as usize)
    }
}

impl<K: Ord + ToString> PageQuery<K> {
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
        if let Some(after) = &self.cursor {
            all.retain(|item| compare(key(item), after) == Ordering::Greater);
        }
        let mut filling = Filling::new(self.limit(), MOST_BYTES);
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
    use crate::hub::error::HubError;
    use crate::web::query;

    fn name(number: u8) -> ServiceName {
        ServiceName::parse(&format!("s{number:03}")).unwrap()
    }

    fn part(query: &str) -> Result<PageQuery<ServiceName>, HubError> {
        query::read(&TestRequest::with_uri(&format!("/?{query}")).to_http_request())
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
