//! Publishing many events in one request, each for itself or all of them or none.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::publish::Taken;
use crate::api;
use crate::api::error_schema::ErrorBody;
use crate::api::unknown::Ignored;
use crate::domain::offer::EventOffer;
use crate::domain::refusal::Refusal;
use crate::http::batch::{BatchItems, Items, check_size, common_error, is_ndjson, told};
use crate::http::body::{self, ReadBody, UnreadBody};
use crate::http::messages::send::{LabelHeaders, Labels};
use crate::http::openapi::values::EventBatchInput;
use crate::hub::Hub;
use crate::hub::access::Principal;
use crate::hub::error::{HubError, Subject};
use crate::hub::publish::PublishOutcome;
use crate::hub::request::RequestContext;
use crate::web::caller::Caller;
use crate::web::error::HttpError;

#[derive(Serialize, ToSchema)]
pub(crate) struct EventBatchReceipt {
    accepted: usize,
    rejected: usize,
    /// One for each event, in order.
    results: Vec<EventBatchItem>,
}

/// What became of one event of a batch.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum EventBatchItem {
    Accepted(PublishedItem),
    Refused {
        index: usize,
        #[schema(value_type = ErrorBody)]
        error: Value,
    },
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PublishedItem {
    index: usize,
    #[serde(flatten)]
    taken: Taken,
}

type Outcome = Result<Taken, HubError>;

/// Publish many events
///
/// One bad event does not fail the others, unless `atomic` says so: then all are published, or
/// none and the answer is the error of the first bad one. Those accepted are on disk.
#[utoipa::path(
    post,
    path = "/v1/events/batch",
    operation_id = "publish_batch",
    tag = "events",
    params(LabelHeaders),
    request_body(
        description = "An array, alone or in an object, or one event a line. At most 16 MiB.",
        content((EventBatchInput = "application/json"), (String = "application/x-ndjson")),
    ),
    responses(
        (status = 202, description = "At least one event was published", body = EventBatchReceipt),
        (status = 400, description = "INVALID_MESSAGE: no batch, or none of its events was accepted; `details.results` says why"),
        (status = 403, description = "AUTH_FAILED: all sources are somebody else"),
        (status = 409, description = "VERSION_CONFLICT: no stream is as expected. CONFLICT: all ids were used for events with other content"),
        (status = 413, description = "PAYLOAD_TOO_LARGE: all events are larger than 1 MiB"),
        (status = 429, description = "RATE_LIMITED: the sources have sent all their quotas allow. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: whether an id is known cannot be found out"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub(crate) async fn publish_batch(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HttpError> {
    // Around a payload: its event, the array, perhaps the object around it.
    let body = ReadBody::read(&hub, payload, body::BATCH, 3, Subject::Message).await?;
    let caller = Caller::of(&request);
    let labels = Labels::of(request.headers())?;
    let context = labels.context(&caller, hub.clock.wall());
    let batch = BatchItems::split(body.text(), Items::Events, is_ndjson(&request))?;
    let atomic = batch.atomic;
    let (outcomes, offers) = read(&batch.items, &context);
    let _place = body.without_text();
    // Of an atomic batch all, or none.
    let outcomes = match atomic && offers.len() < outcomes.len() {
        true => also_forbidden(outcomes, &offers, &caller.principal),
        false => take(&hub, &context, outcomes, (offers, atomic)).await?,
    };
    answer(outcomes, atomic)
}

/// The events of the batch, and what is wrong with the rest.
fn read(items: &[&str], context: &RequestContext<'_>) -> (Vec<Outcome>, Vec<EventOffer>) {
    let mut outcomes = Vec::with_capacity(items.len());
    let mut offers = Vec::with_capacity(items.len());
    for item in items {
        match read_item(item, context) {
            Ok((offer, ignored)) => {
                outcomes.push(Ok(Taken::of(&offer.event, true, ignored)));
                offers.push(offer);
            }
            Err(error) => outcomes.push(Err(error)),
        }
    }
    (outcomes, offers)
}

/// Of a batch that is refused as a whole already: which of the events that could be read would have
/// been refused, too, as the first of all is the one that is told.
fn also_forbidden(
    mut outcomes: Vec<Outcome>,
    offers: &[EventOffer],
    principal: &Principal,
) -> Vec<Outcome> {
    let read = outcomes.iter_mut().filter(|outcome| outcome.is_ok());
    for (outcome, offer) in read.zip(offers) {
        if let Err(error) = principal.may_publish(&offer.event) {
            *outcome = Err(error);
        }
    }
    outcomes
}

/// What became of each item.
async fn take(
    hub: &Hub,
    context: &RequestContext<'_>,
    mut outcomes: Vec<Outcome>,
    (offers, atomic): (Vec<EventOffer>, bool),
) -> Result<Vec<Outcome>, HubError> {
    let mut published = hub.publish(context, offers, atomic).await?;
    for outcome in &mut outcomes {
        let Ok(taken) = outcome else {
            continue;
        };
        match published.next().ok_or(HubError::Internal)? {
            Ok(PublishOutcome::Published(event)) => {
                let ignored = std::mem::take(&mut taken.ignored);
                *taken = Taken::of(&event, false, ignored);
            }
            Ok(PublishOutcome::Known) => {}
            Err(error) => *outcome = Err(error),
        }
    }
    tell_originals(hub, &mut outcomes).await?;
    Ok(outcomes)
}

fn read_item(item: &str, context: &RequestContext<'_>) -> Result<(EventOffer, Ignored), HubError> {
    check_size(item)?;
    api::event::read(item, context)
}

/// Gives repeats the places of their originals, as far as these are kept.
async fn tell_originals(hub: &Hub, outcomes: &mut [Outcome]) -> Result<(), HubError> {
    let taken = || outcomes.iter().flatten();
    let ids = taken()
        .filter(|taken| taken.duplicate)
        .map(|taken| taken.id);
    let known = hub.original_events(ids.collect()).await?;
    for taken in outcomes
        .iter_mut()
        .flatten()
        .filter(|taken| taken.duplicate)
    {
        if let Some(event) = known.get(&taken.id) {
            let ignored = std::mem::take(&mut taken.ignored);
            *taken = Taken::of(event, true, ignored);
        }
    }
    Ok(())
}

fn answer(outcomes: Vec<Outcome>, atomic: bool) -> Result<HttpResponse, HttpError> {
    let rejected = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let accepted = outcomes.len() - rejected;
    if atomic && let Some((index, error)) = first_bad(&outcomes) {
        let outcomes = refuse_others(outcomes, index);
        let errors: Vec<_> = outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().err())
            .collect();
        let results = told(&errors);
        return Err(HttpError::Atomic {
            error,
            index,
            results,
        });
    }
    if accepted == 0 {
        let errors: Vec<_> = outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().err())
            .collect();
        let error = common_error(errors.iter().copied(), Items::Events);
        let results = told(&errors);
        return Err(HttpError::Batch { error, results });
    }
    Ok(HttpResponse::Accepted().json(EventBatchReceipt {
        accepted,
        rejected,
        results: items(outcomes),
    }))
}

/// Which event failed the whole batch, and why.
fn first_bad(outcomes: &[Outcome]) -> Option<(usize, HubError)> {
    let errors = outcomes.iter().enumerate();
    let mut errors = errors.filter_map(|(index, outcome)| Some((index, outcome.as_ref().err()?)));
    let own = errors.find(|(_, error)| !matches!(error, HubError::Refused(Refusal::BatchRefused)));
    own.map(|(index, error)| (index, error.clone()))
}

/// Nothing of an atomic batch was published, also where only the body of another was wrong.
fn refuse_others(outcomes: Vec<Outcome>, index: usize) -> Vec<Outcome> {
    let others = outcomes.into_iter().enumerate();
    let refuse = |(other, outcome): (usize, Outcome)| match outcome {
        Ok(_) if other != index => Err(Refusal::BatchRefused.into()),
        outcome => outcome,
    };
    others.map(refuse).collect()
}

fn items(outcomes: Vec<Outcome>) -> Vec<EventBatchItem> {
    let item = |(index, outcome)| match outcome {
        Ok(taken) => EventBatchItem::Accepted(PublishedItem { index, taken }),
        Err(error) => EventBatchItem::Refused {
            index,
            error: api::error::body(&error, Map::new()),
        },
    };
    outcomes.into_iter().enumerate().map(item).collect()
}
