//! The description of the socket: `/asyncapi.json` (AsyncAPI 3).

mod outgoing;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use crate::hub::error::HubError;
use crate::web::routing::{self, Routes};

/// A type of frame, and who sends it.
struct Frame {
    kind: &'static str,
    from_hub: bool,
    summary: &'static str,
    /// Names and schemas; those with `!` at the end of the name are required.
    fields: Value,
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
    let frames = frames();
    let messages = frames
        .iter()
        .map(|frame| (frame.kind.to_owned(), message(frame)));
    let messages: Map<String, Value> = messages.collect();
    let in_channel = frames.iter().map(|frame| {
        let reference = format!("#/components/messages/{}", frame.kind);
        (frame.kind.to_owned(), json!({"$ref": reference}))
    });
    let in_channel: Map<String, Value> = in_channel.collect();
    let of = |from_hub: bool| {
        let those = frames.iter().filter(|frame| frame.from_hub == from_hub);
        let references = those.map(|frame| {
            let reference = format!("#/channels/socket/messages/{}", frame.kind);
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
                "messages": of(false),
            },
            "hear": {
                "action": "receive",
                "channel": {"$ref": "#/channels/socket"},
                "summary": "What the hub says",
                "messages": of(true),
            },
        },
        "components": {"messages": messages},
    });
    outgoing::add_to(&mut document);
    document
}

fn message(frame: &Frame) -> Value {
    let mut properties = Map::new();
    let mut required = vec![json!("type")];
    properties.insert("type".to_owned(), json!({"const": frame.kind}));
    let fields = frame.fields.as_object().into_iter().flatten();
    for (name, schema) in fields {
        let plain = name.trim_end_matches('!');
        if plain != name {
            required.push(json!(plain));
        }
        properties.insert(plain.to_owned(), schema.clone());
    }
    if frame.kind != "event" && frame.kind != "message" {
        let about = "Given by the client, and in the answer as it was given";
        properties.insert(
            "ref".to_owned(),
            json!({"type": ["string", "number"], "description": about}),
        );
    }
    json!({
        "name": frame.kind,
        "summary": frame.summary,
        "contentType": "application/json",
        "payload": {"type": "object", "required": required, "properties": properties},
    })
}

fn frames() -> Vec<Frame> {
    let mut frames = said_by_clients();
    frames.extend(said_by_the_hub());
    frames
}

fn said_by_clients() -> Vec<Frame> {
    let said = |kind, summary, fields| Frame {
        kind,
        from_hub: false,
        summary,
        fields,
    };
    let service = json!({"type": "string", "description": "The caller, if it is left out"});
    let patterns = json!({
        "type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1000,
        "description": "Words between dots; `*` is one word, `#` any number of them",
    });
    let leases = json!({
        "type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 1,
        "maxItems": 10_000,
    });
    let seconds = json!({"type": "number", "minimum": 0, "description": "Seconds"});
    vec![
        said(
            "subscribe",
            "Events from now on, or from a sequence on; a second one adds types",
            json!({
                "service": service, "event_types!": patterns,
                "from_sequence": {"type": "integer", "minimum": 0, "description": "Inclusive; with the first subscribe only, and at most one beyond the newest event"},
                "subscription": {"type": "string", "maxLength": 200, "description": "Names a durable subscription"},
            }),
        ),
        said(
            "unsubscribe",
            "No more events of these types, or none at all",
            json!({"event_types": patterns}),
        ),
        said(
            "publish",
            "Publish an event",
            json!({"event!": {"type": "object", "description": "As POST /v1/events takes it"}}),
        ),
        said(
            "send",
            "Send a message",
            json!({"message!": {"type": "object", "description": "As POST /v1/messages/send takes it"}}),
        ),
        said(
            "consume",
            "Messages for a service, as long as the socket is open",
            json!({
                "service": service, "instance_id": {"type": "string"},
                "prefetch": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100},
                "lease": {"type": "number", "exclusiveMinimum": 0, "description": "Seconds to settle each message; no limit if it is left out"},
            }),
        ),
        said(
            "ack",
            "Messages were handled, or events up to a sequence of a named subscription",
            json!({"leases": leases, "sequence": {"type": "integer", "minimum": 1}}),
        ),
        said(
            "nack",
            "Messages could not be handled: a failed attempt each. Or one event of a named subscription: what came before it is acknowledged, and it is sent again with all that comes after it",
            json!({"leases": leases, "sequence": {"type": "integer", "minimum": 1}, "delay": seconds, "reason": {"type": "string", "maxLength": 200}}),
        ),
        said("ping", "Is the hub there?", json!({})),
    ]
}

fn said_by_the_hub() -> Vec<Frame> {
    let said = |kind, summary, fields| Frame {
        kind,
        from_hub: true,
        summary,
        fields,
    };
    let patterns = json!({"type": "array", "items": {"type": "string"}});
    let uuid = json!({"type": "string", "format": "uuid"});
    let sequence = json!({"type": "integer", "minimum": 0});
    vec![
        said(
            "subscribed",
            "All types that are subscribed now, and the newest event of this moment",
            json!({"event_types!": patterns, "sequence!": sequence}),
        ),
        said(
            "unsubscribed",
            "The types that are left",
            json!({"event_types!": patterns}),
        ),
        said(
            "event",
            "An event",
            json!({"event!": {"type": "object", "required": ["id", "type", "data", "source", "timestamp", "sequence", "correlation_id", "attempt"], "properties": {
                "id": uuid, "type": {"type": "string"}, "data": {}, "source": {"type": "string"},
                "timestamp": {"type": "string", "format": "date-time"}, "sequence": sequence,
                "correlation_id": {"type": "string"}, "stream_id": {"type": ["string", "null"]},
                "stream_version": {"type": ["integer", "null"]},
                "attempt": {"type": "integer", "minimum": 1, "description": "1 for the first; higher if a client of the named subscription refused the event or was lost before it acknowledged it"},
            }}}),
        ),
        said(
            "accepted",
            "The event or message is on disk",
            json!({
                "id!": uuid, "sequence": sequence, "stream_id": {"type": "string"},
                "stream_version": {"type": "integer"}, "duplicate": {"type": "boolean"},
                "status": {"enum": ["accepted", "delivered", "failed"]},
                "durability!": {"enum": ["disk", "os"]},
                "ignored": {"type": "array", "items": {"type": "string"}, "description": "Fields of it that the hub does not know and left out"},
            }),
        ),
        said(
            "message",
            "A message to handle, and to settle with ack or nack",
            json!({
                "message!": {"type": "object", "description": "As POST /v1/services/{service}/receive answers it"},
                "lease!": uuid,
            }),
        ),
        said("ok", "What was asked with a ref is done", json!({})),
        said("pong", "The hub is there", json!({})),
        said(
            "error",
            "What was asked is not done, or something went wrong",
            json!({"error!": {"type": "object", "required": ["code", "message", "details"], "properties": {
                "code": {"type": "string"}, "message": {"type": "string"}, "details": {"type": "object"},
            }}}),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::{SAID, samples};

    #[test]
    fn every_type_of_frame_is_described_and_no_other() {
        let of = |from_hub: bool| {
            let frames = frames()
                .into_iter()
                .filter(|frame| frame.from_hub == from_hub);
            frames.map(|frame| frame.kind).collect::<Vec<_>>()
        };
        assert_eq!(of(false), SAID);
        let samples = samples().into_iter();
        let heard: Vec<_> = samples.map(|(kind, _)| kind).collect();
        assert_eq!(of(true), heard);
    }

    #[test]
    fn what_the_hub_says_is_as_described() {
        for (kind, text) in samples() {
            let said: Map<String, Value> = serde_json::from_str(&text).unwrap();
            assert_eq!(said["type"], kind);
            let frames = frames();
            let frame = frames.iter().find(|frame| frame.kind == kind).unwrap();
            let payload = message(frame)["payload"].clone();
            for name in said.keys() {
                assert!(payload["properties"][name].is_object(), "{kind}: {name}");
            }
            for name in payload["required"].as_array().unwrap() {
                assert!(said.contains_key(name.as_str().unwrap()), "{kind}: {name}");
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    for (name, inner) in map {
                        if name == "$ref" {
                            found.push(inner.as_str().unwrap_or_default().to_owned());
                        }
                        references(inner, found);
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 30);
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
