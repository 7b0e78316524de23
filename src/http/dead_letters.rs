//! `/v1/dlq`: messages the hub gave up on.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::ask::{ask, look};
use super::auth::Caller;
use super::body::{self, Body};
use super::fields::{self, Field};
use super::message_view::MessageView;
use super::messages::{find, flush};
use super::query::{self, Query};
use super::{Hub, Routes, list};
use crate::actors::messages::{DeleteDeadLetter, InspectAdmission, Reprocess};
use crate::domain::fact::DeadReason;
use crate::domain::ids::{MessageId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::error::{HubError, Subject};
use crate::ports::archive::MessageQuery;

const SUBJECT: Subject = Subject::Request;

pub fn routes(routes: &mut Routes<'_>) {
    routes.at("/v1/dlq", "GET", [web::get().to(search)]);
    routes.at(
        "/v1/dlq/{id}",
        "GET, DELETE",
        [web::get().to(show), web::delete().to(delete)],
    );
    routes.at(
        "/v1/dlq/{id}/reprocess",
        "POST",
        [web::post().to(reprocess)],
    );
}

#[derive(Deserialize)]
struct ReprocessBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    destination: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    payload: Option<&'a RawValue>,
}

async fn search(request: HttpRequest, hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    let asked = Query::of(&request)?;
    let reasons = "attempts_exhausted, rejected, expired, invalid";
    let query = MessageQuery {
        destination: asked.service("destination")?,
        source: asked.service("source")?,
        reason: asked.word("reason", reasons, DeadReason::from_name)?,
        correlation_id: asked.read("correlation_id", |text| Ok::<_, HubError>(text.to_owned()))?,
        since: asked.time("since")?,
        before: asked.cursor()?,
        dead_letters: true,
        ..MessageQuery::default()
    };
    let keep = |view: &MessageView| caller.may_see(&view.source, &view.destination);
    let (found, next) = find(&hub, query, asked.limit()?, keep).await?;
    Ok(list::page("dead_letters", &found, next))
}

/// The dead letter, if it stands in the list and the caller may see it.
async fn letter(hub: &Hub, id: MessageId, caller: &Caller) -> Result<MessageView, HubError> {
    flush(hub).await?;
    let row = hub.archive.message(id).await?.filter(|row| row.dead_letter);
    row.map(MessageView::archived)
        .filter(|view| caller.may_see(&view.source, &view.destination))
        .ok_or_else(|| HubError::NotFound {
            what: format!("dead letter {id}"),
        })
}

async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let view = letter(&hub, id, &Caller::of(&request)).await?;
    Ok(HttpResponse::Ok().json(view))
}

async fn reprocess(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let body = Body::read(&hub, payload, body::ONE, 1, SUBJECT).await?;
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
    letter(&hub, id, &Caller::of(&request)).await?;
    if let Some(service) = &destination {
        must_be_known(&hub, service).await?;
    }
    ask(&hub.handles.reprocess, |reply| Reprocess {
        id,
        destination,
        payload,
        reply,
    })
    .await??;
    Ok(HttpResponse::Accepted().json(json!({"id": id, "status": "accepted"})))
}

async fn must_be_known(hub: &Hub, service: &ServiceName) -> Result<(), HubError> {
    let door = look(&hub.handles.admission, InspectAdmission).await?;
    if !door.known.contains(service) {
        return Err(Refusal::UnknownService {
            service: service.clone(),
        }
        .into());
    }
    Ok(())
}

async fn delete(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    letter(&hub, id, &Caller::of(&request)).await?;
    ask(&hub.handles.delete_dead_letter, |reply| DeleteDeadLetter {
        id,
        reply,
    })
    .await??;
    Ok(HttpResponse::NoContent().finish())
}
