//! Errors as HTTP says them: a status, headers, and the body they have in common.
//!
//! Most are the hub's own, whose status follows from their code; the rest is wrong with the request
//! itself, or is of a batch.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use super::request_id::RequestId;
use crate::api;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::{self, ErrorCode, HubError, shortened};

/// Which headers a caller who is not known has to send. No browser asks its user for them.
const CHALLENGE: &str =
    "Service-Key realm=\"message-hub\", headers=\"X-Service-Name X-Service-Key\"";

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error("no such route: {}", shortened(.0))]
    NoRoute(String),
    #[error("{}: not allowed here; use {allow}", shortened(method))]
    MethodNotAllowed { method: String, allow: Arc<str> },
    #[error("Content-Encoding: bodies are read as they are; send it without one")]
    Encoded,
    #[error("request: {}", .0.problem())]
    NoRequest(NoRequest),
    #[error("nothing of the batch was accepted")]
    Batch { error: HubError, results: Value },
    #[error("nothing was published, as event {index} was refused: {error}")]
    Atomic {
        error: HubError,
        index: usize,
        results: Value,
    },
}

/// Why what came cannot be read as a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoRequest {
    Malformed,
    Late,
    TooLarge,
}

impl NoRequest {
    fn problem(self) -> &'static str {
        match self {
            Self::Malformed => {
                "is no HTTP/1.1: its first line, a header or the length of its body is wrong, or a \
                 line does not end with CR LF"
            }
            Self::Late => "its head did not arrive within 10 seconds",
            Self::TooLarge => "its head is larger than 128 KiB or 96 lines",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

impl HttpError {
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Hub(error) | Self::Batch { error, .. } | Self::Atomic { error, .. } => {
                error.code()
            }
            Self::NoRoute(_) => ErrorCode::NotFound,
            Self::MethodNotAllowed { .. } => ErrorCode::MethodNotAllowed,
            Self::Encoded | Self::NoRequest(_) => ErrorCode::InvalidRequest,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Hub(error) | Self::Batch { error, .. } | Self::Atomic { error, .. } => {
                status_of(error)
            }
            Self::NoRoute(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoRequest(fault) => fault.status(),
        }
    }

    /// What is wrong, as the body and the log say it.
    pub(crate) fn in_words(&self) -> String {
        error::in_words(self)
    }

    /// The whole body of the answer.
    pub(crate) fn body(&self, id: &RequestId, now: Timestamp) -> Value {
        let mut about = Map::new();
        about.insert("request_id".to_owned(), json!(id.as_str()));
        about.insert("timestamp".to_owned(), json!(now));
        let error = api::error::written(self.code(), &self.in_words(), self.details(), about);
        json!({"error": error})
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = match self {
            Self::Hub(error) | Self::Batch { error, .. } | Self::Atomic { error, .. } => {
                api::error::details(error)
            }
            _ => Map::new(),
        };
        let mut add = |key: &str, value: Value| drop(details.insert(key.to_owned(), value));
        match self {
            Self::Encoded => add("field", json!("Content-Encoding")),
            Self::NoRequest(_) => add("field", json!("request")),
            Self::Batch { results, .. } => add("results", results.clone()),
            Self::Atomic { index, results, .. } => {
                add("index", json!(index));
                add("results", results.clone());
            }
            Self::Hub(_) | Self::NoRoute(_) | Self::MethodNotAllowed { .. } => {}
        }
        details
    }

    /// The error of the hub behind it, if it is one.
    fn of_hub(&self) -> Option<&HubError> {
        match self {
            Self::Hub(error) | Self::Batch { error, .. } | Self::Atomic { error, .. } => {
                Some(error)
            }
            _ => None,
        }
    }
}

fn status_of(error: &HubError) -> StatusCode {
    match error.code() {
        ErrorCode::AuthFailed if matches!(error, HubError::Unauthenticated(_)) => {
            StatusCode::UNAUTHORIZED
        }
        ErrorCode::AuthFailed => StatusCode::FORBIDDEN,
        ErrorCode::InvalidMessage | ErrorCode::InvalidSubscription | ErrorCode::InvalidRequest => {
            StatusCode::BAD_REQUEST
        }
        ErrorCode::NotFound | ErrorCode::ServiceNotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::Conflict | ErrorCode::VersionConflict => StatusCode::CONFLICT,
        ErrorCode::Gone => StatusCode::GONE,
        ErrorCode::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
        ErrorCode::RateLimited | ErrorCode::QueueFull | ErrorCode::LimitReached => {
            StatusCode::TOO_MANY_REQUESTS
        }
        ErrorCode::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::DeliveryFailed => StatusCode::BAD_GATEWAY,
        ErrorCode::ServiceUnavailable | ErrorCode::CircuitOpen | ErrorCode::StorageUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorCode::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
    }
}

/// The body is written where the request's id is known, in [`super::edge`].
impl ResponseError for HttpError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        if let Some(seconds) = self.of_hub().and_then(HubError::retry_after) {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        match self {
            Self::MethodNotAllowed { allow, .. } => {
                response.insert_header((header::ALLOW, &**allow));
            }
            Self::Hub(HubError::Unauthenticated(_)) => {
                response.insert_header((header::WWW_AUTHENTICATE, CHALLENGE));
            }
            Self::Hub(HubError::UpgradeRequired) => {
                response.insert_header((header::UPGRADE, "websocket"));
                response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
            }
            _ => {}
        }
        response.finish()
    }
}

/// Most handlers fail with an error of the hub alone.
impl ResponseError for HubError {
    fn status_code(&self) -> StatusCode {
        status_of(self)
    }

    fn error_response(&self) -> HttpResponse {
        HttpError::Hub(self.clone()).error_response()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::ids::ServiceName;
    use crate::domain::refusal::Refusal;

    #[test]
    fn the_time_to_come_again_is_in_whole_seconds_rounded_up() {
        let service = ServiceName::parse("shop").unwrap();
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (999_500, 1000)] {
            let retry_after = Duration::from_millis(millis);
            let limited: HubError = Refusal::RateLimited {
                service: service.clone(),
                retry_after,
            }
            .into();
            assert_eq!(limited.retry_after(), Some(seconds), "{millis}");
            let response = limited.error_response();
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            let told = response.headers().get(header::RETRY_AFTER).unwrap();
            assert_eq!(told.to_str().unwrap(), seconds.to_string());
        }
    }
}
