//! What a client is told when something cannot be done, whatever protocol it
//! speaks.
//!
//! Use [`HubError::invalid`] for a field, the variants for the rest; a [`Refusal`] of an actor
//! becomes one by `?`. Each error has one code, decided here and nowhere else; each protocol says
//! what stands for it there.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use crate::actors::messages::archivist::ArchiveRefusal;
use crate::actors::messages::reply::Unanswered;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::logic::limits::Limit;
use crate::ports::archive::ArchiveError;

/// What went wrong, for programs: what a client may go by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ErrorCode {
    /// A message or an event is not as it has to be.
    InvalidMessage,
    /// A subscription, or where it is to begin, is not as it has to be.
    InvalidSubscription,
    /// Anything else that was given is not as it has to be.
    InvalidRequest,
    /// Whoever asks is not known, or may not do this.
    AuthFailed,
    /// There is nothing of this id or name.
    NotFound,
    /// No service of this name was ever registered.
    ServiceNotFound,
    /// This cannot be done to what was named.
    MethodNotAllowed,
    /// Something is not in the state that this needs.
    Conflict,
    /// A stream is at another version than was expected.
    VersionConflict,
    /// What is asked for was there, and was removed.
    Gone,
    /// What was given, or would be given back, is too large.
    PayloadTooLarge,
    /// Only a WebSocket can do this.
    UpgradeRequired,
    /// Whoever asks is faster than it may be.
    RateLimited,
    /// There is no capacity for it now.
    QueueFull,
    /// There are as many of something as there may be.
    LimitReached,
    /// A fault of the hub's own.
    InternalError,
    /// The message that was waited for did not arrive.
    DeliveryFailed,
    /// The hub is not ready, or nobody takes the message now.
    ServiceUnavailable,
    /// The destination fails, and nothing is sent there for a while.
    CircuitOpen,
    /// It needs the archive, which does not answer.
    StorageUnavailable,
    /// Nothing new can be written for a while.
    StorageFull,
}

impl ErrorCode {
    /// All there are, for the description of the interfaces.
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
    /// A subscription, or a replay to one.
    Subscription,
    /// Anything else.
    Request,
}

/// Why the hub did not do what it was asked to; its text is what a client reads.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HubError {
    /// Something that was given is not as it has to be.
    #[error("{field}: {problem}")]
    Invalid {
        /// Decides the code.
        subject: Subject,
        /// Where it is, as the client wrote it: a path into the body, a parameter, a header.
        field: String,
        /// What is wrong, to be read after the name of the field.
        problem: String,
    },
    /// The key is missing or wrong; in words, which.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// Wrong keys keep coming from one address.
    #[error("too many wrong keys came from this address; further ones wait")]
    TooManyWrongKeys {
        /// How long until a wrong one is answered as such again.
        retry_after: Duration,
    },
    /// The caller is known, and may not do this; in words, why.
    #[error("{0}")]
    Forbidden(String),
    /// One field or header is in the way.
    #[error("{problem}")]
    Denied {
        /// Its name.
        field: &'static str,
        /// The whole sentence.
        problem: String,
    },
    /// Somebody subscribes anew to what there is, with something else in one field.
    #[error("{field}: the subscription there is has another; change that one, or end it first")]
    Differs {
        /// Its name.
        field: &'static str,
    },
    /// A version of a stream is asked for that is still to come.
    #[error("{field}: the stream is at {current}")]
    NoSuchVersion {
        /// Where the version was given.
        field: &'static str,
        /// The version the stream is at.
        current: u64,
    },
    /// Nothing is known of what was named.
    #[error("{what}: not known")]
    NotFound {
        /// What was looked for, with its id or name.
        what: String,
    },
    /// It ended while it was in use.
    #[error("{what}: was deleted")]
    Deleted {
        /// What it was, with its id or name.
        what: String,
    },
    /// What was given does not go together with what there is.
    #[error("{field}: {problem}")]
    Conflict {
        /// Where it was given.
        field: &'static str,
        /// What is wrong, to be read after the name of the field.
        problem: &'static str,
    },
    /// A body has more bytes than any of its kind may have.
    #[error("body: larger than {limit} bytes")]
    TooLarge {
        /// How many it may have.
        limit: usize,
    },
    /// A body has more bytes than a limit that operators set.
    #[error("body: larger than {most} bytes, which is {}", limit.name())]
    TooLargeFor {
        /// Which one.
        limit: Limit,
        /// How many it may have.
        most: usize,
    },
    /// A parameter or field names a service nobody ever registered.
    #[error("{service}: no service of this name was ever registered; register it first")]
    NoService {
        /// Where it was named.
        field: &'static str,
        /// As it was named.
        service: ServiceName,
    },
    /// So much is under way for all callers together that nothing more may begin.
    #[error("too many requests are under way; try again in a moment")]
    Busy,
    /// So much is under way for one caller that nothing more may begin.
    #[error(
        "{}: what is under way for this caller has all of its share, {most} bytes; try again in a \
         moment",
        limit.name()
    )]
    ShareFull {
        /// Of what it has its share.
        limit: Limit,
        /// How many bytes its share is.
        most: usize,
    },
    /// A caller makes more requests than its quota allows.
    #[error(
        "{service}: has made all the requests its quota allows; {retry_after:?} until the next"
    )]
    TooManyRequests {
        /// Whose quota it is.
        service: ServiceName,
        /// How long until the quota has room for the next one.
        retry_after: Duration,
    },
    /// An actor said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A message whose sender waits for its end did not arrive.
    #[error("the message could not be delivered: {}", reason.map_or("cancelled", DeadReason::name))]
    DeliveryFailed {
        /// Why the hub gave up on it; `None`: it was cancelled.
        reason: Option<DeadReason>,
        /// What the latest attempt failed with, if one did.
        last_error: Option<String>,
    },
    /// The hub starts, stops or restarts a part of itself; in words, which.
    #[error("{0}")]
    NotReady(&'static str),
    /// The archive was needed; in words, what it said or did not say.
    #[error("history needs the archive, which does not answer: {0}")]
    NoArchive(String),
    /// What is a WebSocket was asked for without one.
    #[error("this is for WebSockets; to publish an event use POST")]
    UpgradeRequired,
    /// A fault of the hub's own, of which only the log has more.
    #[error("internal error; the log has more under this request_id")]
    Internal,
}

impl HubError {
    /// The `field` is named as the client wrote it.
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
                Refusal::CircuitOpen { retry_after, .. }
                | Refusal::RateLimited { retry_after, .. }
                | Refusal::TestedJustNow { retry_after },
            )
            | Self::TooManyWrongKeys { retry_after }
            | Self::TooManyRequests { retry_after, .. } => {
                Some(retry_after.as_secs_f64().ceil().max(1.0) as u64)
            }
            Self::Refused(
                Refusal::LaneFull { .. }
                | Refusal::MemoryFull { .. }
                | Refusal::ShareFull { .. }
                | Refusal::DeadEventsFull { .. }
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
        | Refusal::DeadEventsFull { .. }
        | Refusal::TooManyStates => ErrorCode::QueueFull,
        Refusal::LimitReached { .. } => ErrorCode::LimitReached,
        Refusal::RateLimited { .. } | Refusal::TestedJustNow { .. } => ErrorCode::RateLimited,
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

impl From<Unanswered> for HubError {
    fn from(_: Unanswered) -> Self {
        Self::NotReady("the hub is going down or restarts a part of itself; ask again in a moment")
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
