//! Sending one message.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::message::{self, MessageBody};
use crate::api::numbers::Digits;
use crate::api::status::word;
use crate::api::unknown::Ignored;
use crate::domain::ids::{CorrelationId, Label, MessageId, ServiceName};
use crate::domain::message::{Message, Status};
use crate::domain::timestamp::Timestamp;
use crate::http::body::{ReadBody, UnreadBody};
use crate::http::waits::unless_over;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::hub::request::RequestContext;
use crate::hub::send::SendOutcome;
use crate::web::caller::Caller;
use crate::web::headers::{CORRELATION_ID, only};
use crate::web::query;

const LONGEST_WAIT_MS: u64 = 60_000;
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRANSACTION_ID: HeaderName = HeaderName::from_static("x-transaction-id");

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SendQuery {
    /// Milliseconds to hold the answer until the message is settled.
    #[param(inline, default = 0)]
    wait_ms: Option<WaitDigits>,
}

type WaitDigits = Digits<0, LONGEST_WAIT_MS>;

/// What the hub promises.
#[derive(Serialize, ToSchema)]
pub(crate) struct Receipt<'a> {
    id: MessageId,
    /// `accepted`, `delivered` or `failed`.
    #[schema(pattern = "^(accepted|delivered|failed)$")]
    status: &'static str,
    timestamp: Timestamp,
    correlation_id: String,
    /// What the promise stands on: `disk` (synced) or `os` (written).
    #[schema(pattern = "^(disk|os)$")]
    durability: &'a str,
    /// The id was known with the same content: nothing was sent a second time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    /// Fields of the message that the hub does not know and left out; missing if there were none.
    #[serde(skip_serializing_if = "Ignored::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    ignored: Ignored,
}

/// Send a message
///
/// A 2xx means that the message is on disk and will be delivered at least once, whatever happens.
#[utoipa::path(
    post,
    path = "/v1/messages/send",
    operation_id = "send_message",
    tag = "messages",
    params(SendQuery, LabelHeaders),
    request_body = MessageBody,
    responses(
        (status = 200, description = "The id was known, or the message was delivered while the client waited", body = Receipt),
        (status = 202, description = "Accepted", body = Receipt),
        (status = 400, description = "INVALID_MESSAGE: `details.field` names what is wrong. INVALID_REQUEST: `wait_ms` is wrong"),
        (status = 403, description = "AUTH_FAILED: the source is somebody else"),
        (status = 404, description = "SERVICE_NOT_FOUND: nobody ever registered the destination"),
        (status = 409, description = "CONFLICT: the id was used for a message with other content"),
        (status = 429, description = "QUEUE_FULL: the lane of the destination, or the hub, is full. RATE_LIMITED: the source has sent all its quota allows. See `Retry-After`"),
        (status = 502, description = "DELIVERY_FAILED: it failed for good while the client waited"),
        (status = 503, description = "CIRCUIT_OPEN (see `Retry-After`), SERVICE_UNAVAILABLE: with `on_unavailable: reject`, nobody can take it now. STORAGE_UNAVAILABLE: whether the id is known cannot be found out"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub(crate) async fn send(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let wait = match request.query_string() {
        "" => None,
        _ => query::read::<SendQuery>(&request)?.wait_ms,
    };
    let body = ReadBody::one(&hub, payload, Subject::Message).await?;
    let caller = Caller::of(&request);
    let labels = Labels::of(request.headers())?;
    let context = labels.context(&caller, hub.clock.wall());
    let (offer, ignored) = message::read(body.text(), &context)?;
    let place = body.without_text();
    let message = offer.message.clone();
    let settled = wait.filter(|wait| wait.0 > 0).map(|wait| {
        let settlement = hub.await_settlement(message.id);
        (Duration::from_millis(wait.0), settlement)
    });
    let mut outcomes = hub.send(&context, vec![offer]).await?;
    let known = match outcomes.next().ok_or(HubError::Internal)?? {
        SendOutcome::Accepted => None,
        SendOutcome::Known(state) => Some(hub.present_state(message.id, state).await?),
    };
    // From here on it counts as one that waits in its queue.
    drop(place);
    let (status, mut response) = match (settled, known) {
        (Some((wait, settlement)), _) => {
            // Who says no more may be gone, and waits for nothing.
            let settlement = unless_over(&request, timeout(wait, settlement));
            let fact = async { settlement.await?.ok()?.ok() };
            match hub.status_when_settled(message.id, known, fact).await? {
                Status::Pending => ("accepted", HttpResponse::Accepted()),
                settled => (word(settled), HttpResponse::Ok()),
            }
        }
        (None, None) => ("accepted", HttpResponse::Accepted()),
        (None, Some(state)) => (word(state.status()), HttpResponse::Ok()),
    };
    Ok(response.json(Receipt {
        ignored,
        ..receipt(&hub, &message, status, known.is_some())
    }))
}

fn receipt<'a>(hub: &Hub, message: &Message, status: &'static str, duplicate: bool) -> Receipt<'a> {
    Receipt {
        id: message.id,
        status,
        timestamp: message.accepted_at,
        correlation_id: message.correlation_id(),
        durability: hub.settings.durability,
        duplicate,
        ignored: Ignored::default(),
    }
}

/// What the headers of a request say for all messages or events in it: how they are described, of
/// which [`Labels`] has what is read here.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct LabelHeaders {
    /// The `source` of those that name none.
    #[param(required = false, rename = "X-Service-Name")]
    _service_name: ServiceName,
    /// The `correlation_id` of those that name none.
    #[param(required = false, rename = "X-Correlation-ID")]
    _correlation_id: CorrelationId,
    /// W3C trace context, passed on with them.
    #[param(required = false, rename = "traceparent")]
    _traceparent: String,
}

/// What the headers of a request say for all its messages.
pub(crate) struct Labels {
    correlation_id: Option<CorrelationId>,
    traceparent: Option<Label>,
}

impl Labels {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, HubError> {
        if headers.contains_key(&TRANSACTION_ID) {
            // Whoever sends it relies on it.
            let problem = "is not known to this version";
            return Err(HubError::invalid(
                Subject::Message,
                "X-Transaction-ID",
                problem,
            ));
        }
        let correlation_id = headers.get(CORRELATION_ID);
        let correlation_id = correlation_id.map(|value| {
            let label = value
                .to_str()
                .ok()
                .and_then(|text| CorrelationId::given_segment(text).ok());
            let problem = "must be 1 to 200 printable characters, not `.` or `..`";
            label.ok_or_else(|| HubError::invalid(Subject::Message, "X-Correlation-ID", problem))
        });
        let correlation_id = correlation_id.transpose()?;
        // A trace that cannot be read is no reason to refuse a message.
        let traceparent = only(headers, &TRACEPARENT);
        let traceparent = traceparent.ok().flatten();
        let traceparent = traceparent.and_then(|value| Label::parse(value.to_str().ok()?).ok());
        Ok(Self {
            correlation_id,
            traceparent,
        })
    }

    /// The request with what they say.
    pub(crate) fn context<'a>(
        &'a self,
        caller: &'a Caller<'_>,
        now: Timestamp,
    ) -> RequestContext<'a> {
        RequestContext {
            correlation_id: self.correlation_id.as_ref(),
            traceparent: self.traceparent.as_ref(),
            ..caller.context(now)
        }
    }
}
