//! The description that the parts of the hub add theirs to, and what all routes have in common in
//! it.

use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{
    HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn, Paths,
};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{OpenApi, openapi};

use super::errors;
use crate::api::written_out;
use crate::http::events;
use crate::logic::payload_head::PayloadDetail;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Message Hub",
        description = include_str!("introduction.md"),
    ),
    tags(
        (name = "messages", description = "Send messages, look at them, take them back"),
        (name = "events", description = "Tell whoever wants to know what happened"),
        (name = "leases", description = "Ask for messages instead of being pushed them"),
        (name = "retries", description = "Attempts that failed and will be repeated"),
        (name = "dead letters", description = "Messages the hub gave up on"),
        (name = "queue", description = "What waits"),
        (name = "quotas", description = "How much each service may send and is sent"),
        (name = "services", description = "Who is there"),
        (name = "circuits", description = "Which services take what they are sent"),
        (name = "streams", description = "The events of one thing, and what they add up to"),
        (name = "subscriptions", description = "Who is sent which events, and how far each is"),
        (name = "correlations", description = "Everything of one conversation"),
        (name = "overview", description = "The hub and its services at a glance"),
        (name = "session", description = "Who asks, and signing in from a browser"),
        (name = "health", description = "How the hub is; open to anybody"),
        (name = "aliases", description = "Other addresses of what is described above"),
    ),
    components(schemas(crate::api::error_schema::ErrorResponseDoc, events::list::EventOrder, PayloadDetail)),
)]
struct Described;

/// Another address of what a method does at the last.
pub type Alias = (&'static str, HttpMethod, &'static str);

/// Those of REST.
const ALIASES: [Alias; 15] = [
    ("/subscribe", HttpMethod::Post, "/v1/subscriptions"),
    ("/event", HttpMethod::Post, "/v1/events"),
    ("/events", HttpMethod::Post, "/v1/events"),
    ("/message", HttpMethod::Post, "/v1/messages/send"),
    ("/v1/messages", HttpMethod::Post, "/v1/messages/send"),
    ("/message/{id}", HttpMethod::Get, "/v1/messages/{id}"),
    ("/registry", HttpMethod::Post, "/v1/services/register"),
    (
        "/registry/{service}",
        HttpMethod::Get,
        "/v1/services/{service}",
    ),
    (
        "/registry/{service}",
        HttpMethod::Delete,
        "/v1/services/{service}",
    ),
    // A service may have this name.
    (
        "/v1/services/register",
        HttpMethod::Get,
        "/v1/services/{service}",
    ),
    (
        "/v1/services/register",
        HttpMethod::Put,
        "/v1/services/{service}",
    ),
    (
        "/v1/services/register",
        HttpMethod::Delete,
        "/v1/services/{service}",
    ),
    ("/circuit", HttpMethod::Get, "/v1/circuits"),
    (
        "/circuit/{service}",
        HttpMethod::Get,
        "/v1/circuits/{service}",
    ),
    (
        "/circuit/{service}",
        HttpMethod::Put,
        "/v1/circuits/{service}",
    ),
];

/// What monitors ask with HEAD as well.
const WITH_HEAD: [&str; 4] = ["/health", "/health/live", "/health/ready", "/metrics"];

/// The whole description of these parts, with these other addresses beside those of REST.
pub fn document(
    parts: impl IntoIterator<Item = openapi::OpenApi>,
    aliases: impl IntoIterator<Item = Alias>,
) -> openapi::OpenApi {
    let mut document = Described::openapi();
    for part in parts {
        document.merge(part);
    }
    for (alias, method, path) in ALIASES.into_iter().chain(aliases) {
        add_alias(&mut document.paths, alias, method, path);
    }
    for path in WITH_HEAD {
        add_head(&mut document.paths, path);
    }
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
            &mut item.head,
        ];
        for operation in operations.into_iter().flatten() {
            errors::complete(operation);
            complete_body(operation);
            let parameters = operation.parameters.get_or_insert_default();
            for parameter in parameters.iter_mut() {
                if let RefOr::T(parameter) = parameter {
                    written_out::simplify_parameter(parameter);
                }
            }
            parameters.push(RefOr::Ref(Ref::new("#/components/parameters/RequestId")));
        }
        // What answers it has no body, whatever it is.
        let head = item.head.iter_mut();
        for response in head.flat_map(|head| head.responses.responses.values_mut()) {
            if let RefOr::T(response) = response {
                response.content.clear();
            }
        }
    }
    let components = document.components.get_or_insert_default();
    for (name, schema) in &mut components.schemas {
        written_out::finish(name, schema);
    }
    components
        .parameters
        .insert("RequestId".to_owned(), request_id().into());
    add_keys(components);
    // Without keys in the hub's configuration nobody needs one.
    let keys = SecurityRequirement::new("service_name", [""; 0]).add("service_key", [""; 0]);
    document.security = Some(vec![SecurityRequirement::default(), keys]);
    document
}

/// A body that may be left out may still not be null.
fn complete_body(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else {
        return;
    };
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::T(Schema::OneOf(either))) = &content.schema
        {
            content.schema = either.items.first().cloned();
        }
    }
}

fn add_alias(paths: &mut Paths, alias: &str, method: HttpMethod, path: &str) {
    let operation = paths.get_path_operation(path, method.clone());
    let mut same = operation.expect("a path described here").clone();
    same.operation_id = same
        .operation_id
        .map(|id| id + &alias.replace(['{', '}'], "").replace('/', "_"));
    same.description = Some(format!("The same as {path}."));
    // For generators of clients, which need each operation once.
    same.tags = Some(vec!["aliases".to_owned()]);
    let mut alias_of = Extensions::default();
    alias_of.insert("x-alias-of".to_owned(), json!(path));
    same.extensions.get_or_insert_default().merge(alias_of);
    // What the alias spells out is no parameter of it.
    same.parameters.get_or_insert_default().retain(|parameter| {
        let RefOr::T(parameter) = parameter else {
            return true;
        };
        let place = format!("{{{}}}", parameter.name);
        parameter.parameter_in != ParameterIn::Path || alias.contains(&place)
    });
    paths.add_path_operation(alias, vec![method], same);
}

/// As GET, without the body.
fn add_head(paths: &mut Paths, path: &str) {
    let operation = paths.get_path_operation(path, HttpMethod::Get);
    let mut same = operation.expect("a path described here").clone();
    same.operation_id = same.operation_id.map(|id| id + "_head");
    same.description = Some(format!("The same as GET {path}, without the body."));
    paths.add_path_operation(path, vec![HttpMethod::Head], same);
}

fn request_id() -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String);
    ParameterBuilder::new()
        .name("X-Request-ID")
        .parameter_in(ParameterIn::Header)
        .description(Some("Names the request in logs and errors, and comes back with the answer. The hub makes one if it is missing, longer than 128 characters or not printable."))
        .schema(Some(text))
        .build()
}

fn add_keys(components: &mut Components) {
    let schemes = [
        (
            "service_name",
            "X-Service-Name",
            "Which service is calling.",
        ),
        (
            "service_key",
            "X-Service-Key",
            "The service's key, if the hub is configured with keys.",
        ),
    ];
    for (scheme, header, description) in schemes {
        let key = ApiKey::Header(ApiKeyValue::with_description(header, description));
        components.add_security_scheme(scheme, SecurityScheme::ApiKey(key));
    }
}
