//! What becomes of subscriptions.

use std::pin::pin;

use futures_util::FutureExt as _;

use super::*;
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{Callback, SigningSecret};
use crate::hub::subscriptions::{CallbackTerms, WantedSubscription};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// One of the shop, of all events from now on.
pub(super) fn wanted(durable: bool) -> WantedSubscription {
    WantedSubscription {
        service: service("shop"),
        event_types: Arc::new([Pattern::parse("#").unwrap()]),
        callback: Callback {
            url: "http://127.0.0.1:1/".to_owned(),
            secret: SigningSecret::new(SECRET.to_owned()),
            durable,
            max_in_flight: 1,
            previous: None,
        },
        from_sequence: None,
        terms: CallbackTerms {
            durable: None,
            secret: None,
            max_in_flight: None,
        },
    }
}

#[actix::test]
async fn who_subscribes_learns_the_secret_though_somebody_ends_it_at_once() {
    let test = TestHub::start().await;
    let hub = &test.hub;
    let shop = principal("shop", false);
    let context = RequestContext::of(&shop, hub.clock.wall());
    let mut subscribing = pin!(hub.subscribe(&context, wanted(false)));
    assert!(subscribing.as_mut().now_or_never().is_none());
    let made = hub.subscriptions(&context, None).await.unwrap();
    let id = made[0].subscription.id;
    hub.end_subscription(&context, id, "unsubscribe")
        .await
        .unwrap();
    let (view, is_new) = subscribing.await.unwrap();
    assert!(is_new);
    assert_eq!(view.subscription, made[0].subscription);
    let callback = view.subscription.callback().unwrap();
    assert_eq!(callback.secret.expose(), SECRET);
    assert!(hub.subscriptions(&context, None).await.unwrap().is_empty());
}
