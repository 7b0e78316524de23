//! What becomes of subscriptions.

use std::pin::pin;

use futures_util::FutureExt as _;

use super::*;
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{Callback, SigningSecret};
use crate::hub::error::ErrorCode;
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

#[actix::test]
async fn a_callback_is_tested_by_whoever_may_change_it() {
    let test = TestHub::start().await;
    let hub = &test.hub;
    let at = hub.clock.wall();
    let (shop, boss) = (principal("shop", false), operator());
    let context = RequestContext::of(&shop, at);
    let (view, _) = hub.subscribe(&context, wanted(true)).await.unwrap();
    let id = view.subscription.id;
    let stranger = principal("mail", false);
    let stranger = RequestContext::of(&stranger, at);
    let refused = hub.test_subscription(&stranger, id).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::AuthFailed);
    // Nobody listens there.
    let tested = hub.test_subscription(&context, id).await.unwrap();
    assert_eq!((tested.is_sent, tested.status_code), (true, None));
    assert!(tested.error.is_some(), "{tested:?}");
    let boss = RequestContext::of(&boss, at);
    let refused = hub.test_subscription(&boss, id).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::RateLimited);
    assert!(refused.retry_after().is_some_and(|after| after <= 2));
    hub.end_subscription(&context, id, "unsubscribe")
        .await
        .unwrap();
    let refused = hub.test_subscription(&context, id).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotFound);
}
