//! One connection: a request goes out, an answer comes in, and which belongs to which is never in
//! doubt.
//!
//! hyper reads past interim answers, knows which answers have no body, and does not let a request
//! out over a connection on which anything is owed. It is driven by whoever waits for the answer,
//! so no message needs a task of its own.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;

use super::failure::Failure;
use super::stream::{Socket, Stream};

/// Of one head; the answers before the final one have a head each.
const MOST_HEAD: usize = 64 * 1024;
/// Lines of one head: many more than anybody sends, so that the bytes decide.
const MOST_LINES: usize = 1000;

type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

pub(super) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    /// `None` when the connection is over.
    driver: Option<Box<Driver>>,
    socket: Socket,
    heard: Rc<Cell<bool>>,
}

/// How far a body was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rest {
    /// To its end.
    Nothing,
    /// There is more than was asked for.
    More,
    /// It broke off.
    Lost,
}

impl Connection {
    pub(super) async fn over(stream: Stream) -> Result<Self, Failure> {
        let (socket, heard) = (stream.socket(), stream.heard());
        let made = http1::Builder::new()
            .max_buf_size(MOST_HEAD)
            .max_headers(MOST_LINES)
            // Odd, and clear all the same (RFC 9112, sections 5.1 and 5.2).
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .handshake(TokioIo::new(stream))
            .await;
        let (requests, driver) = made.map_err(|error| Failure::of_exchange(&error))?;
        Ok(Self {
            requests,
            driver: Some(Box::new(driver)),
            socket,
            heard,
        })
    }

    /// The final answer to this request, as soon as its head is there.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        self.heard.set(false);
        let mut answer = pin!(self.requests.try_send_request(request));
        let driver = &mut self.driver;
        let answer = poll_fn(|context| {
            drive(driver, context);
            answer.as_mut().poll(context)
        });
        let answer = answer
            .await
            .map_err(|error| Failure::of_exchange(&error.into_error()))?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let error = "HTTP 101: it wants to speak something else, which nobody asked for";
            return Err(Failure::of_the_receiver(error));
        }
        Ok(answer)
    }

    /// Whether anything came since the last request.
    pub(super) fn has_heard(&self) -> bool {
        self.heard.get()
    }

    /// Reads until the body ends or `most` bytes of it were read; the first `keep` of them are
    /// added to `kept`.
    pub(super) async fn read(
        &mut self,
        body: &mut Incoming,
        most: usize,
        (kept, keep): (&mut BytesMut, usize),
    ) -> Rest {
        let mut read = 0;
        let mut is_driven = false;
        poll_fn(|context| {
            loop {
                match Pin::new(&mut *body).poll_frame(context) {
                    Poll::Ready(None) => return Poll::Ready(Rest::Nothing),
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(Rest::Lost),
                    Poll::Ready(Some(Ok(frame))) => {
                        let data = frame.into_data().unwrap_or_default();
                        read += data.len();
                        let room = keep.saturating_sub(kept.len()).min(data.len());
                        kept.extend_from_slice(&data[..room]);
                        if read >= most && !body.is_end_stream() {
                            return Poll::Ready(Rest::More);
                        }
                        is_driven = false;
                    }
                    // It was asked for more after the driver had its turn.
                    Poll::Pending if is_driven => {
                        is_driven = false;
                        return Poll::Pending;
                    }
                    Poll::Pending => {
                        drive(&mut self.driver, context);
                        is_driven = true;
                    }
                }
            }
        })
        .await
    }

    /// Whether the exchange is over in every sense, so that another one may follow.
    pub(super) async fn is_free(&mut self) -> bool {
        poll_fn(|context| {
            drive(&mut self.driver, context);
            Poll::Ready(self.driver.is_some() && self.requests.is_ready())
        })
        .await
    }

    /// Nothing came since it was free, the end included.
    pub(super) fn is_quiet(&self) -> bool {
        self.socket.is_quiet()
    }
}

/// An answer without a body, whatever it says of one. What it announced may come all the same.
pub(super) fn may_be_followed(answer: &Response<Incoming>) -> bool {
    let is_bodiless = matches!(answer.status().as_u16(), 204 | 304);
    let headers = answer.headers();
    let announces = headers.contains_key(header::TRANSFER_ENCODING)
        || headers
            .get(header::CONTENT_LENGTH)
            .is_some_and(|length| length.as_bytes() != b"0");
    is_bodiless && announces
}

/// Lets the connection read and write. Once it is over it is dropped, which tells whoever waits.
fn drive(driver: &mut Option<Box<Driver>>, context: &mut Context<'_>) {
    let Some(running) = driver else {
        return;
    };
    if Pin::new(running.as_mut()).poll(context).is_ready() {
        *driver = None;
    }
}
