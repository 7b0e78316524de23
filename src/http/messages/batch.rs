//! Sending many messages in one request: a JSON array, `{"messages": […]}`, or NDJSON.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::send::{Labels, accept};
use crate::actors::messages::Slot;
use crate::domain::ids::MessageId;
use crate::error::{HubError, Subject};
use crate::http::Hub;
use crate::http::auth::Caller;
use crate::http::body::{self, Body};
use crate::http::fields;
use crate::http::message_input::{self, Context};
use crate::http::openapi::errors::ErrorBody;
use crate::http::openapi::messages::MessageHeaders;
use crate::http::openapi::values::BatchInput;

const MOST_ITEMS: usize = 10_000;
const SUBJECT: Subject = Subject::Message;

#[derive(Serialize, ToSchema)]
#[schema(as = BatchReceipt)]
pub struct Answer {
    accepted: usize,
    rejected: usize,
    /// One for each message, in order.
    results: Vec<Item>,
}

/// What became of one message of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchItem)]
#[serde(untagged)]
pub enum Item {
    Accepted {
        index: usize,
        id: MessageId,
        /// `accepted`.
        status: &'static str,
        /// The id was known with the same content.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        duplicate: bool,
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
    params(MessageHeaders),
    request_body(
        description = "An array, alone or in an object, or one message a line. At most 16 MiB.",
        content((BatchInput = "application/json"), (String = "application/x-ndjson")),
    ),
    responses(
        (status = 202, description = "At least one message was accepted", body = Answer),
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
pub async fn send_batch(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: web::Payload,
) -> Result<HttpResponse, HubError> {
    // Around a payload: its message, the array, perhaps the object around it.
    let body = Body::read(&hub, payload, body::BATCH, 3, SUBJECT).await?;
    let caller = Caller::of(&request);
    let labels = Labels::of(request.headers())?;
    let context = labels.context(&caller, hub.clock.now());
    let items = split(body.text(), is_ndjson(&request))?;
    let outcomes = take(&hub, &items, &context).await?;
    answer(outcomes)
}

fn is_ndjson(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-ndjson")
}

/// The JSON texts of the items.
fn split(text: &str, ndjson: bool) -> Result<Vec<&str>, HubError> {
    let items = if ndjson {
        text.lines()
            .filter(|line| !line.trim().is_empty())
            .collect()
    } else {
        array(text)?
            .into_iter()
            .map(RawValue::get)
            .collect::<Vec<_>>()
    };
    if items.is_empty() || items.len() > MOST_ITEMS {
        let problem = format!("must have 1 to {MOST_ITEMS} items");
        return Err(HubError::invalid(SUBJECT, "messages", problem));
    }
    Ok(items)
}

fn array(text: &str) -> Result<Vec<&RawValue>, HubError> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        messages: Vec<&'a RawValue>,
    }
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|error| fields::not_json(SUBJECT, &error));
    }
    match fields::object::<Wrapped<'_>>(SUBJECT, text) {
        Ok(wrapped) => Ok(wrapped.messages),
        Err(HubError::Invalid { field, problem, .. }) if field == "body" => Err(HubError::invalid(
            SUBJECT,
            "messages",
            format!("must be an array of messages, alone or in an object ({problem})"),
        )),
        Err(error) => Err(error),
    }
}

/// What became of each item: its id, or why not.
async fn take(
    hub: &Hub,
    items: &[&str],
    context: &Context<'_>,
) -> Result<Vec<Result<(MessageId, bool), HubError>>, HubError> {
    let mut outcomes = Vec::with_capacity(items.len());
    let mut offers = Vec::with_capacity(items.len());
    for item in items {
        match read_item(item, context) {
            Ok(offer) => {
                outcomes.push(Ok((offer.message.id, false)));
                offers.push(offer);
            }
            Err(error) => outcomes.push(Err(error)),
        }
    }
    let mut slots = accept(hub, offers).await?.into_iter();
    for outcome in outcomes.iter_mut() {
        let Ok((_, duplicate)) = outcome else {
            continue;
        };
        match slots.next() {
            Some(Slot::Accepted) => {}
            Some(Slot::Duplicate) => *duplicate = true,
            Some(Slot::Refused(refusal)) => *outcome = Err(refusal.into()),
            Some(Slot::Offered(_) | Slot::Doubtful(..)) | None => return Err(HubError::Internal),
        }
    }
    Ok(outcomes)
}

fn read_item(
    item: &str,
    context: &Context<'_>,
) -> Result<crate::actors::messages::Offer, HubError> {
    if item.len() > body::ONE {
        return Err(HubError::TooLarge { limit: body::ONE });
    }
    message_input::read(item, context)
}

fn answer(outcomes: Vec<Result<(MessageId, bool), HubError>>) -> Result<HttpResponse, HubError> {
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let rejected = outcomes.len() - accepted;
    let common = if accepted == 0 {
        common_error(&outcomes)
    } else {
        None
    };
    let results = outcomes
        .into_iter()
        .enumerate()
        .map(|(index, outcome)| match outcome {
            Ok((id, duplicate)) => Item::Accepted {
                index,
                id,
                status: "accepted",
                duplicate,
            },
            Err(error) => Item::Refused {
                index,
                error: error.body(Map::new()),
            },
        });
    let results: Vec<Item> = results.collect();
    match common {
        Some(error) => Err(HubError::Batch {
            error: Box::new(error),
            results: json!(results),
        }),
        None => Ok(HttpResponse::Accepted().json(Answer {
            accepted,
            rejected,
            results,
        })),
    }
}

/// The error of all items if they agree, else that the batch is wrong.
fn common_error(outcomes: &[Result<(MessageId, bool), HubError>]) -> Option<HubError> {
    let mut errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let first = errors.next()?;
    if errors.all(|error| error.code() == first.code()) {
        return Some(first.clone());
    }
    let problem = "none of the items could be accepted; details.results says why";
    Some(HubError::invalid(SUBJECT, "messages", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_objects_and_lines_are_split_alike() {
        let expected = vec![r#"{"a":1}"#, "2"];
        assert_eq!(split(r#"[{"a":1}, 2]"#, false).unwrap(), expected);
        assert_eq!(
            split(r#"{"messages":[{"a":1}, 2],"x":0}"#, false).unwrap(),
            expected
        );
        assert_eq!(split("{\"a\":1}\n\r\n2\n", true).unwrap(), expected);
    }

    #[test]
    fn what_is_no_batch_is_refused_with_its_field() {
        for text in [
            "",
            "5",
            "{}",
            "[",
            r#"{"messages":{}}"#,
            "[]",
            r#"{"messages":[]}"#,
        ] {
            let HubError::Invalid { field, .. } = split(text, false).unwrap_err() else {
                panic!("{text}");
            };
            assert!(field == "messages" || field == "body", "{text}: {field}");
        }
        let many = format!("[{}1]", "1,".repeat(MOST_ITEMS));
        assert!(split(&many, false).is_err());
    }

    #[test]
    fn a_batch_without_any_success_is_an_error_of_its_own() {
        let refused = |field: &str| Err(HubError::invalid(SUBJECT, field, "is wrong"));
        let busy = || Err(HubError::Busy);
        let code = |outcomes| answer(outcomes).unwrap_err().code();
        assert_eq!(code(vec![busy(), busy()]), "QUEUE_FULL");
        assert_eq!(code(vec![refused("ttl"), refused("id")]), "INVALID_MESSAGE");
        assert_eq!(code(vec![refused("ttl"), busy()]), "INVALID_MESSAGE");
        let id = MessageId(uuid::Uuid::nil());
        assert_eq!(
            answer(vec![busy(), Ok((id, false))])
                .unwrap()
                .status()
                .as_u16(),
            202
        );
    }
}
