//! Sending many messages in one request: a JSON array, `{"messages": […]}`, or NDJSON.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::send::{LabelHeaders, Labels};
use crate::api;
use crate::api::error_schema::ErrorBody;
use crate::api::status::word;
use crate::api::unknown::Ignored;
use crate::domain::ids::MessageId;
use crate::domain::message::State;
use crate::domain::offer::Offer;
use crate::http::batch::{BatchItems, Items, check_size, common_error, is_ndjson, told};
use crate::http::body::{self, ReadBody, UnreadBody};
use crate::http::openapi::values::BatchInput;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::hub::request::RequestContext;
use crate::web::caller::Caller;
use crate::web::error::HttpError;

const SUBJECT: Subject = Subject::Message;

#[derive(Serialize, ToSchema)]
pub(crate) struct BatchReceipt {
    accepted: usize,
    rejected: usize,
    /// One for each message, in order.
    results: Vec<MessageBatchItem>,
}

/// What became of one message of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchItem)]
#[serde(untagged)]
pub(crate) enum MessageBatchItem {
    Accepted {
        index: usize,
        id: MessageId,
        /// `accepted`; of a known id, what became of it: `accepted`, `delivered` or `failed`.
        #[schema(pattern = "^(accepted|delivered|failed)$")]
        status: &'static str,
        /// The id was known with the same content.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        duplicate: bool,
        /// Fields of the message that the hub does not know and left out; missing if there were
        /// none.
        #[serde(skip_serializing_if = "Ignored::is_empty")]
        #[schema(value_type = Vec<String>, required = false)]
        ignored: Ignored,
    },
    Refused {
        index: usize,
        #[schema(value_type = ErrorBody)]
        error: Value,
    },
}

/// Send many messages
///
/// One bad message does not fail the others. Those accepted are on disk.
#[utoipa::path(
    post,
    path = "/v1/messages/batch",
    operation_id = "send_batch",
    tag = "messages",
    params(LabelHeaders),
    request_body(
        description = "An array, alone or in an object, or one message a line. At most 16 MiB.",
        content((BatchInput = "application/json"), (String = "application/x-ndjson")),
    ),
    responses(
        (status = 202, description = "At least one message was accepted", body = BatchReceipt),
        (status = 400, description = "INVALID_MESSAGE: no batch, or none of its messages was accepted; `details.results` says why"),
        (status = 403, description = "AUTH_FAILED: all sources are somebody else"),
        (status = 404, description = "SERVICE_NOT_FOUND: nobody ever registered any of the destinations"),
        (status = 409, description = "CONFLICT: all ids were used for messages with other content"),
        (status = 413, description = "PAYLOAD_TOO_LARGE: all messages are larger than 1 MiB"),
        (status = 429, description = "QUEUE_FULL: no message finds room. RATE_LIMITED: the sources have sent all their quotas allow. See `Retry-After`"),
        (status = 503, description = "CIRCUIT_OPEN (see `Retry-After`), SERVICE_UNAVAILABLE: with `on_unavailable: reject`, nobody can take any of them now. STORAGE_UNAVAILABLE: whether an id is known cannot be found out"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub(crate) async fn send_batch(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HttpError> {
    // Around a payload: its message, the array, perhaps the object around it.
    let body = ReadBody::read(&hub, payload, body::BATCH, 3, SUBJECT).await?;
    let caller = Caller::of(&request);
    let labels = Labels::of(request.headers())?;
    let context = labels.context(&caller, hub.clock.wall());
    let batch = BatchItems::split(body.text(), Items::Messages, is_ndjson(&request))?;
    let (outcomes, offers) = read(&batch.items, &context);
    let _place = body.without_text();
    answer(take(&hub, &context, outcomes, offers).await?)
}

/// A message of the batch that was taken.
struct Taken {
    id: MessageId,
    /// In which state it is, if it was known.
    known: Option<State>,
    ignored: Ignored,
}

/// What became of an item: its id, or why not.
type Outcome = Result<Taken, HubError>;

/// The messages of the batch, and what is wrong with the rest.
fn read(items: &[&str], context: &RequestContext<'_>) -> (Vec<Outcome>, Vec<Offer>) {
    let mut outcomes = Vec::with_capacity(items.len());
    let mut offers = Vec::with_capacity(items.len());
    for item in items {
        match read_item(item, context) {
            Ok((offer, ignored)) => {
                outcomes.push(Ok(Taken {
                    id: offer.message.id,
                    known: None,
                    ignored,
                }));
                offers.push(offer);
            }
            Err(error) => outcomes.push(Err(error)),
        }
    }
    (outcomes, offers)
}

async fn take(
    hub: &Hub,
    context: &RequestContext<'_>,
    mut outcomes: Vec<Outcome>,
    offers: Vec<Offer>,
) -> Result<Vec<Outcome>, HubError> {
    let mut sent = hub.send(context, offers).await?;
    for outcome in outcomes.iter_mut() {
        let Ok(taken) = outcome else {
            continue;
        };
        match sent.next().ok_or(HubError::Internal)? {
            Ok(sent) => taken.known = sent.known(),
            Err(error) => *outcome = Err(error),
        }
    }
    Ok(outcomes)
}

fn read_item(item: &str, context: &RequestContext<'_>) -> Result<(Offer, Ignored), HubError> {
    check_size(item)?;
    api::message::read(item, context)
}

fn answer(outcomes: Vec<Outcome>) -> Result<HttpResponse, HttpError> {
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let rejected = outcomes.len() - accepted;
    if accepted == 0 {
        let errors: Vec<_> = outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().err())
            .collect();
        let error = common_error(errors.iter().copied(), Items::Messages);
        return Err(HttpError::Batch {
            error,
            results: told(&errors),
        });
    }
    let results = outcomes
        .into_iter()
        .enumerate()
        .map(|(index, outcome)| match outcome {
            Ok(taken) => MessageBatchItem::Accepted {
                index,
                id: taken.id,
                status: taken.known.map_or("accepted", |state| word(state.status())),
                duplicate: taken.known.is_some(),
                ignored: taken.ignored,
            },
            Err(error) => MessageBatchItem::Refused {
                index,
                error: api::error::body(&error, Map::new()),
            },
        });
    Ok(HttpResponse::Accepted().json(BatchReceipt {
        accepted,
        rejected,
        results: results.collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_without_any_success_is_an_error_of_its_own() {
        let refused = |field: &str| Err(HubError::invalid(SUBJECT, field, "is wrong"));
        let busy = || Err(HubError::Busy);
        let code = |outcomes| answer(outcomes).unwrap_err().code().name();
        assert_eq!(code(vec![busy(), busy()]), "QUEUE_FULL");
        assert_eq!(code(vec![refused("ttl"), refused("id")]), "INVALID_MESSAGE");
        assert_eq!(code(vec![refused("ttl"), busy()]), "INVALID_MESSAGE");
        let taken = Taken {
            id: MessageId(uuid::Uuid::nil()),
            known: None,
            ignored: Ignored::default(),
        };
        assert_eq!(
            answer(vec![busy(), Ok(taken)]).unwrap().status().as_u16(),
            202
        );
    }
}
