//! Request bodies: bounded in size, depth and number, and valid UTF-8 before anybody reads them.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::hub::Hub;
use crate::hub::bodies::{ONE, Permit, Purpose};
use crate::hub::error::{HubError, Subject};
use crate::logic::canonical::{DEEPEST, depth};
use crate::patience::Patience;
use crate::web::peer;
use crate::web::routing::OfBody;

/// Limit for a batch, in bytes.
pub(crate) const BATCH: usize = 16 << 20;
/// A body that takes longer to arrive is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body that is not read yet.
pub(crate) struct UnreadBody {
    request: HttpRequest,
    payload: Payload,
}

impl FromRequest for UnreadBody {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            request: request.clone(),
            payload: payload.take(),
        }))
    }
}

impl OfBody for UnreadBody {}

impl UnreadBody {
    /// How long it will be, if the client says so.
    fn announced(&self) -> Option<u64> {
        let length = self.request.headers().get(header::CONTENT_LENGTH)?;
        length.to_str().ok()?.parse().ok()
    }

    fn purpose(&self) -> Purpose {
        let path = self.request.path();
        match path.starts_with("/v1/leases/") || path.ends_with("/receive") {
            true => Purpose::Settling,
            false => Purpose::Other,
        }
    }
}

/// A body that was read, and its place among all that is under way.
pub(crate) struct ReadBody {
    bytes: Bytes,
    permit: Permit,
}

impl ReadBody {
    /// Reads the body of a request about one thing: at most [`ONE`] bytes.
    ///
    /// # Errors
    /// As [`ReadBody::read`].
    pub(crate) async fn one(
        hub: &Hub,
        payload: UnreadBody,
        subject: Subject,
    ) -> Result<Self, HubError> {
        Self::read(hub, payload, ONE, 1, subject).await
    }

    /// Reads at most `limit` bytes. `braces` is how many levels lie around a payload.
    ///
    /// # Errors
    /// 413, 400 for what is no UTF-8 or too deep, 429 when too much is under way, or too much of this
    /// caller.
    pub(crate) async fn read(
        hub: &Hub,
        mut incoming: UnreadBody,
        limit: usize,
        braces: usize,
        subject: Subject,
    ) -> Result<Self, HubError> {
        if incoming
            .announced()
            .is_some_and(|length| length > limit as u64)
        {
            return Err(HubError::TooLarge { limit });
        }
        let mut permit = hub.bodies.permit(incoming.purpose());
        let reading = collect(hub, &mut incoming, limit, &mut permit, subject);
        let bytes = match Patience::of(PATIENCE).wait_for(reading).await {
            Some(Err(full @ (HubError::Busy | HubError::ShareFull { .. }))) => {
                hub.counters.refused_busy.inc();
                return Err(full);
            }
            Some(bytes) => bytes?,
            None => {
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
        if depth(&bytes) > DEEPEST + braces {
            return Err(HubError::invalid(
                subject,
                "body",
                "is nested more than 64 levels deep",
            ));
        }
        Ok(Self { bytes, permit })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("checked when it was read")
    }

    /// The place alone, of what was copied out of the text and is under way from now on: both
    /// together would take twice the room.
    pub(crate) fn without_text(self) -> Permit {
        self.permit
    }
}

async fn collect(
    hub: &Hub,
    incoming: &mut UnreadBody,
    limit: usize,
    permit: &mut Permit,
    subject: Subject,
) -> Result<Bytes, HubError> {
    let mut body = BytesMut::new();
    let mut first = None;
    while let Some(chunk) = incoming.payload.next().await {
        let chunk = chunk.map_err(|error| match error {
            PayloadError::Incomplete(_) => {
                HubError::invalid(subject, "body", "ended before it was whole")
            }
            error => HubError::invalid(subject, "body", error),
        })?;
        let so_far = body.len() + first.as_ref().map_or(0, Bytes::len);
        if so_far + chunk.len() > limit {
            return Err(HubError::TooLarge { limit });
        }
        permit.grow(chunk.len(), || peer::of(&incoming.request, hub))?;
        // Most bodies are one chunk, which needs no copy.
        match first.take() {
            None if body.is_empty() => first = Some(chunk),
            None => body.extend_from_slice(&chunk),
            Some(earlier) => {
                // At once, since what is not touched costs nothing, and what grows is copied.
                body.reserve(incoming.announced().map_or(0, |length| length as usize));
                body.extend_from_slice(&earlier);
                body.extend_from_slice(&chunk);
            }
        }
    }
    Ok(first.unwrap_or_else(|| body.freeze()))
}
