//! JSON that nobody looks into.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// JSON text kept byte for byte as the sender wrote it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// The text is JSON already: whoever made the [`RawValue`] has checked it.
    pub fn new(json: Box<RawValue>) -> Self {
        Self(json)
    }

    /// Checks that `json` is one JSON value.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json).map(Self)
    }

    /// What stands where a text was left out.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// The text, byte for byte.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// The text as `serde_json` writes it into another without reading it again.
    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_kept() {
        let text = r#"{"a": 1e400,"a":"\u00e4" }"#;
        assert_eq!(JsonText::parse(text).unwrap().as_json(), text);
        assert!(JsonText::parse("{} {}").is_err());
    }
}
