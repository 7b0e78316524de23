//! How messages wait, are delivered, repeated and given up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::patience::{self, Patience};
use super::period;
use super::seconds::{self, secs};
use super::value::{bytes, number, whole};
use crate::domain::ordering::OrderingOnFailure;

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct DeliveryConfig {
    /// How long an instance may take to answer a push.
    #[serde(with = "period", default = "secs::<30>")]
    pub message_timeout: Duration,
    /// Messages per destination and priority.
    #[serde(
        deserialize_with = "whole::<1, 1_000_000_000, _, _>",
        default = "number::<10_000, _>"
    )]
    pub max_queue_size: usize,
    #[serde(
        deserialize_with = "whole::<1, { u64::MAX }, _, _>",
        default = "bytes::<{ 1 << 30 }>"
    )]
    pub max_queue_bytes: u64,
    #[serde(
        deserialize_with = "whole::<1, 1_000_000, _, _>",
        default = "number::<5, _>"
    )]
    pub max_retry_attempts: u32,
    #[serde(
        deserialize_with = "whole::<0, 1_000_000, _, _>",
        default = "number::<20, _>"
    )]
    pub delivery_limit: u32,
    #[serde(with = "period", default = "secs::<1>")]
    pub base_retry_delay: Duration,
    #[serde(with = "period", default = "secs::<300>")]
    pub max_retry_delay: Duration,
    /// How long a message waits behind newer, more important ones.
    #[serde(with = "patience", default = "patience::usual")]
    pub patience: Patience,
    #[serde(with = "seconds", default = "secs::<60>")]
    pub deadline_lead: Duration,
    #[serde(with = "period", default = "secs::<86_400>")]
    pub dedup_window: Duration,
    /// Message ids.
    #[serde(
        deserialize_with = "whole::<1, 100_000_000, _, _>",
        default = "a_million"
    )]
    pub dedup_capacity: usize,
    #[serde(default)]
    pub ordering_on_failure: OrderingOnFailure,
}

fn a_million() -> usize {
    1_000_000
}
