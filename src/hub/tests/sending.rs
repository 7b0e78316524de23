//! What becomes of messages that are sent.

use super::*;
use crate::domain::ids::ContentType;
use crate::domain::message::State;
use crate::hub::error::ErrorCode;
use crate::hub::messages::Removal;

#[actix::test]
async fn a_batch_fills_a_lane_as_far_as_it_goes() {
    let test = TestHub::with(|config| config.delivery.max_queue_size = 2).await;
    test.register_puller("billing").await;
    let messages = (1..=3).map(|n| message(&test.hub, "billing", &n.to_string()));
    let sent = test.send(messages.collect()).await;
    assert_eq!(sent, ["accepted", "accepted", "QUEUE_FULL"]);
}

#[actix::test]
async fn a_repeat_is_known_although_the_lane_is_full() {
    let test = TestHub::with(|config| config.delivery.max_queue_size = 1).await;
    test.register_puller("billing").await;
    let first = with_id(message(&test.hub, "billing", "1"), 7, 1);
    assert_eq!(test.send(vec![first.clone()]).await, ["accepted"]);
    assert_eq!(test.send(vec![first]).await, ["known"]);
    let other = with_id(message(&test.hub, "billing", "2"), 7, 2);
    assert_eq!(test.send(vec![other]).await, ["CONFLICT"]);
    let new = message(&test.hub, "billing", "1");
    assert_eq!(test.send(vec![new]).await, ["QUEUE_FULL"]);
}

#[actix::test]
async fn an_id_twice_in_a_batch_is_one_message() {
    let test = TestHub::with_puller("billing").await;
    let twin = with_id(message(&test.hub, "billing", "1"), 7, 1);
    let impostor = with_id(message(&test.hub, "billing", "2"), 7, 2);
    let sent = test.send(vec![twin.clone(), twin, impostor]).await;
    assert_eq!(sent, ["accepted", "known", "CONFLICT"]);
    assert_eq!(test.pull("billing", 10).await.len(), 1);
}

#[actix::test]
async fn messages_of_a_batch_keep_their_order() {
    let test = TestHub::with_puller("billing").await;
    let messages = (0..500).map(|n| message(&test.hub, "billing", &n.to_string()));
    test.send(messages.collect()).await;
    let pulled = test.pull("billing", 1000).await.into_iter();
    let payloads = pulled.map(|leased| leased.delivery.message.payload.clone());
    let expected = (0..500).map(|n: u32| Payload::parse(&n.to_string()).unwrap());
    let expected: Vec<_> = expected.collect();
    assert_eq!(payloads.collect::<Vec<_>>(), expected);
}

#[actix::test]
async fn bytes_arrive_and_are_remembered_as_they_were_given() {
    let test = TestHub::with_puller("billing").await;
    let png = ContentType::parse("image/png").ok();
    let payload = Payload::raw(b"\0\xff\n".to_vec(), png);
    let sent = Message {
        payload: payload.clone(),
        ..message(&test.hub, "billing", "1")
    };
    let id = sent.id;
    assert_eq!(test.send(vec![sent]).await, ["accepted"]);
    let leased = test.pull("billing", 1).await.pop().unwrap();
    assert_eq!(leased.delivery.message.payload, payload);
    let boss = operator();
    let context = RequestContext::of(&boss, test.hub.clock.wall());
    let open = test.hub.message(&context, id).await.unwrap();
    assert_eq!(open.message().payload, payload);
    test.end("billing", leased.token, LeaseEnd::Ack).await;
    let archived = test.hub.message(&context, id).await.unwrap();
    assert_eq!(archived.state(), State::Delivered);
    assert_eq!(archived.message().payload, payload);
}

#[actix::test]
async fn only_its_sender_takes_a_message_back() {
    let test = TestHub::with_puller("billing").await;
    let sent = message(&test.hub, "billing", "1");
    let id = sent.id;
    test.send(vec![sent]).await;
    for (name, code) in [
        ("billing", ErrorCode::AuthFailed),
        ("mail", ErrorCode::NotFound),
    ] {
        let principal = principal(name, false);
        let context = RequestContext::of(&principal, test.hub.clock.wall());
        let error = test.hub.remove_message(&context, id).await.unwrap_err();
        assert_eq!(error.code(), code, "{name}");
    }
    let shop = principal("shop", false);
    let context = RequestContext::of(&shop, test.hub.clock.wall());
    let removed = test.hub.remove_message(&context, id).await.unwrap();
    assert_eq!(removed, Removal::Cancelled);
    let record = test.hub.message(&context, id).await.unwrap();
    assert_eq!(record.state(), State::Cancelled);
    // What is settled is deleted, and then it is not there.
    let removed = test.hub.remove_message(&context, id).await.unwrap();
    assert_eq!(removed, Removal::Deleted);
    let error = test.hub.message(&context, id).await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::NotFound);
}

#[actix::test]
async fn a_message_that_does_not_wait_is_not_retried() {
    let test = TestHub::with_puller("billing").await;
    let sent = message(&test.hub, "billing", "1");
    let id = sent.id;
    test.send(vec![sent]).await;
    let boss = operator();
    let context = RequestContext::of(&boss, test.hub.clock.wall());
    let error = test.hub.retry_now(&context, id).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Conflict);
    let nobody = MessageId(Uuid::from_u128(1));
    let error = test.hub.retry_now(&context, nobody).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}
