//! How messages and health checks leave the hub.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

/// Sends one request to an instance and tells what came back. Lives on one thread.
pub trait Transport {
    /// Posts a message or an event, and waits for the answer no longer than the request says.
    fn push(&self, request: PushRequest) -> LocalBoxFuture<'static, PushResponse>;

    /// Asks a health endpoint; any 2xx within `timeout` is good. It may wait for its turn before that
    /// time begins.
    fn probe(&self, url: String, timeout: Duration) -> LocalBoxFuture<'static, ProbeResponse>;
}

/// One HTTP POST of a message.
#[derive(Clone, Debug)]
pub struct PushRequest {
    /// The whole address, with its path.
    pub url: String,
    /// In lower case, and with values that a header can carry.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, written once: another try is another request.
    pub body: bytes::Bytes,
    /// How long an answer may take, the time to connect included.
    pub timeout: Duration,
    /// The message has less time left than every receiver is given.
    pub is_hurried: bool,
}

/// What an instance said to a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushResponse {
    /// An HTTP answer; `excerpt` is the beginning of its body when the status is no success.
    Status {
        /// The HTTP status.
        code: u16,
        /// How long it asks to be left alone; `None`: it said nothing that can be read.
        retry_after: Option<Duration>,
        /// In one line, without what cannot be printed; empty for a success.
        excerpt: String,
    },
    /// No answer: connect error, reset, timeout, garbage.
    NoAnswer {
        /// In words, what went wrong.
        error: String,
    },
    /// No answer before the message's own time was over, which was less than every receiver is given.
    CutShort {
        /// In words, what went wrong.
        error: String,
    },
    /// The hub lacked something of its own (files, ports, memory), for a moment at least, so the
    /// instance was not reached.
    NotTried {
        /// What was lacking, in words.
        error: String,
    },
}

/// What a health endpoint said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProbeResponse {
    /// It answered with a 2xx in time.
    Well,
    /// With what went wrong.
    NotWell(String),
    /// The question did not go out, as with [`PushResponse::NotTried`].
    NotTried(String),
}
