//! Requests that read much at once: few at a time, and what waits for a slow reader counts too.
//!
//! A client may ask for a few mebibytes, and for a state of many. While such an answer is made it
//! takes room for the worst case, from then on for what it is long, until its reader has taken it.
//! Who finds no room waits a while.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Hub;
use super::messages::flush;
use crate::error::HubError;

const KIB: usize = 1 << 10;
/// For all answers together, in KiB.
const ROOM: usize = 256 << 10;
/// For one that is being made, in KiB: a page, its text, and as much to spare.
const MAKING: u32 = 16 << 10;
/// Answers up to so many bytes do not count when they are made: a connection costs as much.
const SMALL: usize = 64 << 10;
/// An answer goes out in pieces of so many bytes, so that none of it is copied for a slow reader.
const PIECE: usize = 64 << 10;
/// How long a request waits for others.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many answers with a snapshot are made at once, which alone may be larger than a page.
const SNAPSHOTS: usize = 2;

/// The room that all answers share.
#[derive(Clone)]
pub struct Readings {
    room: Arc<Semaphore>,
    snapshots: Arc<Semaphore>,
}

/// A request that reads much.
pub struct Reading<'a> {
    pub hub: &'a Hub,
    /// Of [`MAKING`], from when it began.
    room: Option<OwnedSemaphorePermit>,
    snapshot: Option<OwnedSemaphorePermit>,
}

/// The text of an answer, and its room.
struct Text {
    rest: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROOM)),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
        }
    }
}

impl<'a> Reading<'a> {
    /// Takes no room yet.
    pub fn of(hub: &'a Hub) -> Self {
        Self {
            hub,
            room: None,
            snapshot: None,
        }
    }

    /// Waits for room, unless it has some.
    ///
    /// # Errors
    /// 429 if others take too long.
    pub async fn begin(&mut self) -> Result<(), HubError> {
        if self.room.is_none() {
            self.room = Some(self.wait(&self.hub.readings.room, MAKING).await?);
        }
        Ok(())
    }

    /// As [`Reading::begin`], of a snapshot.
    ///
    /// # Errors
    /// 429 if others take too long.
    pub async fn begin_snapshot(&mut self) -> Result<(), HubError> {
        self.begin().await?;
        if self.snapshot.is_none() {
            self.snapshot = Some(self.wait(&self.hub.readings.snapshots, 1).await?);
        }
        Ok(())
    }

    async fn wait(
        &self,
        semaphore: &Arc<Semaphore>,
        permits: u32,
    ) -> Result<OwnedSemaphorePermit, HubError> {
        let permit = semaphore.clone().acquire_many_owned(permits);
        if let Ok(Ok(permit)) = tokio::time::timeout(PATIENCE, permit).await {
            return Ok(permit);
        }
        self.hub.metrics.requests_refused_busy.inc();
        Err(HubError::Busy)
    }

    /// As [`Reading::begin`], when everything acknowledged so far is in the archive. Nobody takes
    /// room while waiting for that.
    ///
    /// # Errors
    /// 503 without an archive.
    pub async fn begin_in_archive(&mut self) -> Result<(), HubError> {
        flush(self.hub).await?;
        self.begin().await
    }

    /// The answer, of which only a large one keeps room.
    pub fn answer(self, status: StatusCode, value: &impl Serialize) -> HttpResponse {
        let Ok(mut text) = serde_json::to_vec(value) else {
            return HttpResponse::from_error(HubError::Internal);
        };
        let mut response = HttpResponse::build(status);
        response.content_type(ContentType::json());
        match self.room {
            Some(mut room) if text.len() > SMALL => {
                text.shrink_to_fit();
                let spare = room.num_permits().saturating_sub(text.len().div_ceil(KIB));
                drop(room.split(spare));
                response.body(Text {
                    rest: text.into(),
                    _room: room,
                })
            }
            _ => response.body(text),
        }
    }

    /// As [`Reading::answer`], with 200.
    pub fn json(self, value: &impl Serialize) -> HttpResponse {
        self.answer(StatusCode::OK, value)
    }
}

impl MessageBody for Text {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        Poll::Ready((length > 0).then_some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body;

    use super::*;

    #[actix_web::test]
    async fn a_text_goes_out_whole_and_keeps_its_room_until_then() {
        let readings = Readings::default();
        let room = readings.room.clone().acquire_many_owned(MAKING);
        let room = room.await.unwrap();
        let long: Vec<u8> = (0..3 * PIECE + 7).map(|n| n as u8).collect();
        let text = Text {
            rest: long.clone().into(),
            _room: room,
        };
        assert_eq!(text.size(), BodySize::Sized(long.len() as u64));
        assert_eq!(readings.room.available_permits(), ROOM - MAKING as usize);
        let sent = body::to_bytes(text).await.unwrap();
        assert!(sent == long);
        assert_eq!(readings.room.available_permits(), ROOM);
    }
}
