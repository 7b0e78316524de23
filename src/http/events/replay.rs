//! `/v1/events/replay`: past events from some point on, to the caller or to a subscription.

pub(crate) mod input;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::list::EventPage;
use super::read::{self, Span};
use crate::actors::messages::subscriptions::{InspectSubscriptions, StartReplay};
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::JobId;
use crate::domain::pattern::Pattern;
use crate::domain::subscription::SubscriptionId;
use crate::http::body::{Body, Incoming};
use crate::http::caller::{Caller, principal};
use crate::http::openapi::history::{ReplayInput, ReplaySearch};
use crate::http::query::Query;
use crate::http::reading::Reading;
use crate::hub::Hub;
use crate::hub::acts::Act;
use crate::hub::error::HubError;
use crate::logic::event_query::EventQuery;
use crate::logic::page::Page;
use input::{ReplayRequest, SUBJECT, Start};

/// A replay to a subscription has begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplayStarted {
    replay_id: JobId,
}

/// Replay events
///
/// Without `deliver_to` the events are the answer, page by page, oldest first. With it they go to
/// that subscription beside its live ones, each marked as a replay.
#[utoipa::path(
    post,
    path = "/v1/events/replay",
    operation_id = "replay_events",
    tag = "events",
    request_body = ReplayInput,
    responses(
        (status = 200, description = "The events", body = EventPage),
        (status = 202, description = "`deliver_to`: they are on their way", body = ReplayStarted),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong, or what the mode needs"),
        (status = 403, description = "AUTH_FAILED: the subscription is another service's"),
        (status = 404, description = "NOT_FOUND: no such subscription"),
        (status = 410, description = "GONE: events from `from_sequence` or `cursor` on are no longer kept; `details.oldest_sequence` says which are"),
        (status = 503, description = "STORAGE_UNAVAILABLE: not all of it is in memory, and the archive does not answer"),
    ),
)]
pub(crate) async fn replay(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: Incoming,
) -> Result<HttpResponse, HubError> {
    let body = Body::one(&hub, payload, SUBJECT).await?;
    let asked = ReplayRequest::from_body(body.text())?;
    answer(&hub, &request, asked).await
}

/// Replay events, asked for in the query
///
/// Only to the caller: what is to be sent to a subscription is asked for with POST.
#[utoipa::path(
    get,
    path = "/v1/events/replay",
    operation_id = "replay_events_by_query",
    tag = "events",
    params(ReplaySearch),
    responses(
        (status = 200, description = "The events", body = EventPage),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong, or what the mode needs; `deliver_to` is for POST only"),
        (status = 410, description = "GONE: events from `from_sequence` or `cursor` on are no longer kept; `details.oldest_sequence` says which are"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: not all of it is in memory, and the archive does not answer"),
    ),
)]
pub(crate) async fn replay_by_query(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let asked = ReplayRequest::from_query(&Query::of(&request)?)?;
    answer(&hub, &request, asked).await
}

async fn answer(
    hub: &Hub,
    request: &HttpRequest,
    asked: ReplayRequest,
) -> Result<HttpResponse, HubError> {
    if let Some(subscription) = asked.deliver_to {
        let replay_id = deliver(hub, request, asked, subscription).await?;
        return Ok(HttpResponse::Accepted().json(ReplayStarted { replay_id }));
    }
    let mut reading = Reading::of(hub, request);
    let (page, to) = match (asked.start, asked.cursor) {
        (Start::LastN(n), None) => last_n(&mut reading, &asked, n).await?,
        (_, cursor) => {
            let to = cursor.and_then(|span| span.to);
            (from_start(&mut reading, &asked).await?, to)
        }
    };
    let next = page.next.map(|event| event.sequence);
    let next_cursor = next.map(|from| Span { from, to }.write());
    Ok(reading.json(&EventPage::of(&page.items, next_cursor)))
}

/// The page that begins where the caller says.
async fn from_start(
    reading: &mut Reading<'_>,
    asked: &ReplayRequest,
) -> Result<Page<Arc<Event>>, HubError> {
    let mut query = asked.query();
    query.limit = asked.page_limit();
    match asked.start {
        Start::Timestamp(at) => query.from_timestamp = Some(at),
        Start::Sequence(from) => query.from_sequence = Some(from),
        Start::Beginning | Start::LastN(_) => {}
    }
    if let Some(span) = asked.cursor {
        query.from_sequence = Some(span.from);
        query.to_sequence = span.to.or(query.to_sequence);
    }
    let kept = query.from_sequence;
    read::read_kept(reading, query, kept).await
}

/// The first page of the last `n` that match, or of all if there are fewer, oldest first, and
/// where they end.
async fn last_n(
    reading: &mut Reading<'_>,
    asked: &ReplayRequest,
    n: usize,
) -> Result<(Page<Arc<Event>>, Option<Sequence>), HubError> {
    let Some((first, last)) = read::newest(reading.hub, asked.query(), n).await? else {
        return Ok((Page::empty(), None));
    };
    let query = EventQuery {
        from_sequence: Some(first),
        to_sequence: Some(last),
        limit: asked.page_limit(),
        ..asked.query()
    };
    Ok((read::read(reading, query).await?, Some(last)))
}

/// Has the events sent to a subscription.
async fn deliver(
    hub: &Hub,
    request: &HttpRequest,
    mut asked: ReplayRequest,
    subscription_id: SubscriptionId,
) -> Result<JobId, HubError> {
    if asked.filter.event_types.is_empty() {
        asked.filter.event_types = types_of(hub, subscription_id).await?;
    }
    let (from, to) = span_to_deliver(hub, request, &asked).await?;
    let limit = match asked.start {
        Start::LastN(n) => Some(asked.limit.unwrap_or(u64::MAX).min(n as u64)),
        _ => asked.limit,
    };
    let started = hub.clients.event_bus.request(|reply| StartReplay {
        subscription_id,
        owner: principal(request).acts_only_for(),
        filter: asked.filter,
        from,
        to,
        limit,
        rate: asked.rate,
        reply,
    });
    let refused = |refusal| HubError::refused(refusal, unknown(subscription_id));
    let replay = started.await?.map_err(refused)?;
    let outcome = format!("replay {replay} from sequence {from}");
    Act::new("replay_events", "subscription", &subscription_id)
        .with(&outcome)
        .tell(&Caller::of(request).context(hub.clock.wall()));
    Ok(replay)
}

/// What the subscription itself is about.
async fn types_of(hub: &Hub, id: SubscriptionId) -> Result<Vec<Pattern>, HubError> {
    let asked = InspectSubscriptions {
        id: Some(id),
        service: None,
    };
    let found = hub.clients.event_bus.query(asked).await?.pop();
    let view = found.ok_or_else(|| unknown(id))?;
    Ok(view.subscription.event_types.to_vec())
}

fn unknown(id: SubscriptionId) -> HubError {
    HubError::NotFound {
        what: format!("subscription {id}"),
    }
}

/// The first event that is meant, and the last if it is known.
async fn span_to_deliver(
    hub: &Hub,
    request: &HttpRequest,
    asked: &ReplayRequest,
) -> Result<(Sequence, Option<Sequence>), HubError> {
    let log = read::log(hub).await?;
    let (first, to) = match asked.start {
        Start::Beginning => return Ok((log.oldest, asked.to_sequence)),
        Start::Sequence(from) => {
            read::must_be_kept(hub, Some(from)).await?;
            return Ok((from, asked.to_sequence));
        }
        Start::Timestamp(at) => {
            let query = EventQuery {
                from_timestamp: Some(at),
                limit: 1,
                ..EventQuery::default()
            };
            let found = read::read(&mut Reading::of(hub, request), query)
                .await?
                .items;
            let first = found.first().map(|event| event.sequence);
            (first, asked.to_sequence)
        }
        Start::LastN(n) => {
            let ends = read::newest(hub, asked.query(), n).await?;
            let (first, last) = ends.unzip();
            (first, last.or(asked.to_sequence))
        }
    };
    Ok((first.unwrap_or(log.newest + 1), to))
}
