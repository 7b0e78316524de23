//! Whether it is known who is at the other end, and for how long that holds: a client may say it in
//! its first frame, and a session that a browser signed in with ends.

use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::hub::sessions::{SessionEnd, SessionId};
use crate::pool::{Held, Peer};

/// Who may come in.
pub(crate) enum Door {
    /// It is known who it is.
    Open,
    /// Its first frame is to say who it is; `place` among those of whom that is not known.
    Waiting { _place: Held },
    /// A browser's session says it.
    Session(SessionId, Option<SessionEnd>),
}

impl Door {
    /// For one whose first frame is to say who it is.
    ///
    /// # Errors
    /// QUEUE_FULL if too many wait already.
    pub(crate) fn waiting(hub: &Hub, peer: &Peer) -> Result<Self, HubError> {
        let mut place = hub.nameless_sockets.held(peer);
        place.grow(1).map_err(|_| HubError::Busy)?;
        Ok(Self::Waiting { _place: place })
    }

    /// For one that is opened with a session.
    ///
    /// # Errors
    /// AUTH_FAILED if it has just ended.
    pub(crate) fn of_session(hub: &Hub, id: SessionId) -> Result<Self, HubError> {
        let end = hub.session_end(id);
        let end = end.ok_or(HubError::Unauthenticated("the session has ended"))?;
        Ok(Self::Session(id, Some(end)))
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }
}

/// What a socket is told that has to say first who it is.
pub(super) fn not_auth() -> HubError {
    let problem = "must be auth: the socket was opened with auth=frame";
    HubError::invalid(Subject::Message, "type", problem)
}

/// What an `auth` is told that comes later than first.
pub(super) fn not_now() -> HubError {
    let problem =
        "auth is the first frame of a socket that was opened with auth=frame, and no other";
    HubError::invalid(Subject::Message, "type", problem)
}
