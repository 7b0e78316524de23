//! The connection of a client: how it is read, one request after the other or as a WebSocket, and
//! how it ends.
//!
//! A client that says no more (FIN) may still listen, or be gone: nothing tells them apart. What it
//! has asked for is answered, but nobody waits for it any longer.

mod closing;
mod lateness;
mod line;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::rt::net::TcpStream;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error::NoRequest;
use super::unreadable::{Explain, bare};
use crate::logic::heads::{Extent, Heads, LineFault};
use closing::Closing;
use lateness::Lateness;
use line::AHEAD;

pub use lateness::FOR_HEAD;
pub use line::Line;

pub struct Connection {
    stream: TcpStream,
    line: Rc<Line>,
    closing: Option<Closing>,
    /// It is a WebSocket, and nothing can be written to it any more.
    is_mute: bool,
    heads: Heads,
    /// What came behind a request that is not answered yet.
    held: BytesMut,
    /// What comes is no part of a request: the server reads no more.
    is_cut: bool,
    /// Set while a request has begun and nobody else waits for the rest of it.
    late: Option<Lateness>,
    /// A head has taken too long.
    is_late: bool,
    /// In place of what the server says by itself to what is no request.
    explain: Option<Explain>,
    /// What is left to be written of that, once it is to be said.
    explanation: Option<Bytes>,
    /// Dropped with it.
    _kept: Option<Box<dyn Any>>,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            line: Rc::default(),
            closing: None,
            is_mute: false,
            heads: Heads::default(),
            late: None,
            is_late: false,
            held: BytesMut::new(),
            is_cut: false,
            explain: None,
            explanation: None,
            _kept: None,
        }
    }

    /// Says so what is wrong with what is no request.
    pub fn explaining(self, explain: Explain) -> Self {
        Self {
            explain: Some(explain),
            ..self
        }
    }

    /// There are WebSockets at these paths.
    pub fn with_sockets(self, paths: &'static [&'static str]) -> Self {
        Self {
            heads: Heads::with_sockets(paths),
            ..self
        }
    }

    /// Keeps something as long as the connection.
    pub fn keeping(self, kept: impl Any) -> Self {
        Self {
            _kept: Some(Box::new(kept)),
            ..self
        }
    }

    pub fn line(&self) -> Rc<Line> {
        self.line.clone()
    }

    fn is_socket(&self) -> bool {
        self.line.is_socket()
    }

    /// Says what is wrong, and closes: the server itself would let go of a client that may still be
    /// writing.
    fn poll_refuse(&mut self, context: &mut Context<'_>, fault: NoRequest) -> Poll<io::Result<()>> {
        let explain = self.explain.as_deref();
        let explanation = || explain.map(|explain| explain(fault)).unwrap_or_default();
        let rest = self.explanation.get_or_insert_with(explanation);
        while !rest.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => rest.advance(count),
            }
        }
        self.poll_close(context).map(Ok)
    }

    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let stream = &mut self.stream;
        if self.closing.is_none() && ready!(Pin::new(&mut *stream).poll_shutdown(context)).is_err()
        {
            return Poll::Ready(());
        }
        let closing = self.closing.get_or_insert_with(Closing::begin);
        closing.poll(stream, context)
    }

    /// Reads on in one request, or in the next one once that is answered.
    fn poll_request(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut {
            return Poll::Ready(Ok(()));
        }
        if self.line.is_answering() {
            return self.poll_ahead(context, buffer);
        }
        let before = buffer.filled().len();
        let seen = match self.held.is_empty() {
            true => {
                let stream = Pin::new(&mut self.stream);
                let Poll::Ready(read) = stream.poll_read(context, buffer) else {
                    return self.poll_late(context, buffer);
                };
                if read.is_err() || buffer.filled().len() == before {
                    self.line.end();
                    return Poll::Ready(read);
                }
                self.see_read(buffer, before)
            }
            false => self.see_held(buffer),
        };
        match seen {
            Extent::Part => {}
            Extent::Whole(_) => {
                self.late = None;
                self.line.ask();
            }
            // With this in it the server takes it for no head.
            Extent::Wrong(LineFault::InHead(at)) => buffer.filled_mut()[before + at] = 0,
            Extent::Wrong(LineFault::InBody(at)) => {
                buffer.set_filled(before + at);
                self.cut();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn cut(&mut self) {
        self.is_cut = true;
        self.line.end();
    }

    /// Nothing comes. Ends what has begun and takes too long, unless somebody else waits for it:
    /// the server does for the first head, and who reads a body does for that.
    fn poll_late(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_head = self.heads.is_in_head();
        let is_rest = self.line.is_answered_early() && self.heads.is_in_body();
        if !is_head && !is_rest {
            self.late = None;
            if self.heads.is_in_body() {
                // An answer that comes before the rest sets the time for that.
                self.line.wait_for_answer(context.waker().clone());
            }
            return Poll::Pending;
        }
        let of_this = self.late.take().filter(|late| late.is_of_head() == is_head);
        let late = self
            .late
            .insert(of_this.unwrap_or_else(|| Lateness::of(is_head)));
        ready!(late.poll(context));
        if is_head {
            self.is_late = true;
            // As with a bare LF, and what the server says then is made to say what is wrong.
            buffer.put_slice(&[0]);
        } else {
            self.cut();
        }
        Poll::Ready(Ok(()))
    }

    /// What was read behind `before`; the next request stays here.
    fn see_read(&mut self, buffer: &mut ReadBuf<'_>, before: usize) -> Extent {
        let seen = self.heads.see(&mut buffer.filled_mut()[before..]);
        if let Extent::Whole(count) = seen {
            let end = before + count;
            self.held.extend_from_slice(&buffer.filled()[end..]);
            buffer.set_filled(end);
        }
        seen
    }

    /// The next request that was held, or as much of it as there is room for.
    fn see_held(&mut self, buffer: &mut ReadBuf<'_>) -> Extent {
        let most = self.held.len().min(buffer.remaining());
        let seen = self.heads.see(&mut self.held[..most]);
        let count = match seen {
            Extent::Whole(count) => count,
            Extent::Part | Extent::Wrong(_) => most,
        };
        buffer.put_slice(&self.held[..count]);
        self.held.advance(count);
        seen
    }

    /// Reads ahead of an answer, also to notice when the client says no more. That is told to the
    /// server at once, unless something is held that has to be answered before. While nothing is
    /// held the client wakes the server, so that the answer need not: nearly every request is read
    /// alone, and one look less at its connection is three percent of what it costs.
    fn poll_ahead(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = &self.line;
        let before = buffer.filled().len();
        while self.held.len() < AHEAD && !line.is_over() {
            let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) else {
                break;
            };
            let came = &buffer.filled()[before..];
            if read.is_ok() && !came.is_empty() {
                self.held.extend_from_slice(came);
                buffer.set_filled(before);
                continue;
            }
            line.end();
            if self.held.is_empty() {
                return Poll::Ready(read);
            }
        }
        if !self.held.is_empty() {
            line.wait_for_answer(context.waker().clone());
            return Poll::Pending;
        }
        match line.is_over() {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let line = &this.line;
        if !this.is_socket() {
            return this.poll_request(context, buffer);
        }
        let credit = line.look();
        if line.is_over() || credit == 0 {
            return Poll::Pending;
        }
        let read = ready!(Pin::new(&mut this.stream).poll_read(context, buffer));
        let count = buffer.filled().len() - before;
        if read.is_ok() && count > 0 {
            line.spend(count);
            return Poll::Ready(Ok(()));
        }
        line.end();
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_mute {
            return Poll::Ready(Ok(bytes.len()));
        }
        let found = if this.is_socket() { None } else { bare(bytes) };
        let bytes = match found {
            Some((0, fault)) if this.explain.is_some() => {
                let fault = if this.is_late { NoRequest::Late } else { fault };
                ready!(this.poll_refuse(context, fault))?;
                return Poll::Ready(Ok(bytes.len()));
            }
            Some((begin, _)) if begin > 0 => &bytes[..begin],
            _ => bytes,
        };
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, bytes));
        if written.is_ok() || !this.is_socket() {
            return Poll::Ready(written);
        }
        // What cannot be written is nobody's any more, but what the client said before is still to
        // be read, and done, so that the session has to live on until that has its own end.
        this.is_mute = true;
        context.waker().wake_by_ref();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_close(context).map(Ok)
    }
}
