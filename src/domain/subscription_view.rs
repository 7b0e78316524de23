//! Subscriptions as those are told who ask.

use std::sync::Arc;

use super::event::Sequence;
use super::subscription::Subscription;
use super::timestamp::Timestamp;

/// A subscription as it is now.
#[derive(Clone, PartialEq, Debug)]
pub struct SubscriptionView {
    /// Whose it is and what it wants.
    pub subscription: Arc<Subscription>,
    /// The subscriber is done with everything up to here.
    pub position: Sequence,
    /// Events published since, whether they match or not; 0 once the subscriber was given all that
    /// match and is done with them. While its socket is away unwanted ones count, too.
    pub lag: u64,
    /// Events under way.
    pub in_flight: u32,
    /// Deliveries that failed since the last good one.
    pub failures: u32,
    /// What the latest delivery failed with; `None` after a good one.
    pub last_error: Option<String>,
    /// An event that failed is tried again, now or later.
    pub is_retrying: bool,
    /// When something is tried again that failed or that the circuit did not let through; never
    /// in the past.
    pub next_attempt: Option<Timestamp>,
    /// Until when callbacks are signed with the secret before the present one, too.
    pub previous_secret_until: Option<Timestamp>,
    /// The circuit of the callback's origin lets nothing through but trials.
    pub is_circuit_open: bool,
    /// Of a subscription of sockets: whether one has it now.
    pub is_connected: bool,
}

impl SubscriptionView {
    /// One of which nothing is known but what it is, as it began.
    pub fn begun(subscription: Arc<Subscription>) -> Self {
        Self {
            position: subscription.after,
            subscription,
            lag: 0,
            in_flight: 0,
            failures: 0,
            last_error: None,
            is_retrying: false,
            next_attempt: None,
            previous_secret_until: None,
            is_circuit_open: false,
            is_connected: false,
        }
    }
}
