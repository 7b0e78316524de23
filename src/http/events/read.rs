//! Reading events: from memory if that has all, else from the archive.

use std::sync::Arc;

use crate::actors::event_reader::EventReader;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::{CorrelationId, StreamId};
use crate::domain::pattern::Pattern;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::ReplayFilter;
use crate::http::fields::pattern;
use crate::http::query::Query;
use crate::http::reading::Reading;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::event_query::EventQuery;
use crate::logic::event_window::{EventWindow, EventsRead};
use crate::logic::page::Page;

/// The archive counts in 63 bits.
pub(crate) const LAST_SEQUENCE: u64 = i64::MAX as u64;
const NO_CURSOR: &str = "must be the next_cursor of an earlier answer";

fn reader(hub: &Hub) -> EventReader {
    let event_bus = &hub.clients.event_bus;
    EventReader::new(
        event_bus.recipient(),
        event_bus.recipient(),
        hub.archive.clone(),
    )
}

/// A page of the events that match. Whatever was acknowledged before is among them.
pub(crate) async fn read(
    reading: &mut Reading<'_>,
    query: EventQuery,
) -> Result<Page<Arc<Event>>, HubError> {
    read_kept(reading, query, None).await
}

/// As [`read`], of events that must be kept.
///
/// # Errors
/// 410 if events from `kept` on, if that is given, are gone; 503 without an archive that is needed.
pub(crate) async fn read_kept(
    reading: &mut Reading<'_>,
    query: EventQuery,
    kept: Option<Sequence>,
) -> Result<Page<Arc<Event>>, HubError> {
    let reader = reader(reading.hub);
    let recent = reader.recent(query.clone()).await?;
    check_kept(&recent.window, kept)?;
    if let Some(page) = recent.page {
        let bytes = page.items.iter().map(|event| event.bytes()).sum();
        reading.begin_with(bytes).await?;
        return Ok(page);
    }
    let read = reader.archived(query, reading.begin_in_archive()).await?;
    // They may have gone while they were read.
    check_kept(&read.window, kept)?;
    Ok(read.page)
}

/// The first and the last of the newest `n` that match, or of all if there are fewer.
pub(crate) async fn newest(
    hub: &Hub,
    query: EventQuery,
    n: usize,
) -> Result<Option<(Sequence, Sequence)>, HubError> {
    let query = EventQuery {
        descending: true,
        limit: n,
        ..query
    };
    let ends = |newest_first: &[Sequence]| Some((*newest_first.last()?, *newest_first.first()?));
    let asked = EventQuery {
        // Those in memory are there in any case.
        most_bytes: Some(usize::MAX),
        ..query.clone()
    };
    if let Some(page) = reader(hub).recent(asked).await?.page {
        let sequences: Vec<_> = page.items.iter().map(|event| event.sequence).collect();
        return Ok(ends(&sequences));
    }
    hub.flush().await?;
    Ok(ends(&hub.archive.sequences(query).await?))
}

/// A page of what comes before the events in memory.
pub(crate) async fn before_memory(hub: &Hub, query: EventQuery) -> Result<EventsRead, HubError> {
    reader(hub).before_memory(query, hub.flush()).await
}

pub(crate) async fn log(hub: &Hub) -> Result<EventWindow, HubError> {
    Ok(reader(hub).window().await?)
}

/// # Errors
/// 410 if events from `from` on, if that is given, are gone.
pub(crate) async fn must_be_kept(hub: &Hub, from: Option<Sequence>) -> Result<(), HubError> {
    check_kept(&log(hub).await?, from)
}

fn check_kept(window: &EventWindow, from: Option<Sequence>) -> Result<(), HubError> {
    let oldest = window.oldest;
    match from {
        Some(from) if from < oldest => Err(Refusal::EventsGone { oldest }.into()),
        _ => Ok(()),
    }
}

/// The filters that every query string about events may have; the types by the name of
/// `event_types`.
pub(crate) fn filter(asked: &Query, event_types: &str) -> Result<ReplayFilter, HubError> {
    let correlation_id = asked.read("correlation_id", CorrelationId::parse)?;
    Ok(ReplayFilter {
        event_types: asked.read(event_types, patterns)?.unwrap_or_default(),
        source: asked.service("source")?,
        stream_id: asked.read("stream_id", StreamId::parse)?,
        correlation_id: correlation_id.map(|label| label.to_string()),
    })
}

/// All events that pass the filter.
pub(crate) fn query(filter: ReplayFilter) -> EventQuery {
    EventQuery {
        event_types: filter.event_types,
        source: filter.source,
        stream_id: filter.stream_id,
        correlation_id: filter.correlation_id,
        ..EventQuery::default()
    }
}

/// Patterns with commas between them.
fn patterns(text: &str) -> Result<Vec<Pattern>, String> {
    text.split(',').map(pattern).collect()
}

pub(crate) fn sequence(asked: &Query, name: &str) -> Result<Option<Sequence>, HubError> {
    // Who has seen none yet may say 0.
    let number = asked.number(name, 0, LAST_SEQUENCE)?;
    Ok(number.map(|number| number.max(1)))
}

/// `cursor`: a number to go on from.
pub(crate) fn cursor(asked: &Query) -> Result<Option<u64>, HubError> {
    asked.read("cursor", |text| number(text).ok_or(NO_CURSOR))
}

/// A cursor that also says where to stop, as in `7-12`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub from: Sequence,
    pub to: Option<Sequence>,
}

impl Span {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (from, to) = match text.split_once('-') {
            Some((from, to)) => (from, Some(number(to).ok_or(NO_CURSOR)?)),
            None => (text, None),
        };
        let from = number(from).ok_or(NO_CURSOR)?;
        Ok(Self { from, to })
    }

    pub(crate) fn write(self) -> String {
        match self.to {
            Some(to) => format!("{}-{to}", self.from),
            None => self.from.to_string(),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    // A plus sign would be read, but never written.
    let is_written = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_written);
    number.filter(|number| (1..=LAST_SEQUENCE).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_it_is_written() {
        for (from, to) in [(1, None), (7, Some(12)), (LAST_SEQUENCE, Some(1))] {
            let span = Span { from, to };
            assert_eq!(Span::parse(&span.write()), Ok(span));
        }
        for bad in [
            "",
            "0",
            "-",
            "1-",
            "-1",
            "+1",
            "1-2-3",
            "x",
            "9223372036854775808",
        ] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_stand_between_commas() {
        assert_eq!(patterns("a.*,#").unwrap().len(), 2);
        assert_eq!(
            patterns("a,").unwrap_err(),
            "\"\" must be 1 to 200 printable characters"
        );
        assert!(patterns("a.b*").unwrap_err().starts_with("\"a.b*\""));
    }
}
