//! Readers and writers of values that several keys have. Their errors say what is allowed.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_norway::Value;

use crate::domain::ids::ServiceName;

/// Has `parse` read a whole value.
pub(super) fn read<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    parse: impl FnOnce(&Value) -> Result<T, String>,
) -> Result<T, D::Error> {
    parse(&Value::deserialize(deserializer)?).map_err(Error::custom)
}

/// As [`read`], of a value that is a text.
pub(super) fn read_text<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(Error::custom)
}

/// The default of a number.
pub(super) fn number<const USUAL: u16, N: From<u16>>() -> N {
    USUAL.into()
}

/// The default of a size in bytes.
pub(super) fn bytes<const USUAL: u64>() -> u64 {
    USUAL
}

/// Reads a whole number in this range, which must fit `N`.
pub(super) fn whole<'de, const LEAST: u64, const MOST: u64, N, D>(
    deserializer: D,
) -> Result<N, D::Error>
where
    N: TryFrom<u64>,
    D: Deserializer<'de>,
{
    read(deserializer, |value| whole_in(LEAST..=MOST, value))
}

pub(super) fn whole_in<N: TryFrom<u64>>(
    range: RangeInclusive<u64>,
    value: &Value,
) -> Result<N, String> {
    let number = value.as_u64().filter(|number| range.contains(number));
    number
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| format!("must be a whole number {}", in_words(&range)))
}

fn in_words(range: &RangeInclusive<u64>) -> String {
    if *range.end() == u64::MAX {
        return format!("of at least {}", range.start());
    }
    format!("from {} to {}", range.start(), range.end())
}

/// Reads true or false.
pub(super) fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    read(deserializer, |value| {
        let boolean = value.as_bool();
        boolean.ok_or_else(|| "must be true or false".to_owned())
    })
}

pub(super) fn non_empty(text: &str) -> Result<&str, String> {
    match text.trim() {
        "" => Err("must not be empty".to_owned()),
        _ => Ok(text),
    }
}

/// Reads where a file or a directory is.
pub(super) fn path<'de, P, D>(deserializer: D) -> Result<P, D::Error>
where
    P: From<PathBuf>,
    D: Deserializer<'de>,
{
    read_text(deserializer, |text| {
        Ok(PathBuf::from(non_empty(text)?).into())
    })
}

pub(super) fn service_name(value: &Value) -> Result<ServiceName, String> {
    let Some(text) = value.as_str() else {
        return Err("a service name must be a text, in quotes if it is a number".to_owned());
    };
    ServiceName::parse(text).map_err(|error| format!("service name {text:?} {error}"))
}
