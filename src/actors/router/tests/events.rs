use super::*;
use crate::actors::messages::router::EventSlot;
use crate::domain::event::Event;

impl Gate {
    fn event_of(&self, publisher: &str, number: u128) -> Event {
        Event {
            source: service(publisher),
            ..event(number, self.clock.now())
        }
    }

    fn named_event_of(&self, publisher: &str, number: u128) -> Event {
        Event {
            source: service(publisher),
            ..named_event(number, 7, self.clock.now())
        }
    }

    fn publish(&self, slots: Vec<EventSlot>, atomic: bool) -> oneshot::Receiver<Vec<EventSlot>> {
        let (request, answer) = publish(slots, atomic);
        self.address.do_send(request);
        answer
    }

    /// The slots of each request that was let in since last asked.
    async fn let_in_events(&mut self) -> Vec<Vec<EventSlot>> {
        let requests = self.published.drain().await;
        requests.into_iter().map(|request| request.slots).collect()
    }
}

fn refused() -> EventSlot {
    EventSlot::Refused(rate_limited("frugal"))
}

#[actix::test]
async fn an_event_counts_against_the_quota_of_its_source() {
    let mut gate = gate();
    let first = event_offer(gate.event_of("frugal", 1));
    let other = event_offer(gate.event_of("other", 2));
    let slots = vec![
        first.clone(),
        event_offer(gate.event_of("frugal", 3)),
        other.clone(),
    ];
    let _client = gate.publish(slots, false);
    assert_eq!(gate.let_in_events().await, [[first, refused(), other]]);
    let more = vec![event_offer(gate.event_of("frugal", 4))];
    assert_eq!(gate.publish(more, false).await.unwrap(), [refused()]);
    assert!(gate.let_in_events().await.is_empty());
}

#[actix::test]
async fn messages_and_events_share_a_quota() {
    let mut gate = gate_to_billing();
    let _client = gate.ask(vec![offer(gate.message_of("frugal", 1))]);
    let slots = vec![event_offer(gate.event_of("frugal", 2))];
    assert_eq!(gate.publish(slots, false).await.unwrap(), [refused()]);
    assert_eq!(gate.let_in_count().await, 1);
}

#[actix::test]
async fn what_was_not_published_was_not_sent() {
    let mut gate = gate();
    for number in 1..=3 {
        let _client = gate.publish(vec![event_offer(gate.event_of("frugal", number))], false);
        assert_eq!(gate.let_in_events().await.len(), 1);
        gate.address.do_send(Release {
            messages: Vec::new(),
            publishers: vec![service("frugal")],
        });
    }
}

#[actix::test]
async fn an_event_that_may_be_a_repeat_is_left_to_the_writer() {
    let mut gate = gate();
    let slot = event_offer(gate.named_event_of("frugal", 1));
    let _client = gate.publish(vec![slot.clone(), slot.clone()], true);
    let let_in = gate.let_in_events().await;
    assert_eq!(let_in[0][0], slot);
    let EventSlot::Doubtful(_, refusal) = &let_in[0][1] else {
        panic!("{let_in:?}");
    };
    assert_eq!(*refusal, rate_limited("frugal"));
}

#[actix::test]
async fn an_atomic_batch_over_the_quota_costs_nothing() {
    let mut gate = gate();
    let slots = vec![
        event_offer(gate.event_of("frugal", 1)),
        event_offer(gate.event_of("frugal", 2)),
        event_offer(gate.event_of("other", 3)),
    ];
    let answer = gate.publish(slots, true).await.unwrap();
    let others = EventSlot::Refused(Refusal::BatchRefused);
    assert_eq!(answer, [others.clone(), refused(), others]);
    assert!(gate.let_in_events().await.is_empty());
    let _client = gate.publish(vec![event_offer(gate.event_of("frugal", 4))], false);
    assert_eq!(gate.let_in_events().await.len(), 1);
}
