//! What is asked of the Archivist.

use actix::Message as ActixMessage;
use actix::Recipient;
use tokio::sync::oneshot;

use super::reply::Reply;
use crate::domain::ids::{JobId, MessageId, Position, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::ports::archive::ArchiveError;

/// http, Redriver → Archivist: make dead letter `id` owed again. Two at once: one wins, the other is told.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Reprocess {
    pub id: MessageId,
    pub destination: Option<ServiceName>,
    pub payload: Option<JsonText>,
    /// On whose behalf, if not a client's.
    pub job: Option<ForJob>,
    pub reply: Reply<Result<(), ArchiveRefusal>>,
}

/// A redrive job wants the dead letter sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForJob {
    pub job: JobId,
    /// A message that died later is not meant.
    pub died_by: Timestamp,
    /// An event that died here or later is not meant; `None`: no event is.
    pub events_before: Option<Position>,
}

/// http, Redriver → Archivist: dead letter `id` goes for good.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct DeleteDeadLetter {
    pub id: MessageId,
    /// On whose behalf, if not a client's.
    pub job: Option<ForJob>,
    pub reply: Reply<Result<(), ArchiveRefusal>>,
}

/// http → Archivist: the settled message `id` goes for good, be it a dead letter or not.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct DeleteMessage {
    pub id: MessageId,
    pub reply: Reply<Result<(), ArchiveRefusal>>,
}

/// http, Redriver → Archivist: write what is pending, so that the next read sees what was acknowledged.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Flush {
    pub reply: Reply<Result<(), ArchiveError>>,
}

impl Flush {
    /// Asks at once; what comes back ends when everything committed by then is readable.
    pub fn ask(
        archivist: &Recipient<Self>,
    ) -> impl Future<Output = Result<(), ArchiveError>> + use<> {
        let (reply, flushed) = oneshot::channel();
        archivist.do_send(Self { reply });
        async move {
            flushed
                .await
                .unwrap_or_else(|_| Err(ArchiveError::stopping()))
        }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ArchiveRefusal {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}
