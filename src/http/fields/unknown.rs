//! Names that mean nothing. Where a body commands, one is refused, because a word that narrows the
//! command may have been meant; where it is data, it is left out and the answer says so.

use std::borrow::Cow;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, Visitor,
};
use serde::{Deserialize, Serialize};

use crate::hub::error::{HubError, Subject, shortened};
use crate::logic::spelling::closest;

/// Of a body that is full of unknown names, so many are told.
const MOST: usize = 20;

/// Names of fields that were left out of a message, an event or a registration.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct Ignored(Vec<String>);

impl Ignored {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn first(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }

    fn add(&mut self, name: &str) {
        if self.0.len() < MOST {
            self.0.push(shortened(name).into_owned());
        } else if self.0.len() == MOST {
            self.0.push("…".to_owned());
        }
    }

    /// Adds those of a part, under the name of the part.
    pub fn add_of(&mut self, part: &str, names: &Self) {
        for name in &names.0 {
            self.add(&format!("{part}.{name}"));
        }
    }

    /// # Errors
    /// 400 if one of them is a promise that this version does not keep. Whoever asks for it relies
    /// on it.
    pub fn check_promises(&self, subject: Subject, promises: &[&str]) -> Result<(), HubError> {
        let asked = self.0.iter().find(|name| promises.contains(&name.as_str()));
        match asked {
            None => Ok(()),
            Some(name) => Err(HubError::invalid(
                subject,
                name,
                "is not known to this version",
            )),
        }
    }
}

/// What to tell of `name`, beside these others that are known.
pub(crate) fn unknown(name: &str, known: &[&str]) -> String {
    match (closest(name, known), known) {
        (Some(meant), _) => format!("is not known here; did you mean {meant}?"),
        (None, []) => "is not known here; nothing is taken".to_owned(),
        (None, known) => format!("is not known here; known are {}", known.join(", ")),
    }
}

/// The unknown field that serde stumbled over, and those it knows, read from its text.
pub(crate) fn of_error(text: &str) -> Option<(&str, Vec<&str>)> {
    let rest = text.strip_prefix("unknown field `")?;
    let (name, expected) = rest
        .rsplit_once("`, expected ")
        .or_else(|| rest.rsplit_once("`, there are no fields"))?;
    Some((name, expected.split('`').skip(1).step_by(2).collect()))
}

/// Reads `T`, which refuses unknown fields, without those that are unknown.
pub(crate) fn read_without<'a, T: Deserialize<'a>>(
    text: &'a str,
) -> Result<(T, Ignored), serde_json::Error> {
    let mut ignored = Ignored::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let value = json.deserialize_map(Tolerant {
        known: names_of::<T>(),
        ignored: &mut ignored,
        wanted: std::marker::PhantomData,
    })?;
    json.end()?;
    Ok((value, ignored))
}

/// By which names a struct is read.
pub(crate) fn names_of<'a, T: Deserialize<'a>>() -> &'static [&'static str] {
    let mut names = Names(&[]);
    // It fails, having said which fields it has.
    let _ = T::deserialize(&mut names);
    names.0
}

/// Learns by which names a struct is read.
struct Names(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut Names {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Error::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0 = fields;
        Err(Error::custom("learned enough"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Tolerant<'a, T> {
    known: &'static [&'static str],
    ignored: &'a mut Ignored,
    wanted: std::marker::PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Tolerant<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let (known, ignored) = (self.known, self.ignored);
        T::deserialize(MapAccessDeserializer::new(KnownOnly {
            map,
            known,
            ignored,
        }))
    }
}

/// The members whose names are known; it passes over the others.
struct KnownOnly<'a, A> {
    map: A,
    known: &'static [&'static str],
    ignored: &'a mut Ignored,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for KnownOnly<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(name) = self.map.next_key::<Cow<'de, str>>()? {
            if self.known.contains(&&*name) {
                return seed.deserialize(name.into_deserializer()).map(Some);
            }
            self.map.next_value::<IgnoredAny>()?;
            self.ignored.add(&name);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fields::{noting, object, raw};
    use serde_json::value::RawValue;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Body<'a> {
        #[serde(borrow, default, deserialize_with = "raw")]
        destination: Option<&'a RawValue>,
        #[serde(borrow, default, rename = "type", deserialize_with = "raw")]
        kind: Option<&'a RawValue>,
    }

    fn refusal<T>(result: Result<T, HubError>) -> (String, String) {
        match result {
            Err(HubError::Invalid { field, problem, .. }) => (field, problem),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("it was let through"),
        }
    }

    #[test]
    fn an_unknown_field_is_refused_by_its_name() {
        let read = |text| refusal(object::<Body<'_>>(Subject::Request, text));
        let (field, problem) = read(r#"{"destnation": "x"}"#);
        assert_eq!(field, "destnation");
        assert_eq!(problem, "is not known here; did you mean destination?");
        let (field, problem) = read(r#"{"kind": 1, "type": 2}"#);
        assert_eq!(field, "kind");
        assert_eq!(problem, "is not known here; known are destination, type");
        assert_eq!(read(r#"{"`, expected `": 1}"#).0, "`, expected `");
        let long = format!(r#"{{"{}": 1}}"#, "x".repeat(1000));
        let (field, _) = refusal(object::<Body<'_>>(Subject::Request, &long));
        assert_eq!(field.chars().count(), 101);
    }

    #[test]
    fn in_data_unknown_fields_are_left_out_and_named() {
        let text = r#"{"a": {"type": [1]}, "destination": "x", "\u0062\n": 1e999, "type": "t"}"#;
        let (body, ignored) = noting::<Body<'_>>(Subject::Message, text).unwrap();
        assert_eq!(body.destination.unwrap().get(), r#""x""#);
        assert_eq!(body.kind.unwrap().get(), r#""t""#);
        assert_eq!(ignored, Ignored(vec!["a".to_owned(), "b\n".to_owned()]));
        let (_, none) = noting::<Body<'_>>(Subject::Message, r#"{"type": 1}"#).unwrap();
        assert!(none.is_empty());
    }

    #[test]
    fn what_is_wrong_besides_is_found_as_ever() {
        let read = |text| refusal(noting::<Body<'_>>(Subject::Message, text)).0;
        assert_eq!(read(r#"{"x": 1, "type": 1, "type": 2}"#), "type");
        assert_eq!(read(r#"{"x": 1, "type": }"#), "body");
        assert_eq!(read(r#"{"x": 1} y"#), "body");
        assert_eq!(read(r#"{"x": 1"#), "body");
    }

    #[test]
    fn a_body_full_of_unknown_names_is_not_repeated_whole() {
        let members: Vec<_> = (0..500).map(|n| format!(r#""x{n}": 0"#)).collect();
        let text = format!("{{{}}}", members.join(","));
        let (_, ignored) = noting::<Body<'_>>(Subject::Message, &text).unwrap();
        assert_eq!(ignored.0.len(), MOST + 1);
    }

    #[test]
    fn a_promise_of_a_later_version_is_refused() {
        let text = r#"{"topic": "a.b"}"#;
        let (_, ignored) = noting::<Body<'_>>(Subject::Message, text).unwrap();
        let (field, _) = refusal(ignored.check_promises(Subject::Message, &["topic"]));
        assert_eq!(field, "topic");
        assert!(
            ignored
                .check_promises(Subject::Message, &["timeout"])
                .is_ok()
        );
    }
}
