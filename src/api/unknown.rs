//! Names that mean nothing. Where a body commands, one is refused, because a word that narrows the
//! command may have been meant; where it is data, it is left out and the answer says so.

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use crate::hub::error::{HubError, Subject, shortened};
use crate::logic::spelling::closest;

/// Of a body that is full of unknown names, so many are told.
const MOST: usize = 20;

/// Names of fields that were left out of a message, an event or a registration.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Ignored(Vec<String>);

impl Ignored {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(crate) fn first(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }

    /// Adds one.
    pub(crate) fn add(&mut self, name: &str) {
        if self.0.len() < MOST {
            self.0.push(shortened(name).into_owned());
        } else if self.0.len() == MOST {
            self.0.push("…".to_owned());
        }
    }

    /// Adds those of a part, under the name of the part.
    pub(crate) fn add_of(&mut self, part: &str, names: &Self) {
        for name in &names.0 {
            self.add(&format!("{part}.{name}"));
        }
    }

    /// # Errors
    /// 400 if one of them is a promise that this version does not keep. Whoever asks for it relies
    /// on it.
    pub(crate) fn check_promises(
        &self,
        subject: Subject,
        promises: &[&str],
    ) -> Result<(), HubError> {
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

/// By which names a struct is read, or an enum: those of its fields, or of its variants.
pub(crate) fn names_of<'a, T: Deserialize<'a>>() -> &'static [&'static str] {
    let mut names = Names(&[]);
    // It fails, having said what it has.
    let _ = T::deserialize(&mut names);
    names.0
}

/// Learns by which names something is read.
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

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0 = variants;
        Err(Error::custom("learned enough"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}
