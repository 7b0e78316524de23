//! How messages and health checks leave the hub.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

/// Sends one request to an instance and tells what came back. Lives on one thread.
pub trait Transport {
    fn push(&self, request: PushRequest) -> LocalBoxFuture<'static, PushAnswer>;

    /// Asks a health endpoint; any 2xx within `timeout` is good. It may wait for its turn before that
    /// time begins.
    fn probe(&self, url: String, timeout: Duration) -> LocalBoxFuture<'static, ProbeAnswer>;
}

/// One HTTP POST of a message.
#[derive(Clone, Debug)]
pub struct PushRequest {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: bytes::Bytes,
    pub timeout: Duration,
    /// The message has less time left than every receiver is given.
    pub is_hurried: bool,
}

/// What an instance said to a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushAnswer {
    /// An HTTP answer; `excerpt` is the beginning of its body when the status is no success.
    Status {
        code: u16,
        retry_after: Option<Duration>,
        excerpt: String,
    },
    /// No answer: connect error, reset, timeout, garbage.
    NoAnswer { error: String },
    /// No answer before the message's own time was over, which was less than every receiver is given.
    CutShort { error: String },
    /// The hub lacked something of its own (files, ports, memory), for a moment at least, so the
    /// instance was not reached.
    NotTried { error: String },
}

/// What a health endpoint said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProbeAnswer {
    Well,
    /// With what went wrong.
    NotWell(String),
    /// The question did not go out, as with [`PushAnswer::NotTried`].
    NotTried(String),
}
