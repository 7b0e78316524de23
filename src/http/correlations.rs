//! `/v1/correlations`: everything one conversation consists of.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::principal;
use super::event_view::EventView;
use super::events::read;
use super::message_view::MessageView;
use super::openapi::history::SpanPageQuery;
use super::query::Query;
use super::reading::Reading;
use super::routing::{self, Routes};
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::{CorrelationId, Position};
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::access::Principal;
use crate::hub::error::{HubError, Subject};
use crate::hub::message_record::MessageRecord;
use crate::logic::event_query::EventQuery;
use crate::logic::page::{self, Filling, Page};
use crate::ports::archive::MessageQuery;

/// Messages read together: with a page, no more than there is room for if each is as large as may be.
const TOGETHER: usize = 8;
const NO_CURSOR: &str = "must be the next_cursor of an earlier answer";

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes.at("/v1/correlations/{id}", "GET", [routing::get(show)]);
}

/// A message or an event of a conversation.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Item<'a> {
    Message {
        /// When the hub took it.
        at: Timestamp,
        message: &'a MessageView,
    },
    Event {
        /// When the hub published it.
        at: Timestamp,
        event: EventView<'a>,
    },
}

/// A message or an event as it was found.
enum Part {
    Message {
        view: Box<MessageView>,
        bytes: usize,
    },
    Event(Arc<Event>),
}

/// A page of a conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Conversation<'a> {
    items: Vec<Item<'a>>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// How far a reader is: written `P-S`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    /// Of the last message.
    after: Position,
    /// Of the next event.
    from: Sequence,
}

impl Place {
    const START: Self = Self { after: 0, from: 1 };

    fn parse(text: &str) -> Result<Self, &'static str> {
        let number = |text: &str| {
            let is_written = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| is_written);
            number.filter(|number| *number <= read::LAST_SEQUENCE)
        };
        let (after, from) = text.split_once('-').ok_or(NO_CURSOR)?;
        Ok(Self {
            after: number(after).ok_or(NO_CURSOR)?,
            from: number(from).ok_or(NO_CURSOR)?,
        })
    }

    /// Behind what was read from here on.
    fn after_these(mut self, parts: &[Part]) -> Self {
        for part in parts {
            match part {
                Part::Message { view, .. } => self.after = view.position,
                Part::Event(event) => self.from = event.sequence + 1,
            }
        }
        self
    }

    fn write(self) -> String {
        format!("{}-{}", self.after, self.from)
    }
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
    params(("id" = CorrelationId, Path), SpanPageQuery),
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
    let asked = Query::of(&request)?;
    let limit = asked.limit()?;
    let place = asked.read("cursor", Place::parse)?.unwrap_or(Place::START);
    let mut reading = Reading::of(&hub, &request);
    reading.begin_in_archive().await?;
    let caller = principal(&request);
    let messages = messages(&hub, &id, place.after, limit, &caller).await?;
    let events = events(&mut reading, &id, place.from, limit).await?;
    let is_before = |one: &Part, other: &Part| one.at() < other.at();
    let mut page = messages.merge(events.map(Part::Event), limit, is_before, Part::bytes);
    let next = (!page.is_last()).then(|| place.after_these(&page.items));
    // A message that was redriven stands in its old place.
    page.items.sort_by_key(Part::at);
    Ok(reading.json(&Conversation {
        count: page.items.len(),
        items: page.items.iter().map(Item::of).collect(),
        next_cursor: next.map(Place::write),
    }))
}

impl<'a> Item<'a> {
    fn of(part: &'a Part) -> Self {
        let at = part.at();
        match part {
            Part::Message { view, .. } => Self::Message { at, message: view },
            Part::Event(event) => Self::Event {
                at,
                event: EventView::of(event),
            },
        }
    }
}

impl Part {
    fn at(&self) -> Timestamp {
        match self {
            Self::Message { view, .. } => view.accepted_at,
            Self::Event(event) => event.published_at,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Message { bytes, .. } => *bytes,
            Self::Event(event) => event.bytes(),
        }
    }
}

/// The next messages that the caller may see, oldest first.
async fn messages(
    hub: &Hub,
    id: &CorrelationId,
    mut after: Position,
    limit: usize,
    caller: &Principal,
) -> Result<Page<Part>, HubError> {
    let query = MessageQuery {
        correlation_id: Some(id.to_string()),
        party: caller.acts_only_for(),
        limit: limit + 1,
        ..MessageQuery::default()
    };
    let mut filling = Filling::new(limit, page::MOST_BYTES);
    loop {
        let places = hub.archive.ids_after(query.clone(), after).await?;
        let is_last = places.len() < query.limit;
        after = places.last().map_or(after, |(position, _)| *position);
        for some in places.chunks(TOGETHER) {
            let ids = some.iter().map(|(_, id)| *id).collect();
            let rows = hub.archive.messages_by_id(ids).await?.into_iter();
            let rows = rows.map(Box::new).map(MessageRecord::Archived);
            let records = hub.refresh(rows.collect()).await?.into_iter();
            for record in records.filter(|record| record.is_seen_by(caller)) {
                let bytes = record.bytes();
                let view = Box::new(record.into());
                if !filling.add(Part::Message { view, bytes }, bytes) {
                    return Ok(filling.finish());
                }
            }
        }
        if is_last {
            return Ok(filling.finish());
        }
    }
}

async fn events(
    reading: &mut Reading<'_>,
    id: &CorrelationId,
    from: Sequence,
    limit: usize,
) -> Result<Page<Arc<Event>>, HubError> {
    let query = EventQuery {
        correlation_id: Some(id.to_string()),
        from_sequence: Some(from),
        limit,
        ..EventQuery::default()
    };
    read::read(reading, query).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for place in [Place::START, Place { after: 7, from: 12 }] {
            assert_eq!(Place::parse(&place.write()), Ok(place));
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
            assert_eq!(Place::parse(bad), Err(NO_CURSOR), "{bad}");
        }
    }
}
