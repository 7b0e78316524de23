//! A WebSocket of the bench: texts in and out, pings answered on the way.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_codec::Framed;
use actix_http::ws::{Codec, Frame, Message, ProtocolError};
use awc::error::WsClientError;
use awc::{BoxedSocket, Client, Connector};
use bytes::Bytes;
use bytestring::ByteString;

use super::error::HubError;
use super::refusal::No;
use super::target::Target;

/// The longest text that is taken, in bytes: an array with the largest message at its end.
const LONGEST_TEXT: usize = 4 << 20;

/// Opens sockets on the thread it was made on. Needs a `LocalSet`.
pub(super) struct Opener {
    client: Client,
    url: String,
    target: Target,
}

pub(super) struct Socket {
    framed: Framed<BoxedSocket, Codec>,
}

impl Opener {
    pub(super) fn new(target: &Target) -> Self {
        let connector = Connector::new().limit(0);
        Self {
            client: Client::builder().connector(connector).finish(),
            url: format!("ws://{}/events?arrays=true", target.authority),
            target: target.clone(),
        }
    }

    pub(super) async fn open(&self) -> Result<Socket, HubError> {
        let mut handshake = self.client.ws(&self.url).max_frame_size(LONGEST_TEXT);
        for (name, value) in self.target.headers() {
            handshake = handshake.set_header(name, value);
        }
        let opened = handshake.connect().await;
        match opened {
            Ok((_, framed)) => Ok(Socket { framed }),
            Err(error) => Err(self.refused(&error)),
        }
    }

    fn refused(&self, error: &WsClientError) -> HubError {
        match error {
            WsClientError::InvalidResponseStatus(status) => {
                HubError::of("a socket", &No::answered(status.as_u16(), b""), b"")
            }
            _ => HubError::Unreachable {
                authority: self.target.authority.clone(),
                source: io::Error::other(error.to_string()),
            },
        }
    }
}

impl Socket {
    /// Leaves with the next [`Self::hear`].
    pub(super) fn say(&mut self, text: ByteString) -> io::Result<()> {
        self.write(Message::Text(text))
    }

    /// The next text; what was said leaves meanwhile, so that neither end waits for the other.
    pub(super) async fn hear(&mut self) -> io::Result<Bytes> {
        poll_fn(|context| self.poll_hear(context)).await
    }

    fn poll_hear(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        loop {
            if let Poll::Ready(Err(error)) = self.flush(context) {
                return Poll::Ready(Err(broken(&error)));
            }
            let Poll::Ready(frame) = Pin::new(&mut self.framed).next_item(context) else {
                return Poll::Pending;
            };
            match frame {
                Some(Ok(Frame::Text(text))) => return Poll::Ready(Ok(text)),
                Some(Ok(Frame::Ping(payload))) => self.write(Message::Pong(payload))?,
                Some(Ok(Frame::Pong(_))) => {}
                Some(Ok(Frame::Close(reason))) => {
                    let reason = io::Error::other(format!("closed by the hub: {reason:?}"));
                    return Poll::Ready(Err(reason));
                }
                Some(Ok(_)) => {
                    let reason = "the hub said something that is not a whole text";
                    return Poll::Ready(Err(io::Error::other(reason)));
                }
                Some(Err(error)) => return Poll::Ready(Err(broken(&error))),
                None => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            }
        }
    }

    fn flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        Pin::new(&mut self.framed).flush::<Message>(context)
    }

    fn write(&mut self, message: Message) -> io::Result<()> {
        let written = Pin::new(&mut self.framed).write(message);
        written.map_err(|error| broken(&error))
    }
}

fn broken(error: &ProtocolError) -> io::Error {
    io::Error::other(error.to_string())
}
