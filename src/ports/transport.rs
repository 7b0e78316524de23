//! How messages and health checks leave the hub.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

/// Sends one request to an instance and tells what came back. Lives on one thread.
pub trait Transport {
    fn push(&self, request: PushRequest) -> LocalBoxFuture<'static, PushAnswer>;

    /// Asks a health endpoint; any 2xx within `timeout` is good.
    fn probe(&self, url: String, timeout: Duration) -> LocalBoxFuture<'static, Result<(), String>>;
}

/// One HTTP POST of a message.
#[derive(Clone, Debug)]
pub struct PushRequest {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: bytes::Bytes,
    pub timeout: Duration,
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
}
