//! The body of every error, as it is described.

use serde_json::Value;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{LeaseToken, ServiceName};
use crate::domain::message::State;
use crate::domain::redrive::JobStatus;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::ErrorCode;

/// What every error looks like.
#[derive(ToSchema)]
#[schema(as = ErrorAnswer)]
#[expect(dead_code, reason = "it is put together by name in error.rs")]
pub(crate) struct ErrorResponseDoc {
    pub error: ErrorBody,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "it is put together by name in error.rs")]
pub(crate) struct ErrorBody {
    pub code: ErrorCode,
    /// For people. It may change; the code does not.
    #[schema(example = "ttl: must be greater than 0")]
    pub message: String,
    pub details: ErrorDetails,
}

/// What each code means, and with which status it comes.
const CODES: &str = "\
What went wrong, for programs.

| code | status | when |
|---|---|---|
| INVALID_MESSAGE | 400 | a message or an event is wrong |
| INVALID_SUBSCRIPTION | 400 | a subscription is wrong |
| INVALID_REQUEST | 400, 415 | any other body, query or path is wrong; 415: the body has a `Content-Encoding` |
| INVALID_REQUEST | 408, 431 | the head of a request takes too long, or is too large |
| AUTH_FAILED | 401 | name or key is missing or wrong |
| AUTH_FAILED | 403 | the caller, or the web page that asks, may not do this |
| NOT_FOUND | 404 | no such route, message, dead letter, redrive job or service |
| SERVICE_NOT_FOUND | 404 | a destination nobody ever registered |
| METHOD_NOT_ALLOWED | 405 | `Allow` lists the methods of the path |
| CONFLICT | 409 | same id with other content; wrong state for the operation; stale leases |
| VERSION_CONFLICT | 409 | a stream is not at the version that is expected or asked for |
| GONE | 410 | events that are asked for are no longer kept |
| PAYLOAD_TOO_LARGE | 413 | more than 1 MiB, or 16 MiB for a batch or what a stream adds up to |
| UPGRADE_REQUIRED | 426 | the path is for WebSockets |
| RATE_LIMITED | 429 | the sender's quota is used up, or too many keys were wrong; see `Retry-After` |
| QUEUE_FULL | 429 | a lane is full, or too much is under way; see `Retry-After` |
| LIMIT_REACHED | 429 | a bound of one service or caller: `details.limit` names it, `details.most` says how much; `/v1/limits` shows all |
| INTERNAL_ERROR | 500 | a bug |
| DELIVERY_FAILED | 502 | a waited-for delivery failed for good |
| SERVICE_UNAVAILABLE | 503 | the hub is starting or stopping; no instance, and not to be queued |
| CIRCUIT_OPEN | 503 | the circuit is open, and not to be queued; see `Retry-After` |
| STORAGE_UNAVAILABLE | 503 | the archive with the history does not answer |
| STORAGE_FULL | 507 | the disk is nearly full; everything but taking in goes on |";

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let codes = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(CODES))
            .enum_values(Some(Self::ALL.map(Self::name)));
        codes.into()
    }
}

impl ToSchema for ErrorCode {}

/// More about an error; what is there depends on its code. In the item of a batch there is neither
/// `request_id` nor `timestamp`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is put together by name in error.rs")]
pub(crate) struct ErrorDetails {
    /// As in the header `X-Request-ID`.
    #[schema(required = false)]
    pub request_id: String,
    #[schema(required = false)]
    pub timestamp: Timestamp,
    /// In a frame, where there is no `Retry-After`: seconds until another try makes sense.
    #[schema(required = false)]
    pub retry_after: u64,
    /// The field, parameter or header that is wrong, or `body`.
    #[schema(required = false)]
    pub field: String,
    /// SERVICE_NOT_FOUND: the destination. RATE_LIMITED: the sender.
    #[schema(required = false)]
    pub service: ServiceName,
    /// CONFLICT: the state the message is in.
    #[schema(required = false)]
    pub state: State,
    /// CONFLICT: how far the redrive job is.
    #[schema(required = false)]
    pub status: JobStatus,
    /// CONFLICT: the leases that are not valid any more.
    #[schema(required = false)]
    pub leases: Vec<LeaseToken>,
    /// VERSION_CONFLICT: the version that an event expected; -1 stands for any but a new stream.
    #[schema(required = false)]
    pub expected_version: i64,
    /// VERSION_CONFLICT: how many events the stream has had.
    #[schema(required = false)]
    pub current_version: u64,
    /// GONE: the oldest event kept.
    #[schema(required = false)]
    pub oldest_sequence: u64,
    /// LIMIT_REACHED: the limit's name, as in the configuration.
    #[schema(required = false)]
    pub limit: String,
    /// LIMIT_REACHED: what it allows.
    #[schema(required = false)]
    pub most: u64,
    /// Which event failed an atomic batch.
    #[schema(required = false)]
    pub index: usize,
    /// DELIVERY_FAILED: why the hub gave up; null if the message was cancelled.
    pub reason: Option<DeadReason>,
    /// DELIVERY_FAILED: how the last attempt failed.
    pub last_error: Option<String>,
    /// A batch of which nothing was accepted: what is wrong with each item. With more than 100
    /// items each sentence once, with the `count` of items and the first of their `indexes`.
    #[schema(value_type = Vec<Object>, required = false)]
    pub results: Value,
}
