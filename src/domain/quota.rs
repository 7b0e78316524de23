//! What a service may send and be sent.

use serde::{Deserialize, Serialize};

/// The limits of one service; `None`: no limit (docs/guides/quotas.md).
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Quota {
    /// Messages per second it may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_rate: Option<f64>,
    /// Messages it may send at once after a pause; `None`: one second's worth, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_burst: Option<u32>,
    /// Messages per second it is handed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver_rate: Option<f64>,
    /// Messages it has in hand at once, over all its instances and consumers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
    /// Bytes of messages that may wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_waiting_bytes: Option<u64>,
    /// Requests per second it may make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_rate: Option<f64>,
    /// Requests it may make at once after a pause; `None`: one second's worth, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_burst: Option<u32>,
}

impl Quota {
    /// The highest rate there may be, in messages per second; the lowest is above 0.
    pub const HIGHEST_RATE: f64 = 1e6;
    /// The most that `send_burst` and `max_in_flight` may be; the least is 1.
    pub const MOST: u32 = 1_000_000;

    /// The most that `max_waiting_bytes` may be; the least is 1.
    pub const MOST_BYTES: u64 = 1 << 50;

    /// In words, for those who gave another one.
    pub const RATES: &'static str = "must be a number greater than 0 and at most 1000000";

    /// Whether this is a rate, in messages per second.
    pub fn is_rate(rate: f64) -> bool {
        rate > 0.0 && rate <= Self::HIGHEST_RATE
    }

    /// Whether it sets no limit at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
