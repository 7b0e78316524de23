//! Reads a struct whose fields are keys: what is given of them, and where it was given if it is
//! wrong.

use std::vec;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::ConfigError;
use super::refusal::FieldRefusal;
use super::secret::HIDDEN;
use super::settings::{Setting, Settings};

/// Takes the keys of `T` from `settings`; what is not given has the default of its field.
pub(super) fn read<T: DeserializeOwned>(settings: &mut Settings) -> Result<T, ConfigError> {
    let mut reading = Reading {
        settings,
        ahead: Vec::new().into_iter(),
        before: None,
        last: None,
        is_hidden: false,
    };
    T::deserialize(&mut reading).map_err(|refusal| reading.refused(refusal))
}

type Given = (&'static str, Setting);

/// The fields of one struct on their way into it.
struct Reading<'a> {
    settings: &'a mut Settings,
    ahead: vec::IntoIter<Given>,
    /// What was handed over before the last.
    before: Option<Given>,
    last: Option<Given>,
    /// The last may not be repeated.
    is_hidden: bool,
}

impl Reading<'_> {
    /// A refusal is always of what was handed over last.
    fn refused(self, refusal: FieldRefusal) -> ConfigError {
        match (refusal, self.before, self.last) {
            (FieldRefusal::Value(allowed), _, Some((key, setting))) => ConfigError::BadValue {
                instead: match self.is_hidden {
                    true => String::new(),
                    false => setting.shown(),
                },
                place: setting.place,
                key,
                allowed,
            },
            // The names of one field stand side by side, and either may be the old one.
            (FieldRefusal::GivenTwice(key), Some(before), Some(last)) => {
                let (old, now) = match last.0 == key {
                    true => (before, last),
                    false => (last, before),
                };
                ConfigError::GivenTwice {
                    place: old.1.place,
                    old: old.0,
                    key,
                    now: now.1.place,
                }
            }
            (refusal, ..) => ConfigError::Declaration(refusal),
        }
    }
}

impl<'de> Deserializer<'de> for &mut Reading<'_> {
    type Error = FieldRefusal;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldRefusal> {
        let given = keys
            .iter()
            .filter_map(|key| Some((*key, self.settings.take(key)?)));
        self.ahead = given.collect::<Vec<_>>().into_iter();
        visitor.visit_map(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, FieldRefusal> {
        Err(FieldRefusal::custom("a configuration is read into structs"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for &mut Reading<'_> {
    type Error = FieldRefusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, FieldRefusal> {
        let Some(given) = self.ahead.next() else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, FieldRefusal> = given.0.into_deserializer();
        self.before = self.last.replace(given);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, FieldRefusal> {
        let Some((_, setting)) = &self.last else {
            return Err(FieldRefusal::custom("a value comes after its key"));
        };
        self.is_hidden = false;
        seed.deserialize(ValueOf {
            setting,
            is_hidden: &mut self.is_hidden,
        })
    }
}

/// The value of a setting, read as the type of its field asks.
struct ValueOf<'a> {
    setting: &'a Setting,
    is_hidden: &'a mut bool,
}

impl ValueOf<'_> {
    fn text(&self) -> Result<&str, FieldRefusal> {
        let text = self.setting.as_text();
        text.ok_or_else(|| {
            FieldRefusal::custom("must be a text, in quotes if it looks like something else")
        })
    }
}

impl<'de> Deserializer<'de> for ValueOf<'_> {
    type Error = FieldRefusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldRefusal> {
        let value = self.setting.value.clone();
        value.deserialize_any(visitor).map_err(FieldRefusal::custom)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldRefusal> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldRefusal> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldRefusal> {
        let name: StrDeserializer<'_, FieldRefusal> = self.text()?.into_deserializer();
        visitor.visit_enum(name)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldRefusal> {
        *self.is_hidden |= name == HIDDEN;
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
