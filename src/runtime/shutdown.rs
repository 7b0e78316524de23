//! The way out: finish what is under way, write everything, leave.

use std::io;
use std::time::Duration;

use actix::Addr;
use actix_web::dev::ServerHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::ring::Running;
use crate::actors::archivist::Archivist;
use crate::actors::event_store::EventStore;
use crate::actors::messages::{Close, Drain};
use crate::actors::warden::Stopping;
use crate::exit::Exit;
use crate::ports::archive::ArchiveWriter;
use crate::web::visits::Visits;

/// How long requests that are still coming in, or whose answers are being made, are waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// SIGTERM and SIGINT, caught from the moment this is made.
pub(super) struct Signals(io::Result<(Signal, Signal)>);

impl Signals {
    pub(super) fn catch() -> Self {
        Self(catch())
    }

    /// Waits for the first one.
    pub(super) async fn received(self) {
        let (mut term, mut int) = match self.0 {
            Ok(signals) => signals,
            Err(error) => {
                tracing::warn!(%error,
                    "cannot listen for signals; only kill -9 stops this hub, which loses nothing"
                );
                return std::future::pending().await;
            }
        };
        tokio::select! {
            _ = term.recv() => tracing::info!("SIGTERM: draining"),
            _ = int.recv() => tracing::info!("SIGINT: draining"),
        }
    }
}

/// SIGHUP, which no longer ends the process from the moment this is made.
pub(super) struct Hangups(Option<Signal>);

impl Hangups {
    pub(super) fn catch() -> Self {
        let caught = signal(SignalKind::hangup());
        let caught = caught.inspect_err(|error| {
            tracing::warn!(%error, "cannot listen for SIGHUP; it ends this hub, which loses nothing");
        });
        Self(caught.ok())
    }

    /// Waits for the next one; `None`: there will be none.
    pub(super) async fn next(&mut self) -> Option<()> {
        self.0.as_mut()?.recv().await
    }
}

/// From now on a write beyond what a file may have (`ulimit -f`) fails, as one on a full disk does,
/// and does not end the process.
pub(super) fn survive_large_files() {
    let kind = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    // It stays caught when nobody listens any more.
    if let Err(error) = signal(kind) {
        tracing::warn!(%error, "a file that grows beyond its limit (ulimit -f) ends this hub, which loses nothing");
    }
}

fn catch() -> io::Result<(Signal, Signal)> {
    Ok((
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ))
}

/// Stops within `limit`. What is still with a destination then is simply not settled: no attempt
/// is spent, and the next start hands it out again.
pub(super) async fn stop(
    running: Running,
    archive: &dyn ArchiveWriter,
    (server, visits): (ServerHandle, Visits),
    limit: Duration,
) -> Exit {
    let started = Instant::now();
    // Pushes get most of the time; what is left is enough to write.
    let drained_by = started + limit.mul_f64(0.8);
    let closed_by = started + limit;
    running.to.warden.do_send(Stopping);
    let (reply, rested) = oneshot::channel();
    running.to.dead_letters.do_send(Drain { reply });
    if timeout_at(drained_by, rested).await.is_err() {
        tracing::warn!(
            "how far the redrive jobs are was not recorded in time; the next start finds out"
        );
    }
    // Whatever it has under way is done again after the next start.
    let (reply, ended) = oneshot::channel();
    running.to.historian.do_send(Drain { reply });
    let _ = timeout_at(drained_by, ended).await;
    // What followers are told then reaches them before they come to rest.
    let (reply, told) = oneshot::channel();
    running.to.event_log.do_send(Drain { reply });
    let _ = timeout_at(drained_by, told).await;
    let (reply, closed) = oneshot::channel();
    running.to.subscriptions.do_send(Drain { reply });
    let (reply, drained) = oneshot::channel();
    running.to.scheduler.do_send(Drain { reply });
    if timeout_at(drained_by, drained).await.is_err() {
        tracing::warn!("some pushes did not end in time; they are repeated after the next start");
    }
    if timeout_at(drained_by, closed).await.is_err() {
        tracing::warn!(
            "some sockets or callbacks did not end in time; what they were sent is repeated after the next start"
        );
    }
    // Nobody waits for anything any more, so this is as long as the journal takes.
    let answered_by = closed_by.min(Instant::now() + LAST_ANSWERS);
    if timeout_at(answered_by, visits.all_left()).await.is_err() {
        tracing::warn!("some requests were not answered in time");
    }
    close_store(&running.to.event_store, closed_by).await;
    close_archivist(&running.to.archivist, closed_by).await;
    let _ = timeout_at(closed_by, server.stop(false)).await;
    // What is cut short here, the next start does.
    let _ = timeout_at(closed_by, archive.close()).await;
    running.journal_thread.stop();
    tracing::info!(took = ?started.elapsed(), "stopped");
    Exit::Clean
}

async fn close_store(store: &Addr<EventStore>, by: Instant) {
    let (reply, closed) = oneshot::channel();
    store.do_send(Close { reply });
    if timeout_at(by, closed).await.is_err() {
        tracing::warn!(
            "the journal was not closed in time; nothing is lost, the next start reads its tail"
        );
    }
}

async fn close_archivist(archivist: &Addr<Archivist>, by: Instant) {
    let (reply, closed) = oneshot::channel();
    archivist.do_send(Close { reply });
    if timeout_at(by, closed).await.is_err() {
        tracing::warn!("the archive was not flushed in time; the next start catches up");
    }
}
