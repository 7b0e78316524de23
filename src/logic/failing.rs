//! The event that says of a subscription that its callback does not take what it is sent.

use serde::Serialize;
use serde_json::value::to_raw_value;

use crate::domain::circuit::Origin;
use crate::domain::event::Event;
use crate::domain::ids::ServiceName;
use crate::domain::json_text::JsonText;
use crate::domain::subscription::{Subscription, SubscriptionId};
use crate::domain::timestamp::Timestamp;
use crate::logic::own_events::{OwnType, of_hub};

/// How a subscription fails.
pub struct Failing<'a> {
    /// Which one it is.
    pub subscription: &'a Subscription,
    /// Where its callback leads; the event names this and not the whole address.
    pub origin: &'a Origin,
    /// What the latest attempt ended with, in words; `None`: nothing is known of it.
    pub last_error: Option<&'a str>,
    /// In a row.
    pub failures: u32,
}

#[derive(Serialize)]
struct Body<'a> {
    subscription_id: SubscriptionId,
    service: &'a ServiceName,
    callback: &'a str,
    last_error: Option<&'a str>,
    failures: u32,
}

/// To be published at `now`. `random` fills its id.
pub fn failing_event(failing: &Failing<'_>, now: Timestamp, random: [u8; 10]) -> Event {
    let body = Body {
        subscription_id: failing.subscription.id,
        service: &failing.subscription.service,
        callback: failing.origin.as_str(),
        last_error: failing.last_error,
        failures: failing.failures,
    };
    let payload = JsonText::new(to_raw_value(&body).expect("plain data is JSON"));
    of_hub(OwnType::SubscriptionFailing, payload, now, random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fact::Fact;
    use crate::domain::fact::subscription::SubscriptionFact;
    use crate::logic::journal::samples;

    #[test]
    fn names_the_subscription_and_its_trouble() {
        let Fact::Subscription(SubscriptionFact::Subscribed(subscription)) = samples::subscribed(1)
        else {
            panic!("another fact");
        };
        let failing = Failing {
            subscription: &subscription,
            origin: &Origin::of("http://127.0.0.1:9/events"),
            last_error: Some("HTTP 500"),
            failures: 5,
        };
        let event = failing_event(&failing, Timestamp::from_millis(7), [0; 10]);
        assert_eq!(event.event_type.as_str(), "subscription.failing");
        let payload = event.payload.as_json();
        for part in [
            r#""callback":"http://127.0.0.1:9""#,
            r#""last_error":"HTTP 500""#,
            r#""failures":5"#,
        ] {
            assert!(payload.contains(part), "{part} in {payload}");
        }
    }
}
