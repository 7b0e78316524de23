//! The API description: `/openapi.json`, and `/docs` for people.
//!
//! Handlers carry their description as an attribute, answers derive their schemas where they are
//! defined. Here is what has no other place: the bodies and queries that handlers read name by
//! name, the words of the domain, and what all routes have in common.

pub mod circuits;
pub mod dead_letters;
mod document;
pub mod errors;
pub mod events;
pub mod history;
pub mod leases;
pub mod messages;
mod page;
pub mod queue;
pub mod quotas;
pub mod redrive;
pub mod retries;
pub mod services;
pub mod subscriptions;
#[cfg(test)]
mod tests;
pub mod values;

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use bytes::Bytes;

use super::routing::{self, Routes};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.at("/openapi.json", "GET", [routing::get(description)]);
    page::routes(routes);
}

/// Written once: it is the same for everybody.
static DESCRIPTION: LazyLock<Bytes> = LazyLock::new(|| {
    let description = serde_json::to_vec(&document::document());
    description.expect("a description is JSON").into()
});

/// Of each path and method the names that its query may have.
static QUERIES: LazyLock<HashMap<String, HashMap<String, Vec<String>>>> =
    LazyLock::new(|| document::queries(&document::document()));

/// The names that the query of a route may have: those that are described, so that what is
/// described is what is taken. `None`: no such route.
pub fn query_names(pattern: &str, method: &str) -> Option<&'static [String]> {
    let names = QUERIES.get(pattern)?.get(method)?;
    Some(names.as_slice())
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
pub async fn description() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(DESCRIPTION.clone())
}
