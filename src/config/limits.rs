//! Reads and writes `limits`: a map of the names of limits to what they are.

use serde::{Deserializer, Serializer};
use serde_norway::Value;

use super::value::{read, whole_in};
use crate::logic::limits::{Limit, Limits};

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
    read(deserializer, parse)
}

fn parse(value: &Value) -> Result<Limits, String> {
    let names = || Limit::ALL.map(Limit::name).join(", ");
    let allowed = || {
        format!(
            "must be a map of the limits to numbers; there are {}",
            names()
        )
    };
    let mut limits = Limits::default();
    for (name, given) in value.as_mapping().ok_or_else(allowed)? {
        let name = name.as_str().ok_or_else(allowed)?;
        let limit = Limit::from_name(name);
        let limit = limit.ok_or_else(|| format!("{name}: no such limit; there are {}", names()))?;
        // A limit without a value is not given.
        if given.is_null() {
            continue;
        }
        let most = whole_in(limit.least()..=limit.most(), given);
        limits.set(limit, most.map_err(|problem| format!("{name}: {problem}"))?);
    }
    Ok(limits)
}

pub(super) fn serialize<S: Serializer>(limits: &Limits, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(Limit::ALL.map(|limit| (limit.name(), limits.of(limit))))
}
