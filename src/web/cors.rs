//! What browsers are told: which pages may read an answer, and what an answer may do in a page.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

use super::area::Area;
use crate::logic::web_pages::WebPages;

/// What a page may send (those of the API, and the type of its body).
const SENT: HeaderValue = HeaderValue::from_static(
    "Content-Type, X-Service-Name, X-Service-Key, X-Request-ID, X-Correlation-ID, traceparent",
);
/// What a page may read besides the body.
const SHOWN: HeaderValue = HeaderValue::from_static("X-Request-ID, Retry-After, Allow");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// For so many seconds a browser need not ask again.
const GOOD_FOR: HeaderValue = HeaderValue::from_static("600");

/// An answer is data: nothing in it runs, loads or is shown in another page.
const DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The page with the description runs what it brings along, and asks the hub.
const DOCS: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The hub's own page makes nothing of text but text, wherever the text comes from.
const DASHBOARD: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);

/// Whether this is a browser's question before the request itself.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to the question, for an origin that is let in.
pub(crate) fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, SENT))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, GOOD_FOR))
        .finish()
}

/// Lets the page at `origin` read the answer. Never with credentials: a session is for the pages of
/// the hub itself.
pub(crate) fn let_in(answer: &mut HeaderMap, origin: &HeaderValue, pages: &WebPages) {
    let whom = match pages.lets_any_page_in() {
        true => HeaderValue::from_static("*"),
        false => origin.clone(),
    };
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, whom);
    answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
}

/// What every answer says, whoever gets it.
pub(crate) fn seal(answer: &mut HeaderMap, area: Area, pages: &WebPages) {
    answer.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let policy = match area {
        Area::Data => DATA,
        Area::Docs => DOCS,
        Area::Dashboard => DASHBOARD,
    };
    answer.insert(header::CONTENT_SECURITY_POLICY, policy);
    // A file says by itself how long it may be kept.
    if area != Area::Docs && !answer.contains_key(header::CACHE_CONTROL) {
        answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if pages.lets_pages_in() {
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}
