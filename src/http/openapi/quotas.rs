//! What one sends to `/v1/quotas`.

use utoipa::ToSchema;

/// The whole quota of a service: at least one field, and what is left out has no limit. Unknown
/// fields are ignored; null means that a field is not given.
#[derive(ToSchema)]
#[schema(example = json!({"send_rate": 50, "send_burst": 200, "max_in_flight": 10}))]
pub struct QuotaInput {
    /// Messages per second the service may send; more are refused.
    #[schema(exclusive_minimum = 0, maximum = 1_000_000)]
    pub send_rate: Option<f64>,
    /// Messages it may send at once after a pause; only with `send_rate`. One second's worth, at
    /// least 1, if not given.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub send_burst: Option<u32>,
    /// Messages per second the service is handed; more wait.
    #[schema(exclusive_minimum = 0, maximum = 1_000_000)]
    pub deliver_rate: Option<f64>,
    /// Messages the service has in hand at once, over all its instances and consumers; more wait.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_in_flight: Option<u32>,
    /// Bytes of messages that may wait for the service; more are refused.
    #[schema(minimum = 1)]
    pub max_waiting_bytes: Option<u64>,
    /// Requests per second the service may make; more are refused.
    #[schema(exclusive_minimum = 0, maximum = 1_000_000)]
    pub request_rate: Option<f64>,
    /// Requests it may make at once after a pause; only with `request_rate`. One second's worth, at
    /// least 1, if not given.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub request_burst: Option<u32>,
}
