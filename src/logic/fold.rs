//! What the events of a stream add up to: each payload's members laid over those before.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::json_text::JsonText;

/// A state in the making. Members stand in the order in which their keys first came; keys and
/// values stay as they were written (1e400, say), and the last of equal keys wins.
#[derive(Debug, Default)]
pub struct Fold {
    members: Vec<Member>,
    /// Of all members as they are written, each with its colon and comma.
    member_bytes: usize,
    places: HashMap<Key, usize, ahash::RandomState>,
}

/// One member of an object, as it was written.
#[derive(Debug)]
struct Member {
    key: Box<RawValue>,
    value: Box<RawValue>,
}

/// What tells keys apart: `"a"` and `"\u0061"` are the same.
#[derive(PartialEq, Eq, Hash, Debug)]
enum Key {
    Text(String),
    /// JSON allows escapes that stand for no character.
    Written(String),
}

impl Fold {
    /// Lays the members of `payload` over what there is, each as a whole. A payload that is no
    /// object changes nothing.
    pub fn merge(&mut self, payload: &JsonText) {
        let Ok(Members(members)) = serde_json::from_str(payload.as_json()) else {
            return;
        };
        for member in members {
            self.lay(member);
        }
    }

    fn lay(&mut self, member: Member) {
        let key = Key::of(&member.key);
        if let Some(place) = self.places.get(&key) {
            let value = &mut self.members[*place].value;
            self.member_bytes += member.value.get().len();
            self.member_bytes -= value.get().len();
            *value = member.value;
        } else {
            self.member_bytes += member.key.get().len() + member.value.get().len() + 2;
            self.places.insert(key, self.members.len());
            self.members.push(member);
        }
    }

    /// The length of the state, in bytes.
    pub fn bytes(&self) -> usize {
        (self.member_bytes + 1).max(2)
    }

    /// A JSON object without white space between its members.
    pub fn state(&self) -> JsonText {
        let mut json = String::with_capacity(self.bytes());
        json.push('{');
        for member in &self.members {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(member.key.get());
            json.push(':');
            json.push_str(member.value.get());
        }
        json.push('}');
        JsonText::parse(&json).expect("keys and values that were read from JSON make an object")
    }
}

/// Whether the payload is a JSON object.
pub fn is_object(payload: &JsonText) -> bool {
    payload.as_json().starts_with('{')
}

impl Key {
    fn of(written: &RawValue) -> Self {
        match serde_json::from_str(written.get()) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Written(written.get().to_owned()),
        }
    }
}

/// Every member of an object in its order, also those with equal keys.
struct Members(Vec<Member>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<Box<RawValue>, Box<RawValue>>()? {
            members.push(Member { key, value });
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded<'a>(payloads: impl IntoIterator<Item = &'a str>) -> String {
        let mut fold = Fold::default();
        for payload in payloads {
            fold.merge(&JsonText::parse(payload).unwrap());
        }
        let state = fold.state();
        assert_eq!(fold.bytes(), state.as_json().len());
        state.as_json().to_owned()
    }

    #[test]
    fn later_members_replace_earlier_ones_as_they_are_written() {
        for (payloads, expected) in [
            (&[][..], "{}"),
            (&[r#"{"a":1}"#, r#"{"b":2}"#], r#"{"a":1,"b":2}"#),
            (&[r#"{"a":1,"b":2}"#, r#"{"a":3}"#], r#"{"a":3,"b":2}"#),
            // Shallow.
            (
                &[r#"{"a":{"x":1}}"#, r#"{"a":{"y":2}}"#],
                r#"{"a":{"y":2}}"#,
            ),
            (&[r#"{"a":1}"#, r#"{"a":null}"#], r#"{"a":null}"#),
            (&[r#"{ "a" : 1e400 }"#, "{}"], r#"{"a":1e400}"#),
            (&[r#"{"a":1.0, "b": [1,  2]}"#], r#"{"a":1.0,"b":[1,  2]}"#),
            (&[r#"{"a":1,"a":2}"#], r#"{"a":2}"#),
            (&[r#"{"a":1}"#, r#"{"\u0061":2}"#], r#"{"a":2}"#),
            (&[r#"{"\ud800":1}"#, r#"{"\ud800":2}"#], r#"{"\ud800":2}"#),
            (&[r#"{"":1}"#, r#"{"":{"":0}}"#], r#"{"":{"":0}}"#),
            (&[r#"{"a":{"k":1,"k":2}}"#], r#"{"a":{"k":1,"k":2}}"#),
        ] {
            assert_eq!(folded(payloads.iter().copied()), expected, "{payloads:?}");
        }
    }

    #[test]
    fn what_is_no_object_changes_nothing() {
        for payload in ["null", "5", "\"{}\"", r#"[{"a":2}]"#, "true"] {
            assert_eq!(folded([r#"{"a":1}"#, payload]), r#"{"a":1}"#, "{payload}");
            assert!(!is_object(&JsonText::parse(payload).unwrap()));
        }
    }

    fn payload() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec!["a", "b", "\\u0061", "c d", "\\ud800", "ü"]);
        let value = prop::sample::select(vec![
            "1",
            "1e400",
            "-0.0",
            "null",
            "\"x\\n\"",
            "[ ]",
            "{\"a\": 1,\"a\":2}",
        ]);
        let member = (key, value).prop_map(|(key, value)| format!("\"{key}\": {value}"));
        let object = prop::collection::vec(member, 0..5)
            .prop_map(|members| format!("{{ {} }}", members.join(" , ")));
        prop_oneof![4 => object, 1 => Just("[1]".to_owned())]
    }

    proptest! {
        #[test]
        fn a_snapshot_and_the_rest_add_up_to_the_whole(
            payloads in prop::collection::vec(payload(), 0..12),
            split in any::<prop::sample::Index>(),
        ) {
            let version = split.index(payloads.len() + 1);
            let (before, after) = payloads.split_at(version);
            let snapshot = folded(before.iter().map(String::as_str));
            let rest = after.iter().map(String::as_str);
            let from_snapshot = folded(std::iter::once(snapshot.as_str()).chain(rest));
            prop_assert_eq!(from_snapshot, folded(payloads.iter().map(String::as_str)));
        }
    }
}
