//! How long a client may take for a request that it has begun.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::time::{Sleep, sleep};

/// For its head.
pub const FOR_HEAD: Duration = Duration::from_secs(10);
/// For the rest of a body, once its answer is made.
const FOR_REST: Duration = Duration::from_secs(30);

/// Over once something has taken too long.
pub(super) struct Lateness {
    is_of_head: bool,
    timer: Pin<Box<Sleep>>,
}

impl Lateness {
    /// Of a head, or else of the rest of a body.
    pub(super) fn of(is_head: bool) -> Self {
        Self {
            is_of_head: is_head,
            timer: Box::pin(sleep(if is_head { FOR_HEAD } else { FOR_REST })),
        }
    }

    pub(super) fn is_of_head(&self) -> bool {
        self.is_of_head
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(context)
    }
}
