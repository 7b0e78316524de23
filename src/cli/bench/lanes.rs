//! Connections that send, from their start until the last answer.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::error::HubError;
use super::load::{Load, run_connection};
use super::publisher::run_socket;
use super::socket::Opener;

/// How long the hub may take for the answers that are still to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// They end when dropped; whoever wants their answers stops them before.
pub(super) struct Lanes {
    load: Rc<Load>,
    running: Vec<JoinHandle<()>>,
}

impl Lanes {
    pub(super) fn over_connections(load: Rc<Load>, count: u32) -> Self {
        let running = (0..count).map(|_| spawn_local(run_connection(load.clone())));
        Self {
            running: running.collect(),
            load,
        }
    }

    /// # Errors
    /// If the hub does not open all the sockets.
    pub(super) async fn over_sockets(load: Rc<Load>, count: u32) -> Result<Self, HubError> {
        let opener = Rc::new(Opener::new(&load.target));
        let sockets = try_join_all((0..count).map(|_| opener.open())).await?;
        let running = sockets
            .into_iter()
            .map(|socket| spawn_local(run_socket(load.clone(), opener.clone(), socket)));
        Ok(Self {
            running: running.collect(),
            load,
        })
    }

    /// Nothing more is sent, and what was sent is answered or given up. May be called again.
    pub(super) async fn stop(&mut self) {
        self.load.pace.stop();
        self.running.retain(|lane| !lane.is_finished());
        if timeout(PATIENCE, join_all(&mut self.running))
            .await
            .is_err()
        {
            let unanswered = self.load.unanswered.get();
            let recorder = &self.load.recorder;
            recorder.failed("unanswered", unanswered, b"no answer came");
        }
        self.end();
    }

    fn end(&mut self) {
        self.load.pace.stop();
        for lane in self.running.drain(..) {
            lane.abort();
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.end();
    }
}
