//! What a service may send and be sent.

use serde::{Deserialize, Serialize};

/// The limits of one service; `None`: no limit (contract, section 5).
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
}
