//! Which dead letters are meant: the list and the jobs that send them again ask alike.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::content_words::{Failure, Words};
use crate::api::field::{Narrowing, texts, word};
use crate::api::texts::{
    OldCorrelation, OldMessageType, OldService, PointInTime, SubscriptionText,
};
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{MessageType, ServiceName};
use crate::domain::redrive::RedriveFilter;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;

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
    /// Of events: their event type.
    #[serde(default)]
    #[schema(value_type = MessageType)]
    r#type: Narrowing<OldMessageType>,
    /// What the last attempt failed with has these words.
    #[serde(default)]
    #[schema(value_type = Words, inline)]
    error_contains: Narrowing<Words>,
    /// How the last attempt failed, but for numbers and ids: as groups say it, or one of the failures.
    #[serde(default)]
    #[schema(value_type = Failure, inline)]
    error: Narrowing<Failure>,
}

texts! {
    ReasonWord(DeadReason) = |text| {
        word(text, DeadReason::from_name, &DeadReason::ALL.map(DeadReason::name))
    };
}

/// The same in a query.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeadLetterSearch {
    /// Of events: the subscriber.
    destination: Option<OldService>,
    source: Option<OldService>,
    reason: Option<ReasonWord>,
    correlation_id: Option<OldCorrelation>,
    /// Events that this subscription did not get, and no messages.
    subscription_id: Option<SubscriptionText>,
    /// Settled then or later.
    since: Option<PointInTime>,
    /// Settled before.
    until: Option<PointInTime>,
}

impl DeadLetterSearch {
    pub(crate) fn filter(self) -> RedriveFilter {
        RedriveFilter {
            destination: self.destination.map(|service| service.0),
            source: self.source.map(|service| service.0),
            reason: self.reason.map(|reason| reason.0),
            correlation_id: self.correlation_id.map(|id| id.0.to_string()),
            subscription_id: self.subscription_id.map(|id| id.0),
            since: self.since.map(|time| time.0),
            until: self.until.map(|time| time.0),
            ..RedriveFilter::default()
        }
    }
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
            message_type: self.r#type.0.map(|given| given.0),
            error_contains: self.error_contains.0.map(|words| words.0),
            error: self.error.0.map(|failure| failure.0.to_string()),
        }
    }
}
