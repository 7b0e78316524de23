//! What the log says, and in which form.

use serde::{Deserialize, Deserializer, Serialize};

use super::log_filter::{USUAL, log_filter};
use super::value::read_text;

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct LogConfig {
    /// A filter such as `info` or `message_hub=debug,warn`.
    #[serde(deserialize_with = "filter", default = "usual")]
    pub log: String,
    #[serde(default)]
    pub log_format: LogFormat,
}

fn usual() -> String {
    USUAL.to_owned()
}

fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read_text(deserializer, log_filter)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}
