//! What happens to every request on its way in and to every answer on its way out.
//!
//! In: a request id, the phase of the hub, the caller. Out: the request id again, and the body of
//! every error, whoever found it.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{Error, PayloadError};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use rand::RngExt;
use serde_json::{Map, json};

use super::{Hub, socket};
use crate::domain::ids::is_label;
use crate::domain::timestamp::Timestamp;
use crate::door::Phase;
use crate::error::HubError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, given by the client or made here.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

/// The middleware.
pub async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let hub = request.app_data::<web::Data<Hub>>().cloned();
    let hub = hub.expect("the runtime gives every worker the hub");
    let id = RequestId::of(request.headers());
    let mut response = match admit(&request, &hub) {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(error) => request.error_response(error),
    };
    if let Some(error) = response.response().error() {
        let error = understand(error, response.request().path());
        log(&error, &id, &response);
        let body = render(&error, &id, hub.clock.now());
        let (request, old) = response.into_parts();
        let mut rendered = HttpResponse::build(error.status());
        for name in [
            header::RETRY_AFTER,
            header::ALLOW,
            header::UPGRADE,
            header::SEC_WEBSOCKET_VERSION,
        ] {
            if let Some(value) = old.headers().get(&name) {
                rendered.insert_header((name, value.clone()));
            }
        }
        response = ServiceResponse::new(request, rendered.json(body));
    }
    response.headers_mut().insert(REQUEST_ID, id.0);
    Ok(response)
}

/// Who may pass at all, now.
fn admit(request: &ServiceRequest, hub: &Hub) -> Result<(), HubError> {
    let path = request.path();
    if is_public(request.method(), path) {
        return Ok(());
    }
    match hub.door.phase() {
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
    let caller = if socket::PATHS.contains(&path) {
        hub.keys.caller_of_socket(request.request())?
    } else {
        hub.keys.caller(request.headers())?
    };
    request.extensions_mut().insert(caller);
    Ok(())
}

/// Answered at any time and to anybody.
fn is_public(method: &Method, path: &str) -> bool {
    (method == Method::GET || method == Method::HEAD)
        && (path == "/health"
            || path.starts_with("/health/")
            || path == "/metrics"
            || path == "/openapi.json"
            || path == "/asyncapi.json"
            || path == "/docs"
            || path.starts_with("/docs/"))
}

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        if let Some(given) = headers.get(REQUEST_ID)
            && given.to_str().is_ok_and(|text| is_label(text, 128))
        {
            return Self(given.clone());
        }
        let id = uuid::Builder::from_random_bytes(rand::rng().random()).into_uuid();
        let text = id.hyphenated().to_string();
        Self(HeaderValue::from_str(&text).expect("a UUID is a header value"))
    }

    fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Makes one of ours of an error that actix-web found.
fn understand(error: &Error, path: &str) -> HubError {
    if let Some(error) = error.as_error::<HubError>() {
        return error.clone();
    }
    if let Some(PayloadError::Overflow) = error.as_error::<PayloadError>() {
        return HubError::TooLarge {
            limit: super::body::ONE,
        };
    }
    match error.as_response_error().status_code() {
        StatusCode::NOT_FOUND => HubError::NoRoute(path.to_owned()),
        status if status.is_client_error() => {
            HubError::invalid(crate::error::Subject::Request, "request", error)
        }
        _ => HubError::Internal,
    }
}

fn log(error: &HubError, id: &RequestId, response: &ServiceResponse) {
    let (code, request_id) = (error.code(), id.as_str());
    let (method, path) = (response.request().method(), response.request().path());
    if error.status() == StatusCode::INTERNAL_SERVER_ERROR {
        let cause = response.response().error().map(ToString::to_string);
        tracing::error!(request_id, %method, path, cause, "internal error");
    } else {
        tracing::debug!(request_id, %method, path, code, %error, "refused");
    }
}

fn render(error: &HubError, id: &RequestId, now: Timestamp) -> serde_json::Value {
    let mut about = Map::new();
    about.insert("request_id".to_owned(), json!(id.as_str()));
    about.insert("timestamp".to_owned(), json!(now));
    json!({"error": error.body(about)})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(value).unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_good_request_id_is_kept_and_a_bad_one_replaced() {
        assert_eq!(id_of("abc-1"), "abc-1");
        for bad in ["", &"x".repeat(129), "tab\there"] {
            let made = id_of(bad);
            assert_ne!(made, bad);
            assert!(uuid::Uuid::parse_str(&made).is_ok());
        }
    }

    #[test]
    fn only_reading_health_metrics_and_docs_is_public() {
        assert!(is_public(&Method::GET, "/health/ready"));
        assert!(is_public(&Method::GET, "/metrics"));
        assert!(!is_public(&Method::POST, "/metrics"));
        assert!(!is_public(&Method::GET, "/v1/messages"));
        assert!(!is_public(&Method::GET, "/healthy"));
    }
}
