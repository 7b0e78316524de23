use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::ServiceConfig;
use actix_web::{App, body::MessageBody};
use serde_json::{Value, json};

use crate::domain::ids::{ContentType, MessageId, MessageType, ServiceName};
use crate::domain::message::{Message, Priority};
use crate::domain::payload::Payload;
use crate::domain::timestamp::Timestamp;
use crate::http::dashboard;
use crate::logic::push::Envelope;
use crate::logic::queues::Delivery;
use crate::routes::{self, description::document};
use crate::web::requests::Requests;

/// The page with the description is not part of it.
const NOT_DESCRIBED: [&str; 2] = ["/docs", "/docs/{file:.*}"];

fn written() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// Path and methods of what is registered.
fn registered() -> Vec<(&'static str, String)> {
    routes::all().allowed().collect()
}

/// For a server that knows no hub.
fn register(config: &mut ServiceConfig) {
    routes::all().register(config, &Requests::default());
}

fn each_operation(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (path, method, operation))
    })
}

#[test]
fn what_is_described_is_what_there_is() {
    let document = written();
    let mut described = BTreeMap::<_, BTreeSet<_>>::new();
    for (path, method, _) in each_operation(&document) {
        let methods = described.entry(path.as_str()).or_default();
        methods.insert(method.to_uppercase());
    }
    let mut there_is = BTreeMap::<_, BTreeSet<_>>::new();
    for (path, allow) in registered() {
        let methods = allow.split(", ").map(str::to_owned).collect();
        assert_eq!(there_is.insert(path, methods), None, "{path} twice");
    }
    for path in NOT_DESCRIBED {
        assert!(there_is.remove(path).is_some());
    }
    // Nor is the hub's own page.
    there_is.retain(|path, _| !dashboard::is_at(path));
    assert_eq!(described, there_is);
}

#[test]
fn the_description_changes_only_on_purpose() {
    insta::assert_json_snapshot!(document());
}

/// Every `$ref` below `value`.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn everything_referred_to_is_there() {
    let document = written();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 30, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn an_alias_says_of_what_and_comes_last() {
    let document = written();
    let mut aliases = 0;
    for (path, method, operation) in each_operation(&document) {
        let is_alias = operation["tags"] == json!(["aliases"]);
        assert_eq!(operation["x-alias-of"].is_string(), is_alias, "{path}");
        if let Some(of) = operation["x-alias-of"].as_str() {
            assert!(document["paths"][of][method].is_object(), "{path}");
            aliases += 1;
        }
    }
    assert_eq!(aliases, 16);
    let tags = document["tags"].as_array().unwrap();
    assert_eq!(tags.last().unwrap()["name"], "aliases");
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = written();
    let ids = each_operation(&document).map(|(_, _, operation)| &operation["operationId"]);
    let ids: Vec<_> = ids.map(|id| id.as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

#[test]
fn every_error_begins_with_a_code_that_is_listed() {
    let document = written();
    let codes = document["components"]["schemas"]["ErrorCode"].clone();
    for (path, method, operation) in each_operation(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let body = &response["content"]["application/json"]["schema"]["$ref"];
            if method == "head"
                || status.as_str() < "400"
                || !body.as_str().unwrap().ends_with("/ErrorAnswer")
            {
                continue;
            }
            let description = response["description"].as_str().unwrap();
            let code = description.split([':', ' ', ',']).next().unwrap();
            let known = codes["enum"].as_array().unwrap();
            assert!(
                known.contains(&json!(code)),
                "{method} {path} {status}: {description}"
            );
        }
    }
}

#[actix_web::test]
async fn every_path_takes_its_methods_and_refuses_others() {
    let app = init_service(App::new().configure(register)).await;
    for (path, allow) in registered() {
        let uri = path.replace("{file:.*}", "");
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            let request = TestRequest::with_uri(&uri)
                .method(method.clone())
                .to_request();
            let response = call_service(&app, request).await;
            let status = response.status().as_u16();
            if allow.split(", ").any(|allowed| allowed == method.as_str()) {
                assert!(![404, 405].contains(&status), "{method} {path}: {status}");
            } else {
                assert_eq!(status, 405, "{method} {path}");
                assert_eq!(
                    response.headers().get("allow").unwrap(),
                    allow.as_str(),
                    "{method} {path}"
                );
            }
        }
    }
}

#[actix_web::test]
async fn the_page_is_whole_and_fetches_nothing_from_elsewhere() {
    let app = init_service(App::new().configure(register)).await;
    let get = async |uri: &str| {
        let request = TestRequest::with_uri(uri).to_request();
        let response = call_service(&app, request).await;
        let status = response.status().as_u16();
        (status, read_body(response).await.try_into_bytes().unwrap())
    };
    assert_eq!(get("/docs").await.0, 308);
    assert_eq!(get("/docs/no-such-file").await.0, 404);
    let (status, page) = get("/docs/").await;
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert_eq!(status, 200);
    assert!(!page.contains("http"), "{page}");
    let links = page.split(['"', '\'']);
    let files = links.filter_map(|link| link.strip_prefix("./"));
    let mut count = 0;
    for file in files {
        assert_eq!(get(&format!("/docs/{file}")).await.0, 200, "{file}");
        count += 1;
    }
    assert!(count > 3, "{page}");
    let (status, description) = get("/openapi.json").await;
    assert_eq!(status, 200);
    assert_eq!(
        serde_json::from_slice::<Value>(&description).unwrap(),
        written()
    );
}

#[test]
fn a_handed_out_message_is_described_as_it_is_written() {
    let service = ServiceName::parse("billing").unwrap();
    let message = Message {
        id: MessageId(uuid::Uuid::nil()),
        destination: service.clone(),
        source: service,
        message_type: MessageType::parse("invoice").unwrap(),
        priority: Priority::Normal,
        accepted_at: Timestamp::default(),
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse("1").unwrap(),
        extras: None,
    };
    let png = ContentType::parse("image/png").ok();
    let of_bytes = Message {
        payload: Payload::raw(vec![0xff], png),
        ..message.clone()
    };
    let mut written_fields = BTreeSet::new();
    for message in [message, of_bytes] {
        let delivery = Delivery {
            outlived: None,
            message: message.into(),
            attempt: 1,
            hand_outs: 1,
        };
        let now = Timestamp::default().into();
        let envelope = serde_json::to_value(Envelope::handed_out(&delivery, 5, now)).unwrap();
        written_fields.extend(envelope.as_object().unwrap().keys().cloned());
    }
    let document = written();
    let schema = &document["components"]["schemas"]["LeasedMessage"]["properties"];
    let described: BTreeSet<_> = schema.as_object().unwrap().keys().cloned().collect();
    written_fields.insert("lease".to_owned());
    assert_eq!(described, written_fields);
}
