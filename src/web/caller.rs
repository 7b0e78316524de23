//! Who makes a request, and what the request says for everything in it.

use std::fmt;

use actix_web::{HttpMessage, HttpRequest};

use super::request_id::RequestId;
use crate::domain::timestamp::Timestamp;
use crate::hub::access::{Principal, Role};
use crate::hub::request::RequestContext;
use crate::hub::sessions::SessionId;

/// Who asks, and by which id; with the request while it is answered.
pub(crate) struct Asking {
    pub identity: Identified,
    pub id: RequestId,
}

/// Who somebody is, and how it is known.
pub(crate) struct Identified {
    pub principal: Principal,
    /// The session it is known by; `None`: it has shown a key, or nobody has to.
    pub session: Option<SessionId>,
}

impl From<Principal> for Identified {
    fn from(principal: Principal) -> Self {
        Self {
            principal,
            session: None,
        }
    }
}

impl Asking {
    /// The request is answered: its id goes into the answer.
    pub(crate) fn over(request: &HttpRequest) -> Self {
        let asking = request.extensions_mut().remove::<Self>();
        asking.unwrap_or_else(|| Self {
            identity: nobody().into(),
            id: RequestId::of(request.headers()),
        })
    }
}

/// Who makes this request, put there on its way in.
pub(crate) fn principal(request: &HttpRequest) -> Principal {
    let extensions = request.extensions();
    let asking = extensions.get::<Asking>();
    let principal = asking.map(|asking| asking.identity.principal.clone());
    principal.unwrap_or_else(nobody)
}

/// The session that this request is made with.
pub(crate) fn session(request: &HttpRequest) -> Option<SessionId> {
    let extensions = request.extensions();
    extensions.get::<Asking>()?.identity.session
}

/// Who has shown nothing.
pub(crate) fn nobody() -> Principal {
    Principal {
        name: None,
        role: Role::Service,
    }
}

/// A request as the operations of the hub know it.
pub(crate) struct Caller<'r> {
    pub principal: Principal,
    id: IdOf<'r>,
}

/// The id of a request, looked for when it is shown.
struct IdOf<'r>(&'r HttpRequest);

impl fmt::Display for IdOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extensions = self.0.extensions();
        let asking = extensions.get::<Asking>();
        f.write_str(asking.map_or("", |asking| asking.id.as_str()))
    }
}

impl<'r> Caller<'r> {
    pub(crate) fn of(request: &'r HttpRequest) -> Self {
        Self {
            principal: principal(request),
            id: IdOf(request),
        }
    }

    /// Without what headers say for messages and events.
    pub(crate) fn context(&self, now: Timestamp) -> RequestContext<'_> {
        RequestContext {
            principal: &self.principal,
            request_id: &self.id,
            peer: self.id.0.peer_addr(),
            correlation_id: None,
            traceparent: None,
            now,
        }
    }
}
