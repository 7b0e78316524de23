//! What happens to every request on its way in and to every answer on its way out.
//!
//! In: a request id, the phase of the hub, the caller. Out: the request id again, and the body of
//! every error, whoever found it.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{Error, PayloadError};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use tokio::time::Instant;

use super::LOG;
use super::area::Area;
use super::auth::{identity, identity_of_socket};
use super::caller::{Asking, Identified};
use super::connection::Line;
use super::cors;
use super::error::HttpError;
use super::headers::{CORRELATION_ID, GivenTwice, REQUEST_ID, only};
use super::query;
use super::request_id::RequestId;
use super::requests::Route;
use super::state::{Served, WebState};
use crate::domain::timestamp::Timestamp;
use crate::domain::web_origin::Authority;
use crate::hub::Hub;
use crate::hub::access::Principal;
use crate::hub::bodies;
use crate::hub::error::{ErrorCode, HubError, Subject, shortened};
use crate::logic::web_pages::{RequestHead, Verdict};
use crate::phase::Phase;

/// Of what comes once in a request, by the names of the field's standards. Of two each who reads
/// the request on its way may take another one for the right one.
const ONCE: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "Content-Type"),
    (CORRELATION_ID, "X-Correlation-ID"),
    (REQUEST_ID, "X-Request-ID"),
    (SEC_FETCH_SITE, "Sec-Fetch-Site"),
    (SEC_FETCH_MODE, "Sec-Fetch-Mode"),
];
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The middleware.
pub async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let state = WebState::of(request.request());
    let hub = &state.hub;
    let visit = state.visits.enter();
    let id = RequestId::of(request.headers());
    let area = Area::of(request.path(), &state.served);
    let (origin, page) = match may_ask(&request, area, &state) {
        Ok(Origin::Own) => (None, Ok(())),
        Ok(Origin::Allowed(origin)) => (Some(origin), Ok(())),
        Err(error) => (None, Err(HttpError::from(error))),
    };
    let is_preflight = origin.is_some() && cors::is_preflight(request.method(), request.headers());
    let admitted = page.and_then(|()| {
        check_once(request.headers())?;
        let caller = admit(&request, area, &state)?;
        check_target(&request, &state.served)?;
        Ok(caller)
    });
    let (mut response, id, asked_by) = match admitted {
        _ if is_preflight => (request.into_response(cors::preflight()), id, None),
        Ok(None) => (next.call(request).await?.map_into_boxed_body(), id, None),
        Ok(Some(identity)) => {
            request.extensions_mut().insert(Asking { identity, id });
            let response = next.call(request).await?.map_into_boxed_body();
            let Asking { identity, id } = Asking::over(response.request());
            (response, id, Some(identity.principal))
        }
        Err(error) => (request.error_response(error), id, None),
    };
    response = explained(response, &id, asked_by, hub);
    let pages = &state.pages;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.into_value());
    cors::seal(headers, area, pages);
    if let Some(origin) = origin {
        cors::let_in(headers, &origin, pages);
    }
    count(&state, &response, began);
    if response.request().head().upgrade() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // The server reads no more behind what was to be a WebSocket.
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    if let Some(line) = response.request().conn_data::<Rc<Line>>() {
        line.answer();
    }
    if hub.phase.get() == Phase::Draining {
        response = visit.see_out(response);
    }
    Ok(response)
}

/// The response; an error is logged, and says what was wrong in its body. `asked_by`: who asked, if
/// that was looked at.
fn explained(
    response: ServiceResponse<BoxBody>,
    id: &RequestId,
    asked_by: Option<Principal>,
    hub: &Hub,
) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else {
        return response;
    };
    let error = understand(error, response.request().path());
    if let Some(who) = asked_by {
        note_forbidden(&error, response.request(), who, hub);
    }
    log(&error, id, &response);
    told(response, &error, id, hub.clock.wall())
}

/// Whoever tries to change what it may not change is told of in the log. Who only reads is not.
fn note_forbidden(error: &HttpError, request: &HttpRequest, who: Principal, hub: &Hub) {
    let is_forbidden =
        error.code() == ErrorCode::AuthFailed && error.status() == StatusCode::FORBIDDEN;
    if !is_forbidden || only_reads(request.method()) {
        return;
    }
    let pattern = request.match_pattern().unwrap_or_default();
    let what = format!("{} {pattern}", request.method());
    let peer = request.peer_addr().map(|peer| peer.ip());
    let now = hub.clock.now();
    hub.refusals.forbidden(peer, who.name, what, now);
}

fn only_reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn count(state: &WebState, response: &ServiceResponse<BoxBody>, began: Instant) {
    let request = response.request();
    let route = request.app_data::<Arc<Route>>();
    let (method, status) = (request.method().as_str(), response.status().as_u16());
    state.requests.count(route, method, status, began.elapsed());
}

/// The answer with the body that says what was wrong.
fn told(
    response: ServiceResponse<BoxBody>,
    error: &HttpError,
    id: &RequestId,
    now: Timestamp,
) -> ServiceResponse<BoxBody> {
    let body = error.body(id, now);
    let (request, old) = response.into_parts();
    let mut rendered = HttpResponse::build(error.status());
    for name in [
        header::RETRY_AFTER,
        header::ALLOW,
        header::UPGRADE,
        header::SEC_WEBSOCKET_VERSION,
        header::WWW_AUTHENTICATE,
    ] {
        if let Some(value) = old.headers().get(&name) {
            rendered.insert_header((name, value.clone()));
        }
    }
    ServiceResponse::new(request, rendered.json(body))
}

/// Who asks, as far as a browser says it.
enum Origin {
    /// A program, or a page of the hub.
    Own,
    /// A page of this origin, which is configured.
    Allowed(HeaderValue),
}

/// Whether the request may come from where it says it comes from. Looked at before anything else
/// of it, as a page of a stranger must not even learn who is known here.
fn may_ask(request: &ServiceRequest, area: Area, state: &WebState) -> Result<Origin, HubError> {
    let headers = request.headers();
    // What is there twice is nobody's.
    let text = |name| match only(headers, name) {
        Ok(value) => value.and_then(|value| value.to_str().ok()),
        Err(GivenTwice) => None,
    };
    // A target that names the host itself counts, and the header does not (RFC 9112, 3.2.2).
    let host = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let host = host.or_else(|| text(&header::HOST));
    let given = headers.get(header::ORIGIN);
    let head = RequestHead {
        is_get: request.method() == Method::GET,
        only_reads: only_reads(request.method()),
        path: request.path(),
        is_page: area != Area::Data,
        host,
        origin: given.map(|_| text(&header::ORIGIN).unwrap_or_default()),
        site: text(&SEC_FETCH_SITE),
        mode: text(&SEC_FETCH_MODE),
    };
    let peer = request.peer_addr().map(|peer| peer.ip());
    match state.pages.judge(&head) {
        Verdict::Pass => Ok(Origin::Own),
        Verdict::Allowed => Ok(given.cloned().map_or(Origin::Own, Origin::Allowed)),
        Verdict::NoHost => Err(HubError::invalid(
            Subject::Request,
            "Host",
            "is required: one host, and its port if it has one",
        )),
        Verdict::ForeignHost => {
            let host = host.unwrap_or_default();
            let now = state.hub.clock.now();
            state.hub.refusals.foreign(peer, "Host", host, now);
            Err(foreign_host(host))
        }
        Verdict::ForeignOrigin => {
            let origin = head.origin.unwrap_or("(none)");
            let now = state.hub.clock.now();
            state.hub.refusals.foreign(peer, "Origin", origin, now);
            Err(foreign_origin(origin))
        }
    }
}

fn foreign_host(host: &str) -> HubError {
    let name = Authority::parse(host).map_or(host, |authority| authority.host);
    HubError::Denied {
        field: "Host",
        problem: format!(
            "Host: {} is not a name of this hub; add it to allowed_hosts",
            shortened(name)
        ),
    }
}

fn foreign_origin(origin: &str) -> HubError {
    HubError::Denied {
        field: "Origin",
        problem: format!(
            "Origin: a page of {} may not use this hub; add it to allowed_origins, also if it is \
             the hub's own page and a proxy changes the header Host",
            shortened(origin)
        ),
    }
}

/// Who may pass at all, now; nobody in particular where everybody may.
fn admit(
    request: &ServiceRequest,
    area: Area,
    state: &WebState,
) -> Result<Option<Identified>, HubError> {
    let (path, hub) = (request.path(), &state.hub);
    if is_public(request.method(), path, area) {
        return Ok(None);
    }
    match hub.phase.get() {
        Phase::Open => {}
        // What was handed out may still be settled.
        Phase::Draining if path.starts_with("/v1/leases/") => {}
        Phase::Starting => {
            return Err(HubError::NotReady(
                "the hub is starting; try again in a moment",
            ));
        }
        Phase::Draining => {
            return Err(HubError::NotReady(
                "the hub is stopping; try again in a moment",
            ));
        }
    }
    if signs_in_or_out(request.method(), path) {
        return Ok(None);
    }
    let caller = if state.served.socket_paths.contains(&path) {
        identity_of_socket(hub, request.request())?
    } else {
        identity(hub, request.headers())
    };
    let caller = caller.map_err(|denial| {
        let peer = request.peer_addr().map(|peer| peer.ip());
        hub.refuse(peer, denial)
    })?;
    hub.count_request(&caller.principal)?;
    Ok(Some(caller))
}

/// # Errors
/// 400 names a header that is there twice and may not be.
fn check_once(headers: &HeaderMap) -> Result<(), HubError> {
    // Nearly always each is there once, which is quickly seen.
    if headers.len() == headers.len_keys() {
        return Ok(());
    }
    match ONCE
        .iter()
        .find(|(header, _)| only(headers, header).is_err())
    {
        None => Ok(()),
        Some((_, name)) => Err(HubError::invalid(Subject::Request, *name, "is given twice")),
    }
}

/// Whether the path and the body can be read, and the query has only what the route knows.
fn check_target(request: &ServiceRequest, served: &Served) -> Result<(), HttpError> {
    let mut encodings = request.headers().get_all(header::CONTENT_ENCODING);
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(HttpError::Encoded);
    }
    query::check_path(request.uri().path())?;
    let asked = request.query_string();
    if asked.is_empty() {
        return Ok(());
    }
    let pattern = request.match_pattern().unwrap_or_default();
    // What there is no route for is refused as such.
    match (served.query_names)(&pattern, request.method().as_str()) {
        Some(known) => Ok(query::check(asked, known)?),
        None => Ok(()),
    }
}

/// Answered at any time and to anybody.
fn is_public(method: &Method, path: &str, area: Area) -> bool {
    only_reads(method)
        && (area != Area::Data
            || path == "/health"
            || path.starts_with("/health/")
            || path == "/metrics"
            || path == "/openapi.json"
            || path == "/asyncapi.json")
}

/// Whether somebody says who it is from now on, or no longer.
fn signs_in_or_out(method: &Method, path: &str) -> bool {
    path == "/v1/session" && matches!(*method, Method::POST | Method::DELETE)
}

/// Makes one of ours of an error that actix-web found.
fn understand(error: &Error, path: &str) -> HttpError {
    if let Some(error) = error.as_error::<HttpError>() {
        return error.clone();
    }
    if let Some(error) = error.as_error::<HubError>() {
        return error.clone().into();
    }
    if let Some(PayloadError::Overflow) = error.as_error::<PayloadError>() {
        return HubError::TooLarge { limit: bodies::ONE }.into();
    }
    match error.as_response_error().status_code() {
        StatusCode::NOT_FOUND => HttpError::NoRoute(path.to_owned()),
        status if status.is_client_error() => {
            HubError::invalid(Subject::Request, "request", error).into()
        }
        _ => HubError::Internal.into(),
    }
}

fn log(error: &HttpError, id: &RequestId, response: &ServiceResponse) {
    let is_internal = error.status() == StatusCode::INTERNAL_SERVER_ERROR;
    if !is_internal && !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let (code, request_id) = (error.code().name(), id.as_str());
    let method = shortened(response.request().method().as_str());
    let path = shortened(response.request().path());
    if is_internal {
        let cause = response.response().error().map(ToString::to_string);
        tracing::error!(request_id, %method, %path, cause, "internal error");
    } else {
        let error = error.in_words();
        tracing::debug!(target: LOG, request_id, %method, %path, code, error, "refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_comes_once_two_are_refused() {
        for (header, name) in ONCE {
            let mut headers = HeaderMap::new();
            headers.append(header::ACCEPT, HeaderValue::from_static("a"));
            headers.append(header::ACCEPT, HeaderValue::from_static("b"));
            headers.append(header.clone(), HeaderValue::from_static("a"));
            assert!(check_once(&headers).is_ok(), "{name}");
            headers.append(header, HeaderValue::from_static("b"));
            let error = check_once(&headers).unwrap_err();
            assert_eq!(error.to_string(), format!("{name}: is given twice"));
        }
    }

    #[test]
    fn only_reading_health_metrics_and_pages_is_public() {
        for (method, path, area, expected) in [
            (Method::GET, "/health/ready", Area::Data, true),
            (Method::GET, "/metrics", Area::Data, true),
            (Method::POST, "/metrics", Area::Data, false),
            (Method::GET, "/v1/messages", Area::Data, false),
            (Method::GET, "/healthy", Area::Data, false),
            (Method::GET, "/docs/", Area::Docs, true),
            (Method::HEAD, "/app.js", Area::Dashboard, true),
            (Method::POST, "/app.js", Area::Dashboard, false),
        ] {
            assert_eq!(is_public(&method, path, area), expected, "{method} {path}");
        }
    }
}
