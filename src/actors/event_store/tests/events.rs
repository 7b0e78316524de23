use super::*;
use crate::actors::messages::router::EventSlot;
use crate::domain::event::{Event, ExpectedVersion, StreamPlace};
use crate::domain::fact::event::EventFact;
use crate::domain::fact::service::ServiceFact;
use crate::domain::ids::StreamId;
use crate::domain::offer::EventOffer;

impl Writer {
    fn event(&self, number: u128) -> Event {
        event(number, self.clock.now())
    }

    fn named_event(&self, number: u128, content: u128) -> Event {
        named_event(number, content, self.clock.now())
    }

    pub(super) fn publish(
        &self,
        slots: Vec<EventSlot>,
        atomic: bool,
    ) -> oneshot::Receiver<Vec<EventSlot>> {
        let (request, answer) = publish(slots, atomic);
        self.address.do_send(request);
        answer
    }

    /// An event of a stream that must be at `version` before it.
    pub(super) fn expecting(&self, stream: &str, version: u64) -> EventSlot {
        let mut event = self.event(1);
        let id = StreamId::parse(stream).unwrap();
        event.stream = Some(StreamPlace { id, version: 0 });
        EventSlot::Offered(Box::new(EventOffer {
            event,
            expected_version: Some(ExpectedVersion::Exactly(version)),
        }))
    }

    /// How many counts against quotas were given back since last asked.
    async fn released_events(&mut self) -> usize {
        let released = self.released.drain().await;
        released
            .iter()
            .map(|release| release.publishers.len())
            .sum()
    }

    /// The events that a restart would find: sequence, type and version.
    fn written_events(&self) -> Vec<(u64, String, Option<u64>)> {
        let mut events = Vec::new();
        for fact in self.written() {
            if let Fact::Event(EventFact::EventPublished(event)) = fact {
                let version = event.stream.as_ref().map(|place| place.version);
                events.push((event.sequence, event.event_type.to_string(), version));
            }
        }
        events
    }
}

fn sequences(slots: &[EventSlot]) -> Vec<Option<u64>> {
    let sequence = |slot: &EventSlot| match slot {
        EventSlot::Published(event) => Some(event.sequence),
        _ => None,
    };
    slots.iter().map(sequence).collect()
}

/// All of them are.
fn are_refused_for_space(slots: &[EventSlot]) -> bool {
    let is_refused = |slot: &EventSlot| matches!(slot, EventSlot::Refused(Refusal::StorageFull(_)));
    slots.iter().all(is_refused)
}

fn conflict(expected: i64, current: u64) -> EventSlot {
    EventSlot::Refused(Refusal::VersionConflict { expected, current })
}

fn others() -> EventSlot {
    EventSlot::Refused(Refusal::BatchRefused)
}

#[actix::test]
async fn events_and_messages_share_a_sync_and_everyone_is_told() {
    let mut writer = writer();
    let message = writer.offer(vec![writer.message(1)]);
    let slots = vec![event_offer(writer.event(2)), event_offer(writer.event(3))];
    let events = writer.publish(slots, false);
    assert_eq!(message.await.unwrap(), [Slot::Accepted]);
    assert_eq!(sequences(&events.await.unwrap()), [Some(1), Some(2)]);
    assert_eq!(writer.disk.syncs(), 1);
    assert_eq!(writer.told().await, writer.written());
    assert_eq!(writer.written().len(), 3);
    assert_eq!(writer.released_events().await, 0);
}

#[actix::test]
async fn the_time_of_an_event_is_that_of_its_batch() {
    let mut writer = writer();
    let slot = event_offer(writer.event(1));
    tokio::time::advance(Duration::from_secs(5)).await;
    writer.publish(vec![slot], false).await.unwrap();
    let told = writer.told().await;
    let [Fact::Event(EventFact::EventPublished(event))] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(event.published_at, writer.clock.now());
}

#[actix::test]
async fn a_repeat_and_a_reuse_are_told_and_cost_no_quota() {
    let mut writer = writer();
    let slots = || {
        [(1, 7), (1, 7), (1, 8)]
            .map(|(number, content)| event_offer(writer.named_event(number, content)))
            .to_vec()
    };
    let other_content = EventSlot::Refused(Refusal::OtherContent);
    let answer = writer.publish(slots(), false).await.unwrap();
    assert_eq!(sequences(&answer), [Some(1), None, None]);
    assert_eq!(answer[1..], [EventSlot::Duplicate, other_content.clone()]);
    let answer = writer.publish(slots(), false).await.unwrap();
    let expected = [EventSlot::Duplicate, EventSlot::Duplicate, other_content];
    assert_eq!(answer, expected);
    assert_eq!(writer.released_events().await, 5);
    assert_eq!(writer.written().len(), 1);
}

#[actix::test]
async fn a_doubtful_event_is_answered_only_as_a_repeat() {
    let mut writer = writer();
    let doubtful = |number| {
        let offer = EventOffer {
            event: writer.named_event(number, 7),
            expected_version: None,
        };
        EventSlot::Doubtful(Box::new(offer), Refusal::Stopping)
    };
    let known = vec![event_offer(writer.named_event(1, 7))];
    writer.publish(known, false).await.unwrap();
    let slots = vec![doubtful(1), doubtful(2)];
    let answer = writer.publish(slots, false).await.unwrap();
    let refused = EventSlot::Refused(Refusal::Stopping);
    assert_eq!(answer, [EventSlot::Duplicate, refused]);
    assert_eq!(writer.released_events().await, 0, "they had not counted");
}

#[actix::test]
async fn an_atomic_batch_is_written_whole_or_not_at_all() {
    let mut writer = writer();
    let good = vec![
        writer.expecting("a", 0),
        writer.expecting("b", 0),
        writer.expecting("a", 1),
    ];
    let answer = writer.publish(good, true).await.unwrap();
    assert_eq!(sequences(&answer), [Some(1), Some(2), Some(3)]);
    let bad = vec![
        writer.expecting("c", 0),
        event_offer(writer.named_event(7, 7)),
        writer.expecting("a", 1),
        writer.expecting("b", 1),
    ];
    let answer = writer.publish(bad, true).await.unwrap();
    assert_eq!(answer, [others(), others(), conflict(1, 2), others()]);
    assert_eq!(writer.released_events().await, 4);
    let again = vec![
        writer.expecting("c", 0),
        event_offer(writer.named_event(7, 8)),
    ];
    let answer = writer.publish(again, true).await.unwrap();
    assert_eq!(sequences(&answer), [Some(4), Some(5)]);
    assert_eq!(writer.written().len(), 5);
}

#[actix::test]
async fn a_repeat_in_an_atomic_batch_is_fine() {
    let writer = writer();
    let known = vec![event_offer(writer.named_event(1, 7))];
    writer.publish(known.clone(), false).await.unwrap();
    let both = vec![known[0].clone(), event_offer(writer.event(2))];
    let answer = writer.publish(both, true).await.unwrap();
    assert_eq!(answer[0], EventSlot::Duplicate);
    assert_eq!(sequences(&answer), [None, Some(2)]);
}

#[actix::test]
async fn without_the_atomic_the_good_ones_are_written() {
    let writer = writer();
    let slots = vec![
        writer.expecting("a", 0),
        writer.expecting("a", 0),
        writer.expecting("a", 1),
    ];
    let answer = writer.publish(slots, false).await.unwrap();
    assert_eq!(sequences(&answer), [Some(1), None, Some(2)]);
    assert_eq!(answer[1], conflict(0, 1));
}

#[actix::test]
async fn a_full_disk_refuses_events_and_leaves_no_gap() {
    let mut writer = writer();
    let known = writer.named_event(1, 7);
    let first = vec![event_offer(known.clone())];
    writer.publish(first, false).await.unwrap();
    writer.disk.set_full(true);
    let slots = vec![event_offer(writer.event(2)), event_offer(known.clone())];
    let single = writer.publish(slots, false);
    let atomic = vec![writer.expecting("a", 0), writer.expecting("a", 1)];
    let atomic = writer.publish(atomic, true);
    for refused in [single.await.unwrap(), atomic.await.unwrap()] {
        assert_eq!(refused.len(), 2);
        assert!(are_refused_for_space(&refused), "{refused:?}");
    }
    assert_eq!(writer.released_events().await, 4);
    // From now on the disk is known to be full, and a repeat rests on nothing that is unwritten.
    let slots = vec![event_offer(writer.event(3)), event_offer(known)];
    let answer = writer.publish(slots, false).await.unwrap();
    assert!(are_refused_for_space(&answer[..1]), "{answer:?}");
    assert_eq!(answer[1..], [EventSlot::Duplicate]);
    writer.disk.set_full(false);
    tokio::time::advance(2 * DISK_CHECK).await;
    let after = vec![event_offer(writer.event(4))];
    let after = writer.publish(after, false).await.unwrap();
    assert_eq!(sequences(&after), [Some(2)]);
}

#[actix::test]
async fn news_is_written_with_what_it_is_about() {
    let mut writer = writer();
    let message = writer.message(1);
    writer.offer(vec![message.clone()]).await.unwrap();
    let facts = vec![
        Fact::Service(ServiceFact::ServiceRegistered(Arc::new(registration("a")))),
        Fact::Service(ServiceFact::ServiceRegistered(Arc::new(registration("a")))),
        service_seen("mail"),
        dead(&message),
        dead(&message),
    ];
    writer.record(facts).await.unwrap();
    assert_eq!(writer.disk.syncs(), 2);
    let expected = [
        (1, "service.registered".to_owned(), None),
        (2, "message.dead_lettered".to_owned(), None),
    ];
    assert_eq!(writer.written_events(), expected);
    assert_eq!(writer.told().await, writer.written());
}

#[actix::test]
async fn news_waits_for_space_with_what_it_is_about() {
    let mut writer = writer();
    writer.disk.set_full(true);
    let refused = writer.publish(vec![event_offer(writer.event(1))], false);
    let fact = Fact::Service(ServiceFact::ServiceRegistered(Arc::new(registration("a"))));
    let recorded = writer.record(vec![fact.clone()]);
    assert!(are_refused_for_space(&refused.await.unwrap()));
    assert!(writer.told().await.is_empty());
    writer.disk.set_full(false);
    recorded.await.unwrap();
    assert_eq!(writer.written()[0], fact);
    let expected = [(1, "service.registered".to_owned(), None)];
    assert_eq!(writer.written_events(), expected);
}

#[actix::test]
async fn a_request_full_of_events_does_not_wait_for_more() {
    let writer = writer();
    let mut large = writer.event(1);
    let text = format!("\"{}\"", "x".repeat(BATCH_BYTES));
    large.payload = JsonText::parse(&text).unwrap();
    let first = writer.publish(vec![event_offer(large)], false);
    let second = writer.publish(vec![event_offer(writer.event(2))], false);
    assert_eq!(sequences(&first.await.unwrap()), [Some(1)]);
    assert_eq!(sequences(&second.await.unwrap()), [Some(2)]);
    assert_eq!(writer.disk.syncs(), 2);
}
