//! Times in days, with fractions, to the millisecond.

use std::time::Duration;

use serde::{Deserializer, Serializer};

use super::value::read;
use crate::domain::timestamp;

const A_DAY: f64 = 86_400.0;

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    read(deserializer, |value| {
        let number = value.as_f64().unwrap_or(f64::NAN);
        let time = timestamp::seconds(number * A_DAY);
        time.map_err(|_| "must be a number of days from 0 to 36500".to_owned())
    })
}

pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() / A_DAY)
}
