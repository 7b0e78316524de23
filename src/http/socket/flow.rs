//! What keeps a socket's memory bounded: a gate that holds back what the client sends, and room
//! for what goes to it.
//!
//! The session is the body of the answer to the handshake, so it runs only while the connection
//! takes bytes: whenever it is asked for more there is room again, for so much as it may write at
//! once.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;

use crate::logic::frame_lengths::FrameLengths;

/// Bytes the session may write each time it is asked for more.
const ROOM: usize = 256 << 10;

/// How much may be written before the connection has taken it.
#[derive(Clone, Default)]
pub struct Room(Rc<Cell<usize>>);

impl Room {
    pub fn is_left(&self) -> bool {
        self.0.get() > 0
    }

    pub fn take(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_sub(bytes));
    }
}

/// The session's output, which has room whenever it is polled.
pub struct Metered {
    body: BoxBody,
    room: Room,
}

impl Metered {
    pub fn new(body: BoxBody, room: Room) -> Self {
        Self { body, room }
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
        this.room.0.set(ROOM);
        this.body.as_pin_mut().poll_next(context)
    }
}

/// Whether more of what the client sends is read.
#[derive(Clone, Default)]
pub struct Gate(Rc<GateState>);

#[derive(Default)]
struct GateState {
    is_closed: Cell<bool>,
    /// The client announced a frame that is too long.
    is_too_long: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Gate {
    pub fn set_open(&self, is_open: bool) {
        self.0.is_closed.set(!is_open);
        if is_open && let Some(waiting) = self.0.waiting.take() {
            waiting.wake();
        }
    }

    pub fn is_too_long(&self) -> bool {
        self.0.is_too_long.get()
    }
}

/// What the client sends, as far as the gate lets it through.
pub struct Gated<S> {
    bytes: S,
    gate: Gate,
    lengths: FrameLengths,
}

impl<S> Gated<S> {
    /// `limit` in bytes of a frame's payload.
    pub fn new(bytes: S, gate: Gate, limit: usize) -> Self {
        Self {
            bytes,
            gate,
            lengths: FrameLengths::new(limit),
        }
    }
}

impl<S> Stream for Gated<S>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.gate.is_too_long() {
            return Poll::Ready(None);
        }
        if this.gate.0.is_closed.get() {
            *this.gate.0.waiting.borrow_mut() = Some(context.waker().clone());
            return Poll::Pending;
        }
        let polled = Pin::new(&mut this.bytes).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &polled
            && this.lengths.read(bytes).is_err()
        {
            this.gate.0.is_too_long.set(true);
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    fn chunks() -> impl Stream<Item = Result<Bytes, PayloadError>> + Unpin {
        // Two frames of 3 bytes, and one that says it has 200.
        let frames = [
            &[0x81, 0x83, 0, 0, 0, 0, 1, 2, 3][..],
            &[0x81, 0x83, 0, 0, 0, 0, 1, 2, 3][..],
            &[0x81, 0xfe, 0, 200, 0, 0, 0, 0][..],
        ];
        stream::iter(frames.map(|frame| Ok(Bytes::from_static(frame))))
    }

    #[actix::test]
    async fn nothing_passes_a_closed_gate() {
        let gate = Gate::default();
        let mut gated = Gated::new(chunks(), gate.clone(), 100);
        assert!(gated.next().await.is_some());
        gate.set_open(false);
        assert!(gated.next().now_or_never().is_none());
        gate.set_open(true);
        assert!(gated.next().await.is_some());
    }

    #[actix::test]
    async fn a_frame_that_is_too_long_ends_the_reading() {
        let gate = Gate::default();
        let gated = Gated::new(chunks(), gate.clone(), 100);
        let read: Vec<_> = gated.collect().await;
        assert_eq!(read.len(), 3);
        assert!(matches!(read[2], Err(PayloadError::Overflow)));
        assert!(gate.is_too_long());
    }
}
