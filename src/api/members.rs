//! Reads an object member by member, to find out which one is wrong, and to leave out those that
//! are not known. It is for what could not be read in one go, which is seldom.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde_json::error::Category;

use super::problem::Problem;
use super::unknown::{self, Ignored};
use crate::hub::error::shortened;

/// Why a text is no such object.
#[derive(Debug)]
pub(crate) enum Wrong {
    Member {
        name: String,
        problem: Problem,
        fault: MemberFault,
    },
    Json(serde_json::Error),
}

/// What is wrong about a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MemberFault {
    /// No such member is known.
    Unknown,
    Twice,
    /// What stands in it, or that nothing does.
    Value,
}

/// Reads a `T`, which refuses members that are not known; with `ignored` they are left out, and
/// named there.
///
/// # Errors
/// The first member that is wrong.
pub(crate) fn read<'a, T: Deserialize<'a>>(
    text: &'a str,
    ignored: Option<&mut Ignored>,
) -> Result<T, Wrong> {
    let ignored = ignored.map(|ignored| (ignored, unknown::names_of::<T>()));
    read_seed(text, ignored, PhantomData)
}

/// As [`read`], with what is known beforehand of the value; `ignored` comes with the names that
/// are known.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_seed<'a, S: DeserializeSeed<'a>>(
    text: &'a str,
    ignored: Option<(&mut Ignored, &'static [&'static str])>,
    seed: S,
) -> Result<S::Value, Wrong> {
    let mut at = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let object = Object {
        ignored,
        at: &mut at,
        seed,
    };
    let read = json
        .deserialize_map(object)
        .and_then(|value| json.end().map(|()| value));
    read.map_err(|error| wrong(error, at))
}

fn wrong(error: serde_json::Error, at: Option<String>) -> Wrong {
    let of = |name: &str, problem, fault| Wrong::Member {
        name: shortened(name).into_owned(),
        problem,
        fault,
    };
    let text = error.to_string();
    if let Some((name, known)) = unknown::of_error(&text) {
        let problem = Problem::new(unknown::unknown(name, &known));
        return of(name, problem, MemberFault::Unknown);
    }
    if let Some(name) = named(&text, "duplicate field `") {
        return of(name, Problem::new("is given twice"), MemberFault::Twice);
    }
    if let Some(name) = named(&text, "missing field `") {
        return of(name, Problem::new("is required"), MemberFault::Value);
    }
    match at.filter(|_| error.classify() == Category::Data) {
        Some(name) => of(&name, Problem::of_error(&error), MemberFault::Value),
        None => Wrong::Json(error),
    }
}

fn named<'a>(text: &'a str, begin: &str) -> Option<&'a str> {
    let (name, _) = text.strip_prefix(begin)?.split_once('`')?;
    Some(name)
}

struct Object<'a, S> {
    ignored: Option<(&'a mut Ignored, &'static [&'static str])>,
    /// The member that is read.
    at: &'a mut Option<String>,
    seed: S,
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Object<'_, S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<S::Value, A::Error> {
        self.seed.deserialize(MapAccessDeserializer::new(Members {
            map,
            ignored: self.ignored,
            at: self.at,
        }))
    }
}

struct Members<'a, A> {
    map: A,
    /// With the names that are known.
    ignored: Option<(&'a mut Ignored, &'static [&'static str])>,
    at: &'a mut Option<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(name) = self.map.next_key::<Cow<'de, str>>()? {
            if let Some((ignored, known)) = &mut self.ignored
                && !known.contains(&&*name)
            {
                self.map.next_value::<IgnoredAny>()?;
                ignored.add(&name);
                continue;
            }
            // One buffer for all of them: where data has unknown names, each is read here.
            str::clone_into(&name, self.at.get_or_insert_default());
            return seed.deserialize(name.into_deserializer()).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
