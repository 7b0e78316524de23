//! Why there is no measurement, and how the process ends then.

use std::io;

use super::hub_process::StartError;
use super::refusal::{Kind, No};
use crate::exit::Exit;

#[derive(Debug, thiserror::Error)]
pub(super) enum HubError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{authority}: {source}")]
    Unreachable {
        authority: String,
        source: io::Error,
    },
    #[error(
        "{what}: the hub answered {answer}: it wants a key that may do this; give the name of an \
         operator with --name, and its key with --key-file or as MESSAGE_HUB_KEY"
    )]
    Denied { what: String, answer: String },
    #[error("{what}: the hub answered {answer}: {body}")]
    Refused {
        what: String,
        answer: String,
        body: String,
    },
    #[error("{what}: the hub answered {answer}: {body}")]
    Broken {
        what: String,
        answer: String,
        body: String,
    },
    #[error(
        "{service}: {waiting} messages that are not of this run wait for it in that hub; they would be \
         measured and cleared away with those of the run. Clear them first: DELETE \
         /v1/queue?service={service}"
    )]
    InUse { service: String, waiting: u64 },
    #[error(
        "{service}: {waiting} messages of the run are still in that hub; DELETE \
         /v1/queue?service={service} clears what waits"
    )]
    LeftBehind { service: String, waiting: u64 },
    #[error("interrupted: what waits of the run may still be in that hub")]
    NotTakenBack,
    #[error("the hub did not stop cleanly within a minute of SIGTERM")]
    NotStopped,
    #[error("interrupted: nothing was measured")]
    Interrupted,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl HubError {
    /// `what` was asked for, and `body` is all the hub said.
    pub(super) fn of(what: &str, no: &No<'_>, body: &[u8]) -> Self {
        let (what, answer) = (what.to_owned(), no.code.to_string());
        let body = String::from_utf8_lossy(body).into_owned();
        match no.kind {
            Kind::Denied => Self::Denied { what, answer },
            Kind::Refused => Self::Refused { what, answer, body },
            Kind::Broken => Self::Broken { what, answer, body },
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Denied { .. } => Exit::Denied,
            Self::Refused { .. } | Self::InUse { .. } => Exit::NothingTaken,
            Self::Start(error) if error.is_usage() => Exit::Usage,
            Self::Interrupted => Exit::Interrupted,
            Self::Start(_)
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::LeftBehind { .. }
            | Self::NotTakenBack
            | Self::NotStopped
            | Self::Io(_) => Exit::Internal,
        }
    }
}
