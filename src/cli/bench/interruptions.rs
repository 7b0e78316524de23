//! Ctrl-C, SIGTERM and the end of the terminal, which end a run in good order.

use std::io;
use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::HubError;

/// Remembers what came while nobody waited for it.
pub(super) struct Interruptions {
    interrupts: Signal,
    terminations: Signal,
    hangups: Signal,
}

impl Interruptions {
    /// From now on.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupts: signal(SignalKind::interrupt())?,
            terminations: signal(SignalKind::terminate())?,
            hangups: signal(SignalKind::hangup())?,
        })
    }

    /// What `work` comes to, unless an interruption comes before; each ends one such wait.
    pub(super) async fn unless<T>(
        &mut self,
        work: impl Future<Output = Result<T, HubError>>,
    ) -> Result<T, HubError> {
        let interrupt = pin!(self.interrupts.recv());
        let termination = pin!(self.terminations.recv());
        let hangup = pin!(self.hangups.recv());
        let any = select(interrupt, select(termination, hangup));
        match select(any, pin!(work)).await {
            Either::Left(_) => Err(HubError::Interrupted),
            Either::Right((done, _)) => done,
        }
    }
}
