//! Whose a socket is: what all that is asked over it has in common.

use std::fmt;
use std::net::SocketAddr;

use tokio::sync::Mutex;
use uuid::Uuid;

use crate::domain::timestamp::Timestamp;
use crate::hub::access::Principal;
use crate::hub::request::RequestContext;

/// The client of a socket.
pub(crate) struct SocketClient {
    pub principal: Principal,
    pub address: Option<SocketAddr>,
    /// There is no id of a request for each frame.
    pub socket: SocketName,
    /// What is published and sent keeps its order.
    pub turn: Mutex<()>,
}

/// A socket, as the log names it.
#[derive(Clone, Copy)]
pub(crate) struct SocketName(pub Uuid);

impl fmt::Display for SocketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {}", self.0)
    }
}

impl SocketClient {
    /// What it asks at this time.
    pub(crate) fn context(&self, now: Timestamp) -> RequestContext<'_> {
        RequestContext {
            principal: &self.principal,
            request_id: &self.socket,
            peer: self.address,
            correlation_id: None,
            traceparent: None,
            now,
        }
    }
}
