//! What the client says: read as fast as it is dealt with and no faster, whatever the frames are.
//!
//! The connection reads a little ahead of what was taken here (see [`Line`]), and nothing is taken
//! while the gate is closed, so that neither frames that cost an answer nor those that cost nothing
//! pile up. A message that has begun and not ended is all that can be held besides, and that has
//! a size, a place among those of all sockets, and a time.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_codec::Decoder;
use actix_http::ws::{Codec, Frame};
use actix_web::error::PayloadError;
use actix_web::rt::time::{Instant, Sleep, sleep_until};
use actix_web_actors::ws::{CloseCode, Message, ProtocolError};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use futures_util::Stream;

use super::fragments::{Fragments, LONGEST, Whole};
use crate::logic::frame_lengths::{FrameHead, LONGEST_CONTROL};
use crate::patience::Patience;
use crate::pool::{Held, Peer, Pool};
use crate::web::connection::Line;

/// Parts of messages that are put together before others get a turn.
const TURN: usize = 64;
/// The opcode of a close.
const CLOSE: u8 = 0x8;
/// Until a message that has begun must have ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether more of what the client sends is taken.
#[derive(Clone, Default)]
pub(crate) struct Gate(Rc<GateState>);

#[derive(Default)]
struct GateState {
    is_closed: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Gate {
    pub(crate) fn set_open(&self, is_open: bool) {
        self.0.is_closed.set(!is_open);
        if is_open && let Some(waiting) = self.0.waiting.take() {
            waiting.wake();
        }
    }
}

/// Why no more is taken from a client, apart from frames that are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Trouble {
    #[error("at most 1 MiB at once")]
    TooLong,
    #[error("a close has a code that may not be sent, or a reason that is not UTF-8")]
    BadClose,
    #[error("a text is not UTF-8")]
    NotText,
    #[error("a message did not end within 30 seconds")]
    TooSlow,
    #[error("too many bytes of messages that have not ended; try again later")]
    NoRoom,
}

impl Trouble {
    /// What ended the reading, and what the client is told.
    pub fn close_code(error: &ProtocolError) -> (CloseCode, String) {
        let code = match error {
            ProtocolError::Io(error) => {
                let trouble = error.get_ref().and_then(|error| error.downcast_ref());
                trouble.map_or(CloseCode::Protocol, |trouble| match trouble {
                    Self::TooLong => CloseCode::Size,
                    Self::BadClose => CloseCode::Protocol,
                    Self::NotText => CloseCode::Invalid,
                    Self::TooSlow => CloseCode::Policy,
                    Self::NoRoom => CloseCode::Again,
                })
            }
            _ => CloseCode::Protocol,
        };
        let description = match error {
            ProtocolError::Io(error) => error.to_string(),
            error => error.to_string(),
        };
        (code, description)
    }
}

impl From<Trouble> for ProtocolError {
    fn from(trouble: Trouble) -> Self {
        Self::Io(io::Error::other(trouble))
    }
}

/// The messages of a client, as far as the gate lets them through; the last one is a close or an
/// error. It ends when the connection does and everything that came before was taken.
pub(crate) struct Incoming<S> {
    bytes: S,
    line: Rc<Line>,
    gate: Gate,
    codec: Codec,
    /// What came, and is not taken apart.
    buffer: BytesMut,
    fragments: Fragments,
    deadline: Deadline,
    read_budget: ReadBudget,
    /// When nothing more had come, as the connection counts.
    nothing_at: Option<u64>,
    is_done: bool,
}

enum Taken {
    Message(Message),
    /// A part of one.
    Part,
    /// The next frame is not all there.
    Nothing,
}

impl<S> Incoming<S> {
    pub(crate) fn new(bytes: S, line: Rc<Line>, gate: Gate, read_budget: ReadBudget) -> Self {
        Self {
            bytes,
            line,
            gate,
            codec: Codec::new().max_size(LONGEST),
            buffer: BytesMut::new(),
            fragments: Fragments::default(),
            deadline: Deadline::default(),
            read_budget,
            nothing_at: None,
            is_done: false,
        }
    }

    fn take(&mut self) -> Result<Taken, ProtocolError> {
        if !self.has_frame()? {
            return Ok(Taken::Nothing);
        }
        let is_close = self.buffer.first().map(|first| first & 0x0f) == Some(CLOSE);
        let decoded = match self.codec.decode(&mut self.buffer) {
            // The codec has no words of its own for what a close says.
            Err(ProtocolError::BadOpCode) if is_close => Err(Trouble::BadClose.into()),
            decoded => decoded,
        };
        let Some(frame) = decoded? else {
            return Ok(Taken::Nothing);
        };
        let message = match frame {
            Frame::Text(bytes) => Message::Text(text(bytes)?),
            Frame::Binary(bytes) => Message::Binary(bytes),
            Frame::Continuation(item) => match self.fragments.add(item) {
                Some(Whole::Text(bytes)) => Message::Text(text(bytes)?),
                Some(Whole::Binary(bytes)) => Message::Binary(bytes),
                None => return Ok(Taken::Part),
            },
            Frame::Ping(bytes) => Message::Ping(bytes),
            Frame::Pong(bytes) => Message::Pong(bytes),
            Frame::Close(reason) => Message::Close(reason),
        };
        if !self.fragments.is_begun() {
            self.deadline.clear();
        }
        Ok(Taken::Message(message))
    }

    /// Whether the next frame is all there; if not, there will be room for it.
    fn has_frame(&mut self) -> Result<bool, ProtocolError> {
        let Some(head) = FrameHead::read(&self.buffer) else {
            return Ok(false);
        };
        if head.is_control && head.payload > LONGEST_CONTROL {
            let length = usize::try_from(head.payload).unwrap_or(usize::MAX);
            return Err(ProtocolError::InvalidLength(length));
        }
        let longest = LONGEST - self.fragments.bytes().min(LONGEST);
        let payload = usize::try_from(head.payload).ok();
        let payload = payload.filter(|payload| head.is_control || *payload <= longest);
        let length = head.length + payload.ok_or(Trouble::TooLong)?;
        let have = self.buffer.len();
        if have < length {
            // At once, since what is not touched costs nothing, and what grows is copied.
            self.buffer.reserve(length - have);
        }
        Ok(have >= length)
    }

    /// Whether the connection is over and all of it was taken. What the server has read and not
    /// passed on comes when it looks for more the next time.
    fn is_over(&mut self, context: &Context<'_>) -> bool {
        if !self.line.is_over() {
            return false;
        }
        let rounds = self.line.rounds();
        let before = *self.nothing_at.get_or_insert(rounds);
        if rounds > before {
            return true;
        }
        context.waker().wake_by_ref();
        false
    }

    /// All that came was taken.
    fn wait(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, ProtocolError> {
        if self.line.ask_for_more() {
            context.waker().wake_by_ref();
        }
        if self.is_over(context) {
            return Ok(Poll::Ready(()));
        }
        let bytes = self.fragments.bytes() + self.buffer.len();
        self.read_budget.set(bytes)?;
        let has_begun = bytes > 0 || self.fragments.is_begun();
        if has_begun && self.deadline.is_over(context) {
            return Err(Trouble::TooSlow.into());
        }
        Ok(Poll::Pending)
    }
}

fn text(bytes: Bytes) -> Result<ByteString, ProtocolError> {
    ByteString::try_from(bytes).map_err(|_| Trouble::NotText.into())
}

impl<S> Incoming<S>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    fn poll_message(
        &mut self,
        context: &mut Context<'_>,
    ) -> Result<Poll<Option<Message>>, ProtocolError> {
        for _ in 0..TURN {
            match self.take()? {
                Taken::Message(message) => return Ok(Poll::Ready(Some(message))),
                Taken::Part => continue,
                Taken::Nothing => {}
            }
            match Pin::new(&mut self.bytes).poll_next(context) {
                Poll::Ready(Some(Ok(chunk))) => {
                    self.nothing_at = None;
                    self.buffer.extend_from_slice(&chunk);
                }
                Poll::Ready(_) => return Ok(Poll::Ready(None)),
                Poll::Pending => return Ok(self.wait(context)?.map(|()| None)),
            }
        }
        context.waker().wake_by_ref();
        Ok(Poll::Pending)
    }
}

impl<S> Stream for Incoming<S>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    type Item = Result<Message, ProtocolError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_done {
            return Poll::Ready(None);
        }
        if this.gate.0.is_closed.get() {
            *this.gate.0.waiting.borrow_mut() = Some(context.waker().clone());
            // That the client is not read is not its fault.
            this.deadline.clear();
            return Poll::Pending;
        }
        let polled = this.poll_message(context);
        this.is_done = matches!(
            polled,
            Err(_) | Ok(Poll::Ready(None | Some(Message::Close(_))))
        );
        match polled {
            Ok(polled) => polled.map(|message| message.map(Ok)),
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }
}

/// What a message that has begun takes of the read budget that all sockets share.
pub(crate) struct ReadBudget {
    pool: Pool,
    peer: Peer,
    /// `None`: nothing since the last time there was nothing.
    held: Option<Held>,
}

impl ReadBudget {
    pub(crate) fn new(pool: Pool, peer: Peer) -> Self {
        Self {
            pool,
            peer,
            held: None,
        }
    }

    /// Has room for so many bytes. Most messages come whole and need none.
    fn set(&mut self, bytes: usize) -> Result<(), Trouble> {
        if bytes == 0 {
            self.held = None;
            return Ok(());
        }
        let held = self.held.get_or_insert_with(|| self.pool.held(&self.peer));
        match bytes.checked_sub(held.amount()) {
            Some(more) => held.grow(more).map_err(|_| Trouble::NoRoom),
            None => {
                held.shrink_to(bytes);
                Ok(())
            }
        }
    }
}

/// When a message must have ended, from when it was first waited for. While the hub stands still
/// that is put off.
#[derive(Default)]
struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    patience: Patience,
    looked_at: Option<Instant>,
}

impl Deadline {
    fn clear(&mut self) {
        self.looked_at = None;
    }

    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let mut looked_at = match self.looked_at {
            Some(at) => at,
            None => {
                self.patience = Patience::of(PATIENCE);
                self.look()
            }
        };
        while let Some(sleep) = &mut self.sleep
            && sleep.as_mut().poll(context).is_ready()
        {
            let look = self.patience.look();
            if self.patience.is_over_after(look, looked_at.elapsed()) {
                return true;
            }
            looked_at = self.look();
        }
        false
    }

    /// Sleeps until the next look.
    fn look(&mut self) -> Instant {
        let now = Instant::now();
        let at = now + self.patience.look();
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.sleep = Some(Box::pin(sleep_until(at))),
        }
        *self.looked_at.insert(now)
    }
}

#[cfg(test)]
mod tests;
