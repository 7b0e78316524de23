//! What somebody looks for in messages and events that no list is ordered by: what they are and say,
//! and how they failed.

use memchr::memmem;
use serde_json::value::RawValue;

use super::canonical::canonical_or_plain;
use super::error_pattern::ErrorPattern;
use super::json_pointer::JsonPointer;
use super::payload_head::PayloadDetail;
use super::shown_payload::ShownPayload;
use crate::domain::event::Event;
use crate::domain::ids::MessageType;
use crate::domain::json_text::JsonText;
use crate::domain::message::{Message, Priority};
use crate::domain::payload::Payload;
use crate::domain::redrive::RedriveFilter;

/// Which of the messages and events that are looked through are meant: those that match everything
/// given.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ContentFilter {
    /// Of this type; that of an event is its `event_type`.
    pub message_type: Option<MessageType>,
    /// Of this priority, which no event has.
    pub priority: Option<Priority>,
    /// Whose last attempt failed with words that hold these.
    pub error_contains: Option<String>,
    /// Whose last attempt failed so, but for numbers and ids.
    pub error: Option<ErrorPattern>,
    /// What their payloads say.
    pub payload: PayloadFilter,
}

/// What payloads say.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PayloadFilter {
    /// These bytes stand in it, as it was given.
    pub contains: Option<String>,
    /// It is JSON that has this place.
    pub at: Option<JsonPointer>,
    /// It is JSON, and what stands at the place, or the whole, is this: equal as repeats are.
    pub is: Option<JsonText>,
}

impl ContentFilter {
    /// What a filter of dead letters asks for inside of them.
    pub fn of(filter: &RedriveFilter) -> Self {
        Self {
            message_type: filter.message_type.clone(),
            error_contains: filter.error_contains.clone(),
            error: filter
                .error
                .as_deref()
                .map(|words| ErrorPattern::of(Some(words))),
            ..Self::default()
        }
    }

    /// Whether everything is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How much of payloads has to be read, where so much is shown.
    pub fn detail_read(&self, shown: PayloadDetail) -> PayloadDetail {
        match self.payload == PayloadFilter::default() {
            true => shown,
            false => PayloadDetail::Full,
        }
    }

    /// Whether this message is meant, which failed last with this.
    pub fn matches(&self, message: &Message, last_error: Option<&str>) -> bool {
        self.is_type(message.message_type.as_str())
            && self.priority.is_none_or(|one| one == message.priority)
            && self.is_error(last_error)
            && self.payload.matches(&message.payload)
    }

    /// Whether this event is meant, which failed last with this.
    pub fn matches_event(&self, event: &Event, last_error: Option<&str>) -> bool {
        self.is_type(event.event_type.as_str())
            && self.priority.is_none()
            && self.is_error(last_error)
            && self.payload.matches_json(&event.payload)
    }

    fn is_type(&self, name: &str) -> bool {
        self.message_type
            .as_ref()
            .is_none_or(|one| one.as_str() == name)
    }

    fn is_error(&self, last_error: Option<&str>) -> bool {
        let is_in = |words: &String| last_error.is_some_and(|error| contains(error, words));
        self.error_contains.as_ref().is_none_or(is_in)
            && self
                .error
                .as_ref()
                .is_none_or(|pattern| pattern.is_of(last_error))
    }
}

impl PayloadFilter {
    /// Whether this payload is meant.
    pub fn matches(&self, payload: &Payload) -> bool {
        match payload {
            Payload::Json(text) => self.matches_json(text),
            Payload::Raw(raw) => {
                self.is_in(&raw.bytes)
                    && (!self.needs_json()
                        || ShownPayload::of(payload)
                            .payload
                            .is_some_and(|json| self.is_met_by(json)))
            }
        }
    }

    /// Whether this payload is meant, which is JSON.
    pub fn matches_json(&self, json: &JsonText) -> bool {
        self.is_in(json.as_json().as_bytes())
            && (!self.needs_json() || self.is_met_by(json.as_raw()))
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        let is_in = |words: &String| memmem::find(bytes, words.as_bytes()).is_some();
        self.contains.as_ref().is_none_or(is_in)
    }

    fn needs_json(&self) -> bool {
        self.at.is_some() || self.is.is_some()
    }

    fn is_met_by(&self, json: &RawValue) -> bool {
        let found = self.at.as_ref().map_or(Some(json), |at| at.find(json));
        let Some(found) = found else { return false };
        self.is.as_ref().is_none_or(|expected| {
            let found = JsonText::new(found.to_owned());
            canonical_or_plain(&found) == canonical_or_plain(expected)
        })
    }
}

fn contains(text: &str, words: &str) -> bool {
    memmem::find(text.as_bytes(), words.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ContentType;
    use crate::logic::journal::samples;

    fn filter(contains: &str, at: Option<&str>, is: Option<&str>) -> PayloadFilter {
        PayloadFilter {
            contains: Some(contains.to_owned()).filter(|text| !text.is_empty()),
            at: at.map(|at| JsonPointer::parse(at).unwrap()),
            is: is.map(|json| JsonText::parse(json).unwrap()),
        }
    }

    #[test]
    fn payloads_are_found_by_their_bytes_as_stored_and_by_what_they_are_as_json() {
        let payload = Payload::parse(r#"{"a": {"x":1e400, "y":[1]},"b":"\u00e4"}"#).unwrap();
        for (contains, at, is, matches) in [
            ("", None, None, true),
            (r#""a": {"#, None, None, true),
            (r#""a":{"#, None, None, false),
            ("ä", None, None, false),
            ("", Some("/a/y"), None, true),
            ("", Some("/a/z"), None, false),
            ("", Some("/a"), Some(r#"{"y": [ 1 ],"x": 1e400}"#), true),
            ("", Some("/a/x"), Some("1e401"), false),
            ("", Some("/a/y/0"), Some("1"), true),
            ("", Some("/a/y/0"), Some("1.0"), false),
            (
                "",
                None,
                Some(r#"{"b":"\u00e4","a":{"x":1e400,"y":[1]}}"#),
                true,
            ),
            ("e400", Some("/b"), None, true),
            ("e500", Some("/b"), None, false),
        ] {
            let filter = filter(contains, at, is);
            assert_eq!(filter.matches(&payload), matches, "{filter:?}");
        }
    }

    #[test]
    fn bytes_are_looked_into_as_json_where_they_are_shown_as_that() {
        let text = ContentType::parse("text/plain").ok();
        let at = filter("", Some("/a"), None);
        let bytes = br#"{"a":1}"#;
        assert!(at.matches(&Payload::raw(&bytes[..], None)));
        assert!(!at.matches(&Payload::raw(&bytes[..], text)));
        let binary = Payload::raw(vec![0xff, b'a', b'b', 0], None);
        assert!(filter("ab", None, None).matches(&binary));
        assert!(!filter("ba", None, None).matches(&binary));
    }

    #[test]
    fn messages_and_events_are_found_alike_by_what_they_are_and_how_they_failed() {
        let message = samples::message(1, "{}");
        let event = samples::event(1, 1);
        let error = Some("HTTP 503: no paper");
        let of_type = |name: &str| ContentFilter {
            message_type: Some(MessageType::parse(name).unwrap()),
            ..ContentFilter::default()
        };
        let failed_with = |words: &str| ContentFilter {
            error_contains: Some(words.to_owned()),
            ..ContentFilter::default()
        };
        let failed_as = |words: Option<&str>| ContentFilter {
            error: Some(ErrorPattern::of(words)),
            ..ContentFilter::default()
        };
        for (filter, matches) in [
            (ContentFilter::default(), true),
            (failed_with("503: no"), true),
            (failed_with("504"), false),
            (failed_as(Some("HTTP #: no paper")), true),
            (failed_as(Some("HTTP 504: no paper")), true),
            (failed_as(Some("HTTP #")), false),
            (failed_as(None), false),
            (of_type("what nobody sends"), false),
        ] {
            assert_eq!(filter.matches(&message, error), matches, "{filter:?}");
            assert_eq!(filter.matches_event(&event, error), matches, "{filter:?}");
        }
        assert!(failed_as(None).matches(&message, None));
        assert!(!failed_with("503").matches_event(&event, None));
        assert!(of_type(message.message_type.as_str()).matches(&message, None));
        assert!(of_type(event.event_type.as_str()).matches_event(&event, None));
        let urgent = ContentFilter {
            priority: Some(message.priority),
            ..ContentFilter::default()
        };
        assert!(urgent.matches(&message, None) && !urgent.matches_event(&event, None));
    }
}
