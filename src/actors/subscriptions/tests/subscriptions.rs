//! Callback subscriptions: what is pushed, what is written down, and who takes over.

use serde::Deserialize;
use tokio::sync::oneshot;

use super::*;
use crate::actors::messages::subscriptions::{InspectSubscriptions, StartReplay, Subscribe};
use crate::domain::dead_letter::DeadReason;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::EventType;
use crate::domain::subscription::{Callback, ReplayFilter, SigningSecret, Subscription};
use crate::domain::subscription_view::SubscriptionView;
use crate::logic::projection::Projection;
use crate::logic::subscription_registry::changes::WantedCallback;
use crate::logic::subscription_registry::owed::WantedReplay;
use crate::ports::archive::ArchiveWriter;

/// The payload is beyond what this reads.
#[derive(Deserialize)]
struct Body {
    sequence: u64,
    #[serde(default)]
    replay: bool,
}

/// Longer than positions gather.
const GATHER: Duration = Duration::from_millis(300);

impl House {
    /// Has the journal and the archive answer until nobody asks any more; gives what was written.
    pub(super) async fn turn(&mut self) -> Vec<Fact> {
        let mut written = Vec::new();
        loop {
            let (records, flushes) = (self.recorded.drain().await, self.flushes.drain().await);
            if records.is_empty() && flushes.is_empty() {
                return written;
            }
            for flush in flushes {
                let _ = flush.reply.send(Ok(()));
            }
            for record in records {
                for fact in &record.facts {
                    self.commit(fact.clone()).await;
                }
                written.extend(record.facts);
                if let Some(reply) = record.reply {
                    let _ = reply.send(());
                }
            }
        }
    }

    pub(super) async fn after(&mut self, time: Duration) -> Vec<Fact> {
        tokio::time::advance(time).await;
        self.turn().await
    }

    /// Publishes events, as the archive knows them too.
    pub(super) async fn publish(&mut self, sequences: impl IntoIterator<Item = Sequence>) {
        for sequence in sequences {
            self.commit(samples::event_published(1, sequence)).await;
        }
    }

    pub(super) async fn archive(&self, sequences: impl IntoIterator<Item = Sequence>) {
        let mut projection = Projection::new(0);
        for sequence in sequences {
            projection.apply(&Recorded {
                position: sequence,
                fact: samples::event_published(1, sequence),
            });
        }
        let batch = projection.take().unwrap();
        self.archive.apply(Arc::new(batch)).await.unwrap();
    }

    pub(super) async fn subscribe(&mut self, from_sequence: Option<Sequence>) -> Arc<Subscription> {
        self.subscribe_callback(from_sequence, callback()).await
    }

    pub(super) async fn subscribe_callback(
        &mut self,
        from_sequence: Option<Sequence>,
        callback: Callback,
    ) -> Arc<Subscription> {
        let (reply, answer) = oneshot::channel();
        let wanted = WantedCallback {
            service: service("billing"),
            event_types: Arc::new([Pattern::parse("character.*").unwrap()]),
            callback,
            from_sequence,
        };
        self.address.do_send(Subscribe { wanted, reply });
        self.turn().await;
        answer.await.unwrap().unwrap().0
    }

    pub(super) async fn view(&self) -> SubscriptionView {
        let (reply, views) = oneshot::channel();
        self.address.do_send(InspectSubscriptions {
            id: None,
            service: None,
            reply,
        });
        views.await.unwrap().pop().unwrap()
    }

    /// Sequence of each push, and whether it was a replay.
    pub(super) fn pushed(&self) -> Vec<(u64, bool)> {
        let pushed = self.transport.pushed();
        let bodies = pushed
            .iter()
            .map(|request| serde_json::from_slice::<Body>(&request.body).unwrap());
        bodies.map(|body| (body.sequence, body.replay)).collect()
    }
}

pub(super) fn callback() -> Callback {
    Callback {
        url: "http://a/events".to_owned(),
        secret: SigningSecret::new("whsec_c2VjcmV0".to_owned()),
        max_in_flight: 1,
        previous: None,
        durable: true,
    }
}

fn positions(facts: &[Fact]) -> Vec<Sequence> {
    let positions = facts.iter().filter_map(|fact| match fact {
        Fact::Subscription(SubscriptionFact::PositionAcked(acked)) => Some(acked.through),
        _ => None,
    });
    positions.collect()
}

#[actix::test]
async fn positions_are_written_many_at_once() {
    let mut house = house([status(200), status(200), status(200)]);
    house.subscribe(None).await;
    house.publish(1..=3).await;
    assert!(positions(&house.turn().await).is_empty());
    assert_eq!(house.view().await.position, 3);
    assert_eq!(positions(&house.after(GATHER).await), [3]);
}

#[actix::test]
async fn an_event_that_nobody_takes_is_a_dead_letter_and_the_next_goes() {
    let mut house = house([status(400), status(200)]);
    let subscription = house.subscribe(None).await;
    house.publish(1..=2).await;
    let written = house.turn().await;
    let Some(Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_event))) = written.first()
    else {
        panic!("{written:?}");
    };
    assert_eq!(dead_event.subscription_id, subscription.id);
    assert_eq!(
        (dead_event.reason, dead_event.attempts.len()),
        (DeadReason::Rejected, 1)
    );
    assert_eq!(house.pushed(), [(1, false), (2, false)]);
    assert_eq!(house.published.drain().await.len(), 1);
    assert_eq!(house.view().await.failures, 0);
}

#[actix::test]
async fn a_retry_waits_for_its_time() {
    let mut house = house([status(500), status(200)]);
    house.subscribe(None).await;
    house.publish([1]).await;
    house.turn().await;
    let view = house.view().await;
    assert_eq!((view.failures, view.position), (1, 0));
    assert!(view.is_retrying);
    assert!(view.next_attempt.is_some());
    house.after(Duration::from_millis(999)).await;
    assert_eq!(house.pushed().len(), 1);
    house.after(Duration::from_millis(200)).await;
    assert_eq!(house.pushed().len(), 2);
    let view = house.view().await;
    assert_eq!((view.position, view.is_retrying), (1, false));
}

#[actix::test]
async fn after_a_dead_letter_nothing_is_retried() {
    let mut house = house([status(400)]);
    house.subscribe(None).await;
    house.publish([1]).await;
    house.turn().await;
    let view = house.view().await;
    assert_eq!((view.failures, view.is_retrying), (1, false));
    assert_eq!(view.next_attempt, None);
}

#[actix::test]
async fn what_is_no_longer_in_memory_comes_from_the_archive() {
    let mut house = house((0..4).map(|_| status(200)));
    house.archive(1..=3).await;
    let summary = CompactionSummary {
        last_sequence: 3,
        ..CompactionSummary::default()
    };
    house
        .commit(Fact::CompactionSummary(Arc::new(summary)))
        .await;
    house.subscribe(Some(1)).await;
    house.publish([4]).await;
    house.turn().await;
    assert_eq!(
        house.pushed(),
        [(1, false), (2, false), (3, false), (4, false)]
    );
}

#[actix::test]
async fn an_archive_that_is_down_is_asked_again() {
    let mut house = house([status(200)]);
    house.archive([1]).await;
    let summary = CompactionSummary {
        last_sequence: 1,
        ..CompactionSummary::default()
    };
    house
        .commit(Fact::CompactionSummary(Arc::new(summary)))
        .await;
    house.archive.set_unavailable(true);
    house.subscribe(Some(1)).await;
    assert!(house.pushed().is_empty());
    house.archive.set_unavailable(false);
    house.after(Duration::from_secs(2)).await;
    assert_eq!(house.pushed(), [(1, false)]);
}

#[actix::test]
async fn a_replay_goes_at_its_own_pace_beside_the_live_events() {
    let mut house = house((0..4).map(|_| status(200)));
    house.archive(1..=3).await;
    house.publish(1..=3).await;
    let subscription = house.subscribe(None).await;
    let (reply, started) = oneshot::channel();
    let wanted = WantedReplay {
        subscription_id: subscription.id,
        owner: None,
        filter: ReplayFilter::default(),
        from: 1,
        to: None,
        limit: Some(2),
        rate: Some(1.0),
    };
    house.address.do_send(StartReplay { wanted, reply });
    house.turn().await;
    let id = started.await.unwrap().unwrap();
    assert_eq!(house.pushed(), [(1, true)]);
    house.publish([4]).await;
    house.turn().await;
    assert_eq!(house.pushed(), [(1, true), (4, false)]);
    let written = house.after(Duration::from_millis(1001)).await;
    assert_eq!(house.pushed(), [(1, true), (4, false), (2, true)]);
    let last = written.iter().rev().find_map(|fact| match fact {
        Fact::Subscription(SubscriptionFact::ReplayAdvanced(replay)) => Some(replay.clone()),
        _ => None,
    });
    let last = last.unwrap();
    assert_eq!((last.id, last.done, last.left), (id, true, Some(0)));
}

#[actix::test]
async fn who_died_is_replaced_and_nothing_is_left_out() {
    let mut house = house([Push::Panic, status(200), status(200)]);
    house.subscribe(None).await;
    house.publish(1..=2).await;
    house.turn().await;
    house.after(Duration::from_millis(50)).await;
    assert_eq!(house.pushed(), [(1, false), (1, false), (2, false)]);
    assert_eq!(house.view().await.position, 2);
}

#[actix::test]
async fn a_stop_waits_for_what_is_under_way_and_writes_the_position() {
    let mut house = house([late(200)]);
    house.subscribe(None).await;
    house.publish(1..=2).await;
    house.turn().await;
    let (reply, mut drained) = oneshot::channel();
    house.drain(reply).await;
    assert!(positions(&house.turn().await).is_empty());
    assert!(drained.try_recv().is_err());
    assert_eq!(positions(&house.after(Duration::from_secs(6)).await), [1]);
    assert!(drained.try_recv().is_ok());
    assert_eq!(house.pushed().len(), 1);
}

/// The position written last at a stop, after two events of which the second got this answer, and
/// two that were not wanted.
async fn written_at_the_stop(answer: u16) -> Option<Sequence> {
    let mut house = house([status(200), status(answer)]);
    house.subscribe(None).await;
    house.publish(1..=2).await;
    for sequence in 3..=4 {
        let mut event = samples::event(1, sequence);
        event.event_type = EventType::parse("image.made").unwrap();
        house
            .commit(Fact::Event(EventFact::EventPublished(Arc::new(event))))
            .await;
    }
    house.turn().await;
    assert_eq!(house.pushed().len(), 2);
    let (reply, drained) = oneshot::channel();
    house.drain(reply).await;
    let written = positions(&house.turn().await);
    drained.await.unwrap();
    written.last().copied()
}

#[actix::test]
async fn at_the_stop_events_that_are_not_wanted_are_passed() {
    assert_eq!(written_at_the_stop(200).await, Some(4));
}

#[actix::test]
async fn at_the_stop_what_failed_is_not_passed() {
    assert_eq!(written_at_the_stop(500).await, Some(1));
}
