//! A text that must not be printed.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A key or an address with a password in it; shown as `***` wherever it might be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: to compare or to connect with, never to print.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hide(&self.0, "***", serializer)
    }
}

/// A value that is read through this is not repeated when it is refused.
#[derive(Deserialize)]
pub(super) struct Hidden<T>(pub T);

/// What [`Hidden`] is called where it is read, and what is hidden where it is written.
pub(super) const HIDDEN: &str = "Hidden";

/// Writes what may be shown of a secret, and a digest that tells it from another one.
pub(super) fn hide<S: Serializer>(
    secret: &str,
    shown: &str,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let digest = Sha256::digest(secret);
    serializer.serialize_newtype_variant(HIDDEN, 0, HIDDEN, &(shown, digest.as_slice()))
}
