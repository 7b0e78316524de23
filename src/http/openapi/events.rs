//! What one says beside the body to `/v1/events`.

use utoipa::IntoParams;

use crate::domain::ids::{CorrelationId, ServiceName};

/// What a request says for all events in it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct EventHeaders {
    /// The `source` of events that name none.
    #[param(required = false, rename = "X-Service-Name")]
    pub service_name: ServiceName,
    /// The `correlation_id` of events that name none.
    #[param(required = false, rename = "X-Correlation-ID")]
    pub correlation_id: CorrelationId,
    /// W3C trace context, kept with the events.
    #[param(required = false)]
    pub traceparent: String,
}
