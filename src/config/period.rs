//! Times in seconds, of which there is at least a millisecond.

use std::time::Duration;

use serde::Deserializer;

pub(super) use super::seconds::serialize;

use super::seconds;
use super::value::read;

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    read(deserializer, |value| match seconds::parse(value)? {
        Duration::ZERO => Err("must be at least 0.001 seconds".to_owned()),
        period => Ok(period),
    })
}
