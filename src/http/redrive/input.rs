//! What a client asks of a job over dead letters.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::redrive::JobKind;
use crate::http::dead_letter_filter;
use crate::http::fields::{self, Field};
use crate::hub::error::{HubError, Subject};
use crate::hub::redrives::RedriveRequest;

const SUBJECT: Subject = Subject::Request;
/// Dead letters per second.
const DEFAULT_RATE: f64 = 200.0;
/// Nobody but the hub has to bear deletions.
const DEFAULT_DELETE_RATE: f64 = 2000.0;
const HIGHEST_RATE: f64 = 100_000.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    filter: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    rate: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    dry_run: Option<&'a RawValue>,
}

/// # Errors
/// 400 with the field.
pub(crate) fn read(text: &str, kind: JobKind) -> Result<RedriveRequest, HubError> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let body: Body<'_> = fields::object(SUBJECT, text)?;
    if kind == JobKind::Delete && body.filter.is_none() {
        let problem = "says which dead letters are deleted; {} means all";
        return Err(HubError::invalid(SUBJECT, "filter", problem));
    }
    let filter = Field::narrowing(SUBJECT, "filter", body.filter)?;
    let dry_run = Field::narrowing(SUBJECT, "dry_run", body.dry_run)?;
    let rate = Field::given(SUBJECT, "rate", body.rate);
    let usual = match kind {
        JobKind::Redrive => DEFAULT_RATE,
        JobKind::Delete => DEFAULT_DELETE_RATE,
    };
    Ok(RedriveRequest {
        kind,
        filter: filter
            .map(dead_letter_filter::of_field)
            .transpose()?
            .unwrap_or_default(),
        rate: rate.map(read_rate).transpose()?.unwrap_or(usual),
        dry_run: dry_run
            .map(|field| field.parse("true or false"))
            .transpose()?
            .unwrap_or(false),
    })
}

fn read_rate(field: Field<'_>) -> Result<f64, HubError> {
    let rate: f64 = field.parse("a number")?;
    if rate > 0.0 && rate <= HIGHEST_RATE {
        return Ok(rate);
    }
    Err(field.wrong(format!(
        "must be greater than 0 and at most {HIGHEST_RATE} letters per second"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

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
