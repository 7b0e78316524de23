//! The sessions of browsers, for all who take requests.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::keys::{Keys, digest_of};
use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;
use crate::logic::browser_sessions::{BrowserSession, BrowserSessions, Digest};

/// What is known of a session without its token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionId(Digest);

impl SessionId {
    /// Of what a browser sends.
    pub fn of(token: &[u8]) -> Self {
        Self(digest_of(token))
    }
}

/// Ends with its session.
pub struct SessionEnd(watch::Receiver<()>);

impl SessionEnd {
    /// Waits for the end.
    pub async fn reached(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

/// What goes with a session: when it is dropped, those who wait for the end learn of it.
type Ending = watch::Sender<()>;

/// All that are open.
#[derive(Default)]
pub(super) struct Sessions(Mutex<BrowserSessions<Ending>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, BrowserSessions<Ending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one, of this name and with this key.
    pub(super) fn begin(&self, id: SessionId, whose: (ServiceName, Digest), now: Timestamp) {
        let (ending, _) = watch::channel(());
        self.lock().begin(id.0, whose, ending, now);
    }

    /// Looks at one, which is used now.
    pub(super) fn using<T>(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: &Keys,
        look: impl FnOnce(&BrowserSession<Ending>) -> T,
    ) -> Option<T> {
        let mut sessions = self.lock();
        let session = sessions.using(&id.0, now, |name, key| keys.is_valid(name, key))?;
        Some(look(session))
    }

    /// What tells of its end.
    pub(super) fn end_of(&self, id: SessionId, now: Timestamp, keys: &Keys) -> Option<SessionEnd> {
        self.using(id, now, keys, |session| {
            SessionEnd(session.ending.subscribe())
        })
    }

    pub(super) fn end(&self, id: SessionId) {
        self.lock().end(&id.0);
    }

    /// Ends those whose key is none of these.
    pub(super) fn keep(&self, keys: &Keys) {
        self.lock().keep(|name, key| keys.is_valid(name, key));
    }
}
