//! `/v1/correlations`: everything one conversation consists of.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{OpenApi, ToSchema};

use super::event_view::EventView;
use super::message_view::MessageView;
use super::payload_view::PayloadQuery;
use super::reading;
use crate::api::numbers::LAST_SEQUENCE;
use crate::domain::event::Event;
use crate::domain::ids::CorrelationId;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::correlations::{ConversationPart, ConversationPlace};
use crate::hub::error::{HubError, Subject};
use crate::logic::payload_head::PayloadDetail;
use crate::web::caller::Caller;
use crate::web::page::{Cursor, PageQuery, opaque};
use crate::web::query::Query;
use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/correlations/{id}", [routing::get(show)]);
}

#[derive(OpenApi)]
#[openapi(paths(show))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// A message or an event of a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = Item)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ConversationItem<'a> {
    Message {
        /// When the hub took it.
        at: Timestamp,
        message: &'a MessageView,
    },
    Event {
        /// When the hub published it.
        at: Timestamp,
        event: Box<EventView<'a>>,
    },
}

/// What an item is made of.
enum Part {
    Message(Box<MessageView>),
    Event(Arc<Event>),
}

/// A page of a conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Conversation<'a> {
    items: Vec<ConversationItem<'a>>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// A cursor is written `P-S`: after the message at P, from the event with the sequence S on.
impl Cursor for ConversationPlace {
    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let is_written = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| is_written);
            number.filter(|number| *number <= LAST_SEQUENCE)
        };
        let (after, from) = text.split_once('-')?;
        Some(Self {
            after: number(after)?,
            from: number(from)?,
        })
    }

    fn schema() -> RefOr<Schema> {
        opaque().pattern(Some("^[0-9]{1,19}-[0-9]{1,19}$")).into()
    }
}

/// As it is read.
fn written(place: ConversationPlace) -> String {
    format!("{}-{}", place.after, place.from)
}

/// Everything of one conversation
///
/// Its messages and events in the order of time. Of the messages only those the caller may see:
/// all for an operator, else what it sent or receives.
#[utoipa::path(
    get,
    path = "/v1/correlations/{id}",
    operation_id = "show_correlation",
    tag = "correlations",
    params(("id" = CorrelationId, Path), PayloadQuery, PageQuery::<ConversationPlace>),
    responses(
        (status = 200, description = "Messages and events; none if nobody named this id", body = Conversation),
        (status = 400, description = "INVALID_REQUEST: the id or a parameter is wrong"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let wrong = |error| HubError::invalid(Subject::Request, "correlation_id", error);
    let id = CorrelationId::parse(&id).map_err(wrong)?;
    let query = Query::of(&request)?;
    let part: PageQuery<ConversationPlace> = query.read()?;
    let detail = query.read::<PayloadQuery>()?.detail();
    let limit = part.limit();
    let place = part.cursor.unwrap_or(ConversationPlace::START);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let mut reading = reading::of(&request, &hub);
    let page = hub.conversation(&context, &mut reading, &id, (place, limit));
    let page = page.await?;
    let parts = page.parts.into_iter();
    let parts: Vec<_> = parts.map(|part| Part::of(part, detail)).collect();
    let view = Conversation {
        count: parts.len(),
        items: parts.iter().map(|part| part.shown(detail)).collect(),
        next_cursor: page.next.map(written),
    };
    Ok(reading::json(reading, &view))
}

impl Part {
    fn of(part: ConversationPart, detail: PayloadDetail) -> Self {
        match part {
            ConversationPart::Message(record) => {
                Self::Message(Box::new(MessageView::new(record, detail)))
            }
            ConversationPart::Event(event) => Self::Event(event),
        }
    }

    fn shown(&self, detail: PayloadDetail) -> ConversationItem<'_> {
        match self {
            Self::Message(message) => ConversationItem::Message {
                at: message.accepted_at,
                message,
            },
            Self::Event(event) => ConversationItem::Event {
                at: event.published_at,
                event: Box::new(EventView::of(event, detail)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for given in [
            ConversationPlace::START,
            ConversationPlace { after: 7, from: 12 },
        ] {
            assert_eq!(ConversationPlace::parse(&written(given)), Some(given));
        }
        for bad in [
            "",
            "1",
            "1-",
            "-1",
            "1-2-3",
            "a-b",
            "+1-2",
            "1-9223372036854775808",
        ] {
            assert_eq!(ConversationPlace::parse(bad), None, "{bad}");
        }
    }
}
