//! `/v1/correlations`: everything one conversation consists of.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::event_view::EventView;
use super::events::read;
use super::message_view::MessageView;
use super::messages::{flush, refresh};
use super::openapi::history::SpanPageQuery;
use super::query::Query;
use super::{Hub, Routes};
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::{Label, Position};
use crate::domain::timestamp::Timestamp;
use crate::error::{HubError, Subject};
use crate::ports::archive::{EventQuery, MessageQuery};

/// Messages looked at together.
const SCAN: usize = 1000;
const NO_CURSOR: &str = "must be the next_cursor of an earlier answer";

pub fn routes(routes: &mut Routes<'_>) {
    routes.at("/v1/correlations/{id}", "GET", [web::get().to(show)]);
}

/// A message or an event of a conversation.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Item<'a> {
    Message {
        /// When the hub took it.
        at: Timestamp,
        message: Box<MessageView>,
    },
    Event {
        /// When the hub published it.
        at: Timestamp,
        event: EventView<'a>,
    },
}

/// A page of a conversation.
#[derive(Serialize, ToSchema)]
pub struct Conversation<'a> {
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
    params(("id" = Label, Path), SpanPageQuery),
    responses(
        (status = 200, description = "Messages and events; none if nobody named this id", body = Conversation),
        (status = 400, description = "INVALID_REQUEST: the id or a parameter is wrong"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let wrong = |error| HubError::invalid(Subject::Request, "correlation_id", error);
    let id = Label::parse(&id).map_err(wrong)?;
    let asked = Query::of(&request)?;
    let limit = asked.limit()?;
    let place = asked.read("cursor", Place::parse)?.unwrap_or(Place::START);
    flush(&hub).await?;
    let caller = Caller::of(&request);
    let messages = messages(&hub, &id, place.after, limit + 1, &caller).await?;
    let events = events(&hub, &id, place.from, limit + 1).await?;
    let (messages, events, next) = first_of_both(messages, events, limit, place);
    let mut items: Vec<_> = messages
        .into_iter()
        .map(Item::message)
        .chain(events.iter().map(|event| Item::event(event)))
        .collect();
    items.sort_by_key(Item::at);
    Ok(HttpResponse::Ok().json(Conversation {
        count: items.len(),
        items,
        next_cursor: next.map(Place::write),
    }))
}

impl<'a> Item<'a> {
    fn message(message: MessageView) -> Self {
        Self::Message {
            at: message.accepted_at,
            message: Box::new(message),
        }
    }

    fn event(event: &'a Event) -> Self {
        Self::Event {
            at: event.published_at,
            event: EventView::of(event),
        }
    }

    fn at(&self) -> Timestamp {
        match self {
            Self::Message { at, .. } | Self::Event { at, .. } => *at,
        }
    }
}

/// The first `limit` of both lists together by time, and where the rest begins.
fn first_of_both(
    mut messages: Vec<MessageView>,
    mut events: Vec<Arc<Event>>,
    limit: usize,
    start: Place,
) -> (Vec<MessageView>, Vec<Arc<Event>>, Option<Place>) {
    let has_more = messages.len() + events.len() > limit;
    let (mut taken_messages, mut taken_events) = (0, 0);
    while taken_messages + taken_events < limit {
        match (messages.get(taken_messages), events.get(taken_events)) {
            (Some(message), Some(event)) if message.accepted_at <= event.published_at => {
                taken_messages += 1;
            }
            (Some(_), None) => taken_messages += 1,
            (_, Some(_)) => taken_events += 1,
            (None, None) => break,
        }
    }
    messages.truncate(taken_messages);
    events.truncate(taken_events);
    let next = Place {
        after: messages.last().map_or(start.after, |last| last.position),
        from: events.last().map_or(start.from, |last| last.sequence + 1),
    };
    (messages, events, has_more.then_some(next))
}

/// The next messages that the caller may see, oldest first.
async fn messages(
    hub: &Hub,
    id: &Label,
    mut after: Position,
    limit: usize,
    caller: &Caller,
) -> Result<Vec<MessageView>, HubError> {
    let query = MessageQuery {
        correlation_id: Some(id.to_string()),
        limit: if caller.is_operator { limit } else { SCAN },
        ..MessageQuery::default()
    };
    let mut found = Vec::new();
    loop {
        let page = hub.archive.ids_after(query.clone(), after).await?;
        let is_last = page.len() < query.limit;
        after = page.last().map_or(after, |(position, _)| *position);
        let ids = page.into_iter().map(|(_, id)| id).collect();
        let rows = hub.archive.messages_by_id(ids).await?;
        let seen = rows.into_iter().map(MessageView::archived);
        found.extend(seen.filter(|view| caller.may_see(&view.source, &view.destination)));
        if is_last || found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    refresh(hub, found).await
}

async fn events(
    hub: &Hub,
    id: &Label,
    from: Sequence,
    limit: usize,
) -> Result<Vec<Arc<Event>>, HubError> {
    let query = EventQuery {
        correlation_id: Some(id.to_string()),
        from_sequence: Some(from),
        limit,
        ..EventQuery::default()
    };
    read::read(hub, query).await
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
