//! Publishing one event.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::actors::messages::router::{EventSlot, Publish};
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::ids::StreamId;
use crate::domain::json_text::JsonText;
use crate::domain::offer::EventOffer;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::http::body::{Body, Incoming};
use crate::http::caller::Caller;
use crate::http::event_input;
use crate::http::fields::unknown::Ignored;
use crate::http::messages::send::Labels;
use crate::http::openapi::events::{EventHeaders, EventInput};
use crate::hub::Hub;
use crate::hub::clients::Response;
use crate::hub::error::{HubError, Subject};
use crate::hub::known_ids::{self, Finding, Given};
use crate::hub::request::RequestContext;
use crate::hub::steps::EventSteps;
use crate::logic::canonical::event_fingerprint;
use crate::ports::archive::MOST_IDS;

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
    params(EventHeaders),
    request_body = EventInput,
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
    payload: Incoming,
) -> Result<HttpResponse, HubError> {
    let body = Body::one(&hub, payload, Subject::Message).await?;
    let caller = Caller::of(&request);
    let labels = Labels::of(request.headers())?;
    let context = labels.context(&caller, hub.clock.wall());
    let (offer, ignored) = event_input::read(body.text(), &context)?;
    let mut repeat = receipt(&hub, &offer.event, true, ignored);
    match offer_all(&hub, &context, vec![offer], false).await?.pop() {
        Some(EventSlot::Published(event)) => {
            let ignored = repeat.taken.ignored;
            Ok(HttpResponse::Created().json(receipt(&hub, &event, false, ignored)))
        }
        Some(EventSlot::Duplicate) => {
            let known = originals(&hub, vec![repeat.taken.id]).await?;
            if let Some(event) = known.get(&repeat.taken.id) {
                repeat = receipt(&hub, event, true, repeat.taken.ignored);
            }
            Ok(HttpResponse::Ok().json(repeat))
        }
        Some(EventSlot::Refused(refusal)) => Err(refusal.into()),
        Some(EventSlot::Offered(_) | EventSlot::Doubtful(..)) | None => Err(HubError::Internal),
    }
}

fn receipt<'a>(hub: &'a Hub, event: &Event, duplicate: bool, ignored: Ignored) -> EventReceipt<'a> {
    EventReceipt {
        taken: Taken::of(event, duplicate, ignored),
        timestamp: event.published_at,
        durability: hub.settings.durability,
    }
}

/// Offers events to the hub; the answer is complete and on disk.
pub(crate) async fn offer_all(
    hub: &Hub,
    context: &RequestContext<'_>,
    offers: Vec<EventOffer>,
    atomic: bool,
) -> Result<Vec<EventSlot>, HubError> {
    let steps = EventSteps::of(&offers);
    let slots = submit(hub, offers, atomic).await?.await?;
    steps.tell(context.request_id, &slots);
    Ok(slots)
}

/// As [`offer_all`], but returns as soon as the events have their place in line.
pub(crate) async fn submit(
    hub: &Hub,
    offers: Vec<EventOffer>,
    atomic: bool,
) -> Result<Response<Vec<EventSlot>>, HubError> {
    let slots = offers.into_iter().map(Box::new).map(EventSlot::Offered);
    let mut slots: Vec<EventSlot> = slots.collect();
    known_already(hub, &mut slots).await?;
    Ok(hub.clients.router.request(|reply| Publish {
        slots,
        atomic,
        reply,
    }))
}

/// Finds ids that the dedup window may not tell, with one look-up for many.
async fn known_already(hub: &Hub, slots: &mut [EventSlot]) -> Result<(), HubError> {
    let forgetful = hub.status.forgot_events.get();
    let is_unsure = |slot: &&mut EventSlot| {
        let event = slot.offered();
        event.is_some_and(|event| given(event).is_unsure(forgetful))
    };
    let mut unsure: Vec<_> = slots.iter_mut().filter(is_unsure).collect();
    for some in unsure.chunks_mut(MOST_IDS) {
        look_up(hub, some).await?;
    }
    Ok(())
}

async fn look_up(hub: &Hub, slots: &mut [&mut EventSlot]) -> Result<(), HubError> {
    let offered = slots.iter().filter_map(|slot| slot.offered());
    let ids = offered.map(|event| event.id).collect();
    let (stored, archive_answers) = known_ids::stored(stored(hub, ids)).await?;
    let known: HashMap<_, _> = stored.iter().map(|event| (event.id, event)).collect();
    for slot in slots {
        let Some(event) = slot.offered() else {
            continue;
        };
        let same = known.get(&event.id).map(|known| is_same(known, event));
        let finding = Finding::of(given(event), same, archive_answers);
        let offered = std::mem::replace(*slot, EventSlot::Duplicate);
        **slot = match (finding, offered) {
            (Finding::Repeat, _) => EventSlot::Duplicate,
            (Finding::Taken, _) => EventSlot::Refused(Refusal::OtherContent),
            (Finding::Doubtful, EventSlot::Offered(offer)) => {
                EventSlot::Doubtful(offer, Refusal::HistoryUnknown)
            }
            (_, offered) => offered,
        };
    }
    Ok(())
}

fn given(event: &Event) -> Given {
    Given {
        fingerprint: event.fingerprint(),
        is_generated: event.id.is_generated(),
    }
}

fn is_same(known: &Event, event: &Event) -> bool {
    event_fingerprint(known) == event_fingerprint(event)
}

async fn stored(hub: &Hub, ids: Vec<EventId>) -> Result<Vec<Event>, HubError> {
    hub.flush().await?;
    Ok(hub.archive.events_by_id(ids).await?)
}

/// Those of these events that are kept, if the archive answers, without what they carry.
pub(crate) async fn originals(
    hub: &Hub,
    ids: Vec<EventId>,
) -> Result<HashMap<EventId, Event>, HubError> {
    let mut originals = HashMap::new();
    for some in ids.chunks(MOST_IDS) {
        let (stored, _) = known_ids::stored(stored(hub, some.to_vec())).await?;
        for mut event in stored {
            event.payload = JsonText::new(RawValue::NULL.to_owned());
            event.extras = None;
            originals.insert(event.id, event);
        }
    }
    Ok(originals)
}
