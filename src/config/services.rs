//! When an instance is well, and which gets the next message.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::period;
use super::seconds::secs;
use super::value::{number, whole};
use crate::domain::strategy::Strategy;

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct ServicesConfig {
    #[serde(with = "period", default = "secs::<30>")]
    pub service_check_interval: Duration,
    /// No instance may ask to be checked more often.
    #[serde(with = "period", default = "secs::<1>")]
    pub min_check_interval: Duration,
    #[serde(with = "period", default = "secs::<10>")]
    pub service_timeout: Duration,
    #[serde(
        deserialize_with = "whole::<1, 1000, _, _>",
        default = "number::<3, _>"
    )]
    pub unhealthy_threshold: u32,
    #[serde(
        deserialize_with = "whole::<1, 1000, _, _>",
        default = "number::<2, _>"
    )]
    pub healthy_threshold: u32,
    /// An unhealthy instance that gives no sign of life for so long is deregistered.
    #[serde(with = "period", default = "secs::<5400>")]
    pub instance_expiry: Duration,
    #[serde(default)]
    pub load_balancing_strategy: Strategy,
}
