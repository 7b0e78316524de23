//! A subscription as users see it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::event::Sequence;
use crate::domain::ids::{Label, ServiceName};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{Channel, PauseReason, SubscriptionId};
use crate::domain::subscription_view::SubscriptionView;
use crate::domain::timestamp::Timestamp;
use crate::logic::callback_tests::CallbackTest;

/// Who is sent which events, and how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscription)]
pub(super) struct SubscriptionDetails {
    subscription_id: SubscriptionId,
    service: ServiceName,
    event_types: Vec<String>,
    /// Null for a subscription of sockets.
    callback_url: Option<String>,
    /// Of a subscription of sockets.
    name: Option<Label>,
    /// Whether it outlives a restart of the hub.
    durable: bool,
    max_in_flight: Option<u32>,
    created_at: Timestamp,
    /// `active`, `paused` (somebody asked for it), `gone` (the callback answered 410; resume it),
    /// `circuit_open` (waits until the callback's origin is tried again) or `retrying` (an event
    /// that failed is tried again).
    state: &'static str,
    /// Since when it is paused or gone.
    paused_at: Option<Timestamp>,
    /// The subscriber is done with everything up to here.
    position: Sequence,
    /// Events published since, whether they match or not; 0 once the subscriber was given all that
    /// match and is done with them. While its socket is away unwanted ones count, too.
    lag: u64,
    in_flight: u32,
    /// Whether a socket has it now; `null` with a callback.
    connected: Option<bool>,
    /// Attempts that failed since the last good one.
    failures: u32,
    /// What the latest attempt failed with; null after a good one.
    last_error: Option<String>,
    /// When an event that failed, or the open circuit, is tried again; null if nothing waits for a
    /// time to come.
    next_attempt: Option<Timestamp>,
    /// Until then callbacks carry a second signature, with the secret before the present one; null if
    /// that is not valid any more.
    previous_secret_until: Option<Timestamp>,
}

/// A subscription that has just been made.
#[derive(Serialize, ToSchema)]
pub(super) struct NewSubscription {
    #[serde(flatten)]
    subscription: SubscriptionDetails,
    /// What callbacks are signed with. Shown only here.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
}

/// What a callback said to a test.
#[derive(Serialize, ToSchema)]
#[schema(as = SubscriptionTest)]
pub(super) struct TestDetails {
    /// False: the hub lacked something of its own, such as files, and did not call.
    sent: bool,
    /// The HTTP status; null: no answer came.
    status_code: Option<u16>,
    /// What went wrong; null if the callback took it.
    error: Option<String>,
    duration_ms: u64,
}

impl From<CallbackTest> for TestDetails {
    fn from(test: CallbackTest) -> Self {
        Self {
            sent: test.is_sent,
            status_code: test.status_code,
            error: test.error,
            duration_ms: u64::try_from(test.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl NewSubscription {
    pub(super) fn new(view: &SubscriptionView) -> Self {
        let callback = view.subscription.callback();
        Self {
            subscription: SubscriptionDetails::new(view),
            secret: callback.map(|callback| callback.secret.expose().to_owned()),
        }
    }
}

impl SubscriptionDetails {
    pub(super) fn new(view: &SubscriptionView) -> Self {
        let subscription = &view.subscription;
        let callback = subscription.callback();
        let name = match &subscription.channel {
            Channel::Socket { name } => Some(name.clone()),
            Channel::Callback(_) => None,
        };
        let types = subscription.event_types.iter().map(Pattern::as_str);
        Self {
            subscription_id: subscription.id,
            service: subscription.service.clone(),
            event_types: types.map(str::to_owned).collect(),
            callback_url: callback.map(|callback| callback.url.clone()),
            name,
            durable: subscription.is_durable(),
            max_in_flight: callback.map(|callback| callback.max_in_flight),
            created_at: subscription.created_at,
            state: state(view),
            paused_at: subscription.paused.as_ref().map(|paused| paused.at),
            position: view.position,
            lag: view.lag,
            in_flight: view.in_flight,
            connected: callback.is_none().then_some(view.is_connected),
            failures: view.failures,
            last_error: view.last_error.clone(),
            next_attempt: view.next_attempt,
            previous_secret_until: view.previous_secret_until,
        }
    }
}

fn state(view: &SubscriptionView) -> &'static str {
    match &view.subscription.paused {
        Some(paused) if paused.why == PauseReason::Gone => "gone",
        Some(_) => "paused",
        None if view.is_circuit_open => "circuit_open",
        None if view.is_retrying => "retrying",
        None => "active",
    }
}
