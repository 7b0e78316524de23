//! `/v1/messages`: send one or many, look at them, take them back.

pub(crate) mod batch;
pub(crate) mod send;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::content_search::{self, MessageContent, PayloadContent, SearchedView};
use super::message_view::MessageView;
use super::no_body::NoBody;
use super::payload_view::PayloadQuery;
use super::reading;
use crate::api::field::{texts, word};
use crate::api::texts::{OldCorrelation, OldService, PointInTime};
use crate::domain::ids::{MessageId, Position};
use crate::domain::message::{State, Status};
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::hub::message_record::MessageRecord;
use crate::hub::messages::{MessageFilter, Removal};
use crate::logic::payload_head::PayloadDetail;
use crate::web::caller::Caller;
use crate::web::page::PageQuery;
use crate::web::query::{self, Query};
use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    for path in ["/v1/messages/send", "/message"] {
        routes.at(path, [routing::post(send::send)]);
    }
    routes.at(
        "/v1/messages",
        [routing::post(send::send), routing::get(search)],
    );
    routes.at("/v1/messages/batch", [routing::post(batch::send_batch)]);
    routes.at(
        "/v1/messages/{id}",
        [routing::get(show), routing::delete(cancel)],
    );
    routes.at("/message/{id}", [routing::get(show)]);
}

#[derive(OpenApi)]
#[openapi(paths(send::send, batch::send_batch, search, show, cancel))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// Which messages; those that match everything given.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageSearch {
    source: Option<OldService>,
    destination: Option<OldService>,
    status: Option<StatusWord>,
    state: Option<MessageStateWord>,
    correlation_id: Option<OldCorrelation>,
    /// Accepted then or later.
    since: Option<PointInTime>,
    /// Accepted before.
    until: Option<PointInTime>,
}

texts! {
    StatusWord(Status) = |text| word(text, Status::from_name, &["pending", "delivered", "failed"]);
    MessageStateWord(State) = |text| word(text, State::from_name, &State::ALL.map(State::name));
}

/// A page of a list of messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessagePage {
    messages: Vec<MessageView>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
    /// If a part of what they are was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    searched: Option<SearchedView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Cancelled {
    id: MessageId,
    /// `failed`.
    status: Status,
    /// `cancelled`.
    state: State,
}

/// One message
///
/// What became of it so far, and what it waits for.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}",
    operation_id = "show_message",
    tag = "messages",
    params(("id" = MessageId, Path), PayloadQuery),
    responses(
        (status = 200, description = "The message", body = MessageView),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 404, description = "NOT_FOUND: not known, or not the caller's to see"),
        (status = 503, description = "STORAGE_UNAVAILABLE: it may be in the archive, which does not answer"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let caller = Caller::of(&request);
    let detail = query::read::<PayloadQuery>(&request)?.detail();
    let record = hub.message(&caller.context(hub.clock.wall()), id).await?;
    Ok(HttpResponse::Ok().json(MessageView::new(record, detail)))
}

/// Take a message back, or delete it
///
/// One that is not settled is cancelled: a lease does not protect it, a push that is under way
/// does. One that is settled goes for good, content and all, but stays what it was in every count.
#[utoipa::path(
    delete,
    path = "/v1/messages/{id}",
    operation_id = "cancel_message",
    tag = "messages",
    params(("id" = MessageId, Path)),
    responses(
        (status = 200, description = "It will not be delivered", body = Cancelled),
        (status = 204, description = "It was settled, and is deleted"),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the caller did not send it"),
        (status = 404, description = "NOT_FOUND: not known, or not the caller's to see"),
        (status = 409, description = "CONFLICT: a push is under way, or it was settled at this moment"),
        (status = 503, description = "STORAGE_UNAVAILABLE: it may be in the archive, which does not answer"),
    ),
)]
pub(crate) async fn cancel(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    match hub.remove_message(&context, id).await? {
        Removal::Deleted => Ok(HttpResponse::NoContent().finish()),
        Removal::Cancelled => Ok(HttpResponse::Ok().json(Cancelled {
            id,
            status: Status::Failed,
            state: State::Cancelled,
        })),
    }
}

/// Find messages, newest first
///
/// What no list is ordered by (`type`, `priority`, what a payload or an error says) is looked for
/// among all that match the rest: at most 200,000 of them or a second long. Then `next_cursor` goes
/// on from there, also if nothing was found so far.
#[utoipa::path(
    get,
    path = "/v1/messages",
    operation_id = "search_messages",
    tag = "messages",
    params(MessageSearch, PayloadContent, MessageContent, PayloadQuery, PageQuery::<Position>),
    responses(
        (status = 200, description = "Those the caller may see", body = MessagePage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer, and not only messages that are still owed are asked for"),
    ),
)]
pub(crate) async fn search(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let query = Query::of(&request)?;
    let (search, part) = (
        query.read::<MessageSearch>()?,
        query.read::<PageQuery<_>>()?,
    );
    let limit = part.limit();
    let detail = query.read::<PayloadQuery>()?.detail();
    let search = search.filter(part.cursor, detail);
    let content = content_search::of_messages(&query)?;
    let mut reading = reading::of(&request, &hub);
    if !content.is_empty() {
        reading.begin_search().await?;
    }
    if search.needs_archive() {
        reading.begin_in_archive().await?;
    } else if !search.states.is_empty() {
        reading.begin().await?;
    }
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let (items, next, searched) = if content.is_empty() {
        let page = hub.search_messages(&context, &search, limit).await?;
        let last = page.items.last().filter(|_| !page.is_last());
        let next = last.map(MessageRecord::position);
        (page.items, next, None)
    } else {
        let found = hub.look_through_messages(&context, &search, content, limit);
        let found = found.await?;
        (found.items, found.next, Some(found.searched.into()))
    };
    let next_cursor = next.map(|position| position.to_string());
    let count = items.len();
    let views = items.into_iter();
    let views = views.map(|record| MessageView::new(record, detail));
    Ok(reading::json(
        reading,
        &MessagePage {
            count,
            next_cursor,
            messages: views.collect(),
            searched,
        },
    ))
}

impl MessageSearch {
    /// Of the messages before `before`.
    fn filter(self, before: Option<Position>, detail: PayloadDetail) -> MessageFilter {
        let is_wanted = |candidate: &State| {
            let (status, state) = (&self.status, &self.state);
            status
                .as_ref()
                .is_none_or(|word| candidate.status() == word.0)
                && state.as_ref().is_none_or(|word| *candidate == word.0)
        };
        MessageFilter {
            states: State::ALL.into_iter().filter(is_wanted).collect(),
            source: self.source.map(|service| service.0),
            destination: self.destination.map(|service| service.0),
            correlation_id: self.correlation_id.map(|id| id.0.to_string()),
            since: self.since.map(|time| time.0),
            until: self.until.map(|time| time.0),
            detail,
            before,
        }
    }
}
