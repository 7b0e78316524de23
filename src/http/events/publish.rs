//! Publishing one event.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::event::{self, EventBody};
use crate::api::unknown::Ignored;
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::ids::StreamId;
use crate::domain::timestamp::Timestamp;
use crate::http::body::{ReadBody, UnreadBody};
use crate::http::messages::send::{LabelHeaders, Labels};
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::hub::publish::PublishOutcome;
use crate::web::caller::Caller;

/// An event that is published, and its place.
#[derive(Serialize, ToSchema)]
#[schema(as = PublishedEvent)]
pub(crate) struct Taken {
    pub id: EventId,
    /// `accepted`.
    #[schema(pattern = "^accepted$")]
    status: &'static str,
    /// Its place among all events. Missing for a repeat of an event that is kept no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    sequence: Option<Sequence>,
    stream_id: Option<StreamId>,
    /// Its place within the stream: 1 for the first.
    stream_version: Option<u64>,
    /// The id was known with the same content: nothing was published a second time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
    /// Fields of the event that the hub does not know and left out; missing if there were none.
    #[serde(skip_serializing_if = "Ignored::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    pub ignored: Ignored,
}

impl Taken {
    pub(crate) fn of(event: &Event, duplicate: bool, ignored: Ignored) -> Self {
        let stream = event.stream.as_ref();
        // They begin at 1; 0 stands for none.
        let known = |number: u64| Some(number).filter(|number| *number > 0);
        Self {
            id: event.id,
            status: "accepted",
            sequence: known(event.sequence),
            stream_id: stream.map(|place| place.id.clone()),
            stream_version: stream.and_then(|place| known(place.version)),
            duplicate,
            ignored,
        }
    }
}

/// What the hub promises.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventReceipt<'a> {
    #[serde(flatten)]
    taken: Taken,
    /// When the hub published it.
    timestamp: Timestamp,
    /// What the promise stands on: `disk` (synced) or `os` (written).
    #[schema(pattern = "^(disk|os)$")]
    durability: &'a str,
}

/// Publish an event
///
/// A 2xx means that the event is on disk, and every subscriber will get it.
#[utoipa::path(
    post,
    path = "/v1/events",
    operation_id = "publish_event",
    tag = "events",
    params(LabelHeaders),
    request_body = EventBody,
    responses(
        (status = 200, description = "The id was known; its first event is told of", body = EventReceipt),
        (status = 201, description = "Published", body = EventReceipt),
        (status = 400, description = "INVALID_MESSAGE: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the source is somebody else"),
        (status = 409, description = "VERSION_CONFLICT: the stream is not at `expected_version`; see `details.current_version`. CONFLICT: the id was used for an event with other content"),
        (status = 429, description = "RATE_LIMITED: the source has sent all its quota allows. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: whether the id is known cannot be found out"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub(crate) async fn publish(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let body = ReadBody::one(&hub, payload, Subject::Message).await?;
    let caller = Caller::of(&request);
    let labels = Labels::of(request.headers())?;
    let context = labels.context(&caller, hub.clock.wall());
    let (offer, ignored) = event::read(body.text(), &context)?;
    let mut repeat = receipt(&hub, &offer.event, true, ignored);
    let mut outcomes = hub.publish(&context, vec![offer], false).await?;
    match outcomes.next().ok_or(HubError::Internal)?? {
        PublishOutcome::Published(event) => {
            let ignored = repeat.taken.ignored;
            Ok(HttpResponse::Created().json(receipt(&hub, &event, false, ignored)))
        }
        PublishOutcome::Known => {
            let known = hub.original_events(vec![repeat.taken.id]).await?;
            if let Some(event) = known.get(&repeat.taken.id) {
                repeat = receipt(&hub, event, true, repeat.taken.ignored);
            }
            Ok(HttpResponse::Ok().json(repeat))
        }
    }
}

fn receipt<'a>(hub: &'a Hub, event: &Event, duplicate: bool, ignored: Ignored) -> EventReceipt<'a> {
    EventReceipt {
        taken: Taken::of(event, duplicate, ignored),
        timestamp: event.published_at,
        durability: hub.settings.durability,
    }
}
