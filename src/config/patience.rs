//! Reads and writes `patience`: a map of priorities to seconds.

use std::time::Duration;

use serde::{Deserializer, Serializer};

use super::seconds;
use super::value::read;
use crate::domain::message::Priority;

/// By [`Priority::index`].
pub(super) type Patience = [Duration; Priority::ALL.len()];

pub(super) fn usual() -> Patience {
    [0, 10, 60, 300, 1800].map(Duration::from_secs)
}

/// A level not named keeps its default.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Patience, D::Error> {
    read(deserializer, |value| {
        let allowed =
            || "must be a map of critical, high, normal, low, deferred to seconds".to_owned();
        let mut patience = usual();
        for (level, given) in value.as_mapping().ok_or_else(allowed)? {
            let priority = level.as_str().and_then(Priority::from_name);
            let priority = priority.ok_or_else(allowed)?;
            patience[priority.index()] =
                seconds::parse(given).map_err(|error| format!("{}: {error}", priority.name()))?;
        }
        Ok(patience)
    })
}

pub(super) fn serialize<S: Serializer>(
    patience: &Patience,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(Priority::ALL.map(|priority| {
        let seconds = patience[priority.index()].as_secs_f64();
        (priority.name().to_lowercase(), seconds)
    }))
}
