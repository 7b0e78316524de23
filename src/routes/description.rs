//! `/openapi.json`: REST and WebSocket in one document, and what the edge takes from it.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::path::{HttpMethod, ParameterIn};
use utoipa::openapi::{self, RefOr};

use crate::http;
use crate::http::openapi::document;
use crate::web::routing::{self, Routes};
use crate::websocket;

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/openapi.json", [routing::get(description)]);
}

#[derive(OpenApi)]
#[openapi(paths(description))]
struct Described;

/// The whole description.
pub(crate) fn document() -> openapi::OpenApi {
    let parts = http::described().chain([websocket::described(), Described::openapi()]);
    let [alias, path] = websocket::PATHS;
    document::document(parts, [(alias, HttpMethod::Get, path)])
}

/// Written once: it is the same for everybody.
static DESCRIPTION: LazyLock<Bytes> = LazyLock::new(|| {
    let description = serde_json::to_vec(&document());
    description.expect("a description is JSON").into()
});

type QueryNames = HashMap<String, HashMap<String, Vec<String>>>;

/// Of each path and method the names that its query may have.
static QUERIES: LazyLock<QueryNames> = LazyLock::new(|| queries(&document()));

/// The names that the query of a route may have: those that are described, so that what is
/// described is what is taken. `None`: no such route.
pub(crate) fn query_names(pattern: &str, method: &str) -> Option<&'static [String]> {
    let names = QUERIES.get(pattern)?.get(method)?;
    Some(names.as_slice())
}

fn queries(document: &openapi::OpenApi) -> QueryNames {
    let mut queries = QueryNames::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
            ("HEAD", &item.head),
        ] {
            let Some(operation) = operation else {
                continue;
            };
            let parameters = operation.parameters.iter().flatten();
            let names = parameters.filter_map(|parameter| match parameter {
                RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
                    Some(parameter.name.clone())
                }
                _ => None,
            });
            let of_path = queries.entry(path.clone()).or_default();
            of_path.insert(method.to_owned(), names.collect());
        }
    }
    queries
}

/// This description
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "show_api",
    tag = "health",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
async fn description() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(DESCRIPTION.clone())
}
