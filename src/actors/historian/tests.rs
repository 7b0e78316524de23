mod large;
mod line;
mod removal;
mod sweeping;

use std::ops::RangeInclusive;

use actix::Addr;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;
use crate::actors::fixtures::{
    accepted, committed, dead, delivered, id, message, service, unwatched,
};
use crate::actors::messages::historian::{BuiltState, ReadState, TakeSnapshot};
use crate::actors::probe::{Received, probe, settle};
use crate::adapters::archive_memory::MemoryArchive;
use crate::domain::event::{Event, EventId, StreamPlace};
use crate::domain::fact::Recorded as Entry;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{EventType, Label, Position, StreamId};
use crate::domain::pattern::Pattern;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{
    Channel, PositionAcked, Subscription, SubscriptionId, Unsubscribed,
};
use crate::logic::event_query::EventQuery;
use crate::logic::projection::{Batch, Projection};
use crate::ports::archive::{ArchiveWriter, EventArchive, MessageArchive};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A historian between an archive and a journal, which the test plays.
struct Desk {
    address: Addr<Historian>,
    clock: Clock,
    archive: Arc<MemoryArchive>,
    recorded: Received<Record>,
    flushed: Received<Flush>,
    journal: Vec<Entry>,
    projection: Projection,
    /// Of the last event.
    sequence: Sequence,
}

fn desk() -> Desk {
    tokio::time::pause();
    let (clock, archive) = (Clock::start(), Arc::new(MemoryArchive::default()));
    let (address, recorded, flushed) = historian(clock, &archive);
    address.do_send(Open);
    Desk {
        address,
        clock,
        archive,
        recorded,
        flushed,
        journal: Vec::new(),
        projection: Projection::new(0),
        sequence: 0,
    }
}

/// Snapshots every third event, events and subscriptions live for a day.
fn historian(
    clock: Clock,
    archive: &Arc<MemoryArchive>,
) -> (Addr<Historian>, Received<Record>, Received<Flush>) {
    let (record, recorded) = probe();
    let (flush, flushed) = probe();
    let settings = Settings {
        snapshot_interval: 3,
        retention: RetentionPolicy {
            keep: DAY,
            subscription_expiry: DAY,
        },
        messages: MessageRetentionPolicy {
            keep: DAY,
            keep_dead_letters: DAY * 2,
            dedup_window: HOUR,
        },
        compaction_interval: HOUR,
    };
    let tools = (clock, Arc::new(Metrics::new()));
    let hops = Hops { record, flush };
    let historian = Historian::new(tools, archive.clone(), settings, hops, unwatched());
    (historian.start(), recorded, flushed)
}

fn stream(name: &str) -> StreamId {
    StreamId::parse(name).unwrap()
}

impl Desk {
    fn commit(&mut self, facts: Vec<Fact>) {
        let first = self.journal.len() as Position + 1;
        let news = committed(first, facts);
        self.journal.extend(news.records.iter().cloned());
        self.address.do_send(news);
    }

    /// Events `versions` of a stream, published now.
    fn publish(&mut self, name: &str, versions: RangeInclusive<u64>) {
        let payload = |version| format!(r#"{{"v{version}":{version},"last":{version}}}"#);
        let facts = versions.map(|version| self.published(name, version, &payload(version)));
        let facts = facts.collect();
        self.commit(facts);
    }

    fn published(&mut self, name: &str, version: u64, payload: &str) -> Fact {
        self.sequence += 1;
        Fact::Event(EventFact::EventPublished(Arc::new(Event {
            id: EventId(Uuid::from_u128(self.sequence.into())),
            sequence: self.sequence,
            event_type: EventType::parse("hero.moved").unwrap(),
            source: service("world"),
            published_at: self.clock.now(),
            stream: Some(StreamPlace {
                id: stream(name),
                version,
            }),
            correlation_id: None,
            causation_id: None,
            payload: JsonText::parse(payload).unwrap(),
            extras: None,
        })))
    }

    /// Brings the archive up to date, as the Archivist does.
    async fn archive_all(&mut self) {
        for entry in &self.journal {
            self.projection.apply(entry);
        }
        if let Some(batch) = self.projection.take() {
            self.archive.apply(Arc::new(batch)).await.unwrap();
        }
    }

    /// What was recorded so far is in neither archive nor journal.
    async fn lose_archive(&mut self) {
        let batch = Batch {
            through: self.journal.len() as Position,
            ..Batch::default()
        };
        self.projection = Projection::new(batch.through);
        self.archive.apply(Arc::new(batch)).await.unwrap();
    }

    /// Waits until the historian wants to read, and lets it.
    async fn flush(&mut self) {
        let flush = self.flushed.recv().await;
        self.archive_all().await;
        flush.reply.send(Ok(())).unwrap();
    }

    /// What is recorded next, not yet committed.
    async fn recorded(&mut self) -> Record {
        self.recorded.recv().await
    }

    async fn commit_next(&mut self) -> Vec<Fact> {
        let record = self.recorded().await;
        self.commit(record.facts.clone());
        if let Some(reply) = record.reply {
            reply.send(()).unwrap();
        }
        record.facts
    }

    /// The next snapshot that is taken of itself.
    async fn commit_snapshot(&mut self) -> (String, u64, String) {
        self.flush().await;
        let facts = self.commit_next().await;
        let [Fact::Event(EventFact::SnapshotTaken(snapshot))] = &facts[..] else {
            panic!("not a snapshot: {facts:?}");
        };
        told(snapshot)
    }

    /// Another historian, which knows what the journal says.
    fn restart(&mut self) {
        let (address, recorded, flushed) = historian(self.clock, &self.archive);
        address.do_send(Committed {
            at: crate::domain::moment::Moment::default(),
            records: self.journal.clone().into(),
            replay: true,
            set_since: 0,
        });
        address.do_send(Open);
        (self.address, self.recorded, self.flushed) = (address, recorded, flushed);
    }

    /// Lets time pass; whatever the historian wants to read then, it may.
    async fn pass(&mut self, time: Duration) {
        self.pass_unread(time).await;
        self.serve().await;
    }

    async fn pass_unread(&mut self, time: Duration) {
        settle().await;
        tokio::time::advance(time).await;
        // Only who sleeps lets timers go off.
        tokio::time::sleep(Duration::from_millis(2)).await;
        settle().await;
    }

    async fn serve(&mut self) {
        loop {
            let flushes = self.flushed.drain().await;
            if flushes.is_empty() {
                return;
            }
            self.archive_all().await;
            for flush in flushes {
                flush.reply.send(Ok(())).unwrap();
            }
        }
    }

    async fn nothing_recorded(&mut self) {
        self.serve().await;
        assert_eq!(self.recorded.drain().await.len(), 0);
    }

    /// The events that are left, by sequence.
    async fn left(&mut self) -> Vec<Sequence> {
        self.archive_all().await;
        let query = EventQuery {
            limit: 100,
            ..EventQuery::default()
        };
        let events = self.archive.events(query).await.unwrap();
        events.items.iter().map(|event| event.sequence).collect()
    }

    async fn state(&mut self, name: &str, version: Option<u64>) -> Result<String, ArchiveRefusal> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(ReadState {
            stream: stream(name),
            version,
            reply,
        });
        self.serve().await;
        let built = answer.await.unwrap()?;
        Ok(built.state.as_json().to_owned())
    }

    fn take(
        &self,
        state: &str,
        version: Option<u64>,
    ) -> oneshot::Receiver<Result<Snapshot, Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(TakeSnapshot {
            stream: stream("hero"),
            state: JsonText::parse(state).unwrap(),
            version,
            reply,
        });
        answer
    }

    fn subscribed(&self, number: u128, after: Sequence) -> Fact {
        let now = self.clock.now();
        Fact::Subscription(SubscriptionFact::Subscribed(Arc::new(Subscription {
            id: SubscriptionId(Uuid::from_u128(number)),
            service: service("watcher"),
            event_types: [Pattern::parse("#").unwrap()].into(),
            created_at: now,
            changed_at: now,
            after,
            channel: Channel::Socket {
                name: Label::parse("tail").unwrap(),
            },
            paused: None,
        })))
    }

    fn acked(&self, number: u128, through: Sequence) -> Fact {
        Fact::Subscription(SubscriptionFact::PositionAcked(PositionAcked {
            id: SubscriptionId(Uuid::from_u128(number)),
            at: self.clock.now(),
            through,
        }))
    }
}

fn told(snapshot: &Snapshot) -> (String, u64, String) {
    let state = snapshot.state.as_json().to_owned();
    (snapshot.stream_id.to_string(), snapshot.version, state)
}

/// The streams and versions of snapshots, and what is removed at the end.
fn removal(facts: &[Fact]) -> (Vec<(String, u64)>, Option<Sequence>) {
    let mut snapshots = Vec::new();
    let mut before = None;
    for fact in facts {
        assert_eq!(before, None, "the removal comes last");
        match fact {
            Fact::Event(EventFact::SnapshotTaken(one)) => {
                snapshots.push((one.stream_id.to_string(), one.version));
            }
            Fact::Event(EventFact::EventsRemoved(removed)) => before = Some(removed.before),
            other => panic!("{other:?}"),
        }
    }
    (snapshots, before)
}

#[actix::test]
async fn a_snapshot_is_taken_whenever_a_stream_has_so_many_events_more() {
    let mut desk = desk();
    desk.publish("hero", 1..=2);
    desk.publish("town", 1..=1);
    assert_eq!(desk.flushed.drain().await.len(), 0);
    desk.publish("hero", 3..=4);
    let expected = r#"{"v1":1,"last":3,"v2":2,"v3":3}"#.to_owned();
    assert_eq!(desk.commit_snapshot().await, ("hero".into(), 3, expected));
    desk.publish("hero", 5..=6);
    let (_, version, state) = desk.commit_snapshot().await;
    assert_eq!(version, 6);
    assert!(
        state.contains(r#""last":6"#) && state.contains(r#""v1":1"#),
        "{state}"
    );
    assert_eq!(desk.flushed.drain().await.len(), 0);
}

#[actix::test]
async fn what_was_due_before_a_restart_is_due_after_it() {
    let mut desk = desk();
    desk.publish("hero", 1..=3);
    // The journal never has it.
    desk.flush().await;
    let lost = desk.recorded().await;
    assert_eq!(removal(&lost.facts).0, [("hero".to_owned(), 3)]);
    desk.restart();
    assert_eq!(desk.commit_snapshot().await.1, 3);
    desk.restart();
    assert_eq!(desk.flushed.drain().await.len(), 0);
}

#[actix::test]
async fn a_due_snapshot_waits_for_the_archive() {
    let mut desk = desk();
    desk.publish("hero", 1..=3);
    let error = ArchiveError::Unavailable("down".to_owned());
    let flush = desk.flushed.recv().await;
    flush.reply.send(Err(error)).unwrap();
    assert_eq!(desk.flushed.drain().await.len(), 0);
    desk.pass_unread(RETRY).await;
    assert_eq!(desk.commit_snapshot().await.1, 3);
}

#[actix::test]
async fn a_client_gets_the_state_at_any_version() {
    let mut desk = desk();
    desk.publish("hero", 1..=3);
    desk.commit_snapshot().await;
    desk.publish("hero", 4..=5);
    for (version, expected) in [
        (Some(1), r#"{"v1":1,"last":1}"#),
        (Some(3), r#"{"v1":1,"last":3,"v2":2,"v3":3}"#),
        (Some(4), r#"{"v1":1,"last":4,"v2":2,"v3":3,"v4":4}"#),
        (None, r#"{"v1":1,"last":5,"v2":2,"v3":3,"v4":4,"v5":5}"#),
    ] {
        assert_eq!(desk.state("hero", version).await.unwrap(), expected);
    }
    let refused = |answer: Result<String, ArchiveRefusal>| match answer {
        Err(ArchiveRefusal::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let ahead = refused(desk.state("hero", Some(6)).await);
    let conflict = Refusal::VersionConflict {
        expected: 6,
        current: 5,
    };
    assert_eq!(ahead, conflict);
    assert_eq!(refused(desk.state("nobody", None).await), Refusal::NotFound);
}

#[actix::test]
async fn a_snapshot_asked_for_is_answered_when_the_journal_has_it() {
    let mut desk = desk();
    desk.publish("hero", 1..=2);
    // That needs no archive.
    desk.archive.set_unavailable(true);
    let mut taken = desk.take(r#"{"v1":1}"#, Some(1));
    settle().await;
    assert!(taken.try_recv().is_err());
    desk.commit_next().await;
    let expected = ("hero".to_owned(), 1, r#"{"v1":1}"#.to_owned());
    assert_eq!(told(&taken.await.unwrap().unwrap()), expected);

    let newest = desk.take(r#"{"a": 1e400}"#, None);
    desk.commit_next().await;
    let (_, version, state) = told(&newest.await.unwrap().unwrap());
    assert_eq!((version, state.as_str()), (2, r#"{"a": 1e400}"#));
    let ahead = desk.take("{}", Some(3)).await.unwrap();
    assert!(matches!(ahead, Err(Refusal::VersionConflict { .. })));
}
