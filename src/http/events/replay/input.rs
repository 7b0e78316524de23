//! What a client asks of a replay, in a body or in a query.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::read;
use crate::api;
use crate::api::field::{BodyField, Narrowing, field, parse, text};
use crate::api::numbers::{LAST_SEQUENCE, WholeNumber};
use crate::api::patterns::patterns;
use crate::api::problem::Problem;
use crate::api::texts::{Id, OldCorrelation, OldService, OldStream, PointInTime};
use crate::domain::event::Sequence;
use crate::domain::ids::{CorrelationId, ServiceName, StreamId};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{ReplayFilter, SubscriptionId};
use crate::domain::timestamp::Timestamp;
use crate::http::openapi::history::ReplayMode;
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

/// Which events to replay, and where to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplayInput, example = json!({"mode": "from_sequence", "from_sequence": 1, "event_types": ["order.*"], "limit": 500}))]
pub(crate) struct ReplayBody {
    #[schema(value_type = ReplayMode)]
    mode: ModeText,
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
    #[schema(inline)]
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
    #[schema(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// The callback subscription that the events go to.
    #[schema(value_type = Option<String>, format = "uuid")]
    deliver_to: Option<Id>,
    /// With `deliver_to`: events per second, with fractions; as fast as they are taken by default.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0, maximum = 100_000)]
    rate: Option<AnyNumber>,
}

type SequenceNumber = WholeNumber<0, LAST_SEQUENCE>;
type LastN = WholeNumber<1, MOST_LAST_N>;
type Limit = WholeNumber<1, LAST_SEQUENCE>;

struct ModeText(String);

impl BodyField for ModeText {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        text(json).map(|mode| Self(mode.into_owned()))
    }
}

field!(ModeText);

struct Patterns(Vec<Pattern>);

impl BodyField for Patterns {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let many = "must be at most 1000 patterns";
        patterns(json, 1000, "an array of strings", many).map(Self)
    }
}

struct Cursor(ReplaySpan);

impl BodyField for Cursor {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        read::span(&text(json)?).map(Self).map_err(Problem::new)
    }
}

field!(Cursor);

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
            mode: Some(body.mode.0),
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
