//! What becomes of events that are published.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::*;
use crate::domain::event::{Event, EventExtras, EventId, ExpectedVersion, Sequence, StreamPlace};
use crate::domain::ids::{EventType, StreamId};
use crate::domain::json_text::JsonText;
use crate::domain::offer::EventOffer;
use crate::domain::refusal::Refusal;
use crate::hub::error::{ErrorCode, HubError};
use crate::hub::publish::PublishOutcome;
use crate::hub::sight::Sight;
use crate::hub::streams::WantedVersion;
use crate::logic::canonical::event_fingerprint;
use crate::logic::event_query::EventQuery;
use crate::pool::Peer;

/// An event of the shop.
pub(super) fn event(hub: &Hub, payload: &str) -> EventOffer {
    let now = hub.clock.wall();
    let event = Event {
        id: EventId::generate(now, rand::rng().random()),
        sequence: 0,
        event_type: EventType::parse("order.paid").unwrap(),
        source: service("shop"),
        published_at: now,
        stream: None,
        correlation_id: None,
        causation_id: None,
        payload: JsonText::parse(payload).unwrap(),
        extras: None,
    };
    EventOffer {
        event,
        expected_version: None,
    }
}

/// The event as one of a stream that has to be there as it says.
fn expecting(mut offer: EventOffer, stream: &str, expected: Option<ExpectedVersion>) -> EventOffer {
    let id = StreamId::parse(stream).unwrap();
    offer.event.stream = Some(StreamPlace { id, version: 0 });
    offer.expected_version = expected;
    offer
}

/// The event as a client publishes it that chose this id.
fn named(mut offer: EventOffer, id: u128) -> EventOffer {
    offer.event.id = EventId(Uuid::from_u128(id));
    let fingerprint = Some(event_fingerprint(&offer.event));
    let extras = EventExtras {
        fingerprint,
        ..EventExtras::default()
    };
    offer.event.extras = Some(Box::new(extras));
    offer
}

impl TestHub {
    async fn publish(
        &self,
        offers: Vec<EventOffer>,
        atomic: bool,
    ) -> Vec<Result<PublishOutcome, HubError>> {
        let shop = principal("shop", false);
        let context = RequestContext::of(&shop, self.hub.clock.wall());
        let outcomes = self.hub.publish(&context, offers, atomic).await;
        outcomes.unwrap().collect()
    }

    async fn publish_one(&self, offer: EventOffer) -> Result<PublishOutcome, HubError> {
        let outcome = self.publish(vec![offer], false).await.pop();
        outcome.unwrap()
    }

    /// All events there are.
    async fn events(&self) -> Vec<Arc<Event>> {
        let mut reading = self.hub.reading(Peer::Unknown);
        let all = EventQuery {
            limit: 1000,
            ..EventQuery::default()
        };
        let page = self.hub.search_events(&mut reading, all, None).await;
        page.unwrap().items
    }
}

/// Its place among all and in its stream.
fn place(outcome: &Result<PublishOutcome, HubError>) -> (Sequence, u64) {
    match outcome {
        Ok(PublishOutcome::Published(event)) => (event.sequence, event.stream_version()),
        other => panic!("{other:?}"),
    }
}

fn refusal(outcome: Result<PublishOutcome, HubError>) -> Refusal {
    match outcome {
        Err(HubError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn code(outcome: &Result<PublishOutcome, HubError>) -> ErrorCode {
    outcome.as_ref().unwrap_err().code()
}

#[actix::test]
async fn fifty_writers_leave_no_gap() {
    let test = TestHub::start().await;
    let write = async |number: usize| {
        let mut sequences = Vec::new();
        for round in 0..10 {
            let one = event(&test.hub, &round.to_string());
            let one = expecting(one, &format!("stream-{}", number % 5), None);
            sequences.push(place(&test.publish_one(one).await).0);
            let seventh = Some(ExpectedVersion::Exactly(7));
            let conflict = expecting(event(&test.hub, "1"), "nowhere", seventh);
            let conflict = test.publish_one(conflict).await;
            assert_eq!(code(&conflict), ErrorCode::VersionConflict);
        }
        assert!(sequences.is_sorted(), "{sequences:?}");
        sequences
    };
    let sequences = join_all((0..50).map(write)).await.concat();
    let all: BTreeSet<_> = sequences.iter().copied().collect();
    assert_eq!(all.len(), 500);
    assert_eq!((all.first(), all.last()), (Some(&1), Some(&500)));
    let mut versions = [0; 5];
    for (sequence, event) in (1..).zip(test.events().await) {
        assert_eq!(event.sequence, sequence);
        let stream = event.stream.as_ref().unwrap();
        let number: usize = stream.id.as_str()["stream-".len()..].parse().unwrap();
        versions[number] += 1;
        assert_eq!(stream.version, versions[number]);
    }
    assert_eq!(versions, [100; 5]);
}

#[actix::test]
async fn of_sixty_four_writers_with_one_expectation_one_wins() {
    let test = TestHub::start().await;
    for version in 0..5 {
        let publish = async |_: usize| {
            let expected = Some(ExpectedVersion::Exactly(version));
            let one = expecting(event(&test.hub, "1"), "contended", expected);
            let outcome = test.publish_one(one).await;
            if outcome.is_ok() {
                return Some(place(&outcome).1);
            }
            let conflict = Refusal::VersionConflict {
                expected: version as i64,
                current: version + 1,
            };
            assert_eq!(refusal(outcome), conflict);
            None
        };
        let ended = join_all((0..64).map(publish)).await;
        let won: Vec<_> = ended.into_iter().flatten().collect();
        assert_eq!(won, [version + 1]);
    }
    assert_eq!(test.events().await.len(), 5);
}

#[actix::test]
async fn several_streams_are_written_together() {
    let test = TestHub::start().await;
    let one = || event(&test.hub, "1");
    let exactly = |version| Some(ExpectedVersion::Exactly(version));
    let events = vec![
        expecting(one(), "a", exactly(0)),
        expecting(one(), "b", exactly(0)),
        expecting(one(), "a", exactly(1)),
        expecting(one(), "a", Some(ExpectedVersion::Existing)),
        one(),
    ];
    let outcomes = test.publish(events, true).await;
    let places: Vec<_> = outcomes.iter().map(place).collect();
    // One that is of no stream has no version in any.
    assert_eq!(places, [(1, 1), (2, 1), (3, 2), (4, 3), (5, 0)]);
}

#[actix::test]
async fn an_id_twice_in_a_batch_is_one_event() {
    let test = TestHub::start().await;
    let twin = |payload: &str| {
        let expected = Some(ExpectedVersion::Exactly(0));
        named(expecting(event(&test.hub, payload), "order", expected), 7)
    };
    let events = vec![twin("1"), twin("1"), twin("2")];
    let outcomes = test.publish(events, false).await;
    assert_eq!(place(&outcomes[0]), (1, 1));
    assert_eq!(outcomes[1].as_ref().unwrap(), &PublishOutcome::Known);
    assert_eq!(code(&outcomes[2]), ErrorCode::Conflict);
    let id = EventId(Uuid::from_u128(7));
    let originals = test.hub.original_events(vec![id]).await.unwrap();
    let original = &originals[&id];
    assert_eq!((original.sequence, original.stream_version()), (1, 1));
    assert_eq!(test.events().await.len(), 1);
}

#[actix::test]
async fn ids_of_messages_and_of_events_are_separate() {
    let test = TestHub::with_puller("billing").await;
    let sent = with_id(message(&test.hub, "billing", "1"), 7, 1);
    let published = named(event(&test.hub, "1"), 7);
    assert_eq!(test.send(vec![sent.clone()]).await, ["accepted"]);
    place(&test.publish_one(published.clone()).await);
    assert_eq!(test.send(vec![sent]).await, ["known"]);
    let again = test.publish_one(published).await;
    assert_eq!(again.unwrap(), PublishOutcome::Known);
}

#[actix::test]
async fn an_id_is_known_longer_than_the_window_remembers_it() {
    let test = TestHub::with(|config| config.delivery.dedup_capacity = 1).await;
    let first = named(event(&test.hub, "1"), 7);
    assert_eq!(place(&test.publish_one(first.clone()).await).0, 1);
    let other = named(event(&test.hub, "1"), 8);
    assert_eq!(place(&test.publish_one(other).await).0, 2);
    assert!(test.hub.status.forgot_events.get());
    let metrics = test.hub.metrics_text(Sight::All).await.unwrap();
    let metrics = String::from_utf8_lossy(&metrics);
    assert!(metrics.contains("message_hub_event_dedup_overflowed 1\n"));
    let repeat = test.publish_one(first.clone()).await;
    assert_eq!(repeat.unwrap(), PublishOutcome::Known);
    let originals = test.hub.original_events(vec![first.event.id]).await;
    assert_eq!(originals.unwrap()[&first.event.id].sequence, 1);
    let reused = named(event(&test.hub, "2"), 7);
    assert_eq!(code(&test.publish_one(reused).await), ErrorCode::Conflict);
    let outcomes = test.publish(vec![first, event(&test.hub, "1")], true).await;
    assert_eq!(outcomes[0].as_ref().unwrap(), &PublishOutcome::Known);
    assert_eq!(place(&outcomes[1]).0, 3);
}

#[actix::test]
async fn a_stream_that_adds_up_to_too_much_has_no_state_until_it_is_given_one() {
    let test = TestHub::with(|config| config.history.snapshot_interval = 17).await;
    let hub = &test.hub;
    let text = "x".repeat(1_000_000);
    for n in 1..=17 {
        let large = event(hub, &format!(r#"{{"k{n}":"{text}"}}"#));
        place(&test.publish_one(expecting(large, "s", None)).await);
    }
    let id = StreamId::parse("s").unwrap();
    let present = WantedVersion {
        version: None,
        field: "version",
    };
    let boss = operator();
    let context = RequestContext::of(&boss, hub.clock.wall());
    let mut reading = hub.reading(Peer::Unknown);
    let taken = hub.take_snapshot(&context, &mut reading, &id, (None, present));
    let error = taken.await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::PayloadTooLarge);
    let error = hub.stream_state(&id, present).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::PayloadTooLarge);
    let before = WantedVersion {
        version: Some(16),
        ..present
    };
    assert_eq!(hub.stream_state(&id, before).await.unwrap().version, 16);
    let latest = hub.latest_snapshot(&mut reading, &id).await;
    assert_eq!(latest.unwrap_err().code(), ErrorCode::NotFound);
    let given = Some(JsonText::parse(r#"{"k":1}"#).unwrap());
    let taken = hub.take_snapshot(&context, &mut reading, &id, (given, present));
    assert_eq!(taken.await.unwrap().snapshot.version, 17);
    let next = expecting(event(hub, r#"{"l":2}"#), "s", None);
    place(&test.publish_one(next).await);
    let state = hub.stream_state(&id, present).await.unwrap();
    assert_eq!(state.state.as_json(), r#"{"k":1,"l":2}"#);
}
