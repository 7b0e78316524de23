//! What a client is told when something cannot be done (contract, section 3), whatever protocol it
//! speaks.
//!
//! Use [`HubError::invalid`] for a field, the variants for the rest; a [`Refusal`] of an actor
//! becomes one by `?`. Each error has one code, decided here and nowhere else; each protocol says
//! what stands for it there.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use crate::actors::messages::ArchiveRefusal;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::logic::limits::Limit;
use crate::ports::archive::ArchiveError;

/// What went wrong, for programs: what a client may go by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ErrorCode {
    InvalidMessage,
    InvalidSubscription,
    InvalidRequest,
    AuthFailed,
    NotFound,
    ServiceNotFound,
    MethodNotAllowed,
    Conflict,
    VersionConflict,
    Gone,
    PayloadTooLarge,
    UpgradeRequired,
    RateLimited,
    QueueFull,
    LimitReached,
    InternalError,
    DeliveryFailed,
    ServiceUnavailable,
    CircuitOpen,
    StorageUnavailable,
    StorageFull,
}

impl ErrorCode {
    pub const ALL: [Self; 21] = [
        Self::InvalidMessage,
        Self::InvalidSubscription,
        Self::InvalidRequest,
        Self::AuthFailed,
        Self::NotFound,
        Self::ServiceNotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::VersionConflict,
        Self::Gone,
        Self::PayloadTooLarge,
        Self::UpgradeRequired,
        Self::RateLimited,
        Self::QueueFull,
        Self::LimitReached,
        Self::InternalError,
        Self::DeliveryFailed,
        Self::ServiceUnavailable,
        Self::CircuitOpen,
        Self::StorageUnavailable,
        Self::StorageFull,
    ];

    /// As it is written, whatever the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidMessage => "INVALID_MESSAGE",
            Self::InvalidSubscription => "INVALID_SUBSCRIPTION",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::AuthFailed => "AUTH_FAILED",
            Self::NotFound => "NOT_FOUND",
            Self::ServiceNotFound => "SERVICE_NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Conflict => "CONFLICT",
            Self::VersionConflict => "VERSION_CONFLICT",
            Self::Gone => "GONE",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::UpgradeRequired => "UPGRADE_REQUIRED",
            Self::RateLimited => "RATE_LIMITED",
            Self::QueueFull => "QUEUE_FULL",
            Self::LimitReached => "LIMIT_REACHED",
            Self::InternalError => "INTERNAL_ERROR",
            Self::DeliveryFailed => "DELIVERY_FAILED",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::CircuitOpen => "CIRCUIT_OPEN",
            Self::StorageUnavailable => "STORAGE_UNAVAILABLE",
            Self::StorageFull => "STORAGE_FULL",
        }
    }
}

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
    #[error("this is for WebSockets; to publish an event use POST")]
    UpgradeRequired,
    #[error("internal error; the log has more under this request_id")]
    Internal,
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

    /// What went wrong, for programs.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid { subject, .. } => match subject {
                Subject::Message => ErrorCode::InvalidMessage,
                Subject::Subscription => ErrorCode::InvalidSubscription,
                Subject::Request => ErrorCode::InvalidRequest,
            },
            Self::Unauthenticated(_) | Self::Forbidden(_) | Self::Denied { .. } => {
                ErrorCode::AuthFailed
            }
            Self::TooManyWrongKeys { .. } | Self::TooManyRequests { .. } => ErrorCode::RateLimited,
            Self::NoSuchVersion { .. } => ErrorCode::VersionConflict,
            Self::Differs { .. } | Self::Conflict { .. } => ErrorCode::Conflict,
            Self::NotFound { .. } | Self::Deleted { .. } => ErrorCode::NotFound,
            Self::NoService { .. } => ErrorCode::ServiceNotFound,
            Self::TooLarge { .. } | Self::TooLargeFor { .. } => ErrorCode::PayloadTooLarge,
            Self::Busy => ErrorCode::QueueFull,
            Self::ShareFull { .. } => ErrorCode::LimitReached,
            Self::Refused(refusal) => code_of(refusal),
            Self::DeliveryFailed { .. } => ErrorCode::DeliveryFailed,
            Self::NotReady(_) => ErrorCode::ServiceUnavailable,
            Self::NoArchive(_) => ErrorCode::StorageUnavailable,
            Self::UpgradeRequired => ErrorCode::UpgradeRequired,
            Self::Internal => ErrorCode::InternalError,
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
            _ => None,
        }
    }

    /// What is wrong, as a client is told it, and the log. Whatever a sentence repeats, it stays
    /// one.
    pub fn in_words(&self) -> String {
        in_words(self)
    }
}

/// An error as one sentence of bounded length.
pub fn in_words(error: &impl Display) -> String {
    match cut(&error.to_string(), LONGEST) {
        Cow::Borrowed(whole) => whole.to_owned(),
        Cow::Owned(cut) => cut,
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

fn code_of(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::UnknownService { .. } => ErrorCode::ServiceNotFound,
        Refusal::LaneFull { .. }
        | Refusal::MemoryFull { .. }
        | Refusal::ShareFull { .. }
        | Refusal::LettersFull { .. }
        | Refusal::TooManyStates => ErrorCode::QueueFull,
        Refusal::LimitReached { .. } => ErrorCode::LimitReached,
        Refusal::RateLimited { .. } => ErrorCode::RateLimited,
        Refusal::CircuitOpen { .. } => ErrorCode::CircuitOpen,
        Refusal::NoInstance { .. } | Refusal::Stopping => ErrorCode::ServiceUnavailable,
        Refusal::StorageFull(_) | Refusal::ShortOf(_) => ErrorCode::StorageFull,
        Refusal::OtherContent
        | Refusal::WrongState { .. }
        | Refusal::WrongStatus { .. }
        | Refusal::StaleLeases { .. }
        | Refusal::BatchRefused
        | Refusal::Conflict(_) => ErrorCode::Conflict,
        Refusal::VersionConflict { .. } => ErrorCode::VersionConflict,
        Refusal::EventsGone { .. } | Refusal::VersionsGone { .. } => ErrorCode::Gone,
        Refusal::BeyondNewest { .. } => ErrorCode::InvalidSubscription,
        Refusal::NotTheirs { .. } => ErrorCode::AuthFailed,
        Refusal::StateTooLarge { .. } => ErrorCode::PayloadTooLarge,
        Refusal::HistoryUnknown => ErrorCode::StorageUnavailable,
        Refusal::NotFound => ErrorCode::NotFound,
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
