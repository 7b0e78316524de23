//! The configuration in force, key by key: as `check-config` prints it, and what is different from
//! another one.

use std::fmt;

use serde::Serialize;
use serde_norway::{Error, Mapping, Value};

/// The keys of a struct, or of several, in the order of its fields.
pub(super) fn values(keys: &impl Serialize) -> Result<Mapping, Error> {
    match serde_norway::to_value(keys)? {
        Value::Mapping(values) => Ok(values),
        _ => Ok(Mapping::new()),
    }
}

/// The names of the keys that have a value.
pub(super) fn set(values: &Mapping) -> Vec<String> {
    let set = values.iter().filter(|(_, value)| !value.is_null());
    set.filter_map(|(key, _)| key.as_str())
        .map(str::to_owned)
        .collect()
}

/// The names of the keys that have not the same value in both, in alphabetical order.
pub(super) fn differences(one: &Mapping, other: &Mapping) -> Vec<String> {
    let different = one
        .iter()
        .filter(|(key, value)| other.get(key) != Some(value));
    let names = different.filter_map(|(key, _)| key.as_str());
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort();
    names
}

/// A value in YAML, in one line and without the secrets in it.
pub(super) struct Shown<'a>(pub &'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Bool(is) => write!(f, "{is}"),
            // A float that is whole is written like a whole number.
            Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(float) => write!(f, "{float}"),
                None => write!(f, "{number}"),
            },
            Value::String(text) if is_plain(text) => f.write_str(text),
            Value::String(text) => write!(f, "{text:?}"),
            Value::Sequence(items) => {
                let items: Vec<_> = items.iter().map(|item| Shown(item).to_string()).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Value::Mapping(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", Shown(key), Shown(value)));
                write!(f, "{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            // What is hidden, of which the first part may be shown.
            Value::Tagged(hidden) => {
                let shown = hidden.value.get(0).unwrap_or(&Value::Null);
                write!(f, "{}", Shown(shown))
            }
        }
    }
}

/// Whether a text means itself without quotes: one word that is no `null` and no `true`.
fn is_plain(text: &str) -> bool {
    let is_word = text
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_word && serde_norway::from_str(text).is_ok_and(|value: Value| value.is_string())
}
