//! The description of the socket: `/asyncapi.json` (AsyncAPI 3), made of what is read and written.

mod outgoing;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};
use utoipa::openapi::{Object, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::api::Reference;
use super::api::client::ClientFrame;
use super::api::server::ServerFrame;
use super::texts::CHANGED;
use crate::api::written_out;
use crate::hub::error::HubError;
use crate::logic::push::Envelope;
use crate::web::routing::{self, Routes};

/// A type of frame, with what it has.
struct FrameDoc {
    frame_type: String,
    fields: Object,
}

static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/asyncapi.json", [routing::get(description)]);
}

/// The description of the socket
#[utoipa::path(
    get,
    path = "/asyncapi.json",
    operation_id = "asyncapi",
    tag = "health",
    responses((status = 200, description = "AsyncAPI 3: the frames of the WebSocket", body = Object)),
)]
pub(crate) async fn description() -> Result<HttpResponse, HubError> {
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(TEXT.as_str()))
}

fn document() -> Value {
    let (said, heard) = (said_by_clients(), said_by_the_hub());
    let frames = || said.iter().chain(&heard);
    let messages: Map<String, Value> = frames()
        .map(|frame| (frame.frame_type.clone(), message(frame)))
        .collect();
    let in_channel: Map<String, Value> = frames()
        .map(|FrameDoc { frame_type, .. }| {
            let reference = format!("#/components/messages/{frame_type}");
            (frame_type.clone(), json!({"$ref": reference}))
        })
        .collect();
    let of = |frames: &[FrameDoc]| {
        let references = frames.iter().map(|frame| {
            let reference = format!("#/channels/socket/messages/{}", frame.frame_type);
            json!({"$ref": reference})
        });
        references.collect::<Vec<Value>>()
    };
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Message Hub: events and messages over a WebSocket, pushes and callbacks",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Text frames, each one JSON object or an array of at most 1024 of them; \
                at most 1 MiB. An array is answered as one array, in its order. The hub sends \
                arrays of events and messages once the client has sent an array, or with \
                `?arrays=true`. What is wrong is answered with `error`, and the connection lives on.",
        },
        "channels": {
            "socket": {
                "address": "/events",
                "messages": in_channel,
                "bindings": {"ws": {"query": {"type": "object", "properties": {
                    "name": {"type": "string", "description": "In place of X-Service-Name"},
                    "key": {"type": "string", "description": "In place of X-Service-Key"},
                    "arrays": {"type": "boolean"},
                }}}},
            },
        },
        "operations": {
            "say": {
                "action": "send",
                "channel": {"$ref": "#/channels/socket"},
                "summary": "What a client says",
                "messages": of(&said),
            },
            "hear": {
                "action": "receive",
                "channel": {"$ref": "#/channels/socket"},
                "summary": "What the hub says",
                "messages": of(&heard),
            },
        },
        "components": {"messages": messages, "schemas": schemas()},
    });
    outgoing::add_to(&mut document);
    document
}

/// Of what frames, pushes and callbacks are made of.
fn schemas() -> Map<String, Value> {
    let mut schemas = Vec::new();
    ClientFrame::schemas(&mut schemas);
    ServerFrame::schemas(&mut schemas);
    Envelope::schemas(&mut schemas);
    outgoing::schemas(&mut schemas);
    let finished = schemas.into_iter().map(|(name, mut schema)| {
        written_out::finish(&name, &mut schema);
        (name, json!(schema))
    });
    finished.collect()
}

fn message(frame: &FrameDoc) -> Value {
    let (mut payload, frame_type) = (json!(frame.fields), &frame.frame_type);
    // Of a frame in one line, whatever the lines of the source are.
    let summary = payload["description"].take();
    let summary = summary.as_str().unwrap_or_default().replace('\n', " ");
    payload
        .as_object_mut()
        .map(|payload| payload.remove("description"));
    payload["properties"]["type"] = json!({"const": frame_type});
    json!({
        "name": frame_type,
        "summary": summary,
        "contentType": "application/json",
        "payload": payload,
    })
}

/// The variants of an enum of frames.
fn variants(schema: RefOr<Schema>) -> Vec<Object> {
    let RefOr::T(Schema::OneOf(frames)) = schema else {
        return Vec::new();
    };
    let variants = frames
        .items
        .into_iter()
        .filter_map(|variant| match variant {
            RefOr::T(Schema::Object(object)) => Some(object),
            _ => None,
        });
    variants.collect()
}

/// In the schema of an enum that is read, the name of a variant stands before its fields.
fn said_by_clients() -> Vec<FrameDoc> {
    let frame = |variant: Object| {
        let (frame_type, mut fields) = variant.properties.into_iter().next()?;
        written_out::simplify(&mut fields);
        let RefOr::T(Schema::Object(mut fields)) = fields else {
            return None;
        };
        fields.description = variant.description;
        fields.required.insert(0, "type".to_owned());
        let reference = Reference::schema();
        fields.properties.insert("ref".to_owned(), reference);
        Some(FrameDoc { frame_type, fields })
    };
    let frames = variants(ClientFrame::schema()).into_iter();
    frames.filter_map(frame).collect()
}

/// Puts the members of what changed in its place: each may be there.
fn lift(fields: &mut Object) {
    let Some(changed) = fields.properties.remove(CHANGED) else {
        return;
    };
    fields.required.retain(|name| name != CHANGED);
    let mut schemas = Vec::new();
    ServerFrame::schemas(&mut schemas);
    let members = match changed {
        RefOr::Ref(reference) => {
            let mut schemas = schemas.into_iter();
            schemas.find_map(|(name, schema)| {
                let is_meant = reference.ref_location.ends_with(&format!("/{name}"));
                is_meant.then_some(schema)
            })
        }
        written_out => Some(written_out),
    };
    if let Some(RefOr::T(Schema::Object(members))) = members {
        for (name, schema) in members.properties {
            fields.properties.entry(name).or_insert(schema);
        }
    }
}

/// In that of an enum that is written, it is one of the fields.
fn said_by_the_hub() -> Vec<FrameDoc> {
    let frame = |variant: Object| {
        let RefOr::T(Schema::Object(tag)) = variant.properties.get("type")? else {
            return None;
        };
        let name = tag.enum_values.as_ref()?.first()?;
        let frame_type = name.as_str()?.to_owned();
        let mut fields = RefOr::T(Schema::Object(variant));
        written_out::simplify(&mut fields);
        let RefOr::T(Schema::Object(mut fields)) = fields else {
            return None;
        };
        lift(&mut fields);
        Some(FrameDoc { frame_type, fields })
    };
    let frames = variants(ServerFrame::schema()).into_iter();
    frames.filter_map(frame).collect()
}
