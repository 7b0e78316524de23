//! Pushes and probes over HTTP/1.1, with or without TLS, with connections kept open between
//! messages, to allowed addresses only.

mod connection;
mod dial;
mod failure;
mod pool;
mod retry_after;
mod stream;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::future::{FutureExt, LocalBoxFuture};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::tls::Trust;
use crate::domain::characters::is_visible;
use crate::domain::deny_list::DenyList;
use crate::logic::spacing::Spacing;
use crate::patience::Patience;
use crate::ports::transport::{ProbeResponse, PushRequest, PushResponse, Transport};
use connection::{Connection, Rest, may_be_followed};
use dial::{Dialer, Place};
use failure::{DENIED, Failure};
use pool::Pool;
use retry_after::retry_after;

/// Of a success nothing is used; so much is read, for so long, to keep the connection.
const MOST_REST: usize = 16 * 1024;
const REST_WAIT: Duration = Duration::from_millis(10);
/// Of anything else so much is kept for the user, if it comes within so long.
const EXCERPT: usize = 256;
const EXCERPT_WAIT: Duration = Duration::from_millis(100);
/// The pause before the next try when the hub lacks something of its own; each is twice the one
/// before.
const WANT_PAUSE: Duration = Duration::from_millis(100);
const WANT_PAUSES: u32 = 3;
/// No place is asked about the health of what is there more often than so.
const PROBE_DISTANCE: Duration = Duration::from_millis(50);

#[derive(Clone)]
pub struct HttpTransport(Rc<Inner>);

struct Inner {
    dialer: Dialer,
    pool: Rc<Pool>,
    probes: RefCell<Spacing<Place>>,
    began: Instant,
}

impl HttpTransport {
    /// Belongs to the thread it is made on. Connects to nothing on the list, whatever name it goes
    /// by.
    pub fn new(deny: DenyList, trust: Trust) -> Self {
        Self::with(Dialer::new(deny, trust, dial::system()))
    }

    fn with(dialer: Dialer) -> Self {
        Self(Rc::new(Inner {
            dialer,
            pool: Rc::default(),
            probes: RefCell::new(Spacing::new(PROBE_DISTANCE)),
            began: Instant::now(),
        }))
    }
}

impl Transport for HttpTransport {
    fn push(&self, request: PushRequest) -> LocalBoxFuture<'static, PushResponse> {
        let inner = self.0.clone();
        async move {
            let (patience, is_hurried) = (request.timeout, request.is_hurried);
            let by = Instant::now() + patience;
            let outgoing = match Outgoing::post(request) {
                Ok(outgoing) => outgoing,
                Err(error) => return PushResponse::NoAnswer { error },
            };
            let failure = match inner.exchange(&outgoing, patience).await {
                Ok(answered) => return inner.push_answer(answered, by).await,
                Err(failure) => failure,
            };
            match failure {
                Unanswered::Late(error) if is_hurried => PushResponse::CutShort { error },
                Unanswered::Failed(error) | Unanswered::Late(error) => {
                    PushResponse::NoAnswer { error }
                }
                Unanswered::NotTried(error) => PushResponse::NotTried { error },
            }
        }
        .boxed_local()
    }

    fn probe(&self, url: String, patience: Duration) -> LocalBoxFuture<'static, ProbeResponse> {
        let inner = self.0.clone();
        async move {
            let outgoing = match Outgoing::get(&url) {
                Ok(outgoing) => outgoing,
                Err(error) => return ProbeResponse::NotWell(error),
            };
            let wait = inner
                .probes
                .borrow_mut()
                .take(outgoing.place.clone(), inner.began.elapsed());
            if !wait.is_zero() {
                sleep(wait).await;
            }
            match inner.exchange(&outgoing, patience).await {
                Ok(answered) => {
                    let status = answered.response.status();
                    inner.let_go(answered);
                    match status.is_success() {
                        true => ProbeResponse::Well,
                        false => ProbeResponse::NotWell(format!("HTTP {}", status.as_u16())),
                    }
                }
                Err(Unanswered::Failed(error) | Unanswered::Late(error)) => {
                    ProbeResponse::NotWell(error)
                }
                Err(Unanswered::NotTried(error)) => ProbeResponse::NotTried(error),
            }
        }
        .boxed_local()
    }
}

/// Why there is no answer.
enum Unanswered {
    Failed(String),
    /// The time was over.
    Late(String),
    /// The hub lacked something of its own.
    NotTried(String),
}

/// A request that can be made as often as it takes.
struct Outgoing {
    method: Method,
    place: Place,
    target: Uri,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Outgoing {
    fn post(request: PushRequest) -> Result<Self, String> {
        let mut outgoing = Self::to(Method::POST, &request.url)?;
        outgoing.headers = request.headers;
        outgoing.body = request.body;
        Ok(outgoing)
    }

    fn get(url: &str) -> Result<Self, String> {
        Self::to(Method::GET, url)
    }

    fn to(method: Method, url: &str) -> Result<Self, String> {
        let wrong = || "the address is no HTTP address".to_owned();
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let place = Place::of(&uri).ok_or_else(wrong)?;
        let path = uri.into_parts().path_and_query;
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self {
            method,
            place,
            target: Uri::from(path),
            headers: Vec::new(),
            body: Bytes::new(),
        })
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        let headers = request.headers_mut();
        headers.reserve(self.headers.len() + 4);
        headers.insert(header::HOST, value(self.place.host_and_port())?);
        let agent = concat!("message-hub/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        if self.method == Method::POST {
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
        }
        for (name, text) in &self.headers {
            headers.insert(HeaderName::from_static(name), value(text)?);
        }
        Ok(request)
    }
}

fn value(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text)
        .map_err(|_| Failure::of_the_receiver(format!("no header can say {text:?}")))
}

/// An answer whose body is still to come, and the connection it comes over.
struct Answered {
    place: Place,
    connection: Connection,
    response: Response<Incoming>,
}

impl Inner {
    /// The answer's head, within the time. A want of the hub's own is given a moment to pass.
    async fn exchange(
        &self,
        outgoing: &Outgoing,
        patience: Duration,
    ) -> Result<Answered, Unanswered> {
        if self.dialer.denies(&outgoing.place) {
            return Err(Unanswered::Failed(DENIED.to_owned()));
        }
        let want = Cell::new(None);
        let tries = async {
            for pause in 0.. {
                let failure = match self.attempt(outgoing).await {
                    Ok(answered) => return Ok(answered),
                    Err(failure) => failure,
                };
                if !failure.is_own {
                    return Err(Unanswered::Failed(failure.error));
                }
                if pause == WANT_PAUSES {
                    return Err(Unanswered::NotTried(failure.error));
                }
                want.set(Some(failure.error));
                sleep(WANT_PAUSE * 2_u32.pow(pause)).await;
                want.take();
            }
            unreachable!("there are fewer pauses than numbers")
        };
        let ended = Patience::of(patience).wait_for(tries).await;
        ended.unwrap_or_else(|| {
            Err(match want.take() {
                Some(error) => Unanswered::NotTried(error),
                None => Unanswered::Late(format!("no answer within {patience:?}")),
            })
        })
    }

    /// What fails on a connection that was used before, and before anything was heard of an answer,
    /// may have failed because the other side had just closed it: that says nothing, and a new
    /// connection has the last word (RFC 9112, 9.3.1).
    async fn attempt(&self, outgoing: &Outgoing) -> Result<Answered, Failure> {
        if let Some(mut connection) = self.pool.take(&outgoing.place) {
            let answer = connection.ask(outgoing.request()?).await;
            let is_stale = match &answer {
                // Said to a connection that was idle for too long, not to this request.
                Ok(response) => response.status() == StatusCode::REQUEST_TIMEOUT,
                Err(_) => !connection.has_heard(),
            };
            if !is_stale {
                return Ok(outgoing.answered(connection, answer?));
            }
        }
        let mut connection = self.dialer.connect(&outgoing.place).await?;
        let response = connection.ask(outgoing.request()?).await?;
        Ok(outgoing.answered(connection, response))
    }

    /// The head decides. The text of an error is worth a moment, since it is shown to the user.
    async fn push_answer(self: &Rc<Self>, mut answered: Answered, by: Instant) -> PushResponse {
        let (status, headers) = (answered.response.status(), answered.response.headers());
        let retry_after = retry_after(headers, system_time);
        let mut excerpt = BytesMut::new();
        if !status.is_success() {
            let by = by.min(Instant::now() + EXCERPT_WAIT);
            let (connection, body) = (&mut answered.connection, answered.response.body_mut());
            let read = connection.read(body, EXCERPT, (&mut excerpt, EXCERPT));
            // Without its text the answer is the same.
            let _ = timeout_at(by, read).await;
        }
        self.let_go(answered);
        PushResponse::Status {
            code: status.as_u16(),
            retry_after,
            excerpt: self::excerpt(&excerpt),
        }
    }

    /// Keeps the connection for the next request if the rest of the answer is there, or comes in a
    /// moment; nobody waits for that.
    fn let_go(&self, mut answered: Answered) {
        if may_be_followed(&answered.response) {
            return;
        }
        let pool = self.pool.clone();
        if let Some(is_free) = answered.finish().now_or_never() {
            return answered.keep_if(is_free, &pool);
        }
        tokio::task::spawn_local(async move {
            let is_free = timeout(REST_WAIT, answered.finish()).await;
            answered.keep_if(is_free.unwrap_or(false), &pool);
        });
    }
}

impl Outgoing {
    fn answered(&self, connection: Connection, response: Response<Incoming>) -> Answered {
        Answered {
            place: self.place.clone(),
            connection,
            response,
        }
    }
}

impl Answered {
    /// Reads what is left of the answer; says whether another request may follow.
    async fn finish(&mut self) -> bool {
        let (connection, body) = (&mut self.connection, self.response.body_mut());
        let rest = connection
            .read(body, MOST_REST, (&mut BytesMut::new(), 0))
            .await;
        rest == Rest::Nothing && connection.is_free().await
    }

    fn keep_if(self, is_free: bool, pool: &Rc<Pool>) {
        if is_free {
            pool.put(self.place, self.connection);
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the date of another machine is compared with what this one says now"
)]
fn system_time() -> SystemTime {
    SystemTime::now()
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let printable = |c: char| if is_visible(c) { c } else { ' ' };
    text.chars()
        .map(printable)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests;
