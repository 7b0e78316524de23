//! Times in seconds, with fractions, to the millisecond.

use std::time::Duration;

use serde::{Deserializer, Serializer};
use serde_norway::Value;

use super::value::read;
use crate::domain::timestamp;

/// The default of a time.
pub(super) fn secs<const USUAL: u64>() -> Duration {
    Duration::from_secs(USUAL)
}

pub(super) fn parse(value: &Value) -> Result<Duration, String> {
    let number = value.as_f64().unwrap_or(f64::NAN);
    timestamp::seconds(number).map_err(|error| error.to_string())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    read(deserializer, parse)
}

pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
