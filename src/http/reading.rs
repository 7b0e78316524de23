//! Answers to requests that read much at once: what waits for a slow reader keeps its room, until
//! its reader has taken it or was too slow.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::rt::task::JoinHandle;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use serde::Serialize;

use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::hub::reading::{Reading, SMALL};
use crate::logic::page;
use crate::pool::Held;
use crate::web::peer;

/// An answer goes out in pieces of so many bytes, so that none of it is copied for a slow reader.
const PIECE: usize = 64 << 10;
/// A reader has so long for a page, and again for each further one's worth of a longer answer.
const TAKING: Duration = Duration::from_secs(60);

/// The text of an answer.
struct Text {
    length: u64,
    /// `None`: its reader was too slow.
    rest: Rc<RefCell<Option<Rest>>>,
    deadline: JoinHandle<()>,
}

/// What has not been taken yet.
struct Rest {
    bytes: Bytes,
    _room: Held,
}

/// Of this request, for whoever makes it.
pub(crate) fn of<'a>(request: &HttpRequest, hub: &'a Hub) -> Reading<'a> {
    hub.reading(peer::of(request, hub))
}

/// The answer, of which only a large one keeps room.
pub(crate) fn answer(
    reading: Reading<'_>,
    status: StatusCode,
    value: &impl Serialize,
) -> HttpResponse {
    let Ok(mut text) = serde_json::to_vec(value) else {
        return HttpResponse::from_error(HubError::Internal);
    };
    let mut response = HttpResponse::build(status);
    response.content_type(ContentType::json());
    if text.len() > SMALL {
        text.shrink_to_fit();
    }
    whole(reading, response, text.into())
}

/// As [`answer`], of what is there as it is to be sent.
pub(crate) fn whole(
    reading: Reading<'_>,
    mut response: HttpResponseBuilder,
    text: Bytes,
) -> HttpResponse {
    match reading.into_room() {
        Some(mut room) if text.len() > SMALL => {
            room.shrink_to(text.len());
            response.body(Text::new(text, room))
        }
        _ => response.body(text),
    }
}

/// As [`answer`], with 200.
pub(crate) fn json(reading: Reading<'_>, value: &impl Serialize) -> HttpResponse {
    answer(reading, StatusCode::OK, value)
}

impl Text {
    fn new(bytes: Bytes, room: Held) -> Self {
        let length = bytes.len();
        let rest = Rc::new(RefCell::new(Some(Rest { bytes, _room: room })));
        let (kept, patience) = (rest.clone(), time_to_take(length));
        Self {
            length: length as u64,
            rest,
            // Who takes nothing does not even ask for the next piece, so somebody has to look.
            deadline: actix_web::rt::spawn(async move {
                tokio::time::sleep(patience).await;
                kept.take();
            }),
        }
    }
}

fn time_to_take(bytes: usize) -> Duration {
    let pages = bytes.div_ceil(page::MOST_BYTES);
    TAKING * u32::try_from(pages).unwrap_or(u32::MAX)
}

impl Drop for Text {
    fn drop(&mut self) {
        self.rest.take();
        self.deadline.abort();
    }
}

impl MessageBody for Text {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let mut rest = self.rest.borrow_mut();
        let Some(rest) = rest.as_mut() else {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        };
        let length = rest.bytes.len().min(PIECE);
        let piece = rest.bytes.split_to(length);
        Poll::Ready((length > 0).then_some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body;
    use futures_util::FutureExt;

    use super::*;
    use crate::pool::{Peer, Pool};

    const ALL: usize = 128 << 20;
    const MAKING: usize = 16 << 20;

    fn room_is_free(room: &Pool) -> bool {
        room.take(&Peer::Unknown, ALL).now_or_never().is_some()
    }

    fn text(room: &Pool, length: usize) -> Text {
        let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
        let room = room.take(&Peer::Unknown, MAKING).now_or_never();
        Text::new(bytes.into(), room.unwrap())
    }

    #[actix_web::test]
    async fn a_text_goes_out_whole_and_keeps_its_room_until_then() {
        let room = Pool::of(256 << 20);
        let length = 3 * PIECE + 7;
        let text = text(&room, length);
        assert_eq!(text.size(), BodySize::Sized(length as u64));
        assert!(!room_is_free(&room));
        let sent = body::to_bytes(text).await.unwrap();
        assert!(sent.iter().enumerate().all(|(n, byte)| *byte == n as u8));
        assert_eq!(sent.len(), length);
        assert!(room_is_free(&room));
    }

    #[actix_web::test]
    async fn a_text_that_is_taken_too_slowly_breaks_off_and_gives_its_room_back() {
        tokio::time::pause();
        let room = Pool::of(256 << 20);
        let mut text = text(&room, 3 * PIECE);
        let mut piece = async || {
            let next = |context: &mut Context<'_>| Pin::new(&mut text).poll_next(context);
            std::future::poll_fn(next).await.unwrap()
        };
        assert_eq!(piece().await.unwrap().len(), PIECE);
        tokio::task::yield_now().await;
        tokio::time::advance(TAKING - Duration::from_millis(1)).await;
        assert_eq!(piece().await.unwrap().len(), PIECE);
        assert!(!room_is_free(&room));
        tokio::time::advance(Duration::from_millis(2)).await;
        tokio::task::yield_now().await;
        assert!(room_is_free(&room));
        let broken = piece().await.unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_longer_answer_may_take_longer() {
        let page = page::MOST_BYTES;
        for (bytes, pages) in [(1, 1), (page, 1), (page + 1, 2), (4 * page, 4)] {
            assert_eq!(time_to_take(bytes), TAKING * pages);
        }
    }
}
