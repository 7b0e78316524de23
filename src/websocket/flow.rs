//! What keeps bounded what goes to the client of a socket; what comes from it is
//! [`super::incoming`]'s.
//!
//! The session is the body of the answer to the handshake, so it runs only while the connection
//! takes bytes: whenever it is asked for more there is room again, for so much as it may write at
//! once.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

/// Bytes the session may write each time it is asked for more.
const SEND_BUFFER: usize = 256 << 10;

/// How much may be written before the connection has taken it.
#[derive(Clone, Default)]
pub(crate) struct SendBuffer(Rc<Cell<usize>>);

impl SendBuffer {
    pub(crate) fn is_left(&self) -> bool {
        self.0.get() > 0
    }

    pub(crate) fn take(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_sub(bytes));
    }
}

/// The session's output, which has room whenever it is polled.
pub(crate) struct Metered {
    body: BoxBody,
    send_buffer: SendBuffer,
}

impl Metered {
    pub(crate) fn new(body: BoxBody, send_buffer: SendBuffer) -> Self {
        Self { body, send_buffer }
    }
}

impl MessageBody for Metered {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        this.send_buffer.0.set(SEND_BUFFER);
        this.body.as_pin_mut().poll_next(context)
    }
}
