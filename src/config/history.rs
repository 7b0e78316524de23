//! How long events, messages, dead letters and subscriptions are kept.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::seconds::{self, secs};
use super::value::{number, whole};
use super::{days, period};

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct HistoryConfig {
    /// Events of a stream from one snapshot to the next; 0: none is taken.
    #[serde(
        deserialize_with = "whole::<0, 1_000_000_000, _, _>",
        default = "number::<1000, _>"
    )]
    pub snapshot_interval: u64,
    /// How long events are kept; zero: for ever.
    #[serde(rename = "event_retention_days", with = "days", default = "a_month")]
    pub event_retention: Duration,
    /// How long a message stays in the history after it was settled; zero: for ever.
    #[serde(rename = "message_retention_days", with = "days", default = "a_month")]
    pub message_retention: Duration,
    /// How long a dead letter is kept; zero: until somebody deletes it.
    #[serde(rename = "dead_letter_retention_days", with = "days", default)]
    pub dead_letter_retention: Duration,
    /// How often older events and messages are removed.
    #[serde(with = "period", default = "secs::<3600>")]
    pub compaction_interval: Duration,
    /// A subscription that gave no sign of life for so long holds no event back.
    #[serde(
        rename = "subscription_expiry_days",
        deserialize_with = "some_days",
        serialize_with = "days::serialize",
        default = "a_month"
    )]
    pub subscription_expiry: Duration,
    /// How long callbacks are signed with the old secret, too, after it was changed.
    #[serde(with = "seconds", default = "secs::<86_400>")]
    pub secret_overlap: Duration,
}

fn a_month() -> Duration {
    Duration::from_secs(30 * 86_400)
}

fn some_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match days::deserialize(deserializer)? {
        Duration::ZERO => Err(serde::de::Error::custom("must be at least a millisecond")),
        days => Ok(days),
    }
}
