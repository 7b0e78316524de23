//! Fields of bodies: types that read themselves from their JSON text and say what is wrong with it.
//!
//! In a body `T` is required, of an `Option<T>` null says the same as nothing, and a
//! [`Narrowing<T>`] is never null. That each reads its own text, and not what serde makes of it, is
//! why all that is wrong with it can be said of the field: a number that no computer counts with,
//! half a surrogate pair. Nothing is copied for it.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::problem::Problem;

/// What a body may hold.
pub(crate) trait BodyField: Sized {
    /// What `json` says.
    ///
    /// # Errors
    /// What is wrong with it.
    fn read(json: &RawValue) -> Result<Self, Problem>;
}

/// Makes a field type one that serde reads, and describes it: as a word of the domain, or by a
/// schema of its own, which is written out where the field is (`#[schema(inline)]`).
macro_rules! field {
    ($type:ty, as $word:ty) => {
        $crate::api::field::field!($type);
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                <$word as utoipa::PartialSchema>::schema()
            }
        }
        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                <$word as utoipa::ToSchema>::name()
            }
        }
    };
    ($type:ty, $schema:expr) => {
        $crate::api::field::field!($type);
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $schema.into()
            }
        }
        impl utoipa::ToSchema for $type {}
    };
    ($type:ty) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::api::field::required(deserializer)
            }
        }
    };
}
pub(crate) use field;

/// Declares fields that a function of the domain reads from their text.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($word:ty) = $parse:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name(pub(crate) $word);

        impl $crate::api::field::BodyField for $name {
            fn read(
                json: &serde_json::value::RawValue,
            ) -> Result<Self, $crate::api::problem::Problem> {
                $parse(&$crate::api::field::text(json)?)
                    .map(Self)
                    .map_err($crate::api::problem::Problem::new)
            }
        }

        $crate::api::field::field!($name, as $word);
    )+};
}
pub(crate) use texts;

/// Declares fields that are one of a few words, each with what it stands for.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident($meaning:ty) { $($word:literal => $value:expr,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name(pub(crate) $meaning);

        impl $crate::api::field::BodyField for $name {
            fn read(
                json: &serde_json::value::RawValue,
            ) -> Result<Self, $crate::api::problem::Problem> {
                let read = |text: &str| match text {
                    $($word => Some(Self($value)),)+
                    _ => None,
                };
                $crate::api::field::word(&$crate::api::field::text(json)?, read, &[$($word),+])
                    .map_err($crate::api::problem::Problem::new)
            }
        }

        $crate::api::field::field!(
            $name,
            utoipa::openapi::ObjectBuilder::new()
                .schema_type(utoipa::openapi::Type::String)
                .enum_values(Some([$($word),+]))
        );
    )+};
}
pub(crate) use words;

/// One of a few words, which `read` knows.
///
/// # Errors
/// It is none of those `known`.
pub(crate) fn word<T>(
    text: &str,
    read: impl FnOnce(&str) -> Option<T>,
    known: &[&str],
) -> Result<T, String> {
    read(text).ok_or_else(|| format!("must be one of {}", known.join(", ")))
}

/// Reads a field that has to be there.
pub(crate) fn required<'de, D: Deserializer<'de>, T: BodyField>(
    deserializer: D,
) -> Result<T, D::Error> {
    let json = <&RawValue>::deserialize(deserializer)?;
    read_required(json).map_err(D::Error::custom)
}

fn read_required<T: BodyField>(json: &RawValue) -> Result<T, Problem> {
    match json.get() {
        "null" => Err(Problem::new("is required")),
        _ => T::read(json),
    }
}

/// For `#[serde(default, deserialize_with)]`, where null says something else than nothing.
pub(crate) fn even_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// What is wrong with a null that narrows a command.
pub(crate) const NOT_NULL: &str = "must not be null; leave it out if it is not meant";

/// For what narrows a command or holds it back, with `#[serde(default)]`. Left out it is not meant;
/// a null is mostly a variable that somebody forgot to set, and would make the command larger.
#[derive(Debug)]
pub(crate) struct Narrowing<T>(pub(crate) Option<T>);

impl<T> Default for Narrowing<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: BodyField> Deserialize<'de> for Narrowing<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        if json.get() == "null" {
            return Err(D::Error::custom(NOT_NULL));
        }
        let value = T::read(json).map_err(D::Error::custom)?;
        Ok(Self(Some(value)))
    }
}

/// A field with the text it was read from.
#[derive(Debug)]
pub(crate) struct Kept<'a, T> {
    pub value: T,
    pub json: &'a RawValue,
}

impl<'de: 'a, 'a, T: BodyField> Deserialize<'de> for Kept<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        let value = read_required(json).map_err(D::Error::custom)?;
        Ok(Self { value, json })
    }
}

/// The string that `json` is.
///
/// # Errors
/// It is none.
pub(crate) fn text(json: &RawValue) -> Result<Cow<'_, str>, Problem> {
    // Without an escape the text stands in the body as it is.
    if let Some(inner) = json
        .get()
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        && !inner.contains('\\')
    {
        return Ok(Cow::Borrowed(inner));
    }
    parse::<String>(json, "a string").map(Cow::Owned)
}

/// Anything serde reads; `what` names the expected form.
///
/// # Errors
/// It is something else.
pub(crate) fn parse<'a, T: Deserialize<'a>>(json: &'a RawValue, what: &str) -> Result<T, Problem> {
    serde_json::from_str(json.get()).map_err(|_| Problem::new(format!("must be {what}")))
}
