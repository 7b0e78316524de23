//! What becomes of messages on their way to who asks for them.

use super::*;
use crate::hub::receive::LONGEST_LEASE;

#[actix::test]
async fn what_comes_when_its_asker_has_just_gone_is_there_for_the_next() {
    let test = TestHub::with_puller("billing").await;
    let sent = message(&test.hub, "billing", "1");
    let id = sent.id;
    test.send(vec![sent]).await;
    let billing = principal("billing", false);
    let context = RequestContext::of(&billing, test.hub.clock.wall());
    let own = service("billing");
    let terms = ReceiveTerms {
        lease: Some(LONGEST_LEASE),
        ..for_now(1, PATIENCE)
    };
    let receiving = test.hub.receive(&context, own.clone(), terms).unwrap();
    while test.in_flight(&own).await == 0 {}
    drop(receiving);
    let leased = test.pull("billing", 1).await;
    let delivery = &leased[0].delivery;
    assert_eq!((delivery.message.id, delivery.attempt), (id, 1));
    // What reached its asker stays with it.
    assert_eq!(test.in_flight(&own).await, 1);
    assert!(test.pull_now("billing", 1).await.is_empty());
}

impl TestHub {
    async fn in_flight(&self, service: &ServiceName) -> usize {
        let overview = self.hub.queue_overview(Some(service)).await.unwrap();
        overview.queues.total.in_flight
    }
}
