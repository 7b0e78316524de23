//! Why a struct of keys does not take what it was given.

use std::fmt;

use serde::de::{Error, StdError};

#[derive(Debug)]
pub enum FieldRefusal {
    /// What is allowed instead of the value.
    Value(String),
    /// The field has an old name, and both were given.
    GivenTwice(&'static str),
}

impl Error for FieldRefusal {
    fn custom<T: fmt::Display>(allowed: T) -> Self {
        Self::Value(allowed.to_string())
    }

    fn unknown_variant(_name: &str, names: &'static [&'static str]) -> Self {
        Self::Value(format!("must be one of {}", names.join(", ")))
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::GivenTwice(key)
    }
}

impl StdError for FieldRefusal {}

impl fmt::Display for FieldRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(allowed) => f.write_str(allowed),
            Self::GivenTwice(key) => write!(f, "{key} is given twice"),
        }
    }
}
