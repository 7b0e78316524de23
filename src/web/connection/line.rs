//! What a connection and those who answer on it tell one another.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// Bytes that are read of a WebSocket before its session has taken those before them, and behind a
/// request before it is answered.
pub(super) const AHEAD: usize = 64 << 10;

/// Of the requests, or of the session of a WebSocket.
#[derive(Default)]
pub struct Line {
    is_socket: Cell<bool>,
    /// Bytes that may be read.
    credit: Cell<usize>,
    /// More was to be read than there is credit for.
    is_starved: Cell<bool>,
    /// The client says no more, or the connection broke, and all that came was read.
    is_over: Cell<bool>,
    /// Who waits for that.
    waits_for_end: Cell<Option<Waker>>,
    /// How often the server has looked for more.
    rounds: Cell<u64>,
    /// Requests that were read to their end, and that were answered.
    asked: Cell<u64>,
    answered: Cell<u64>,
    /// Who reads on once the last one that was read is answered.
    waits_for_answer: Cell<Option<Waker>>,
}

impl Line {
    /// From now on no more is read than the session asks for, and the end of the connection is for
    /// the session to notice: the server, which knows only requests, would drop what came before it.
    pub fn become_socket(&self) {
        self.is_socket.set(true);
        self.credit.set(AHEAD);
    }

    /// The session has taken all that came to it. Says whether somebody has to be woken.
    pub fn ask_for_more(&self) -> bool {
        self.credit.set(AHEAD);
        self.is_starved.replace(false)
    }

    pub fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Once the client says no more. One at a time may wait for it.
    pub async fn over(&self) {
        poll_fn(|context| {
            if self.is_over() {
                return Poll::Ready(());
            }
            self.waits_for_end.set(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// The client says no more, or nothing that it says counts.
    pub(super) fn end(&self) {
        self.is_over.set(true);
        if let Some(waker) = self.waits_for_end.take() {
            waker.wake();
        }
    }

    pub(super) fn is_socket(&self) -> bool {
        self.is_socket.get()
    }

    /// How many bytes may be read of a WebSocket now; without any, somebody has to ask for more.
    pub(super) fn look(&self) -> usize {
        self.rounds.set(self.rounds.get() + 1);
        let credit = self.credit.get();
        self.is_starved.set(self.is_starved.get() || credit == 0);
        credit
    }

    pub(super) fn spend(&self, bytes: usize) {
        self.credit.set(self.credit.get().saturating_sub(bytes));
    }

    /// One more request was read to its end.
    pub(super) fn ask(&self) {
        self.asked.set(self.asked.get() + 1);
        self.waits_for_answer.set(None);
    }

    pub(super) fn wait_for_answer(&self, waker: Waker) {
        self.waits_for_answer.set(Some(waker));
    }

    /// One more request has its answer. What the server makes of that depends on the request it has
    /// read last, so that it must not have read the next one before.
    pub fn answer(&self) {
        self.answered.set(self.answered.get() + 1);
        if let Some(waker) = self.waits_for_answer.take() {
            waker.wake();
        }
    }

    pub(super) fn is_answering(&self) -> bool {
        self.answered.get() < self.asked.get()
    }

    /// A request has its answer before it was read to its end.
    pub(super) fn is_answered_early(&self) -> bool {
        self.answered.get() > self.asked.get()
    }

    pub fn rounds(&self) -> u64 {
        self.rounds.get()
    }
}
