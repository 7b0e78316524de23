//! What the operating system is told about connections.

use std::time::Duration;

use actix_web::rt::net::TcpStream;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A client that takes nothing for so long is gone: the only way to notice a socket whose client
/// stopped reading, as nobody is asked for more while nothing leaves.
const PATIENCE: Duration = Duration::from_secs(45);

/// For every connection that was accepted.
pub fn keep_in_check(stream: &TcpStream) {
    let millis = u32::try_from(PATIENCE.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = set_tcp_user_timeout(stream, millis) {
        tracing::debug!(%error, "a connection has no time limit for what it does not take");
    }
}

/// As many open files, and so connections, as this process may have at all.
pub fn allow_many() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays at {:?}", limit.current);
    }
}
