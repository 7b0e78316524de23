//! What a client is told when something cannot be done (contract, section 3).
//!
//! Use [`HubError::invalid`] for a field, the variants for the rest; a [`Refusal`] of an actor
//! becomes one by `?`. Each error has one code and one status, decided here and nowhere else.

mod details;

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use crate::actors::messages::ArchiveRefusal;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::logic::limits::Limit;
use crate::ports::archive::ArchiveError;

/// Which headers a caller who is not known has to send. No browser asks its user for them.
const CHALLENGE: &str =
    "Service-Key realm=\"message-hub\", headers=\"X-Service-Name X-Service-Key\"";

/// What kind of thing was wrong with the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A message or an event.
    Message,
    Subscription,
    Request,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum HubError {
    #[error("{field}: {problem}")]
    Invalid {
        subject: Subject,
        field: String,
        problem: String,
    },
    #[error("{0}")]
    Unauthenticated(&'static str),
    #[error("too many wrong keys came from this address; further ones wait")]
    TooManyWrongKeys { retry_after: Duration },
    #[error("{0}")]
    Forbidden(String),
    /// One field or header is in the way.
    #[error("{problem}")]
    Denied {
        field: &'static str,
        problem: String,
    },
    #[error("no such route: {}", shortened(.0))]
    NoRoute(String),
    #[error("{field}: the subscription there is has another; change that one, or end it first")]
    Differs { field: &'static str },
    #[error("{field}: the stream is at {current}")]
    NoSuchVersion { field: &'static str, current: u64 },
    #[error("{what}: not known")]
    NotFound { what: String },
    #[error("{what}: was deleted")]
    Deleted { what: String },
    #[error("{field}: {problem}")]
    Conflict {
        field: &'static str,
        problem: &'static str,
    },
    #[error("{}: not allowed here; use {allow}", shortened(method))]
    MethodNotAllowed { method: String, allow: &'static str },
    #[error("Content-Encoding: bodies are read as they are; send it without one")]
    Encoded,
    #[error("body: larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("body: larger than {most} bytes, which is {}", limit.name())]
    TooLargeFor { limit: Limit, most: usize },
    /// A parameter or field names a service nobody ever registered.
    #[error("{service}: no service of this name was ever registered; register it first")]
    NoService {
        field: &'static str,
        service: ServiceName,
    },
    #[error("too many requests are under way; try again in a moment")]
    Busy,
    #[error(
        "{}: what is under way for this caller has all of its share, {most} bytes; try again in a \
         moment",
        limit.name()
    )]
    ShareFull { limit: Limit, most: usize },
    #[error(
        "{service}: has made all the requests its quota allows; {retry_after:?} until the next"
    )]
    TooManyRequests {
        service: ServiceName,
        retry_after: Duration,
    },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the message could not be delivered: {}", reason.map_or("cancelled", DeadReason::name))]
    DeliveryFailed {
        reason: Option<DeadReason>,
        last_error: Option<String>,
    },
    #[error("{0}")]
    NotReady(&'static str),
    #[error("history needs the archive, which does not answer: {0}")]
    NoArchive(String),
    #[error("nothing of the batch was accepted")]
    Batch {
        error: Box<HubError>,
        results: Value,
    },
    #[error("nothing was published, as event {index} was refused: {error}")]
    Atomic {
        error: Box<HubError>,
        index: usize,
        results: Value,
    },
    #[error("request: {}", .0.problem())]
    NoRequest(NoRequest),
    #[error("this is for WebSockets; to publish an event use POST")]
    UpgradeRequired,
    #[error("internal error; the log has more under this request_id")]
    Internal,
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

impl HubError {
    pub fn invalid(subject: Subject, field: impl Into<String>, problem: impl ToString) -> Self {
        Self::Invalid {
            subject,
            field: field.into(),
            problem: problem.to_string(),
        }
    }

    /// What an actor refused; `missing` says what it did not find.
    pub fn refused(refusal: Refusal, missing: Self) -> Self {
        match refusal {
            Refusal::NotFound => missing,
            refusal => refusal.into(),
        }
    }

    pub fn code(&self) -> &'static str {
        self.kind().0
    }

    pub fn status(&self) -> StatusCode {
        self.kind().1
    }

    fn kind(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Invalid {
                subject: Subject::Message,
                ..
            } => ("INVALID_MESSAGE", StatusCode::BAD_REQUEST),
            Self::Invalid {
                subject: Subject::Subscription,
                ..
            } => ("INVALID_SUBSCRIPTION", StatusCode::BAD_REQUEST),
            Self::Invalid {
                subject: Subject::Request,
                ..
            } => ("INVALID_REQUEST", StatusCode::BAD_REQUEST),
            Self::Unauthenticated(_) => ("AUTH_FAILED", StatusCode::UNAUTHORIZED),
            Self::TooManyWrongKeys { .. } => ("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS),
            Self::Forbidden(_) | Self::Denied { .. } => ("AUTH_FAILED", StatusCode::FORBIDDEN),
            Self::Encoded => ("INVALID_REQUEST", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::NoSuchVersion { .. } => ("VERSION_CONFLICT", StatusCode::CONFLICT),
            Self::Differs { .. } => ("CONFLICT", StatusCode::CONFLICT),
            Self::NoRoute(_) | Self::NotFound { .. } | Self::Deleted { .. } => {
                ("NOT_FOUND", StatusCode::NOT_FOUND)
            }
            Self::Conflict { .. } => ("CONFLICT", StatusCode::CONFLICT),
            Self::MethodNotAllowed { .. } => ("METHOD_NOT_ALLOWED", StatusCode::METHOD_NOT_ALLOWED),
            Self::NoService { .. } => ("SERVICE_NOT_FOUND", StatusCode::NOT_FOUND),
            Self::TooLarge { .. } | Self::TooLargeFor { .. } => {
                ("PAYLOAD_TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE)
            }
            Self::Busy => ("QUEUE_FULL", StatusCode::TOO_MANY_REQUESTS),
            Self::TooManyRequests { .. } => ("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS),
            Self::ShareFull { .. } => ("LIMIT_REACHED", StatusCode::TOO_MANY_REQUESTS),
            Self::Refused(refusal) => kind_of(refusal),
            Self::DeliveryFailed { .. } => ("DELIVERY_FAILED", StatusCode::BAD_GATEWAY),
            Self::NotReady(_) => ("SERVICE_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE),
            Self::NoArchive(_) => ("STORAGE_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE),
            Self::Batch { error, .. } | Self::Atomic { error, .. } => error.kind(),
            Self::UpgradeRequired => ("UPGRADE_REQUIRED", StatusCode::UPGRADE_REQUIRED),
            Self::NoRequest(fault) => ("INVALID_REQUEST", fault.status()),
            Self::Internal => ("INTERNAL_ERROR", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Whole seconds until another try makes sense.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(
                Refusal::CircuitOpen { retry_after, .. } | Refusal::RateLimited { retry_after, .. },
            )
            | Self::TooManyWrongKeys { retry_after }
            | Self::TooManyRequests { retry_after, .. } => {
                Some(retry_after.as_secs_f64().ceil().max(1.0) as u64)
            }
            Self::Refused(
                Refusal::LaneFull { .. }
                | Refusal::MemoryFull { .. }
                | Refusal::ShareFull { .. }
                | Refusal::LettersFull { .. }
                | Refusal::TooManyStates,
            )
            | Self::Busy
            | Self::ShareFull { .. } => Some(1),
            Self::Batch { error, .. } | Self::Atomic { error, .. } => error.retry_after(),
            _ => None,
        }
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = Map::new();
        let mut add = |key: &str, value: Value| drop(details.insert(key.to_owned(), value));
        match self {
            Self::Invalid { field, .. } => add("field", json!(shortened(field))),
            Self::NoService { field, service } => {
                add("field", json!(field));
                add("service", json!(service));
            }
            Self::Encoded => add("field", json!("Content-Encoding")),
            Self::NoRequest(_) => add("field", json!("request")),
            Self::Differs { field } | Self::Denied { field, .. } => add("field", json!(field)),
            Self::NoSuchVersion { field, current } => {
                add("field", json!(field));
                add("current_version", json!(current));
            }
            Self::Conflict { field, .. } => add("field", json!(field)),
            Self::TooManyRequests { service, .. } => add("service", json!(service)),
            Self::ShareFull { limit, most } | Self::TooLargeFor { limit, most } => {
                add("limit", json!(limit.name()));
                add("most", json!(most));
            }
            Self::Refused(refusal) => details::add_refusal(refusal, add),
            Self::DeliveryFailed { reason, last_error } => {
                add("reason", json!(reason));
                add("last_error", json!(last_error));
            }
            Self::Batch { error, results } => {
                details = error.details();
                details.insert("results".to_owned(), results.clone());
            }
            Self::Atomic {
                error,
                index,
                results,
            } => {
                details = error.details();
                details.insert("index".to_owned(), json!(index));
                details.insert("results".to_owned(), results.clone());
            }
            _ => {}
        }
        details
    }

    /// The `error` object of an answer. `about` goes into its details: the request's id and time,
    /// or nothing for an item of a batch.
    pub fn body(&self, about: Map<String, Value>) -> Value {
        let mut details = about;
        details.extend(self.details());
        json!({"code": self.code(), "message": self.in_words(), "details": details})
    }

    /// What is wrong, as a client is told it, and the log. Whatever a sentence repeats, it stays
    /// one.
    pub fn in_words(&self) -> String {
        match cut(&self.to_string(), LONGEST) {
            Cow::Borrowed(whole) => whole.to_owned(),
            Cow::Owned(cut) => cut,
        }
    }
}

/// So many characters of what a client wrote are repeated to it, and in the log.
const SHOWN: usize = 100;
/// No sentence of a refusal has more characters.
const LONGEST: usize = 1000;

/// The text as a refusal repeats it.
pub fn shortened(text: &str) -> Cow<'_, str> {
    cut(text, SHOWN)
}

fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

fn kind_of(refusal: &Refusal) -> (&'static str, StatusCode) {
    match refusal {
        Refusal::UnknownService { .. } => ("SERVICE_NOT_FOUND", StatusCode::NOT_FOUND),
        Refusal::LaneFull { .. }
        | Refusal::MemoryFull { .. }
        | Refusal::ShareFull { .. }
        | Refusal::LettersFull { .. }
        | Refusal::TooManyStates => ("QUEUE_FULL", StatusCode::TOO_MANY_REQUESTS),
        Refusal::LimitReached { .. } => ("LIMIT_REACHED", StatusCode::TOO_MANY_REQUESTS),
        Refusal::RateLimited { .. } => ("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS),
        Refusal::CircuitOpen { .. } => ("CIRCUIT_OPEN", StatusCode::SERVICE_UNAVAILABLE),
        Refusal::NoInstance { .. } | Refusal::Stopping => {
            ("SERVICE_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE)
        }
        Refusal::StorageFull(_) | Refusal::ShortOf(_) => {
            ("STORAGE_FULL", StatusCode::INSUFFICIENT_STORAGE)
        }
        Refusal::OtherContent
        | Refusal::WrongState { .. }
        | Refusal::WrongStatus { .. }
        | Refusal::StaleLeases { .. }
        | Refusal::BatchRefused
        | Refusal::Conflict(_) => ("CONFLICT", StatusCode::CONFLICT),
        Refusal::VersionConflict { .. } => ("VERSION_CONFLICT", StatusCode::CONFLICT),
        Refusal::EventsGone { .. } | Refusal::VersionsGone { .. } => ("GONE", StatusCode::GONE),
        Refusal::BeyondNewest { .. } => ("INVALID_SUBSCRIPTION", StatusCode::BAD_REQUEST),
        Refusal::NotTheirs { .. } => ("AUTH_FAILED", StatusCode::FORBIDDEN),
        Refusal::StateTooLarge { .. } => ("PAYLOAD_TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE),
        Refusal::HistoryUnknown => ("STORAGE_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE),
        Refusal::NotFound => ("NOT_FOUND", StatusCode::NOT_FOUND),
    }
}

impl From<ArchiveError> for HubError {
    fn from(error: ArchiveError) -> Self {
        Self::NoArchive(error.to_string())
    }
}

impl From<ArchiveRefusal> for HubError {
    fn from(refusal: ArchiveRefusal) -> Self {
        match refusal {
            ArchiveRefusal::Refused(refusal) => refusal.into(),
            ArchiveRefusal::Archive(error) => error.into(),
        }
    }
}

/// The body is written where the request's id is known, in [`crate::http::edge`].
impl ResponseError for HubError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        if let Some(seconds) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if let Self::MethodNotAllowed { allow, .. } = self {
            response.insert_header((header::ALLOW, *allow));
        }
        if matches!(self, Self::Unauthenticated(_)) {
            response.insert_header((header::WWW_AUTHENTICATE, CHALLENGE));
        }
        if matches!(self, Self::UpgradeRequired) {
            response.insert_header((header::UPGRADE, "websocket"));
            response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
        }
        response.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ServiceName;

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
