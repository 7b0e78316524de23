//! Fields that are objects.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::field::BodyField;
use super::members::{self, Wrong};
use super::problem::Problem;
use super::unknown::Ignored;

/// An object within a command: no other fields than those of `T`.
#[derive(Debug, Default)]
pub(crate) struct Nested<T>(pub(crate) T);

impl<T: DeserializeOwned> BodyField for Nested<T> {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        object(json, None).map(Self)
    }
}

/// An object within data: fields that are not known are left out, and named.
#[derive(Debug)]
pub(crate) struct Noted<T> {
    pub value: T,
    pub ignored: Ignored,
}

impl<T: DeserializeOwned> BodyField for Noted<T> {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let mut ignored = Ignored::default();
        let value = object(json, Some(&mut ignored))?;
        Ok(Self { value, ignored })
    }
}

fn object<T: DeserializeOwned>(
    json: &RawValue,
    ignored: Option<&mut Ignored>,
) -> Result<T, Problem> {
    let text = json.get();
    if !text.starts_with('{') {
        return Err(Problem::new("must be an object"));
    }
    let read = serde_json::from_str(text).or_else(|_| members::read(text, ignored));
    read.map_err(|wrong| match wrong {
        Wrong::Member { name, problem, .. } => problem.within(&format!(".{name}")),
        Wrong::Json(_) => Problem::new("must be an object"),
    })
}

/// Strings by name, each name once.
///
/// # Errors
/// It is something else.
pub(crate) fn strings(json: &RawValue) -> Result<BTreeMap<String, String>, Problem> {
    let mut json = serde_json::Deserializer::from_str(json.get());
    json.deserialize_map(StringsVisitor)
        .map_err(|_| Problem::new("must be an object whose values are strings, each key once"))
}

struct StringsVisitor;

impl<'de> Visitor<'de> for StringsVisitor {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut strings = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if strings.insert(key, value).is_some() {
                return Err(A::Error::custom("a key is given twice"));
            }
        }
        Ok(strings)
    }
}
