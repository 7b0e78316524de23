//! `/v1/messages`: send one or many, look at them, take them back.

pub(crate) mod batch;
mod pending;
pub(crate) mod send;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Caller, principal};
use super::message_lookup::{find, load, visible};
use super::message_view::MessageView;
use super::no_body::NoBody;
use super::openapi::messages::{MessageSearch, PageQuery};
use super::query::{self, Query};
use super::reading::Reading;
use super::routing::{self, Routes};
use crate::actors::messages::{Cancel, DeleteMessage};
use crate::domain::ids::{Label, MessageId};
use crate::domain::message::{State, Status};
use crate::hub::Hub;
use crate::hub::access::{Operation, Principal};
use crate::hub::acts::Act;
use crate::hub::error::HubError;
use crate::logic::page::Page;
use crate::ports::archive::MessageQuery;

pub(crate) fn routes(routes: &mut Routes<'_>) {
    for path in ["/v1/messages/send", "/message"] {
        routes.at(path, "POST", [routing::post(send::send)]);
    }
    routes.at(
        "/v1/messages",
        "GET, POST",
        [routing::post(send::send), routing::get(search)],
    );
    routes.at(
        "/v1/messages/batch",
        "POST",
        [routing::post(batch::send_batch)],
    );
    routes.at(
        "/v1/messages/{id}",
        "GET, DELETE",
        [routing::get(show), routing::delete(cancel)],
    );
    routes.at("/message/{id}", "GET", [routing::get(show)]);
}

/// A page of a list of messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessagePage {
    messages: Vec<MessageView>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
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
    params(("id" = MessageId, Path)),
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
    let view = visible(&hub, id, &principal(&request)).await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Take a message back, or delete it
///
/// One that is not settled is cancelled: a lease does not protect it, a push that is under way does.
/// One that is settled goes for good, content and all, but stays what it was in every count.
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
    let caller = principal(&request);
    let view = visible(&hub, id, &caller).await?;
    // Who receives it may refuse it, but not make it unsent.
    caller.may(Operation::RemoveMessage(&view.source))?;
    if view.state.is_settled() {
        hub.clients
            .archivist
            .ask(|reply| DeleteMessage { id, reply })
            .await??;
        Act::new("delete_message", "message", &id)
            .tell(&Caller::of(&request).context(hub.clock.wall()));
        return Ok(HttpResponse::NoContent().finish());
    }
    match hub
        .clients
        .scheduler
        .ask(|reply| Cancel { id, reply })
        .await?
    {
        Ok(()) => {
            Act::new("cancel_message", "message", &id)
                .tell(&Caller::of(&request).context(hub.clock.wall()));
            Ok(HttpResponse::Ok().json(Cancelled {
                id,
                status: Status::Failed,
                state: State::Cancelled,
            }))
        }
        Err(crate::domain::refusal::Refusal::NotFound) => {
            let now = load(&hub, id).await?.map_or(view.state, |view| view.state);
            Err(settled(now))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// The message can no more be changed.
fn settled(state: State) -> HubError {
    let hint = "only a message that is not settled can be cancelled";
    crate::domain::refusal::Refusal::WrongState { state, hint }.into()
}

/// Find messages, newest first
#[utoipa::path(
    get,
    path = "/v1/messages",
    operation_id = "search_messages",
    tag = "messages",
    params(MessageSearch, PageQuery),
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
    let caller = principal(&request);
    let asked = Query::of(&request)?;
    let status = asked.word("status", "pending, delivered, failed", Status::from_name)?;
    let states =
        "queued, scheduled, parked, delivering, retrying, delivered, dead, expired, cancelled";
    let state = asked.word("state", states, State::from_name)?;
    let is_wanted = |candidate: &State| {
        status.is_none_or(|status| candidate.status() == status)
            && state.is_none_or(|state| *candidate == state)
    };
    let wanted: Vec<State> = State::ALL.into_iter().filter(is_wanted).collect();
    let query = MessageQuery {
        source: asked.service("source")?,
        destination: asked.service("destination")?,
        party: caller.acts_only_for(),
        correlation_id: asked.read("correlation_id", |text| {
            Label::parse(text).map(|label| label.to_string())
        })?,
        // All together is no condition.
        states: match wanted.len() == State::ALL.len() {
            true => Vec::new(),
            false => wanted.clone(),
        },
        since: asked.time("since")?,
        until: asked.time("until")?,
        before: asked.cursor()?,
        ..MessageQuery::default()
    };
    let limit = asked.limit()?;
    let mut reading = Reading::of(&hub, &request);
    let page = match wanted.is_empty() {
        true => Page::empty(),
        false => listed(&mut reading, query, wanted, limit, &caller).await?,
    };
    let last = page.items.last().filter(|_| !page.is_last());
    Ok(reading.json(&MessagePage {
        count: page.items.len(),
        next_cursor: last.map(|view| view.position.to_string()),
        messages: page.items,
    }))
}

/// A page of messages in one of these states. Those that are owed are known without the archive,
/// and what is settled is not.
async fn listed(
    reading: &mut Reading<'_>,
    query: MessageQuery,
    states: Vec<State>,
    limit: usize,
    caller: &Principal,
) -> Result<Page<MessageView>, HubError> {
    let hub = reading.hub;
    let may_see = |view: &MessageView| caller.may_see(&view.source, &view.destination);
    if !states.iter().any(|state| state.is_settled()) {
        reading.begin().await?;
        let wanted = pending::wanted(&query, states);
        return pending::find(hub, wanted, query.before, limit, may_see).await;
    }
    reading.begin_in_archive().await?;
    let keep = |view: &MessageView| states.contains(&view.state) && may_see(view);
    find(hub, query, limit, keep).await
}
