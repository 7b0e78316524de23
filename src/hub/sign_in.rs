//! Signing in from a browser, where a page should not hold a key: it is shown once, and from then
//! on the browser sends a token that it tells to no page.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Hub;
use super::access::Principal;
use super::error::HubError;
use super::keys::Credentials;
use super::sessions::{SessionEnd, SessionId};
use crate::domain::timestamp::Timestamp;

impl Hub {
    /// Begins a session for who shows this name and key; returns the token that the browser is to
    /// send, and that nobody else gets to know.
    ///
    /// # Errors
    /// CONFLICT while nobody needs a key; AUTH_FAILED for a wrong one; RATE_LIMITED after too many
    /// wrong ones from this address, also for a right one.
    pub fn sign_in(
        &self,
        peer: Option<IpAddr>,
        credentials: &Credentials,
    ) -> Result<String, HubError> {
        let keys = self.keys.now();
        if !keys.are_required() {
            return Err(HubError::Conflict {
                field: "key",
                problem: "nobody needs one here: without service_keys everybody may do everything",
            });
        }
        let principal = self.prove(peer, credentials)?;
        let name = principal.name.ok_or(HubError::Internal)?;
        let token: [u8; 32] = rand::random();
        let token = URL_SAFE_NO_PAD.encode(token);
        let id = SessionId::of(token.as_bytes());
        self.sessions
            .begin(id, (name, credentials.digest()), self.clock.now());
        Ok(token)
    }

    /// Who shows this name and key where a person or a first frame gives them.
    ///
    /// # Errors
    /// AUTH_FAILED for a wrong key; RATE_LIMITED after too many wrong ones from this address, also
    /// for a right one.
    pub fn prove(
        &self,
        peer: Option<IpAddr>,
        credentials: &Credentials,
    ) -> Result<Principal, HubError> {
        let now = self.clock.now();
        if let Some(retry_after) = self.refusals.sign_in_put_off(peer, now) {
            self.metrics.auth_failures.put_off.inc();
            return Err(HubError::TooManyWrongKeys { retry_after });
        }
        let proved = self.keys.now().shown(credentials);
        proved.map_err(|denial| {
            self.refusals.sign_in_failed(peer, now);
            match self.refuse(peer, denial) {
                HubError::Unauthenticated(_) => {
                    HubError::Unauthenticated("key: wrong for this name")
                }
                other => other,
            }
        })
    }

    /// Who has this session, which is used now; `None`: it has ended, or there never was one.
    pub fn holder_of_session(&self, id: SessionId) -> Option<Principal> {
        let (keys, now) = (self.keys.now(), self.clock.now());
        let name = self
            .sessions
            .using(id, now, keys, |session| session.name.clone())?;
        Some(keys.proved(name))
    }

    /// When this session ends if nothing more is asked with it, by the system's clock.
    pub fn session_expires_at(&self, id: SessionId) -> Option<Timestamp> {
        let (keys, now) = (self.keys.now(), self.clock.now());
        let ends_at = self
            .sessions
            .using(id, now, keys, |session| session.ends_at())?;
        Some(self.clock.wall().plus(ends_at.since(now)))
    }

    /// What tells of the end of this session; `None`: it has ended.
    pub fn session_end(&self, id: SessionId) -> Option<SessionEnd> {
        self.sessions.end_of(id, self.clock.now(), self.keys.now())
    }

    /// Ends a session, if it is one.
    pub fn sign_out(&self, id: SessionId) {
        self.sessions.end(id);
    }

    /// Ends the sessions whose key is none any more.
    pub fn end_sessions_without_key(&self) {
        self.sessions.keep(self.keys.now());
    }
}
