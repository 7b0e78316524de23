use super::*;
use crate::domain::fact::control::ControlFact;

#[actix::test]
async fn refuses_what_is_over_the_quota_of_its_sender() {
    let mut gate = gate_to_billing();
    let slots = vec![
        offer(gate.message_of("frugal", 1)),
        offer(gate.message_of("frugal", 2)),
        offer(gate.message_of("other", 3)),
    ];
    let _client = gate.ask(slots.clone());
    let expected = [
        slots[0].clone(),
        Slot::Refused(rate_limited("frugal")),
        slots[2].clone(),
    ];
    assert_eq!(gate.only_request().await, expected);
    tokio::time::advance(Duration::from_secs(1000)).await;
    let messages = vec![Arc::new(gate.message(1)), Arc::new(gate.message(3))];
    gate.address.do_send(released(messages));
    let _client = gate.ask(vec![offer(gate.message_of("frugal", 4))]);
    assert_eq!(gate.let_in_count().await, 1);
}

#[actix::test]
async fn a_message_over_its_quota_takes_no_room() {
    let mut gate = gate_to_billing();
    let mut slots = Vec::new();
    for number in 1..=3 {
        slots.push(offer(gate.message_of("frugal", number)));
    }
    slots.push(offer(gate.message_of("other", 4)));
    let _client = gate.ask(slots);
    let slots = gate.only_request().await;
    let let_in = slots.iter().filter(|slot| slot.offered().is_some());
    assert_eq!(let_in.count(), 2);
    assert_eq!(slots[1], Slot::Refused(rate_limited("frugal")));
}

#[actix::test]
async fn who_is_refused_for_another_reason_has_not_sent() {
    let mut gate = gate_to_billing();
    let mut elsewhere = gate.message_of("frugal", 1);
    elsewhere.destination = service("nowhere");
    let rejecting = Slot::Offered(Offer {
        message: Arc::new(gate.message_of("frugal", 2)),
        or_reject: true,
    });
    let _client = gate.ask(vec![offer(elsewhere), rejecting]);
    let full = vec![offer(gate.message(3)), offer(gate.message(4))];
    let _client = gate.ask(full);
    assert_eq!(gate.let_in_count().await, 1);
    let answer = gate.ask(vec![offer(gate.message_of("frugal", 5))]);
    assert_eq!(answer.await.unwrap(), [lane_full()]);
    let messages = vec![Arc::new(gate.message(3))];
    gate.address.do_send(released(messages));
    let _client = gate.ask(vec![offer(gate.message_of("frugal", 6))]);
    assert_eq!(gate.let_in_count().await, 1, "its one message is left");
}

#[actix::test]
async fn what_the_writer_did_not_accept_was_not_sent() {
    let mut gate = gate_to_billing();
    for number in 1..=3 {
        let message = gate.message_of("frugal", number);
        let _client = gate.ask(vec![offer(message.clone())]);
        assert_eq!(gate.let_in_count().await, 1);
        let messages = vec![Arc::new(message)];
        gate.address.do_send(released(messages));
    }
}

#[actix::test]
async fn a_repeat_over_the_quota_is_left_to_the_writer() {
    let mut gate = gate_to_billing();
    let now = gate.clock.now();
    let named = Message {
        source: service("frugal"),
        ..named_message(7, 1, now)
    };
    let _client = gate.ask(vec![offer(named.clone()), offer(named.clone())]);
    let slots = gate.only_request().await;
    let Slot::Doubtful(_, refusal) = &slots[1] else {
        panic!("{slots:?}");
    };
    assert_eq!(*refusal, rate_limited("frugal"));
}

#[actix::test]
async fn a_quota_holds_once_it_is_written_and_its_client_is_told_then() {
    let mut gate = gate_to_billing();
    let (reply, mut answer) = oneshot::channel();
    let quota = Some(sending(5));
    gate.address.do_send(SetQuota {
        service: service("shop"),
        quota,
        reply,
    });
    let mut records = gate.recorded.drain().await;
    let record = records.remove(0);
    let [Fact::Control(ControlFact::QuotaSet(set))] = record.facts.as_slice() else {
        panic!("{:?}", record.facts);
    };
    assert_eq!((set.service.as_str(), set.quota), ("shop", quota));
    assert_eq!(gate.quotas().await.len(), 1, "the configured one");
    assert!(answer.try_recv().is_err());
    gate.set("shop", quota).await;
    record.reply.unwrap().send(()).unwrap();
    assert_eq!(answer.await.unwrap(), Ok(()));
    let shop = QuotaView {
        service: service("shop"),
        quota: sending(5),
        source: Source::Api,
    };
    assert_eq!(gate.quotas().await[1], shop);
}

#[actix::test]
async fn who_set_a_rate_of_requests_is_told_when_everybody_goes_by_it() {
    let mut gate = gate_to_billing();
    let (reply, answer) = oneshot::channel();
    let quota = Some(Quota {
        request_rate: Some(1.0),
        request_burst: Some(1),
        ..Quota::default()
    });
    gate.address.do_send(SetQuota {
        service: service("shop"),
        quota,
        reply,
    });
    let record = gate.recorded.recv().await;
    gate.address.do_send(committed(2, record.facts.clone()));
    record.reply.unwrap().send(()).unwrap();
    assert_eq!(answer.await.unwrap(), Ok(()));
    let shop = service("shop");
    let take = || gate.request_rates.take(Some(&shop), || gate.clock.now());
    assert!(take().is_ok());
    assert!(take().is_err());
}

#[actix::test]
async fn only_what_was_set_can_be_taken_back() {
    let mut gate = gate_to_billing();
    let take_back = |name: &str| {
        let (reply, answer) = oneshot::channel();
        gate.address.do_send(SetQuota {
            service: service(name),
            quota: None,
            reply,
        });
        answer
    };
    for name in ["frugal", "stranger"] {
        assert_eq!(take_back(name).await.unwrap(), Err(Refusal::NotFound));
    }
    gate.set("frugal", Some(sending(9))).await;
    let _client = take_back("frugal");
    assert_eq!(gate.recorded.drain().await.len(), 1);
    gate.set("frugal", None).await;
    let [view] = &gate.quotas().await[..] else {
        panic!("one quota");
    };
    assert_eq!(
        (view.quota, view.source),
        (sending(1), Source::Configuration)
    );
}
