//! Connections that wait for their next request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ahash::AHashMap;
use tokio::time::{Instant, sleep};

use super::connection::Connection;
use super::dial::Place;

/// Shorter than what common servers use, so that a connection is rarely closed under a request.
const KEEP_ALIVE: Duration = Duration::from_secs(4);

#[derive(Default)]
pub(super) struct Pool {
    /// The newest last.
    idle: RefCell<AHashMap<Place, Vec<Idle>>>,
    is_tidied: Cell<bool>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// The one that was used last, unless it was closed meanwhile or something came over it that
    /// nobody asked for.
    pub(super) fn take(&self, place: &Place) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let waiting = idle.get_mut(place)?;
        while let Some(Idle { connection, since }) = waiting.pop() {
            if since.elapsed() < KEEP_ALIVE && connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    pub(super) fn put(self: &Rc<Self>, place: Place, connection: Connection) {
        let since = Instant::now();
        let idle = Idle { connection, since };
        self.idle.borrow_mut().entry(place).or_default().push(idle);
        if !self.is_tidied.replace(true) {
            tokio::task::spawn_local(tidy(Rc::downgrade(self)));
        }
    }

    /// Closes what waited too long; says whether anything is left.
    fn close_old(&self) -> bool {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|_, waiting| {
            waiting.retain(|one| one.since.elapsed() < KEEP_ALIVE);
            !waiting.is_empty()
        });
        !idle.is_empty()
    }
}

/// Runs as long as there is something to close.
async fn tidy(pool: std::rc::Weak<Pool>) {
    loop {
        sleep(KEEP_ALIVE).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        if !pool.close_old() {
            pool.is_tidied.set(false);
            return;
        }
    }
}
