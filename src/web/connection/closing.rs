//! How a connection ends.
//!
//! It is closed in two steps, as TCP means it: first the client is told that nothing more comes,
//! then what it still sends is thrown away until it has closed, too, or has been silent for a
//! second. Closed at once, a client that is still writing would be answered with a reset, which may
//! destroy the answer on its way (RFC 9112, section 9.6); closed late, a client that waits for the
//! end, as one of a WebSocket does (RFC 6455, section 7.1.1), would wait for nothing.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::rt::time::{Instant, Sleep, sleep};
use tokio::io::{AsyncRead, ReadBuf};

/// How long a client may be silent without closing, once it was told.
pub(super) const SILENCE: Duration = Duration::from_secs(1);
/// How long it may go on writing, as long as a body may take that is read.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that are thrown away meanwhile.
const MOST_DISCARDED: usize = 64 << 20;
/// Bytes thrown away before others get a turn.
const TURN: usize = 256 << 10;

/// The second step.
pub(super) struct Closing {
    began: Instant,
    silence: Pin<Box<Sleep>>,
    discarded: usize,
}

impl Closing {
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            silence: Box::pin(sleep(SILENCE)),
            discarded: 0,
        }
    }

    /// Throws away what the client sends, until nothing more is waited for.
    pub(super) fn poll(&mut self, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [0; 8 << 10];
        let mut taken = 0;
        while taken < TURN {
            let mut buffer = ReadBuf::new(&mut scrap);
            match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    taken += buffer.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        self.discarded += taken;
        if self.discarded >= MOST_DISCARDED || self.began.elapsed() >= PATIENCE {
            return Poll::Ready(());
        }
        if taken >= TURN {
            context.waker().wake_by_ref();
        }
        if taken > 0 {
            self.silence.as_mut().reset(Instant::now() + SILENCE);
        }
        self.silence.as_mut().poll(context)
    }
}
