//! Many things in one request: a JSON array, an object around one, or NDJSON.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::http::header;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::api;
use crate::api::lists::{self, NoList};
use crate::api::numbers::Flag;
use crate::api::raw_field::{RawField, raw};
use crate::hub::bodies;
use crate::hub::error::{HubError, Subject};

const MOST_ITEMS: usize = 10_000;
const SUBJECT: Subject = Subject::Message;
/// So many items, different sentences or indexes are told one by one.
const EACH: usize = 100;

/// The items of a request, each as its JSON text.
#[derive(Debug)]
pub(crate) struct BatchItems<'a> {
    pub items: Vec<&'a str>,
    /// All or none, as far as the items know such a thing.
    pub atomic: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    messages: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    events: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    atomic: Option<&'a RawValue>,
}

/// What the items of a batch are, and what the field is called that holds them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Items {
    Messages,
    Events,
}

impl Items {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Events => "events",
        }
    }
}

impl<'a> BatchItems<'a> {
    /// # Errors
    /// 400 for what is no batch of 1 to 10,000 items.
    pub(crate) fn split(text: &'a str, of: Items, ndjson: bool) -> Result<Self, HubError> {
        let batch = if ndjson {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            Self {
                items: lines.take(MOST_ITEMS + 1).collect(),
                atomic: false,
            }
        } else if text.trim_start().starts_with('[') {
            let items = lists::read(text, MOST_ITEMS).map_err(|problem| match problem {
                NoList::TooLong => wrong_number(of),
                NoList::Json(error) => api::body::not_json(SUBJECT, &error),
            })?;
            Self::of(items, false)
        } else {
            Self::unwrap(text, of)?
        };
        if batch.items.is_empty() || batch.items.len() > MOST_ITEMS {
            return Err(wrong_number(of));
        }
        Ok(batch)
    }

    fn unwrap(text: &'a str, of: Items) -> Result<Self, HubError> {
        let wrapped: Wrapped<'a> = api::body::command(SUBJECT, text)?;
        let (list, others) = match of {
            Items::Messages => (
                wrapped.messages,
                [("events", wrapped.events), ("atomic", wrapped.atomic)],
            ),
            Items::Events => (wrapped.events, [("messages", wrapped.messages), ("", None)]),
        };
        if let Some((name, _)) = others.iter().find(|(_, json)| json.is_some()) {
            let problem = format!("is not known in a batch of {}", of.name());
            return Err(HubError::invalid(SUBJECT, *name, problem));
        }
        let wrong = || {
            let problem = format!("must be an array of {}, alone or in an object", of.name());
            HubError::invalid(SUBJECT, of.name(), problem)
        };
        let items = lists::read(list.ok_or_else(wrong)?.get(), MOST_ITEMS);
        let items = items.map_err(|problem| match problem {
            NoList::TooLong => wrong_number(of),
            NoList::Json(_) => wrong(),
        })?;
        let atomic = RawField::narrowing::<Flag>(SUBJECT, "atomic", wrapped.atomic)?;
        Ok(Self::of(items, atomic.is_some_and(|flag| flag.0)))
    }

    fn of(items: Vec<&'a RawValue>, atomic: bool) -> Self {
        let items = items.into_iter().map(RawValue::get).collect();
        Self { items, atomic }
    }
}

fn wrong_number(of: Items) -> HubError {
    let problem = format!("must have 1 to {MOST_ITEMS} items");
    HubError::invalid(SUBJECT, of.name(), problem)
}

pub(crate) fn is_ndjson(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-ndjson")
}

/// # Errors
/// 413 for an item larger than one sent alone may be.
pub(crate) fn check_size(item: &str) -> Result<(), HubError> {
    if item.len() > bodies::ONE {
        return Err(HubError::TooLarge { limit: bodies::ONE });
    }
    Ok(())
}

/// What a batch is told of which nothing was taken: the error of all items if they agree, else
/// that the batch is wrong.
pub(crate) fn common_error<'a>(
    errors: impl IntoIterator<Item = &'a HubError>,
    of: Items,
) -> HubError {
    let mut errors = errors.into_iter();
    if let Some(first) = errors.next()
        && errors.all(|error| error.code() == first.code())
    {
        return first.clone();
    }
    let problem = "none of the items could be accepted; details.results says why";
    HubError::invalid(SUBJECT, of.name(), problem)
}

/// Of a batch of which nothing was taken, what is wrong with its items: each by itself, or if they
/// are many each sentence once.
pub(crate) fn told(errors: &[&HubError]) -> Value {
    let body = |error: &HubError| api::error::body(error, Map::new());
    if errors.len() <= EACH {
        let items = errors.iter().enumerate();
        return items
            .map(|(index, error)| json!({"index": index, "error": body(error)}))
            .collect();
    }
    let mut groups: IndexedGroups<'_> = BTreeMap::new();
    for (index, error) in errors.iter().enumerate() {
        let group = groups.entry((error.code().name(), error.to_string()));
        let (indexes, _) = group.or_insert_with(|| (Vec::new(), error));
        indexes.push(index);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(indexes, _)| indexes[0]);
    groups.truncate(EACH);
    let tell = |(indexes, error): (Vec<usize>, &HubError)| {
        let shown = &indexes[..indexes.len().min(EACH)];
        json!({"index": indexes[0], "indexes": shown, "count": indexes.len(), "error": body(error)})
    };
    groups.into_iter().map(tell).collect()
}

/// By code and text: where it is, and one of the errors.
type IndexedGroups<'a> = BTreeMap<(&'static str, String), (Vec<usize>, &'a HubError)>;

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str, ndjson: bool) -> Vec<&str> {
        BatchItems::split(text, Items::Messages, ndjson)
            .unwrap()
            .items
    }

    #[test]
    fn arrays_objects_and_lines_are_split_alike() {
        let expected = vec![r#"{"a":1}"#, "2"];
        assert_eq!(items(r#"[{"a":1}, 2]"#, false), expected);
        assert_eq!(items(r#"{"messages":[{"a":1}, 2]}"#, false), expected);
        assert_eq!(items("{\"a\":1}\n\r\n2\n", true), expected);
    }

    #[test]
    fn only_events_are_taken_all_or_none() {
        for (text, of, atomic) in [
            (r#"{"events":[1],"atomic":true}"#, Items::Events, true),
            (r#"{"events":[1],"atomic":false}"#, Items::Events, false),
            (r#"{"events":[1]}"#, Items::Events, false),
        ] {
            assert_eq!(BatchItems::split(text, of, false).unwrap().atomic, atomic);
        }
        for (text, of, wrong) in [
            (r#"{"events":[1],"atomic":1}"#, Items::Events, "atomic"),
            (r#"{"events":[1],"atomic":null}"#, Items::Events, "atomic"),
            (r#"{"events":[1],"atomc":true}"#, Items::Events, "atomc"),
            (
                r#"{"events":[1],"messages":[1]}"#,
                Items::Events,
                "messages",
            ),
            (
                r#"{"messages":[1],"atomic":true}"#,
                Items::Messages,
                "atomic",
            ),
            (r#"{"messages":[1],"x":0}"#, Items::Messages, "x"),
        ] {
            let Err(HubError::Invalid { field, .. }) = BatchItems::split(text, of, false) else {
                panic!("{text} is let through");
            };
            assert_eq!(field, wrong);
        }
    }

    #[test]
    fn what_is_no_batch_is_refused_with_its_field() {
        for text in [
            "",
            "5",
            "{}",
            "[",
            r#"{"messages":{}}"#,
            r#"{"messages":[1],"messages":[1]}"#,
            "[]",
            r#"{"messages":[]}"#,
        ] {
            let split = BatchItems::split(text, Items::Messages, false);
            let HubError::Invalid { field, .. } = split.unwrap_err() else {
                panic!("{text}");
            };
            assert!(field == "messages" || field == "body", "{text}: {field}");
        }
        let many = format!("[{}1]", "1,".repeat(MOST_ITEMS));
        assert!(BatchItems::split(&many, Items::Messages, false).is_err());
    }

    #[test]
    fn a_large_batch_that_is_refused_says_each_sentence_once() {
        let (busy, wrong) = (HubError::Busy, HubError::invalid(SUBJECT, "id", "is wrong"));
        let few: Vec<_> = std::iter::repeat_n(&busy, EACH).collect();
        assert_eq!(told(&few).as_array().unwrap().len(), EACH);
        let mut many: Vec<_> = std::iter::repeat_n(&busy, 1000).collect();
        many[7] = &wrong;
        let told = told(&many);
        let groups = told.as_array().unwrap();
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0]["count"], 999);
        assert_eq!(groups[0]["indexes"].as_array().unwrap().len(), EACH);
        assert_eq!(groups[0]["error"]["code"], "QUEUE_FULL");
        assert_eq!(
            (&groups[1]["index"], &groups[1]["indexes"]),
            (&json!(7), &json!([7]))
        );
        assert_eq!(groups[1]["error"]["details"]["field"], "id");
    }

    #[test]
    fn errors_that_differ_have_no_common_one() {
        let (busy, wrong) = (HubError::Busy, HubError::invalid(SUBJECT, "id", "is wrong"));
        let code = |errors: [&HubError; 2]| common_error(errors, Items::Events).code().name();
        assert_eq!(code([&busy, &busy]), "QUEUE_FULL");
        assert_eq!(code([&wrong, &wrong]), "INVALID_MESSAGE");
        assert_eq!(code([&wrong, &busy]), "INVALID_MESSAGE");
    }
}
