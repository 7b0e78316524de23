//! What a client asks of a replay, in a body or in a query.

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::super::read::{self, LAST_SEQUENCE};
use crate::domain::event::Sequence;
use crate::domain::ids::{CorrelationId, StreamId};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{ReplayFilter, SubscriptionId};
use crate::domain::timestamp::Timestamp;
use crate::http::fields::{self, Field};
use crate::http::query::Query;
use crate::hub::error::{HubError, Subject};
use crate::hub::replays::{ReplayOrder, ReplayPageQuery, ReplayRange, ReplaySpan, ReplayStart};

pub(crate) const SUBJECT: Subject = Subject::Request;
const MODES: &str = "from_beginning, from_timestamp, from_sequence, last_n_events";
const MOST_LAST_N: u64 = 1000;
const MOST_LIMIT: u64 = 1000;
const DEFAULT_LIMIT: usize = 100;
/// Events per second.
const HIGHEST_RATE: f64 = 100_000.0;

/// A replay whose fields fit together.
pub(crate) enum ReplayRequest {
    /// To whoever asks.
    Page(ReplayPageQuery),
    ToSubscription(SubscriptionId, ReplayOrder),
}

/// The fields one by one.
#[derive(Default)]
struct Given {
    mode: Option<String>,
    from_timestamp: Option<Timestamp>,
    from_sequence: Option<Sequence>,
    to_sequence: Option<Sequence>,
    last_n: Option<u64>,
    filter: ReplayFilter,
    limit: Option<u64>,
    cursor: Option<ReplaySpan>,
    deliver_to: Option<Uuid>,
    rate: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    mode: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    from_timestamp: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    from_sequence: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    to_sequence: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    last_n: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    event_types: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    source: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    stream_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    correlation_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    limit: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    cursor: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    deliver_to: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    rate: Option<&'a RawValue>,
}

impl ReplayRequest {
    /// # Errors
    /// 400 with the field.
    pub(crate) fn from_body(text: &str) -> Result<Self, HubError> {
        let body: ReplayBody<'_> = fields::object(SUBJECT, text)?;
        let given = |name, json| Field::given(SUBJECT, name, json);
        let narrowing = |name, json| Field::narrowing(SUBJECT, name, json);
        let sequence = |field| read(field, sequence);
        let correlation_id = narrowing("correlation_id", body.correlation_id)?;
        let correlation_id = read(correlation_id, |field| field.name(CorrelationId::parse))?;
        Self::check(Given {
            mode: read(given("mode", body.mode), |field| {
                field.text().map(|text| text.into_owned())
            })?,
            from_timestamp: read(given("from_timestamp", body.from_timestamp), Field::time)?,
            from_sequence: sequence(given("from_sequence", body.from_sequence))?,
            to_sequence: sequence(narrowing("to_sequence", body.to_sequence)?)?,
            last_n: whole(given("last_n", body.last_n), MOST_LAST_N)?,
            filter: ReplayFilter {
                event_types: read(narrowing("event_types", body.event_types)?, patterns)?
                    .unwrap_or_default(),
                source: read(narrowing("source", body.source)?, Field::service)?,
                stream_id: read(narrowing("stream_id", body.stream_id)?, |field| {
                    field.name(StreamId::parse)
                })?,
                correlation_id: correlation_id.map(|label| label.to_string()),
            },
            limit: whole(narrowing("limit", body.limit)?, LAST_SEQUENCE)?,
            cursor: read(given("cursor", body.cursor), |field| {
                read::span(&field.text()?).map_err(|problem| field.wrong(problem))
            })?,
            deliver_to: read(given("deliver_to", body.deliver_to), |field| {
                field.parse("a UUID")
            })?,
            rate: read(given("rate", body.rate), |field| field.parse("a number"))?,
        })
    }

    /// # Errors
    /// 400 with the parameter.
    pub(crate) fn from_query(asked: &Query) -> Result<Self, HubError> {
        for what_acts in ["deliver_to", "rate"] {
            if asked.text(what_acts).is_some() {
                // Browsers and caches repeat a GET as they like.
                return Err(wrong(what_acts, "is for POST: a GET changes nothing"));
            }
        }
        Self::check(Given {
            mode: asked.read("mode", |text| Ok::<_, String>(text.to_owned()))?,
            from_timestamp: asked.time("from_timestamp")?,
            from_sequence: read::sequence(asked, "from_sequence")?,
            to_sequence: read::sequence(asked, "to_sequence")?,
            last_n: asked.number("last_n", 1, MOST_LAST_N)?,
            filter: read::filter(asked, "event_types")?,
            limit: asked.number("limit", 1, LAST_SEQUENCE)?,
            cursor: asked.read("cursor", read::span)?,
            deliver_to: None,
            rate: None,
        })
    }

    fn check(given: Given) -> Result<Self, HubError> {
        let start = given.start()?;
        match given.deliver_to {
            Some(_) => given.check_delivery()?,
            None => given.check_page(start)?,
        }
        let range = ReplayRange {
            start,
            to_sequence: given.to_sequence,
            filter: given.filter,
        };
        let Some(subscription) = given.deliver_to else {
            return Ok(Self::Page(ReplayPageQuery {
                range,
                span: given.cursor,
                limit: page_limit(given.limit, start),
            }));
        };
        let order = ReplayOrder {
            range,
            limit: given.limit,
            rate: given.rate,
        };
        Ok(Self::ToSubscription(SubscriptionId(subscription), order))
    }
}

/// Events on a page.
fn page_limit(given: Option<u64>, start: ReplayStart) -> usize {
    match (given, start) {
        (Some(limit), _) => usize::try_from(limit).unwrap_or(usize::MAX),
        (None, ReplayStart::LastN(n)) => n,
        (None, _) => DEFAULT_LIMIT,
    }
}

impl Given {
    fn start(&self) -> Result<ReplayStart, HubError> {
        let missing = |field: &str| wrong(field, format!("is required by this mode ({MODES})"));
        let mode = self.mode.as_deref();
        let start = match mode.ok_or_else(|| wrong("mode", "is required"))? {
            "from_beginning" => Ok(ReplayStart::Beginning),
            "from_timestamp" => {
                let at = self.from_timestamp;
                at.map(ReplayStart::Timestamp)
                    .ok_or_else(|| missing("from_timestamp"))
            }
            "from_sequence" => {
                let from = self.from_sequence;
                from.map(ReplayStart::Sequence)
                    .ok_or_else(|| missing("from_sequence"))
            }
            "last_n_events" => {
                let n = self.last_n.and_then(|n| usize::try_from(n).ok());
                n.map(ReplayStart::LastN).ok_or_else(|| missing("last_n"))
            }
            _ => Err(wrong("mode", format!("must be one of {MODES}"))),
        }?;
        self.check_mode()?;
        Ok(start)
    }

    /// What begins a replay in another mode is not silently left out.
    fn check_mode(&self) -> Result<(), HubError> {
        for (field, is_given, of_mode) in [
            (
                "from_timestamp",
                self.from_timestamp.is_some(),
                "from_timestamp",
            ),
            (
                "from_sequence",
                self.from_sequence.is_some(),
                "from_sequence",
            ),
            ("last_n", self.last_n.is_some(), "last_n_events"),
        ] {
            if is_given && self.mode.as_deref() != Some(of_mode) {
                return Err(wrong(field, format!("only goes with the mode {of_mode}")));
            }
        }
        Ok(())
    }

    fn check_delivery(&self) -> Result<(), HubError> {
        if self.cursor.is_some() {
            return Err(wrong("cursor", "cannot go with deliver_to"));
        }
        match self.rate {
            Some(rate) if !(rate > 0.0 && rate <= HIGHEST_RATE) => Err(wrong(
                "rate",
                format!("must be greater than 0 and at most {HIGHEST_RATE} events per second"),
            )),
            _ => Ok(()),
        }
    }

    fn check_page(&self, start: ReplayStart) -> Result<(), HubError> {
        if self.rate.is_some() {
            return Err(wrong("rate", "only goes with deliver_to"));
        }
        if self.limit.is_some_and(|limit| limit > MOST_LIMIT) {
            let problem = format!("must be a whole number from 1 to {MOST_LIMIT}");
            return Err(wrong("limit", problem));
        }
        // The last events are other ones each time, unless the cursor says where they end.
        let is_open = self.cursor.is_some_and(|span| span.to.is_none());
        if matches!(start, ReplayStart::LastN(_)) && is_open {
            return Err(wrong(
                "cursor",
                "must be the next_cursor of an earlier answer",
            ));
        }
        Ok(())
    }
}

fn wrong(field: &str, problem: impl ToString) -> HubError {
    HubError::invalid(SUBJECT, field, problem)
}

fn read<'a, T>(
    field: Option<Field<'a>>,
    read: impl FnOnce(&Field<'a>) -> Result<T, HubError>,
) -> Result<Option<T>, HubError> {
    field.map(|field| read(&field)).transpose()
}

fn sequence(field: &Field<'_>) -> Result<Sequence, HubError> {
    let number = field.whole(0, LAST_SEQUENCE)?;
    Ok(number.max(1))
}

fn whole(field: Option<Field<'_>>, most: u64) -> Result<Option<u64>, HubError> {
    read(field, |field| field.whole(1, most))
}

fn patterns(field: &Field<'_>) -> Result<Vec<Pattern>, HubError> {
    field.patterns(1000, "an array of strings", "must be at most 1000 patterns")
}
