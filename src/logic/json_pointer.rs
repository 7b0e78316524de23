//! One place in a JSON text (JSON Pointer, RFC 6901), found without reading the rest into values.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A place in a JSON text. Of a name that an object has twice the last is meant, as most who read
/// JSON take it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JsonPointer(Vec<String>);

impl JsonPointer {
    /// As RFC 6901 writes it; the empty one is the whole text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let rest = text.strip_prefix('/').ok_or("must begin with /")?;
        rest.split('/')
            .map(unescape)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What stands there, if there is such a place.
    pub fn find<'a>(&self, json: &'a RawValue) -> Option<&'a RawValue> {
        self.0.iter().try_fold(json, |json, name| child(json, name))
    }
}

fn unescape(name: &str) -> Result<String, &'static str> {
    let mut pieces = name.split('~');
    let mut unescaped = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (escaped, rest) = match piece.as_bytes().first() {
            Some(b'0') => ('~', &piece[1..]),
            Some(b'1') => ('/', &piece[1..]),
            _ => return Err("must have 0 or 1 behind each ~, as in ~0 for ~ and ~1 for /"),
        };
        unescaped.push(escaped);
        unescaped.push_str(rest);
    }
    Ok(unescaped)
}

fn child<'a>(json: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let mut reader = serde_json::Deserializer::from_str(json.get());
    match json.get().as_bytes().first()? {
        b'{' => reader.deserialize_map(Member(name)).ok()?,
        b'[' => {
            let index = name.parse().ok()?;
            // 07 and +7 are no indexes.
            let is_written = |index: &usize| index.to_string() == name;
            let index = Some(index).filter(is_written)?;
            reader.deserialize_seq(Element(index)).ok()?
        }
        _ => None,
    }
}

/// The value of the last member of this name.
struct Member<'n>(&'n str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_meant) = members.next_key_seed(Name(self.0))? {
            match is_meant {
                true => found = Some(members.next_value()?),
                false => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// Whether it is this name.
struct Name<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

struct Element(usize);

impl<'de> Visitor<'de> for Element {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.0 {
            if elements.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = elements.next_element()?;
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str, pointer: &str) -> Option<String> {
        let json: &RawValue = serde_json::from_str(json).unwrap();
        let pointer = JsonPointer::parse(pointer).unwrap();
        pointer.find(json).map(|found| found.get().to_owned())
    }

    #[test]
    fn a_place_is_found_as_it_is_written_there() {
        let json = r#"{"a": {"b/c~": [1e400, { }, "x" ]}, "":0, "\u00e4": null, "a b":"}"}"#;
        for (pointer, expected) in [
            ("", Some(json)),
            ("/", Some("0")),
            ("/ä", Some("null")),
            ("/a b", Some("\"}\"")),
            ("/a/b~1c~0/0", Some("1e400")),
            ("/a/b~1c~0/1", Some("{ }")),
            ("/a/b~1c~0/2", Some("\"x\"")),
            ("/a/b~1c~0/3", None),
            ("/a/b~1c~0/-", None),
            ("/a/b~1c~0/01", None),
            ("/a/b~1c~0/+1", None),
            ("/a/b~1c~0/2/0", None),
            ("/b", None),
            ("/a/", None),
        ] {
            assert_eq!(found(json, pointer).as_deref(), expected, "{pointer}");
        }
    }

    #[test]
    fn of_a_name_given_twice_the_last_is_meant() {
        assert_eq!(found(r#"{"a":1,"a":2}"#, "/a").as_deref(), Some("2"));
    }

    #[test]
    fn what_is_no_pointer_is_told() {
        for bad in ["a", "#/a", "/~", "/~2", "/a~/b"] {
            assert!(JsonPointer::parse(bad).is_err(), "{bad}");
        }
    }
}
