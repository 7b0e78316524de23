//! Requests that are being answered, so that a hub that stops can see them out.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::ConnectionType;
use bytes::Bytes;
use tokio::sync::Notify;

/// Shared by all workers and whoever stops the hub.
#[derive(Clone, Default)]
pub struct Visits(Arc<Inner>);

#[derive(Default)]
struct Inner {
    inside: AtomicUsize,
    is_stopping: AtomicBool,
    last_left: Notify,
}

/// A request, until its answer is made, or is on its way if the hub stops.
pub struct Visit(Arc<Inner>);

impl Visits {
    pub fn enter(&self) -> Visit {
        self.0.inside.fetch_add(1, Ordering::SeqCst);
        Visit(self.0.clone())
    }

    /// From now on the last one that leaves says so.
    pub fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::SeqCst);
    }

    /// Waits until every request is answered.
    pub async fn all_left(&self) {
        while self.0.inside.load(Ordering::SeqCst) > 0 {
            self.0.last_left.notified().await;
        }
    }
}

impl Visit {
    /// This answer is the last on its connection, and the hub waits until it is out.
    pub fn see_out(self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        let mut response = response.map_body(|_, body| BoxBody::new(Last::new(body, self)));
        if !response.response().upgrade() {
            let head = response.response_mut().head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
        response
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let before = self.0.inside.fetch_sub(1, Ordering::SeqCst);
        if before == 1 && self.0.is_stopping.load(Ordering::SeqCst) {
            self.0.last_left.notify_one();
        }
    }
}

/// The body of an answer that the hub waits for before it ends.
struct Last {
    body: BoxBody,
    _visit: Visit,
}

impl Last {
    fn new(body: BoxBody, visit: Visit) -> Self {
        Self {
            body,
            _visit: visit,
        }
    }
}

impl MessageBody for Last {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_pin_mut().poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[actix::test]
    async fn who_stops_waits_for_the_last_answer() {
        let visits = Visits::default();
        visits.all_left().await;
        let (one, other) = (visits.enter(), visits.enter());
        visits.stop();
        assert!(visits.all_left().now_or_never().is_none());
        drop(one);
        assert!(visits.all_left().now_or_never().is_none());
        let waiting = actix::spawn({
            let visits = visits.clone();
            async move { visits.all_left().await }
        });
        let body = Last::new(BoxBody::new("answer"), other);
        tokio::task::yield_now().await;
        drop(body);
        waiting.await.unwrap();
    }
}
