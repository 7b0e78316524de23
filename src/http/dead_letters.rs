//! `/v1/dlq`: messages, and events of subscriptions, that the hub gave up on.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::body::{Body, Incoming};
use super::caller::{Caller, principal};
use super::event_letters::{self, EventLetterView};
use super::fields::{self, Field};
use super::flush::flush;
use super::letter_filter;
use super::message_lookup::find;
use super::message_view::MessageView;
use super::no_body::NoBody;
use super::openapi::dead_letters::{DeadLetterSearch, ReprocessInput};
use super::openapi::messages::PageQuery;
use super::query::{self, Query};
use super::queue::admission::admission;
use super::reading::Reading;
use super::routing::{self, Routes};
use crate::actors::messages::{DeleteDeadLetter, Reprocess};
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::hub::Hub;
use crate::hub::access::{Operation, Principal};
use crate::hub::acts::Act;
use crate::hub::error::{HubError, Subject};
use crate::logic::page::Page;
use crate::ports::archive::{DeadLetterQuery, LetterQuery, MessageQuery};

const SUBJECT: Subject = Subject::Request;

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes.at("/v1/dlq", "GET", [routing::get(search)]);
    routes.at(
        "/v1/dlq/{id}",
        "GET, DELETE",
        [routing::get(show), routing::delete(delete)],
    );
    routes.at("/v1/dlq/{id}/reprocess", "POST", [routing::post(reprocess)]);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReprocessBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    destination: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    payload: Option<&'a RawValue>,
}

/// A message, or an event that a subscription did not get.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
#[serde(untagged)]
pub(crate) enum DeadLetterView {
    Message(Box<MessageView>),
    Event(Box<EventLetterView>),
}

impl DeadLetterView {
    /// Where it stands in the list.
    fn position(&self) -> Position {
        match self {
            Self::Message(view) => view.position,
            Self::Event(view) => view.position,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Message(view) => view.bytes(),
            Self::Event(view) => view.bytes(),
        }
    }

    fn source(&self) -> &ServiceName {
        match self {
            Self::Message(view) => &view.source,
            Self::Event(view) => &view.source,
        }
    }

    fn destination(&self) -> &ServiceName {
        match self {
            Self::Message(view) => &view.destination,
            Self::Event(view) => &view.destination,
        }
    }

    fn is_seen_by(&self, caller: &Principal) -> bool {
        caller.may_see(self.source(), self.destination())
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
/// (their `destination` is the subscriber), until they are sent again or deleted.
#[utoipa::path(
    get,
    path = "/v1/dlq",
    operation_id = "search_dead_letters",
    tag = "dead letters",
    params(DeadLetterSearch, PageQuery),
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
    let caller = principal(&request);
    let asked = Query::of(&request)?;
    let query = DeadLetterQuery::matching(&letter_filter::of_query(&asked)?);
    let place = (asked.cursor()?, asked.limit()?);
    let mut reading = Reading::of(&hub, &request);
    reading.begin_in_archive().await?;
    let page = page(&hub, query, place, &caller).await?;
    let last = page.items.last().filter(|_| !page.is_last());
    Ok(reading.json(&DeadLetterPage {
        count: page.items.len(),
        next_cursor: last.map(|letter| letter.position().to_string()),
        dead_letters: page.items,
    }))
}

/// Both kinds by where they stand in the journal, newest first.
async fn page(
    hub: &Hub,
    query: DeadLetterQuery,
    (before, limit): (Option<Position>, usize),
    caller: &Principal,
) -> Result<Page<DeadLetterView>, HubError> {
    let (mut events, mut messages) = (Page::empty(), Page::empty());
    if let Some(query) = query.events {
        let party = caller.acts_only_for();
        let query = LetterQuery {
            before,
            party,
            ..query
        };
        let keep = |view: &EventLetterView| caller.may_see(&view.source, &view.destination);
        let found = event_letters::find(hub, query, limit, keep).await?;
        events = found.map(|view| DeadLetterView::Event(Box::new(view)));
    }
    if let Some(query) = query.messages {
        let party = caller.acts_only_for();
        let query = MessageQuery {
            before,
            party,
            ..query
        };
        let keep = |view: &MessageView| caller.may_see(&view.source, &view.destination);
        let found = find(hub, query, limit, keep).await?;
        messages = found.map(|view| DeadLetterView::Message(Box::new(view)));
    }
    let is_newer = |one: &DeadLetterView, other: &DeadLetterView| one.position() > other.position();
    Ok(messages.merge(events, limit, is_newer, DeadLetterView::bytes))
}

/// The dead letter, if it stands in the list and the caller may see it.
async fn letter(hub: &Hub, id: MessageId, caller: &Principal) -> Result<DeadLetterView, HubError> {
    flush(hub).await?;
    let row = hub.archive.message(id).await?.filter(|row| row.dead_letter);
    let found = match row {
        Some(row) => Some(DeadLetterView::Message(Box::new(MessageView::archived(
            row,
        )))),
        None => {
            let row = hub.archive.event_letter(id).await?;
            row.map(|row| DeadLetterView::Event(Box::new(row.into())))
        }
    };
    found
        .filter(|view| view.is_seen_by(caller))
        .ok_or_else(|| HubError::NotFound {
            what: format!("dead letter {id}"),
        })
}

/// One dead letter, with its whole history
#[utoipa::path(
    get,
    path = "/v1/dlq/{id}",
    operation_id = "show_dead_letter",
    tag = "dead letters",
    params(("id" = MessageId, Path)),
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
    let view = letter(&hub, id, &principal(&request)).await?;
    Ok(HttpResponse::Ok().json(view))
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
    request_body = Option<ReprocessInput>,
    responses(
        (status = 202, description = "The hub owes it again", body = Reprocessed),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
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
    payload: Incoming,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let body = Body::one(&hub, payload, SUBJECT).await?;
    let text = if body.text().trim().is_empty() {
        "{}"
    } else {
        body.text()
    };
    let asked: ReprocessBody<'_> = fields::object(SUBJECT, text)?;
    let destination = Field::given(SUBJECT, "destination", asked.destination);
    let destination = destination.map(|field| field.service()).transpose()?;
    let payload = asked.payload.map(|json| {
        Field {
            subject: SUBJECT,
            name: "payload",
            json,
        }
        .json()
    });
    let caller = principal(&request);
    let view = letter(&hub, id, &caller).await?;
    let changed = [
        ("destination", destination.is_some()),
        ("payload", payload.is_some()),
    ];
    if let Some((field, _)) = changed.into_iter().find(|(_, is_given)| *is_given) {
        if let DeadLetterView::Event(_) = view {
            let problem = "an event goes to its subscription as it was published";
            return Err(HubError::invalid(SUBJECT, field, problem));
        }
        // It goes out in the sender's name, so only the sender may change it.
        caller.may(Operation::ChangeDeadLetter(view.source()))?;
    }
    if let Some(service) = &destination {
        admission(&hub, "destination", Some(service)).await?;
    }
    let to = destination.as_ref().map(ToString::to_string);
    let is_changed = payload.is_some();
    hub.clients
        .archivist
        .ask(|reply| Reprocess {
            id,
            destination,
            payload,
            job: None,
            reply,
        })
        .await??;
    let outcome = sent_again(to, is_changed);
    Act::new("reprocess_dead_letter", "dead letter", &id)
        .with(&outcome)
        .tell(&Caller::of(&request).context(hub.clock.wall()));
    Ok(HttpResponse::Accepted().json(Reprocessed {
        id,
        status: "accepted",
    }))
}

fn sent_again(to: Option<String>, is_changed: bool) -> String {
    let to = to.map_or_else(|| "as before".to_owned(), |to| format!("to {to}"));
    let payload = if is_changed { ", another payload" } else { "" };
    format!("sent again {to}{payload}")
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
    let caller = principal(&request);
    if let DeadLetterView::Message(message) = letter(&hub, id, &caller).await? {
        // It is the sender's to give up; an event's letter is its subscriber's.
        caller.may(Operation::DeleteDeadLetter(&message.source))?;
    }
    hub.clients
        .archivist
        .ask(|reply| DeleteDeadLetter {
            id,
            job: None,
            reply,
        })
        .await??;
    Act::new("delete_dead_letter", "dead letter", &id)
        .tell(&Caller::of(&request).context(hub.clock.wall()));
    Ok(HttpResponse::NoContent().finish())
}
