//! What a client asks of a job over dead letters.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::{ArrayBuilder, Ref};

use crate::api;
use crate::api::dead_letter_filter::FilterBody;
use crate::api::field::{BodyField, Narrowing, field, parse};
use crate::api::lists;
use crate::api::numbers::{Flag, number};
use crate::api::objects::Nested;
use crate::api::problem::Problem;
use crate::api::texts::OldService;
use crate::domain::ids::{MessageId, ServiceName};
use crate::domain::redrive::{JobKind, RedriveFilter};
use crate::hub::error::{HubError, Subject};
use crate::hub::redrives::{MOST_CHOSEN, RedriveRequest, RedriveTarget};

const SUBJECT: Subject = Subject::Request;
/// Dead letters per second.
const DEFAULT_RATE: f64 = 200.0;
/// Nobody but the hub has to bear deletions.
const DEFAULT_DELETE_RATE: f64 = 2000.0;
const HIGHEST_RATE: f64 = 100_000.0;

/// Which dead letters to send again, where to, and how fast. May be left out: all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RedriveInput, example = json!({"filter": {"destination": "billing", "reason": "rejected"}, "rate": 50}))]
pub(crate) struct RedriveBody {
    #[serde(default)]
    #[schema(value_type = FilterBody)]
    filter: Narrowing<Nested<FilterBody>>,
    /// In place of `filter`: just these, as far as they are in the list.
    #[serde(default)]
    #[schema(value_type = LetterIds, inline)]
    ids: Narrowing<LetterIds>,
    /// Messages go to this service instead of to whom they were for, and events are left out, as
    /// they go to their subscriptions only.
    #[serde(default)]
    #[schema(value_type = ServiceName)]
    destination: Narrowing<OldService>,
    /// Dead letters per second, with fractions.
    #[schema(inline, default = 200)]
    rate: Option<LetterRate>,
    /// Only count what matches.
    #[serde(default)]
    #[schema(value_type = bool, default = false)]
    dry_run: Narrowing<Flag>,
}

/// Which dead letters to delete, and how fast: `filter` or `ids` has to be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeleteInput, example = json!({"filter": {"destination": "billing", "until": "2026-06-01T00:00:00Z"}}))]
pub(crate) struct DeleteBody {
    #[serde(default)]
    #[schema(value_type = FilterBody)]
    filter: Narrowing<Nested<FilterBody>>,
    /// In place of `filter`: just these, as far as they are in the list.
    #[serde(default)]
    #[schema(value_type = LetterIds, inline)]
    ids: Narrowing<LetterIds>,
    /// Dead letters per second, with fractions.
    #[schema(inline, default = 2000)]
    rate: Option<LetterRate>,
    /// Only count what matches.
    #[serde(default)]
    #[schema(value_type = bool, default = false)]
    dry_run: Narrowing<Flag>,
}

struct LetterRate(f64);

impl BodyField for LetterRate {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let rate: f64 = parse(json, "a number")?;
        if rate > 0.0 && rate <= HIGHEST_RATE {
            return Ok(Self(rate));
        }
        Err(Problem::new(format!(
            "must be greater than 0 and at most {HIGHEST_RATE} letters per second"
        )))
    }
}

field!(
    LetterRate,
    number()
        .exclusive_minimum(Some(0))
        .maximum(Some(HIGHEST_RATE))
);

/// The ids of dead letters.
struct LetterIds(Vec<MessageId>);

impl BodyField for LetterIds {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem = format!("must have 1 to {MOST_CHOSEN} items; a filter means any number");
        let ids: Vec<MessageId> = lists::list(
            json,
            MOST_CHOSEN,
            "an array of ids of dead letters",
            &problem,
        )?;
        match ids.is_empty() {
            true => Err(Problem::new(problem)),
            false => Ok(Self(ids)),
        }
    }
}

field!(
    LetterIds,
    ArrayBuilder::new()
        .items(Ref::from_schema_name("MessageId"))
        .min_items(Some(1))
        .max_items(Some(MOST_CHOSEN))
);

/// # Errors
/// 400 with the field.
pub(crate) fn read(text: &str, kind: JobKind) -> Result<RedriveRequest, HubError> {
    match kind {
        JobKind::Redrive => {
            let body: RedriveBody = api::body::optional(SUBJECT, text)?;
            Ok(RedriveRequest {
                kind,
                target: target(body.filter, body.ids)?.unwrap_or_else(everything),
                destination: body.destination.0.map(|service| service.0),
                rate: body.rate.map_or(DEFAULT_RATE, |rate| rate.0),
                dry_run: body.dry_run.0.is_some_and(|flag| flag.0),
            })
        }
        JobKind::Delete => {
            let body: DeleteBody = api::body::optional(SUBJECT, text)?;
            let target = target(body.filter, body.ids)?.ok_or_else(|| {
                let problem = "says which dead letters are deleted; {} means all";
                HubError::invalid(SUBJECT, "filter", problem)
            })?;
            Ok(RedriveRequest {
                kind,
                target,
                destination: None,
                rate: body.rate.map_or(DEFAULT_DELETE_RATE, |rate| rate.0),
                dry_run: body.dry_run.0.is_some_and(|flag| flag.0),
            })
        }
    }
}

fn target(
    filter: Narrowing<Nested<FilterBody>>,
    ids: Narrowing<LetterIds>,
) -> Result<Option<RedriveTarget>, HubError> {
    match (filter.0, ids.0) {
        (Some(_), Some(_)) => {
            let problem = "stands in place of filter: give one of them";
            Err(HubError::invalid(SUBJECT, "ids", problem))
        }
        (Some(filter), None) => Ok(Some(RedriveTarget::Matching(filter.0.filter()))),
        (None, ids) => Ok(ids.map(|ids| RedriveTarget::Chosen(ids.0))),
    }
}

fn everything() -> RedriveTarget {
    RedriveTarget::Matching(RedriveFilter::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beside what is wrong with the fields of any body.
    #[test]
    fn what_is_wrong_with_a_rate_or_given_twice_is_named() {
        for (text, field) in [
            (r#"{"rate": 0}"#, "rate"),
            (r#"{"rate": -1}"#, "rate"),
            (r#"{"rate": 100001}"#, "rate"),
            (r#"{"rate": 1e400}"#, "rate"),
            (r#"{"rate": 1e-400}"#, "rate"),
            (r#"{"rate": "200"}"#, "rate"),
            (r#"{"rate": 1, "rate": 2}"#, "rate"),
            (r#"{"filter": {"since": 1, "since": 2}}"#, "filter.since"),
            (r#"{"filter": {"until": 1700000000}}"#, "filter.until"),
            (r#"{"filter": {"reason": 7}}"#, "filter.reason"),
        ] {
            let error = read(text, JobKind::Redrive).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{field}: ")), "{text}: {error}");
        }
    }

    #[test]
    fn a_null_does_not_widen_what_is_done() {
        for kind in [JobKind::Redrive, JobKind::Delete] {
            for (text, field) in [
                (r#"{"filter": null}"#, "filter"),
                (r#"{"filter": {}, "dry_run": null}"#, "dry_run"),
                (r#"{"filter": {"destination": null}}"#, "filter.destination"),
                (r#"{"filter": {"source": null}}"#, "filter.source"),
                (r#"{"filter": {"reason": null}}"#, "filter.reason"),
                (
                    r#"{"filter": {"correlation_id": null}}"#,
                    "filter.correlation_id",
                ),
                (
                    r#"{"filter": {"subscription_id": null}}"#,
                    "filter.subscription_id",
                ),
                (r#"{"filter": {"since": null}}"#, "filter.since"),
                (r#"{"filter": {"until": null}}"#, "filter.until"),
            ] {
                let error = read(text, kind).unwrap_err().to_string();
                assert!(error.starts_with(&format!("{field}: ")), "{text}: {error}");
            }
            let asked = read(r#"{"filter": {}, "rate": null}"#, kind).unwrap();
            assert!(!asked.dry_run);
        }
    }
}
