//! `/v1/dlq`: messages, and events of subscriptions, that the hub gave up on.

mod groups;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::body::{ReadBody, UnreadBody};
use super::content_search::{self, FailureContent, MessageContent, PayloadContent, SearchedView};
use super::dead_events::DeadEventView;
use super::message_view::MessageView;
use super::no_body::NoBody;
use super::payload_view::PayloadQuery;
use super::reading;
use crate::api;
use crate::api::dead_letter_filter::DeadLetterSearch;
use crate::api::field::even_null;
use crate::api::texts::OldService;
use crate::domain::ids::{MessageId, Position};
use crate::domain::json_text::JsonText;
use crate::domain::payload::Payload;
use crate::hub::Hub;
use crate::hub::dead_letters::{DeadLetterFilter, DeadLetterRecord};
use crate::hub::error::{HubError, Subject};
use crate::logic::payload_head::PayloadDetail;
use crate::web::caller::Caller;
use crate::web::page::PageQuery;
use crate::web::query::{self, Query};
use crate::web::routing::{self, Routes};

const SUBJECT: Subject = Subject::Request;

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/dlq", [routing::get(search)]);
    routes.at("/v1/dlq/groups", [routing::get(groups::all)]);
    routes.at(
        "/v1/dlq/{id}",
        [routing::get(show), routing::delete(delete)],
    );
    routes.at("/v1/dlq/{id}/reprocess", [routing::post(reprocess)]);
}

#[derive(OpenApi)]
#[openapi(paths(search, groups::all, show, reprocess, delete))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// What to change before the message is sent again. May be left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReprocessInput)]
pub(crate) struct ReprocessBody {
    /// The old one if not given.
    destination: Option<OldService>,
    /// The old one if not given; null is a payload.
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = JsonText)]
    payload: Option<JsonText>,
}

/// A message, or an event that a subscription did not get.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
#[serde(untagged)]
pub(crate) enum DeadLetterView {
    Message(Box<MessageView>),
    Event(Box<DeadEventView>),
}

impl DeadLetterView {
    /// With so much of its payload.
    fn new(record: DeadLetterRecord, detail: PayloadDetail) -> Self {
        match record {
            DeadLetterRecord::Message(record) => {
                Self::Message(Box::new(MessageView::new(record, detail)))
            }
            DeadLetterRecord::Event(row) => Self::Event(Box::new(DeadEventView::new(
                row.dead_event,
                row.payload_head,
                detail,
            ))),
        }
    }
}

/// A page of the list of dead letters.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeadLetterPage {
    dead_letters: Vec<DeadLetterView>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
    /// If a part of what they are was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    searched: Option<SearchedView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Reprocessed {
    id: MessageId,
    /// `accepted`.
    status: &'static str,
}

/// Find dead letters, newest first
///
/// Messages the hub gave up on, expired ones included, and events that a subscription did not get
/// (their `destination` is the subscriber), until they are sent again or deleted. What no list is
/// ordered by is looked for as in the list of messages.
#[utoipa::path(
    get,
    path = "/v1/dlq",
    operation_id = "search_dead_letters",
    tag = "dead letters",
    params(DeadLetterSearch, PayloadContent, MessageContent, FailureContent, PayloadQuery, PageQuery::<Position>),
    responses(
        (status = 200, description = "Those the caller may see", body = DeadLetterPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn search(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let query = Query::of(&request)?;
    let part: PageQuery<Position> = query.read()?;
    let limit = part.limit();
    let detail = query.read::<PayloadQuery>()?.detail();
    let search = DeadLetterFilter {
        filter: query.read::<DeadLetterSearch>()?.filter(),
        detail,
        before: part.cursor,
    };
    let content = content_search::of_dead_letters(&query)?;
    let mut reading = reading::of(&request, &hub);
    if !content.is_empty() {
        reading.begin_search().await?;
    }
    reading.begin_in_archive().await?;
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let (items, next, searched) = if content.is_empty() {
        let page = hub.search_dead_letters(&context, &search, limit).await?;
        let last = page.items.last().filter(|_| !page.is_last());
        let next = last.map(DeadLetterRecord::position);
        (page.items, next, None)
    } else {
        let found = hub.look_through_dead_letters(&context, &search, content, limit);
        let found = found.await?;
        (found.items, found.next, Some(found.searched.into()))
    };
    let next_cursor = next.map(|position| position.to_string());
    let count = items.len();
    let views = items.into_iter();
    let views = views.map(|record| DeadLetterView::new(record, detail));
    Ok(reading::json(
        reading,
        &DeadLetterPage {
            count,
            next_cursor,
            dead_letters: views.collect(),
            searched,
        },
    ))
}

/// One dead letter, with its whole history
#[utoipa::path(
    get,
    path = "/v1/dlq/{id}",
    operation_id = "show_dead_letter",
    tag = "dead letters",
    params(("id" = MessageId, Path), PayloadQuery),
    responses(
        (status = 200, description = "The message, or the event", body = DeadLetterView),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 404, description = "NOT_FOUND: not in the list, or not the caller's to see"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let detail = query::read::<PayloadQuery>(&request)?.detail();
    let dead_letter = hub.dead_letter(&context, id).await?;
    Ok(HttpResponse::Ok().json(DeadLetterView::new(dead_letter, detail)))
}

/// Send a dead letter again
///
/// It leaves the list, and its attempts and ttl start anew. An event goes to its subscription once
/// more, as it was.
#[utoipa::path(
    post,
    path = "/v1/dlq/{id}/reprocess",
    operation_id = "reprocess_dead_letter",
    tag = "dead letters",
    params(("id" = MessageId, Path)),
    request_body = Option<ReprocessBody>,
    responses(
        (status = 202, description = "The hub owes it again", body = Reprocessed),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller neither sent it nor receives it, or changes what another sent"),
        (status = 404, description = "NOT_FOUND: not in the list, or not the caller's to see. SERVICE_NOT_FOUND: nobody ever registered the destination"),
        (status = 409, description = "CONFLICT: it was sent again or deleted meanwhile, or the subscription is no more"),
        (status = 429, description = "QUEUE_FULL: too much is owed already. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub(crate) async fn reprocess(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let asked: ReprocessBody = api::body::optional(SUBJECT, body.text())?;
    let destination = asked.destination.map(|service| service.0);
    let payload = asked.payload.map(Payload::Json);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let reprocessed = hub.reprocess_dead_letter(&context, id, destination, payload);
    reprocessed.await?;
    Ok(HttpResponse::Accepted().json(Reprocessed {
        id,
        status: "accepted",
    }))
}

/// Delete a dead letter
///
/// It goes for good, content and all, but stays dead or expired in every count.
#[utoipa::path(
    delete,
    path = "/v1/dlq/{id}",
    operation_id = "delete_dead_letter",
    tag = "dead letters",
    params(("id" = MessageId, Path)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the caller did not send the message"),
        (status = 404, description = "NOT_FOUND: not in the list, or not the caller's to see"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn delete(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    hub.delete_dead_letter(&context, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
