//! What operators do to queues, and what others may not.

use super::*;
use crate::hub::error::ErrorCode;
use crate::hub::redrives::RedriveWish;

#[actix::test]
async fn a_paused_queue_hands_out_nothing() {
    let test = TestHub::with_puller("billing").await;
    let boss = operator();
    let context = RequestContext::of(&boss, test.hub.clock.wall());
    let billing = service("billing");
    let hub = &test.hub;
    hub.switch_queue(&context, Some(&billing), true)
        .await
        .unwrap();
    test.send(vec![message(hub, "billing", "1")]).await;
    assert!(test.pull_now("billing", 1).await.is_empty());
    let overview = hub.queue_overview(Some(&billing)).await.unwrap();
    let paused = overview.queues.total.paused.unwrap();
    assert_eq!(paused.by.as_deref(), Some("boss"));
    hub.switch_queue(&context, None, false).await.unwrap();
    // A queue that was paused by name stays paused.
    assert!(test.pull_now("billing", 1).await.is_empty());
    hub.switch_queue(&context, Some(&billing), false)
        .await
        .unwrap();
    assert_eq!(test.pull("billing", 1).await.len(), 1);
}

#[actix::test]
async fn what_is_with_a_consumer_is_not_cleared() {
    let test = TestHub::with_puller("billing").await;
    let messages = (0..3).map(|n| message(&test.hub, "billing", &n.to_string()));
    test.send(messages.collect()).await;
    let leased = test.pull("billing", 1).await.pop().unwrap();
    let boss = operator();
    let context = RequestContext::of(&boss, test.hub.clock.wall());
    let billing = service("billing");
    let cleared = test.hub.clear_queue(&context, &billing, None).await;
    assert_eq!(cleared.unwrap(), 2);
    test.end("billing", leased.token, LeaseEnd::Ack).await;
    let totals = test.hub.queue_overview(None).await.unwrap().queues.totals;
    assert_eq!((totals.cancelled, totals.delivered), (2, 1));
}

#[actix::test]
async fn a_queue_of_nobody_is_not_found() {
    let test = TestHub::start().await;
    let boss = operator();
    let context = RequestContext::of(&boss, test.hub.clock.wall());
    let nobody = service("nobody");
    let switched = test.hub.switch_queue(&context, Some(&nobody), true).await;
    assert_eq!(switched.unwrap_err().code(), ErrorCode::ServiceNotFound);
    let cleared = test.hub.clear_queue(&context, &nobody, None).await;
    assert_eq!(cleared.unwrap_err().code(), ErrorCode::ServiceNotFound);
    let overview = test.hub.queue_overview(Some(&nobody)).await;
    assert_eq!(overview.err().unwrap().code(), ErrorCode::ServiceNotFound);
}

#[actix::test]
async fn who_is_no_operator_changes_nothing() {
    let test = TestHub::with_puller("billing").await;
    let billing = principal("billing", false);
    let context = RequestContext::of(&billing, test.hub.clock.wall());
    let hub = &test.hub;
    let own = service("billing");
    let refused = [
        hub.switch_queue(&context, Some(&own), true).await.err(),
        hub.clear_queue(&context, &own, None).await.err(),
        hub.redrives(&context, RedriveWish::Run).err(),
        hub.quota_reader(&context).err(),
        hub.quota_writer(&context).err(),
    ];
    for error in refused {
        assert_eq!(error.unwrap().code(), ErrorCode::AuthFailed);
    }
    let others = hub.receive(&context, service("mail"), for_now(1, Duration::ZERO));
    assert_eq!(others.err().unwrap().code(), ErrorCode::AuthFailed);
}
