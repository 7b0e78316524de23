//! Reads a frame in one go: its `type` says which fields the rest of it has.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, IntoDeserializer, MapAccess,
    VariantAccess, Visitor,
};

use super::Reference;
use super::client::ClientFrame;

/// A frame whose type stands first, or is known, and what it is known by.
pub(crate) type ReferredFrame<'a> = (Option<Reference>, ClientFrame<'a>);

/// Reads one. A client mostly says the type first; where it does not, it has to be found before.
#[derive(Clone, Copy)]
pub(crate) struct FrameReader<'t> {
    /// `None`: it stands first.
    pub frame_type: Option<&'t str>,
}

/// Reads a whole text. It says of nothing what is wrong: who reads it again does.
pub(crate) fn read<'a>(
    text: &'a str,
    frame_type: Option<&str>,
) -> Result<ReferredFrame<'a>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let frame = FrameReader { frame_type }.deserialize(&mut json)?;
    json.end().map(|()| frame)
}

impl<'de> DeserializeSeed<'de> for FrameReader<'_> {
    type Value = ReferredFrame<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FrameReader<'_> {
    type Value = ReferredFrame<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let frame_type = match self.frame_type {
            Some(known) => known,
            None => match map.next_key::<&str>()? {
                Some("type") => map.next_value::<&str>()?,
                _ => return Err(A::Error::custom("the type does not stand first")),
            },
        };
        let mut reference = None::<Option<Reference>>;
        let frame = ClientFrame::deserialize(Typed {
            frame_type,
            fields: Fields {
                map,
                skips_type: self.frame_type.is_some(),
                reference: &mut reference,
            },
        })?;
        Ok((reference.flatten(), frame))
    }
}

/// The frame as serde expects an enum: the name of a variant, and its fields.
struct Typed<'t, 'r, A> {
    frame_type: &'t str,
    fields: Fields<'r, A>,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Typed<'_, '_, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a frame is one of several"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de, 'r, A: MapAccess<'de>> EnumAccess<'de> for Typed<'_, 'r, A> {
    type Error = A::Error;
    type Variant = Fields<'r, A>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), A::Error> {
        let variant = seed.deserialize(self.frame_type.into_deserializer())?;
        Ok((variant, self.fields))
    }
}

/// The fields of a frame but its `type` and `ref`.
struct Fields<'r, A> {
    map: A,
    /// It is among them, and was read before.
    skips_type: bool,
    /// `Some(None)`: it is null.
    reference: &'r mut Option<Option<Reference>>,
}

/// As it stands in the text, unless it has an escape.
#[derive(Deserialize)]
#[serde(transparent)]
struct FieldName<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(FieldName(name)) = self.map.next_key()? {
            match &*name {
                "ref" if self.reference.is_none() => {
                    *self.reference = Some(self.map.next_value()?);
                }
                "type" if self.skips_type => {
                    self.map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    return match name {
                        Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
                        Cow::Owned(name) => seed.deserialize(name.into_deserializer()),
                    }
                    .map(Some);
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Fields<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        Err(A::Error::custom("a frame has fields"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, A::Error> {
        Err(A::Error::custom("a frame has fields"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a frame has fields"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(self)
    }
}
