//! What one asks of `/v1/events`, `/v1/streams` and `/v1/correlations`.

use utoipa::{IntoParams, ToSchema};

use crate::domain::ids::{CorrelationId, ServiceName, StreamId};
use crate::domain::timestamp::Timestamp;

/// Which events; those that match everything given.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventSearch {
    /// Patterns with commas between them; one has to match. `*` stands for one word, `#` for any
    /// number of words.
    #[param(required = false, example = "order.*,payment.#")]
    pub event_type: String,
    #[param(required = false)]
    pub source: ServiceName,
    #[param(required = false)]
    pub stream_id: StreamId,
    /// Or the event's own id, if it names none.
    #[param(required = false)]
    pub correlation_id: CorrelationId,
    /// Inclusive.
    #[param(required = false, minimum = 0)]
    pub from_sequence: u64,
    /// Inclusive.
    #[param(required = false, minimum = 0)]
    pub to_sequence: u64,
    /// Published then or later, by the hub's clock.
    #[param(required = false)]
    pub from_timestamp: Timestamp,
    /// Published then or before.
    #[param(required = false)]
    pub to_timestamp: Timestamp,
    #[param(required = false, default = "asc")]
    pub order: EventOrder,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum EventOrder {
    Asc,
    Desc,
}

/// Where a replay begins.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ReplayMode {
    /// With the oldest event kept.
    FromBeginning,
    FromTimestamp,
    FromSequence,
    /// With the last n that match, n being `last_n`.
    LastNEvents,
}

/// Which events to replay.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReplaySearch {
    pub mode: ReplayMode,
    /// Required by the mode `from_timestamp`, and for it only.
    #[param(required = false)]
    pub from_timestamp: Timestamp,
    /// Required by the mode `from_sequence`, and for it only; inclusive.
    #[param(required = false, minimum = 0)]
    pub from_sequence: u64,
    /// Inclusive.
    #[param(required = false, minimum = 0)]
    pub to_sequence: u64,
    /// Required by the mode `last_n_events`, and for it only.
    #[param(required = false, minimum = 1, maximum = 1000)]
    pub last_n: u64,
    /// Patterns with commas between them.
    #[param(required = false)]
    pub event_types: String,
    #[param(required = false)]
    pub source: ServiceName,
    #[param(required = false)]
    pub stream_id: StreamId,
    #[param(required = false)]
    pub correlation_id: CorrelationId,
    /// On a page, which has fewer if they are large (about 4 MiB), and then a `next_cursor`.
    #[param(required = false, minimum = 1, maximum = 1000)]
    pub limit: u64,
    /// The `next_cursor` of the page before.
    #[param(required = false, pattern = "^[0-9]{1,19}(-[0-9]{1,19})?$")]
    pub cursor: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamSearch {
    /// Inclusive.
    #[param(required = false, minimum = 0, default = 1)]
    pub from_version: u64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StateSearch {
    /// The last event in it; the stream's last one by default.
    #[param(required = false, minimum = 1)]
    pub at_version: u64,
}

/// Which part of a conversation.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SpanPageQuery {
    /// How many items at most. A page of large ones has fewer, about 4 MiB: what counts is whether
    /// there is a `next_cursor`.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before.
    #[param(required = false, pattern = "^[0-9]{1,19}-[0-9]{1,19}$")]
    pub cursor: String,
}
