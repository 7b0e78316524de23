//! What the hub sends of itself: messages to instances and events to callbacks, each in a POST.

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::api::written_out;
use crate::logic::push::Envelope;
use crate::logic::webhook::CallbackEnvelope;

/// One kind of POST.
struct Post {
    name: &'static str,
    summary: &'static str,
    address: &'static str,
    body: RefOr<Schema>,
    /// Names and schemas; those with `!` at the end of the name are required.
    headers: Value,
}

/// Puts the channels, operations and messages of these into a description.
pub(super) fn add_to(document: &mut Value) {
    for post in [push(), callback()] {
        let of_message = format!("#/components/messages/{}", post.name);
        let of_channel = format!("#/channels/{}", post.name);
        document["components"]["messages"][post.name] = message(&post);
        document["channels"][post.name] = json!({
            // Whoever registers or subscribes says where it goes.
            "address": null,
            "description": post.address,
            "messages": {post.name: {"$ref": of_message}},
        });
        document["operations"][format!("take_{}", post.name)] = json!({
            "action": "receive",
            "channel": {"$ref": of_channel},
            "summary": post.summary,
            "messages": [{"$ref": format!("{of_channel}/messages/{}", post.name)}],
            "bindings": {"http": {"method": "POST"}},
        });
    }
}

/// Of what the bodies are made of.
pub(super) fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    Envelope::schemas(schemas);
    CallbackEnvelope::schemas(schemas);
}

fn body(post: &Post) -> Value {
    let mut schema = post.body.clone();
    written_out::simplify(&mut schema);
    json!(schema)
}

fn message(post: &Post) -> Value {
    json!({
        "name": post.name,
        "summary": post.summary,
        "contentType": "application/json",
        "headers": object(&post.headers),
        "payload": body(post),
    })
}

fn object(fields: &Value) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, schema) in fields.as_object().into_iter().flatten() {
        let plain = name.trim_end_matches('!');
        if plain != name {
            required.push(plain);
        }
        properties.insert(plain.to_owned(), schema.clone());
    }
    json!({"type": "object", "properties": properties, "required": required})
}

fn push() -> Post {
    let text = json!({"type": "string"});
    Post {
        name: "push",
        summary: "A message for an instance: 2xx takes it, 408, 425, 429 and 5xx let it come again, other 3xx and 4xx refuse it",
        address: "POST to the instance's url and message_endpoint (/messages unless given)",
        body: Envelope::schema(),
        headers: json!({
            "X-Message-ID!": {"type": "string", "description": "The same in every attempt: drop what came before"},
            "X-Correlation-ID!": text, "X-Request-ID!": text,
            "X-Hub-Attempt!": {"type": "string", "examples": ["2/5"]}, "traceparent": text,
        }),
    }
}

fn callback() -> Post {
    let text = json!({"type": "string"});
    Post {
        name: "callback",
        summary: "An event for a subscription, signed as by Standard Webhooks; answered as a push. 410 pauses the subscription",
        address: "POST to the subscription's callback_url",
        body: CallbackEnvelope::schema(),
        headers: json!({
            "webhook-id!": {"type": "string", "description": "The event's id, the same in every attempt"},
            "webhook-timestamp!": {"type": "string", "description": "Seconds since 1970, of the attempt"},
            "webhook-signature!": {"type": "string", "description": "v1, and HMAC-SHA256 over id.timestamp.body in base64"},
            "X-Message-ID!": text, "X-Correlation-ID!": text, "X-Request-ID!": text,
            "X-Hub-Attempt!": text, "X-Hub-Replay": {"const": "true"}, "traceparent": text,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::domain::ids::ContentType;
    use crate::domain::json_text::JsonText;
    use crate::domain::message::Message;
    use crate::domain::payload::Payload;
    use crate::domain::subscription::{Callback, SigningSecret};
    use crate::domain::timestamp::Timestamp;
    use crate::logic::journal::samples;
    use crate::logic::queues::Delivery;
    use crate::logic::webhook::{Handing, push_request};

    /// That `said` has only what is described, and all of that which is required.
    fn assert_described(described: &Value, said: &BTreeSet<String>) {
        let properties = described["properties"].as_object().unwrap();
        let known: BTreeSet<_> = properties.keys().map(|name| name.to_lowercase()).collect();
        assert!(said.is_subset(&known), "{said:?} {known:?}");
        for name in described["required"].as_array().unwrap() {
            let name = name.as_str().unwrap().to_lowercase();
            assert!(said.contains(&name), "{name} {said:?}");
        }
    }

    fn names(body: &[u8]) -> BTreeSet<String> {
        let body: Map<String, Value> = serde_json::from_slice(body).unwrap();
        body.keys().cloned().collect()
    }

    #[test]
    fn a_push_is_as_described() {
        let png = ContentType::parse("image/png").ok();
        for payload in [Payload::parse("{}").unwrap(), Payload::raw(vec![0xff], png)] {
            let message = Message {
                payload,
                ..samples::message(1, "{}")
            };
            let delivery = Delivery {
                outlived: None,
                message: message.into(),
                attempt: 1,
                hand_outs: 1,
            };
            let envelope = Envelope::new(&delivery, 5, Timestamp::default().into());
            let body = serde_json::to_vec(&envelope).unwrap();
            assert_described(&super::body(&push()), &names(&body));
        }
    }

    #[test]
    fn a_callback_is_as_described() {
        let mut event = samples::event(1, 2);
        event.payload = JsonText::parse("1").unwrap();
        let callback_of = Callback {
            url: "http://127.0.0.1:9/".to_owned(),
            secret: SigningSecret::new(String::new()),
            max_in_flight: 1,
            durable: true,
            previous: None,
        };
        for is_replay in [false, true] {
            let handing = Handing {
                event: &event,
                callback: &callback_of,
                attempt: 1,
                max_attempts: 5,
                is_replay,
            };
            let now = Timestamp::from_millis(1);
            let request = push_request(&handing, Duration::from_secs(1), now);
            assert_described(&body(&callback()), &names(&request.body));
            let headers = request.headers.iter().map(|(name, _)| (*name).to_owned());
            assert_described(&object(&callback().headers), &headers.collect());
        }
    }
}
