//! Sending one message.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::actors::messages::{Accept, AwaitSettled, Inspect, Offer, Slot};
use crate::domain::attempt::AttemptOutcome;
use crate::domain::dead_letter::DeadReason;
use crate::domain::fact::Fact;
use crate::domain::ids::{Label, MessageId};
use crate::domain::message::{Message, State, Status};
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::http::body::{Body, Incoming};
use crate::http::caller::Caller;
use crate::http::fields::unknown::Ignored;
use crate::http::flush::flush;
use crate::http::headers::{CORRELATION_ID, only};
use crate::http::known_ids::{self, Finding, Given};
use crate::http::message_input;
use crate::http::message_lookup::load;
use crate::http::openapi::messages::{MessageHeaders, MessageInput, SendQuery};
use crate::http::query::Query;
use crate::http::waits::unless_over;
use crate::hub::Hub;
use crate::hub::clients::Response;
use crate::hub::error::{HubError, Subject};
use crate::hub::request::RequestContext;
use crate::hub::steps::MessageSteps;
use crate::logic::canonical::same_content;
use crate::ports::archive::{ArchivedMessage, MOST_IDS};

const LONGEST_WAIT_MS: u64 = 60_000;
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRANSACTION_ID: HeaderName = HeaderName::from_static("x-transaction-id");

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
    params(SendQuery, MessageHeaders),
    request_body = MessageInput,
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
    payload: Incoming,
) -> Result<HttpResponse, HubError> {
    let wait = match request.query_string() {
        "" => None,
        _ => Query::of(&request)?.number("wait_ms", 0, LONGEST_WAIT_MS)?,
    };
    let body = Body::one(&hub, payload, Subject::Message).await?;
    let caller = Caller::of(&request);
    let labels = Labels::of(request.headers())?;
    let context = labels.context(&caller, hub.clock.wall());
    let (offer, ignored) = message_input::read(body.text(), &context)?;
    let place = body.without_text();
    let message = offer.message.clone();
    let settled = wait.filter(|wait| *wait > 0).map(|wait| {
        let settled = hub.clients.scheduler.ask(|reply| AwaitSettled {
            id: message.id,
            reply,
        });
        (Duration::from_millis(wait), settled)
    });
    let known = match accept(&hub, &context, vec![offer]).await?.pop() {
        Some(Slot::Accepted) => None,
        Some(Slot::Duplicate(state)) => Some(present(&hub, message.id, state).await?),
        Some(Slot::Refused(refusal)) => return Err(refusal.into()),
        Some(Slot::Offered(_) | Slot::Doubtful(..)) | None => return Err(HubError::Internal),
    };
    // From here on it counts as one that waits in its queue.
    drop(place);
    let (status, mut response) = match (settled, known) {
        (Some((wait, settled)), _) => {
            // Who says no more may be gone, and waits for nothing.
            let settled = unless_over(&request, timeout(wait, settled));
            match wait_for(&hub, &message, known, settled).await? {
                "accepted" => ("accepted", HttpResponse::Accepted()),
                settled => (settled, HttpResponse::Ok()),
            }
        }
        (None, None) => ("accepted", HttpResponse::Accepted()),
        (None, Some(state)) => (word(state), HttpResponse::Ok()),
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

/// Offers messages to the hub; the answer is complete and on disk.
pub(crate) async fn accept(
    hub: &Hub,
    context: &RequestContext<'_>,
    offers: Vec<Offer>,
) -> Result<Vec<Slot>, HubError> {
    let steps = MessageSteps::of(&offers);
    let slots = submit(hub, offers).await?.await?;
    steps.tell(context.request_id, &slots);
    Ok(slots)
}

/// As [`accept`], but returns as soon as the messages have their place in line.
pub(crate) async fn submit(hub: &Hub, offers: Vec<Offer>) -> Result<Response<Vec<Slot>>, HubError> {
    let mut slots: Vec<Slot> = offers.into_iter().map(Slot::Offered).collect();
    known_already(hub, &mut slots).await?;
    Ok(hub.clients.router.ask(|reply| Accept { slots, reply }))
}

/// Finds ids that the dedup window may not tell. Other ids cost nothing here, and the rest one
/// look-up for many.
async fn known_already(hub: &Hub, slots: &mut [Slot]) -> Result<(), HubError> {
    let forgetful = hub.metrics.dedup_overflowed.get() > 0;
    let is_unsure = |slot: &&mut Slot| {
        let message = slot.offered();
        message.is_some_and(|message| given(message).is_unsure(forgetful))
    };
    let mut unsure: Vec<_> = slots.iter_mut().filter(is_unsure).collect();
    for some in unsure.chunks_mut(MOST_IDS) {
        look_up(hub, some).await?;
    }
    Ok(())
}

async fn look_up(hub: &Hub, slots: &mut [&mut Slot]) -> Result<(), HubError> {
    let offered = slots.iter().filter_map(|slot| slot.offered());
    let ids: Vec<_> = offered.map(|message| message.id).collect();
    let open = hub
        .clients
        .scheduler
        .look(Inspect { ids: ids.clone() })
        .await?;
    let open = open
        .into_iter()
        .flatten()
        .map(|open| (open.message.id, ((*open.message).clone(), open.state)));
    let mut known: HashMap<MessageId, (Message, State)> = open.collect();
    let (stored, archive_answers) = known_ids::stored(stored(hub, ids)).await?;
    for row in stored {
        let (id, state) = (row.message.id, row.state);
        known.entry(id).or_insert((row.message, state));
    }
    for slot in slots {
        let Some(message) = slot.offered() else {
            continue;
        };
        let first = known.get(&message.id);
        let same = first.map(|(known, _)| same_content(known, message));
        let state = first.map(|(_, state)| *state);
        let finding = Finding::of(given(message), same, archive_answers);
        let offered = std::mem::replace(*slot, Slot::Duplicate(state));
        **slot = match (finding, offered) {
            (Finding::Repeat, _) => Slot::Duplicate(state),
            (Finding::Taken, _) => Slot::Refused(Refusal::OtherContent),
            (Finding::Doubtful, Slot::Offered(offer)) => {
                Slot::Doubtful(offer, Refusal::HistoryUnknown)
            }
            (_, offered) => offered,
        };
    }
    Ok(())
}

fn given(message: &Message) -> Given {
    Given {
        fingerprint: message.fingerprint(),
        is_generated: message.id.is_generated(),
    }
}

async fn stored(hub: &Hub, ids: Vec<MessageId>) -> Result<Vec<ArchivedMessage>, HubError> {
    flush(hub).await?;
    Ok(hub.archive.messages_by_id(ids).await?)
}

/// What came of waiting for the end of a message.
type Waited = Result<Result<Fact, HubError>, Elapsed>;

/// How it is in the words of an answer to a send, once that is settled or the wait over.
async fn wait_for(
    hub: &Hub,
    message: &Message,
    known: Option<State>,
    settled: impl Future<Output = Option<Waited>>,
) -> Result<&'static str, HubError> {
    match known.map(|state| (state, state.status())) {
        Some((_, Status::Delivered)) => return Ok("delivered"),
        Some((state, Status::Failed)) => return Err(failure(hub, message.id, state).await),
        Some((_, Status::Pending)) | None => {}
    }
    let Some(Ok(Ok(fact))) = settled.await else {
        return Ok("accepted");
    };
    match fact.settlement() {
        Some((State::Delivered, _)) => Ok("delivered"),
        Some((_, settlement)) => {
            let attempt = settlement.attempt.as_ref();
            let failed = attempt.filter(|attempt| attempt.outcome != AttemptOutcome::Delivered);
            let last_error = failed.and_then(|attempt| attempt.error.clone());
            Err(HubError::DeliveryFailed {
                reason: settlement.reason,
                last_error,
            })
        }
        None => Err(HubError::Internal),
    }
}

/// Why a message failed, as far as that can be told now.
async fn failure(hub: &Hub, id: MessageId, state: State) -> HubError {
    let view = load(hub, id).await.ok().flatten();
    let expired = (state == State::Expired).then_some(DeadReason::Expired);
    let (reason, last_error) = view.map_or((expired, None), |view| (view.reason, view.last_error));
    HubError::DeliveryFailed { reason, last_error }
}

/// The state of a known message. An end that nobody remembers is left to the archive; while that
/// is away, all that can be said is that the message was accepted.
async fn present(hub: &Hub, id: MessageId, state: Option<State>) -> Result<State, HubError> {
    if let Some(state) = state {
        return Ok(state);
    }
    match load(hub, id).await {
        Ok(view) => Ok(view.map_or(State::Queued, |view| view.state)),
        Err(HubError::NoArchive(_)) => Ok(State::Queued),
        Err(error) => Err(error),
    }
}

/// In the words of an answer to a send.
pub(crate) fn word(state: State) -> &'static str {
    match state.status() {
        Status::Delivered => "delivered",
        Status::Failed => "failed",
        Status::Pending => "accepted",
    }
}

/// What the headers of a request say for all its messages.
pub(crate) struct Labels {
    correlation_id: Option<Label>,
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
                .and_then(|text| Label::given_segment(text).ok());
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
