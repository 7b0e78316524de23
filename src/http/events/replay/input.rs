//! What a client asks of a replay, in a body or in a query.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::read::{PatternList, first_is_one};
use crate::api;
use crate::api::field::{BodyField, Narrowing, field, parse, text, word};
use crate::api::numbers::{Digits, LAST_SEQUENCE, SequenceDigits, WholeNumber};
use crate::api::patterns::patterns;
use crate::api::problem::Problem;
use crate::api::texts::{Id, OldCorrelation, OldService, OldStream, PointInTime};
use crate::domain::event::Sequence;
use crate::domain::ids::{CorrelationId, ServiceName, StreamId};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{ReplayFilter, SubscriptionId};
use crate::domain::timestamp::Timestamp;
use crate::hub::error::{HubError, Subject};
use crate::hub::replays::{ReplayOrder, ReplayPageQuery, ReplayRange, ReplaySpan, ReplayStart};
use crate::web::page::{Cursor, NO_CURSOR};
use crate::web::query::Query;

pub(crate) const SUBJECT: Subject = Subject::Request;
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
struct Given {
    mode: ReplayMode,
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

/// Which events to replay, and where to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplayInput, example = json!({"mode": "from_sequence", "from_sequence": 1, "event_types": ["order.*"], "limit": 500}))]
pub(crate) struct ReplayBody {
    mode: ReplayMode,
    /// Required by the mode `from_timestamp`, and for it only: published then or later, by the
    /// hub's clock.
    from_timestamp: Option<PointInTime>,
    /// Required by the mode `from_sequence`, and for it only; inclusive.
    #[schema(inline)]
    from_sequence: Option<SequenceNumber>,
    /// Inclusive.
    #[serde(default)]
    #[schema(inline, value_type = SequenceNumber)]
    to_sequence: Narrowing<SequenceNumber>,
    /// Required by the mode `last_n_events`, and for it only: exactly so many of those that match,
    /// or all if there are fewer, oldest first.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 1000)]
    last_n: Option<LastN>,
    /// Patterns; one has to match.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 1000)]
    event_types: Narrowing<Patterns>,
    #[serde(default)]
    #[schema(value_type = ServiceName)]
    source: Narrowing<OldService>,
    #[serde(default)]
    #[schema(value_type = StreamId)]
    stream_id: Narrowing<OldStream>,
    #[serde(default)]
    #[schema(value_type = CorrelationId)]
    correlation_id: Narrowing<OldCorrelation>,
    /// On a page: at most 1000, 100 by default, with `last_n_events` all n; fewer if they are large
    /// (about 4 MiB), and then there is a `next_cursor`. With `deliver_to`: altogether, any
    /// number, by default all.
    #[serde(default)]
    #[schema(inline, value_type = Limit)]
    limit: Narrowing<Limit>,
    /// The `next_cursor` of the page before, everything else being as for that.
    #[schema(inline)]
    cursor: Option<SpanText>,
    /// The callback subscription that the events go to.
    #[schema(value_type = Option<String>, format = "uuid")]
    deliver_to: Option<Id>,
    /// With `deliver_to`: events per second, with fractions; as fast as they are taken by default.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0, maximum = 100_000)]
    rate: Option<AnyNumber>,
}

/// The same in a query, to whoever asks.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplaySearch {
    mode: ReplayMode,
    /// Required by the mode `from_timestamp`, and for it only.
    from_timestamp: Option<PointInTime>,
    /// Required by the mode `from_sequence`, and for it only; inclusive.
    #[param(inline)]
    from_sequence: Option<SequenceDigits>,
    /// Inclusive.
    #[param(inline)]
    to_sequence: Option<SequenceDigits>,
    /// Required by the mode `last_n_events`, and for it only.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 1000)]
    last_n: Option<LastNDigits>,
    /// Patterns with commas between them.
    #[param(inline)]
    event_types: Option<PatternList>,
    source: Option<OldService>,
    stream_id: Option<OldStream>,
    correlation_id: Option<OldCorrelation>,
    /// On a page, which has fewer if they are large (about 4 MiB), and then a `next_cursor`.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 1000)]
    limit: Option<LimitDigits>,
    /// The `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<SpanText>,
}

type LastNDigits = Digits<1, MOST_LAST_N>;
type LimitDigits = Digits<1, LAST_SEQUENCE>;
type SequenceNumber = WholeNumber<0, LAST_SEQUENCE>;
type LastN = WholeNumber<1, MOST_LAST_N>;
type Limit = WholeNumber<1, LAST_SEQUENCE>;

/// Where a replay begins.
#[derive(Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ReplayMode {
    /// With the oldest event kept.
    FromBeginning,
    FromTimestamp,
    FromSequence,
    /// With the last n that match, n being `last_n`.
    LastNEvents,
}

impl ReplayMode {
    const ALL: [Self; 4] = [
        Self::FromBeginning,
        Self::FromTimestamp,
        Self::FromSequence,
        Self::LastNEvents,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::FromBeginning => "from_beginning",
            Self::FromTimestamp => "from_timestamp",
            Self::FromSequence => "from_sequence",
            Self::LastNEvents => "last_n_events",
        }
    }
}

impl BodyField for ReplayMode {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let read = |text: &str| Self::ALL.into_iter().find(|mode| mode.name() == text);
        word(&text(json)?, read, &Self::ALL.map(Self::name)).map_err(Problem::new)
    }
}

field!(ReplayMode);

struct Patterns(Vec<Pattern>);

impl BodyField for Patterns {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let many = "must be at most 1000 patterns";
        patterns(json, 1000, "an array of strings", many).map(Self)
    }
}

struct SpanText(ReplaySpan);

impl BodyField for SpanText {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let span = ReplaySpan::parse(&text(json)?);
        span.map(Self).ok_or_else(|| Problem::new(NO_CURSOR))
    }
}

field!(SpanText, ReplaySpan::schema());

/// Whether it is a rate is asked where it matters.
struct AnyNumber(f64);

impl BodyField for AnyNumber {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        parse(json, "a number").map(Self)
    }
}

field!(AnyNumber);

impl ReplayRequest {
    /// # Errors
    /// 400 with the field.
    pub(crate) fn from_body(text: &str) -> Result<Self, HubError> {
        let body: ReplayBody = api::body::command(SUBJECT, text)?;
        // The first event has the number 1.
        let sequence = |number: SequenceNumber| number.0.max(1);
        Self::check(Given {
            mode: body.mode,
            from_timestamp: body.from_timestamp.map(|time| time.0),
            from_sequence: body.from_sequence.map(sequence),
            to_sequence: body.to_sequence.0.map(sequence),
            last_n: body.last_n.map(|n| n.0),
            filter: ReplayFilter {
                event_types: body.event_types.0.map_or_else(Vec::new, |types| types.0),
                source: body.source.0.map(|service| service.0),
                stream_id: body.stream_id.0.map(|stream| stream.0),
                correlation_id: body.correlation_id.0.map(|id| id.0.to_string()),
            },
            limit: body.limit.0.map(|limit| limit.0),
            cursor: body.cursor.map(|cursor| cursor.0),
            deliver_to: body.deliver_to.map(|id| id.0),
            rate: body.rate.map(|rate| rate.0),
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
        let asked: ReplaySearch = asked.read()?;
        Self::check(Given {
            mode: asked.mode,
            from_timestamp: asked.from_timestamp.map(|time| time.0),
            from_sequence: first_is_one(asked.from_sequence),
            to_sequence: first_is_one(asked.to_sequence),
            last_n: asked.last_n.map(|n| n.0),
            filter: ReplayFilter {
                event_types: asked.event_types.map_or_else(Vec::new, |types| types.0),
                source: asked.source.map(|service| service.0),
                stream_id: asked.stream_id.map(|stream| stream.0),
                correlation_id: asked.correlation_id.map(|id| id.0.to_string()),
            },
            limit: asked.limit.map(|limit| limit.0),
            cursor: asked.cursor.map(|cursor| cursor.0),
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
        let missing = |field: &str| {
            let modes = ReplayMode::ALL.map(ReplayMode::name).join(", ");
            wrong(field, format!("is required by this mode ({modes})"))
        };
        let start = match self.mode {
            ReplayMode::FromBeginning => Ok(ReplayStart::Beginning),
            ReplayMode::FromTimestamp => {
                let at = self.from_timestamp;
                at.map(ReplayStart::Timestamp)
                    .ok_or_else(|| missing("from_timestamp"))
            }
            ReplayMode::FromSequence => {
                let from = self.from_sequence;
                from.map(ReplayStart::Sequence)
                    .ok_or_else(|| missing("from_sequence"))
            }
            ReplayMode::LastNEvents => {
                let n = self.last_n.and_then(|n| usize::try_from(n).ok());
                n.map(ReplayStart::LastN).ok_or_else(|| missing("last_n"))
            }
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
                ReplayMode::FromTimestamp,
            ),
            (
                "from_sequence",
                self.from_sequence.is_some(),
                ReplayMode::FromSequence,
            ),
            ("last_n", self.last_n.is_some(), ReplayMode::LastNEvents),
        ] {
            if is_given && self.mode != of_mode {
                let problem = format!("only goes with the mode {}", of_mode.name());
                return Err(wrong(field, problem));
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
            return Err(wrong("cursor", NO_CURSOR));
        }
        Ok(())
    }
}

fn wrong(field: &str, problem: impl ToString) -> HubError {
    HubError::invalid(SUBJECT, field, problem)
}

#[cfg(test)]
mod tests;
