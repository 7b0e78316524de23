//! Request bodies: bounded in size, depth and number, and valid UTF-8 before anybody reads them.

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::time::Duration;

use super::Hub;
use crate::door::Permit;
use crate::error::{HubError, Subject};
use crate::logic::canonical::depth;

/// Limit for one message, in bytes.
pub const ONE: usize = 1 << 20;
/// Limit for a batch, in bytes.
pub const BATCH: usize = 16 << 20;
/// Limit for nesting below a message's own braces.
const DEPTH: usize = 64;
/// A body that takes longer to arrive is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body that was read, and its place among all that is under way.
pub struct Body {
    bytes: Bytes,
    _permit: Permit,
}

impl Body {
    /// Reads the body of a request about one thing: at most [`ONE`] bytes.
    ///
    /// # Errors
    /// As [`Body::read`].
    pub async fn one(hub: &Hub, payload: Payload, subject: Subject) -> Result<Self, HubError> {
        Self::read(hub, payload, ONE, 1, subject).await
    }

    /// Reads at most `limit` bytes. `braces` is how many levels lie around a payload.
    ///
    /// # Errors
    /// 413, 400 for what is no UTF-8 or too deep, 429 when too much is under way.
    pub async fn read(
        hub: &Hub,
        mut payload: Payload,
        limit: usize,
        braces: usize,
        subject: Subject,
    ) -> Result<Self, HubError> {
        let mut permit = hub.door.permit();
        let reading = collect(&mut payload, limit, &mut permit, subject);
        let bytes = match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Err(HubError::Busy)) => {
                hub.metrics.requests_refused_busy.inc();
                return Err(HubError::Busy);
            }
            Ok(bytes) => bytes?,
            Err(_) => {
                return Err(HubError::invalid(
                    subject,
                    "body",
                    "did not arrive within 30 seconds",
                ));
            }
        };
        if std::str::from_utf8(&bytes).is_err() {
            return Err(HubError::invalid(subject, "body", "is not UTF-8"));
        }
        if depth(&bytes) > DEPTH + braces {
            return Err(HubError::invalid(
                subject,
                "body",
                "is nested more than 64 levels deep",
            ));
        }
        Ok(Self {
            bytes,
            _permit: permit,
        })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("checked when it was read")
    }
}

async fn collect(
    payload: &mut Payload,
    limit: usize,
    permit: &mut Permit,
    subject: Subject,
) -> Result<Bytes, HubError> {
    let mut body = BytesMut::new();
    let mut first = None;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| HubError::invalid(subject, "body", error))?;
        let so_far = body.len() + first.as_ref().map_or(0, Bytes::len);
        if so_far + chunk.len() > limit {
            return Err(HubError::TooLarge { limit });
        }
        if !permit.grow(chunk.len()) {
            return Err(HubError::Busy);
        }
        // Most bodies are one chunk, which needs no copy.
        match first.take() {
            None if body.is_empty() => first = Some(chunk),
            None => body.extend_from_slice(&chunk),
            Some(earlier) => {
                body.extend_from_slice(&earlier);
                body.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| body.freeze()))
}
