//! In whose name something is done: each operation asks by itself, whatever protocol it is for.

use super::publishing::event;
use super::subscriptions::wanted;
use super::*;
use crate::domain::ids::{EventType, InstanceId, Label};
use crate::domain::pattern::Pattern;
use crate::hub::consumers::SocketInstance;
use crate::hub::error::{ErrorCode, HubError};
use crate::hub::feeds::SocketFeed;
use crate::logic::feed_news::FeedId;

const SOCKET: FeedId = FeedId(Uuid::from_u128(1));

/// What was done `of` somebody else's was refused as that.
#[track_caller]
fn assert_denied<T>(of: &str, outcome: Result<T, HubError>) {
    let error = outcome.err().unwrap_or_else(|| panic!("{of}: done"));
    assert_eq!(error.code(), ErrorCode::AuthFailed, "{of}: {error}");
}

/// Another than the shop, and the hub itself: who asks, and for whom.
fn pretenders() -> [(Principal, ServiceName); 3] {
    let hub = service("message-hub");
    [
        (principal("mail", false), service("shop")),
        (principal("message-hub", false), hub.clone()),
        (operator(), hub),
    ]
}

#[actix::test]
async fn nobody_sends_or_publishes_for_another() {
    let test = TestHub::with_puller("billing").await;
    for (who, source) in pretenders() {
        let context = RequestContext::of(&who, test.hub.clock.wall());
        let mut sent = message(&test.hub, "billing", "1");
        sent.source = source.clone();
        let mut outcomes = test.hub.send(&context, vec![offer(sent)]).await.unwrap();
        assert_denied("send", outcomes.next().unwrap());
        let mut published = event(&test.hub, "1");
        published.event.source = source;
        let outcomes = test.hub.publish(&context, vec![published], false).await;
        assert_denied("publish", outcomes.unwrap().next().unwrap());
    }
    assert!(test.pull_now("billing", 1).await.is_empty());
}

#[actix::test]
async fn what_is_anothers_is_refused_where_it_stands_in_a_batch() {
    let test = TestHub::with_puller("billing").await;
    let of = |source: &str, payload: &str| {
        let mut sent = message(&test.hub, "billing", payload);
        sent.source = service(source);
        sent
    };
    let batch = vec![
        of("mail", "1"),
        of("shop", "2"),
        of("mail", "3"),
        of("shop", "4"),
    ];
    let told = test.send(batch).await;
    assert_eq!(told, ["AUTH_FAILED", "accepted", "AUTH_FAILED", "accepted"]);
    let pulled = test.pull("billing", 10).await;
    let payloads = pulled
        .iter()
        .map(|one| one.delivery.message.payload.clone());
    let expected = ["2", "4"].map(|text| Payload::parse(text).unwrap());
    assert_eq!(payloads.collect::<Vec<_>>(), expected);
}

#[actix::test]
async fn an_atomic_batch_with_anothers_event_is_refused_whole() {
    let test = TestHub::start().await;
    let shop = principal("shop", false);
    let context = RequestContext::of(&shop, test.hub.clock.wall());
    let mut foreign = event(&test.hub, "2");
    foreign.event.source = service("mail");
    let batch = vec![event(&test.hub, "1"), foreign, event(&test.hub, "3")];
    let outcomes = test.hub.publish(&context, batch, true).await.unwrap();
    let codes: Vec<_> = outcomes.map(|one| one.unwrap_err().code()).collect();
    let (whole, own) = (ErrorCode::Conflict, ErrorCode::AuthFailed);
    assert_eq!(codes, [whole, own, whole]);
    assert_eq!(test.hub.event_window().await.unwrap().newest, 0);
}

#[actix::test]
async fn nobody_publishes_what_only_the_hub_does() {
    let test = TestHub::start().await;
    let boss = operator();
    let context = RequestContext::of(&boss, test.hub.clock.wall());
    for own in [
        "service.health_changed",
        "message.dead_lettered",
        "subscription.failing",
    ] {
        let mut published = event(&test.hub, "1");
        published.event.event_type = EventType::parse(own).unwrap();
        let outcomes = test.hub.publish(&context, vec![published], false).await;
        assert_denied(own, outcomes.unwrap().next().unwrap());
    }
}

#[actix::test]
async fn nobody_subscribes_or_consumes_for_another() {
    let test = TestHub::start().await;
    let hub = &test.hub;
    for (who, service) in pretenders() {
        let context = RequestContext::of(&who, hub.clock.wall());
        let mut callback = wanted(false);
        callback.service = service.clone();
        assert_denied("subscribe", hub.subscribe(&context, callback).await);
        for name in [None, Label::parse("orders").ok()] {
            let feed = SocketFeed {
                socket: SOCKET,
                service: service.clone(),
                name,
                event_types: Arc::new([Pattern::parse("#").unwrap()]),
                // Who may not is not told what there is.
                from_sequence: Some(1000),
            };
            let subscribed = hub.subscribe_socket(&context, feed).await;
            assert_denied("subscribe by socket", subscribed);
        }
        let consumer = SocketInstance {
            socket: SOCKET,
            service: service.clone(),
            instance_id: InstanceId::parse("one").unwrap(),
            prefetch: 1,
        };
        assert_denied("consume", hub.consume(&context, consumer).await);
        let terms = for_now(1, Duration::ZERO);
        let asked = hub.receive_for_socket(&context, service, terms);
        assert_denied("receive", asked);
    }
}
