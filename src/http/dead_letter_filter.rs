//! Which dead letters are meant: the list and the jobs that send them again ask alike.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::query::Query;
use crate::api::field::{BodyField, Narrowing, text};
use crate::api::problem::Problem;
use crate::api::texts::{OldCorrelation, OldService, PointInTime, SubscriptionText};
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{Label, ServiceName};
use crate::domain::redrive::RedriveFilter;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::HubError;

/// Dead letters, of messages and of events, that match everything given: just those that the list
/// shows for it.
#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields)]
#[schema(as = RedriveFilter)]
pub(crate) struct FilterBody {
    /// Of events: the subscriber.
    #[serde(default)]
    #[schema(value_type = ServiceName)]
    destination: Narrowing<OldService>,
    #[serde(default)]
    #[schema(value_type = ServiceName)]
    source: Narrowing<OldService>,
    #[serde(default)]
    #[schema(value_type = DeadReason)]
    reason: Narrowing<ReasonWord>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    correlation_id: Narrowing<OldCorrelation>,
    /// Events that this subscription did not get, and no messages.
    #[serde(default)]
    #[schema(value_type = SubscriptionId)]
    subscription_id: Narrowing<SubscriptionText>,
    /// Settled then or later.
    #[serde(default)]
    #[schema(value_type = Timestamp)]
    since: Narrowing<PointInTime>,
    /// Settled before.
    #[serde(default)]
    #[schema(value_type = Timestamp)]
    until: Narrowing<PointInTime>,
}

struct ReasonWord(DeadReason);

impl BodyField for ReasonWord {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let reason = DeadReason::from_name(&text(json)?);
        reason
            .map(Self)
            .ok_or_else(|| Problem::new(format!("must be one of {}", reasons())))
    }
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
        subscription_id: asked.read("subscription_id", SubscriptionText::parse)?,
        since: asked.time("since")?,
        until: asked.time("until")?,
    })
}

impl FilterBody {
    pub(crate) fn filter(self) -> RedriveFilter {
        RedriveFilter {
            destination: self.destination.0.map(|service| service.0),
            source: self.source.0.map(|service| service.0),
            reason: self.reason.0.map(|reason| reason.0),
            correlation_id: self.correlation_id.0.map(|id| id.0.to_string()),
            subscription_id: self.subscription_id.0.map(|id| id.0),
            since: self.since.0.map(|time| time.0),
            until: self.until.0.map(|time| time.0),
        }
    }
}

fn reasons() -> String {
    DeadReason::ALL.map(DeadReason::name).join(", ")
}
