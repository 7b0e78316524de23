//! What one sends to `/v1/messages`.

use utoipa::{IntoParams, ToSchema};

use crate::domain::attempt::AttemptOutcome;
use crate::domain::circuit::CircuitName;
use crate::domain::ids::{CorrelationId, InstanceId, JobId, ServiceName};
use crate::domain::message::{State, Status};
use crate::domain::timestamp::Timestamp;

/// One try to hand a message to its destination.
#[derive(ToSchema)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    pub at: Timestamp,
    /// Which instance it was tried with.
    #[schema(required = false)]
    pub instance: InstanceId,
    pub outcome: AttemptOutcome,
    /// What the instance answered, if it did.
    #[schema(required = false)]
    pub status_code: u16,
    pub duration_ms: u64,
    #[schema(required = false)]
    pub error: String,
}

/// What a request says for all messages in it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct MessageHeaders {
    /// The `source` of messages that name none.
    #[param(required = false, rename = "X-Service-Name")]
    pub service_name: ServiceName,
    /// The `correlation_id` of messages that name none.
    #[param(required = false, rename = "X-Correlation-ID")]
    pub correlation_id: CorrelationId,
    /// W3C trace context, passed on with the messages.
    #[param(required = false)]
    pub traceparent: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SendQuery {
    /// Milliseconds to hold the answer until the message is settled.
    #[param(required = false, minimum = 0, maximum = 60_000, default = 0)]
    pub wait_ms: u32,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageSearch {
    #[param(required = false)]
    pub source: ServiceName,
    #[param(required = false)]
    pub destination: ServiceName,
    #[param(required = false)]
    pub status: Status,
    #[param(required = false)]
    pub state: State,
    #[param(required = false)]
    pub correlation_id: String,
    /// Accepted then or later.
    #[param(required = false)]
    pub since: Timestamp,
    /// Accepted before.
    #[param(required = false)]
    pub until: Timestamp,
}

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at most. A page of large ones has fewer, about 4 MiB: what counts is whether
    /// there is a `next_cursor`.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before.
    #[param(required = false, pattern = "^[0-9]{1,19}$")]
    pub cursor: String,
}

/// Which part of a list of what services have.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NamePageQuery {
    /// How many items at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before: the name it ended with.
    #[param(required = false)]
    pub cursor: ServiceName,
}

/// Which part of the list of circuits.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CircuitPageQuery {
    /// How many items at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before: the name it ended with.
    #[param(required = false)]
    pub cursor: CircuitName,
}

/// Which part of the list of sockets.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SocketPageQuery {
    /// How many items at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before: the id it ended with.
    #[param(required = false)]
    pub cursor: String,
}

/// Which part of the list of jobs.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobPageQuery {
    /// How many items at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before: the job it ended with.
    #[param(required = false)]
    pub cursor: JobId,
}
