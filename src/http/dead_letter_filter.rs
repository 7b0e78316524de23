//! Which dead letters are meant: the list and the jobs that send them again ask alike.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{self, Field};
use super::query::Query;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{CorrelationId, Label};
use crate::domain::redrive::RedriveFilter;
use crate::domain::subscription::SubscriptionId;
use crate::hub::error::{HubError, Subject};

const SUBJECT: Subject = Subject::Request;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    destination: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    source: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    reason: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    correlation_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    subscription_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    since: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    until: Option<&'a RawValue>,
}

/// As the parameters say.
///
/// # Errors
/// 400 with the parameter that is wrong.
pub(crate) fn of_query(asked: &Query) -> Result<RedriveFilter, HubError> {
    Ok(RedriveFilter {
        destination: asked.service("destination")?,
        source: asked.service("source")?,
        reason: asked.word("reason", &reasons(), DeadReason::from_name)?,
        correlation_id: asked.read("correlation_id", |text| {
            Label::parse(text).map(|label| label.to_string())
        })?,
        subscription_id: asked.read("subscription_id", subscription)?,
        since: asked.time("since")?,
        until: asked.time("until")?,
    })
}

/// As the field `filter` says, which has to be an object.
///
/// # Errors
/// 400 with the field that is wrong.
pub(crate) fn of_field(filter: Field<'_>) -> Result<RedriveFilter, HubError> {
    let body: FilterBody<'_> = filter.object()?;
    let given = |name, json| Field::narrowing(SUBJECT, name, json);
    let service = |name, json| given(name, json)?.map(|field| field.service()).transpose();
    let time = |name, json| given(name, json)?.map(|field| field.time()).transpose();
    let correlation_id = given("filter.correlation_id", body.correlation_id)?;
    let correlation_id = correlation_id
        .map(|field| field.name(CorrelationId::parse))
        .transpose()?;
    let subscription_id = given("filter.subscription_id", body.subscription_id)?;
    Ok(RedriveFilter {
        destination: service("filter.destination", body.destination)?,
        source: service("filter.source", body.source)?,
        reason: given("filter.reason", body.reason)?
            .map(reason)
            .transpose()?,
        correlation_id: correlation_id.map(|label| label.to_string()),
        subscription_id: subscription_id
            .map(|field| subscription(&field.text()?).map_err(|problem| field.wrong(problem)))
            .transpose()?,
        since: time("filter.since", body.since)?,
        until: time("filter.until", body.until)?,
    })
}

fn reason(field: Field<'_>) -> Result<DeadReason, HubError> {
    DeadReason::from_name(&field.text()?)
        .ok_or_else(|| field.wrong(format!("must be one of {}", reasons())))
}

fn reasons() -> String {
    DeadReason::ALL.map(DeadReason::name).join(", ")
}

fn subscription(text: &str) -> Result<SubscriptionId, &'static str> {
    let id = uuid::Uuid::try_parse(text).map_err(|_| "must be a UUID")?;
    Ok(SubscriptionId(id))
}
