//! Pushes and probes over HTTP/1.1, with or without TLS, with connections kept open between messages.

use std::cell::OnceCell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_tls::connect as tcp;
use actix_web::error::ParseError;
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap, HttpDate};
use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::{Client, Connector};
use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::future::{FutureExt, LocalBoxFuture, ready};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::tls::{self, Trust};
use crate::domain::deny_list::DenyList;
use crate::ports::transport::{PushAnswer, PushRequest, Transport};

/// Shorter than what common servers use, so that a connection is rarely closed under a request.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// Of a success nothing is used; so much is read to keep the connection.
const MOST_BODY: usize = 64 * 1024;
/// Of anything else so much is kept for the user.
const EXCERPT: usize = 256;
const DENIED: &str = "the address is on the list callback_deny";

pub struct HttpTransport {
    plain: Client,
    /// Made when the first address with `https` comes.
    secure: OnceCell<Client>,
    trust: Trust,
    deny: Option<DenyList>,
}

impl HttpTransport {
    /// Belongs to the thread it is made on.
    pub fn new(trust: Trust) -> Self {
        Self::with(None, trust)
    }

    /// Connects to nothing on the list, whatever name it goes by.
    pub fn guarded(deny: DenyList, trust: Trust) -> Self {
        Self::with(Some(deny), trust)
    }

    fn with(deny: Option<DenyList>, trust: Trust) -> Self {
        Self {
            plain: client(deny.as_ref(), None),
            secure: OnceCell::new(),
            trust,
            deny,
        }
    }

    fn client_for(&self, url: &str) -> &Client {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        if !scheme.eq_ignore_ascii_case("https") {
            return &self.plain;
        }
        self.secure
            .get_or_init(|| client(self.deny.as_ref(), Some(self.trust.https())))
    }

    /// An address that needs no resolver is looked at here.
    fn is_denied(&self, url: &str) -> bool {
        let Some(deny) = &self.deny else {
            return false;
        };
        let uri = url.parse::<Uri>().ok();
        uri.is_some_and(|uri| uri.host().is_some_and(|host| deny.denies_host(host)))
    }
}

fn client(deny: Option<&DenyList>, tls: Option<ClientConfig>) -> Client {
    let resolver = match deny {
        Some(deny) => tcp::Resolver::custom(GuardedResolver(deny.clone())),
        None => tcp::Resolver::default(),
    };
    // How many connections a host gets is up to the credit of its service.
    let mut connector = Connector::new()
        .connector(tcp::Connector::new(resolver).service())
        .limit(0)
        .conn_keep_alive(KEEP_ALIVE);
    if let Some(tls) = tls {
        connector = connector.rustls_0_23(Arc::new(tls));
    }
    Client::builder()
        .connector(connector)
        .disable_redirects()
        .disable_timeout()
        .no_default_headers()
        .finish()
}

/// Resolves names, and leaves out the addresses that are denied.
struct GuardedResolver(DenyList);

type Lookup = Result<Vec<SocketAddr>, Box<dyn std::error::Error>>;

impl tcp::Resolve for GuardedResolver {
    fn lookup<'a>(&'a self, host: &'a str, port: u16) -> LocalBoxFuture<'a, Lookup> {
        async move {
            let found = tokio::net::lookup_host(format!("{host}:{port}")).await?;
            let allowed: Vec<_> = found.filter(|one| !self.0.denies(one.ip())).collect();
            if allowed.is_empty() {
                return Err(DENIED.into());
            }
            Ok(allowed)
        }
        .boxed_local()
    }
}

impl Transport for HttpTransport {
    fn push(&self, request: PushRequest) -> LocalBoxFuture<'static, PushAnswer> {
        if self.is_denied(&request.url) {
            let error = DENIED.to_owned();
            return ready(PushAnswer::NoAnswer { error }).boxed_local();
        }
        let mut post = self
            .client_for(&request.url)
            .post(&request.url)
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header((
                header::USER_AGENT,
                concat!("message-hub/", env!("CARGO_PKG_VERSION")),
            ));
        for (name, value) in request.headers {
            post = post.insert_header((name, value));
        }
        let sent = post.send_body(request.body);
        let patience = request.timeout;
        async move {
            let by = Instant::now() + patience;
            let error = match timeout_at(by, sent).await {
                Ok(Ok(response)) => return answer(response, by).await,
                Ok(Err(error)) => describe(&error),
                Err(_) => format!("no answer within {patience:?}"),
            };
            PushAnswer::NoAnswer { error }
        }
        .boxed_local()
    }

    fn probe(&self, url: String, timeout: Duration) -> LocalBoxFuture<'static, Result<(), String>> {
        let sent = self.client_for(&url).get(url).send();
        async move {
            let exchange = async {
                let mut response = sent.await.map_err(|error| describe(&error))?;
                read_up_to(&mut response, MOST_BODY).await;
                match response.status() {
                    status if status.is_success() => Ok(()),
                    status => Err(format!("HTTP {}", status.as_u16())),
                }
            };
            let answer = tokio::time::timeout(timeout, exchange).await;
            answer.unwrap_or_else(|_| Err(format!("no answer within {timeout:?}")))
        }
        .boxed_local()
    }
}

/// The head decides; a body that does not end in time changes nothing.
async fn answer<S>(mut response: awc::ClientResponse<S>, by: Instant) -> PushAnswer
where
    S: futures_util::Stream<Item = Result<bytes::Bytes, PayloadError>> + Unpin,
{
    let code = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let is_success = response.status().is_success();
    let body = timeout_at(by, read_up_to(&mut response, MOST_BODY)).await;
    let excerpt = match body {
        Ok(body) if !is_success => excerpt(&body),
        _ => String::new(),
    };
    PushAnswer::Status {
        code,
        retry_after,
        excerpt,
    }
}

/// What arrives of the body, at most about `limit` bytes of it; the connection is given up if
/// there is more.
async fn read_up_to<S>(response: &mut awc::ClientResponse<S>, limit: usize) -> BytesMut
where
    S: futures_util::Stream<Item = Result<bytes::Bytes, PayloadError>> + Unpin,
{
    let mut body = BytesMut::new();
    while body.len() < limit {
        match response.next().await {
            Some(Ok(chunk)) => body.extend_from_slice(&chunk),
            Some(Err(_)) | None => break,
        }
    }
    body
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]);
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars()
        .map(printable)
        .collect::<String>()
        .trim()
        .to_owned()
}

fn describe(error: &SendRequestError) -> String {
    match error {
        // Not while it connects, whatever its name says.
        SendRequestError::Connect(ConnectError::Disconnected) => {
            "connection closed before an answer".to_owned()
        }
        SendRequestError::Connect(ConnectError::Io(cause)) => failed("cannot connect", cause),
        SendRequestError::Connect(cause) => format!("cannot connect: {cause}"),
        // A server may look at its client when the handshake is over for the client.
        SendRequestError::Send(cause) | SendRequestError::Response(ParseError::Io(cause)) => {
            failed("connection lost", cause)
        }
        SendRequestError::Response(cause) => format!("not an HTTP answer: {cause}"),
        other => other.to_string(),
    }
}

fn failed(what: &str, cause: &io::Error) -> String {
    let words = tls::in_words(cause).unwrap_or_else(|| cause.to_string());
    format!("{what}: {words}")
}

/// RFC 9110, 10.2.3: seconds, or a date, which is taken relative to the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = |text: &str| text.parse::<HttpDate>().ok().map(SystemTime::from);
    let answered = date(headers.get(header::DATE)?.to_str().ok()?)?;
    Some(date(text)?.duration_since(answered).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use header::HeaderValue;

    fn headers(retry_after: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(retry_after));
        let date = HeaderValue::from_static("Sat, 31 Jan 2026 12:00:00 GMT");
        headers.insert(header::DATE, date);
        headers
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let seconds = |text| retry_after(&headers(text)).map(|after| after.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Sat, 31 Jan 2026 12:00:30 GMT"), Some(30));
        assert_eq!(seconds("Sat, 31 Jan 2026 11:00:00 GMT"), Some(0));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-1"), None);
    }

    #[test]
    fn excerpts_are_short_and_printable() {
        assert_eq!(excerpt(b"  no\nroom\0 "), "no room");
        assert_eq!(excerpt(&[b'x'; 1000]).len(), EXCERPT);
        assert_eq!(excerpt(&[0xff, b'a']), "\u{fffd}a");
    }
}
