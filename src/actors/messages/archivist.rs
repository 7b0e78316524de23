//! What is asked of the Archivist.

use actix::Message as ActixMessage;
use actix::Recipient;
use tokio::sync::oneshot;

use super::reply::Reply;
use crate::domain::refusal::Refusal;
use crate::ports::archive::ArchiveError;

/// Anyone → Archivist: write what is pending, so that the next read sees what was acknowledged.
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
