//! Reads and writes `limits`: a map of the names of limits to what they are.

use std::fmt;

use serde_norway::Value;

use super::value::whole;
use crate::logic::limits::{Limit, Limits};

pub(super) fn read(value: &Value) -> Result<Limits, String> {
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
        let most = whole(limit.least()..=limit.most())(given);
        limits.set(limit, most.map_err(|problem| format!("{name}: {problem}"))?);
    }
    Ok(limits)
}

/// Writes limits as [`read`] reads them.
pub(super) struct Written<'a>(pub &'a Limits);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = Limit::ALL.map(|limit| format!("{}: {}", limit.name(), self.0.of(limit)));
        write!(f, "{{{}}}", limits.join(", "))
    }
}
