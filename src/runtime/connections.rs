//! How many connections are served, and what the operating system is told about them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::AsyncWriteExt;

use crate::metrics::Metrics;
use crate::pool::{Held, Peer, Pool};
use crate::web::connection::Connection;

/// Files that the hub needs itself: segments, archive, compaction, pushes.
const OWN_FILES: usize = 256;
/// Of these, as many as are open in an idle hub, and those of one compaction, reader and push.
const IDLE_FILES: usize = 46;
/// The same for each of the server's threads.
const FILES_OF_WORKER: usize = 5;
/// For clients: with fewer nobody could use the hub.
const LEAST_CONNECTIONS: usize = 8;
/// However many files there may be.
const MOST_OF_WORKER: usize = 20_000;
/// Connections that are told why they are refused, at once.
const MOST_LEAVING: usize = 16;
/// What a connection beyond its peer's share is told.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Connection: close\r\nRetry-After: 5\r\nContent-Type: application/json\r\nContent-Length: 119\r\n\r\n\
    {\"error\":{\"code\":\"SERVICE_UNAVAILABLE\",\"message\":\"this address has all the connections it may have\",\"details\":{}}}     ";

/// A client that takes nothing for so long is gone: the only way to notice a socket whose client
/// stopped reading, as nobody is asked for more while nothing leaves.
const PATIENCE: Duration = Duration::from_secs(45);

/// How many connections a worker serves; others wait in the backlog. All of them leave the hub the
/// files it needs itself, or, where there are few, half of them and no fewer than it cannot do
/// without.
pub(super) fn of_worker(files: Option<u64>, workers: usize) -> usize {
    let files = files.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    });
    let own = OWN_FILES.min(files / 2).max(own_files(workers));
    (files.saturating_sub(own) / workers.max(1)).clamp(1, MOST_OF_WORKER)
}

const fn own_files(workers: usize) -> usize {
    IDLE_FILES + FILES_OF_WORKER * workers
}

/// With fewer open files a hub would come up and then fail at whatever needs the next one.
///
/// # Errors
/// Says how many it takes.
pub(super) fn check_files(files: Option<u64>, workers: usize) -> Result<(), String> {
    let least = own_files(workers) + LEAST_CONNECTIONS;
    match files {
        Some(files) if files < least as u64 => Err(format!(
            "too few open files: the limit of this process is {files} (ulimit -Hn), and the hub cannot \
             do with so few: raise it to at least {least}"
        )),
        _ => Ok(()),
    }
}

/// Lets connections in, of each peer at most half of those that are served: a connection costs
/// nothing, and whoever holds many must leave room for others. Copies are the same.
#[derive(Clone)]
pub(super) struct Doorkeeper {
    pool: Pool,
    metrics: Arc<Metrics>,
    /// Whether it was told that some peer had all it may have.
    is_told: Arc<AtomicBool>,
    /// Connections that are being refused in good order.
    leaving: Arc<AtomicUsize>,
}

/// Kept with a connection, until it is closed.
pub(super) struct Inside {
    _held: Held,
    metrics: Arc<Metrics>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.metrics.status.connections.closed();
    }
}

impl Doorkeeper {
    pub(super) fn new(most: usize, metrics: Arc<Metrics>) -> Self {
        let shown = i64::try_from(most).unwrap_or(i64::MAX);
        metrics.status.connections.set_most(shown);
        Self {
            pool: Pool::with_share(most, most.div_ceil(2)),
            metrics,
            is_told: Arc::default(),
            leaving: Arc::default(),
        }
    }

    /// For every connection that was accepted; `None` if its peer has all it may have.
    pub(super) fn let_in(&self, stream: &TcpStream) -> Option<Inside> {
        let peer = stream.peer_addr();
        let peer = peer.map_or(Peer::Unknown, |address| Peer::at(address.ip()));
        let mut held = self.pool.held(&peer);
        if held.grow(1).is_err() {
            self.note_refusal(&peer);
            return None;
        }
        self.metrics.status.connections.opened();
        Some(Inside {
            _held: held,
            metrics: self.metrics.clone(),
        })
    }

    fn note_refusal(&self, peer: &Peer) {
        self.metrics.status.connections.refused.inc();
        if !self.is_told.swap(true, Ordering::Relaxed) {
            let share = self.pool.share();
            tracing::warn!(
                %peer,
                share,
                "an address has all the connections it may have; more are refused (said once)"
            );
        }
    }

    /// Says why, and closes in good order; of a flood only the first, since that takes a moment.
    pub(super) async fn turn_away(&self, stream: TcpStream) {
        let leaving = self.leaving.fetch_add(1, Ordering::Relaxed);
        if leaving < MOST_LEAVING {
            let mut connection = Connection::new(stream);
            // Whoever is gone already needs no answer.
            let _ = connection.write_all(REFUSAL).await;
            let _ = connection.shutdown().await;
        }
        self.leaving.fetch_sub(1, Ordering::Relaxed);
    }
}

/// For every connection that was accepted.
pub(super) fn keep_in_check(stream: &TcpStream) {
    let millis = u32::try_from(PATIENCE.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = set_tcp_user_timeout(stream, millis) {
        tracing::debug!(%error, "a connection has no time limit for what it does not take");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_hub_the_files_it_needs() {
        for (files, workers, expected) in [
            (Some(64), 2, 4),
            (Some(100), 2, 22),
            (Some(200), 2, 50),
            (Some(256), 2, 64),
            (Some(1024), 2, 384),
            (Some(1024), 8, 96),
            (Some(4096), 2, 1920),
            (Some(20_000), 2, 9872),
            (Some(1 << 20), 2, 20_000),
            (Some(3), 8, 1),
            (None, 2, 20_000),
        ] {
            assert_eq!(of_worker(files, workers), expected, "{files:?}");
        }
    }

    #[test]
    fn a_hub_takes_no_fewer_files_than_it_needs() {
        assert!(check_files(None, 2).is_ok());
        assert!(check_files(Some(64), 2).is_ok());
        let error = check_files(Some(63), 2).unwrap_err();
        assert!(error.contains("is 63"), "{error}");
        assert!(error.ends_with("at least 64"), "{error}");
        assert!(check_files(Some(64), 3).is_err());
    }

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = str::from_utf8(REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.ends_with(&format!("Content-Length: {}", body.len())),
            "{}",
            body.len()
        );
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
