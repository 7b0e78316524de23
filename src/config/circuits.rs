//! When the circuit of a service, or of an address of callbacks, opens and closes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::period;
use super::seconds::secs;
use super::value::{number, whole};

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct CircuitsConfig {
    #[serde(
        deserialize_with = "whole::<1, 1_000_000, _, _>",
        default = "number::<5, _>"
    )]
    pub circuit_breaker_failure_threshold: u32,
    /// 0: rejections open no circuit.
    #[serde(
        deserialize_with = "whole::<0, 1_000_000, _, _>",
        default = "number::<20, _>"
    )]
    pub circuit_breaker_rejection_threshold: u32,
    #[serde(with = "period", default = "secs::<60>")]
    pub circuit_breaker_reset_timeout: Duration,
    #[serde(with = "period", default = "secs::<30>")]
    pub circuit_breaker_half_open_timeout: Duration,
}
