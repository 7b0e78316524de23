mod events;
mod units;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix::Addr;
use rand::SeedableRng;
use tokio::sync::oneshot;

use super::*;
use crate::actors::fixtures::{
    accept, accepted, dead, delivered, event, event_offer, message, named_event, named_message,
    offer, publish, registration, service_seen, unwatched,
};
use crate::actors::messages::router::Slot;
use crate::actors::probe::{Received, probe, settle};
use crate::adapters::journal_memory::MemoryDisk;
use crate::domain::event::Snapshot;
use crate::domain::fact::event::EventFact;
use crate::domain::ids::StreamId;
use crate::domain::json_text::JsonText;
use crate::domain::message::Message as HubMessage;
use crate::domain::message::State;
use crate::domain::payload::Payload;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::dedup::DedupWindow;

/// A writer on a disk in memory, and everything it says.
struct Writer {
    disk: MemoryDisk,
    clock: Clock,
    metrics: Arc<Metrics>,
    address: Addr<EventStore>,
    committed: Received<Committed>,
    released: Received<Release>,
    fatal: Received<Fatal>,
    /// How often it said that there is work.
    busy: Arc<AtomicU32>,
}

fn writer() -> Writer {
    writer_telling(Vec::new())
}

/// `others` are told of commits as well.
fn writer_telling(mut others: Vec<Recipient<Committed>>) -> Writer {
    tokio::time::pause();
    let (disk, clock) = (MemoryDisk::default(), Clock::start());
    let (to_committed, committed) = probe();
    let (router, released) = probe();
    let (warden, fatal) = probe();
    others.push(to_committed);
    let busy = Arc::new(AtomicU32::new(0));
    let count = busy.clone();
    let hops = Hops {
        committed: others,
        router,
        warden,
        busy: Some(Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        })),
    };
    let write_model = WriteModel::new(DedupWindow::new(100, Duration::from_secs(3600)));
    let (journal, metrics) = (Box::new(disk.journal()), Arc::new(Metrics::new()));
    let time = (clock, StdRng::seed_from_u64(1));
    let store = EventStore::new(
        time,
        metrics.clone(),
        journal,
        write_model,
        1,
        hops,
        unwatched(),
    );
    Writer {
        disk,
        clock,
        metrics,
        address: store.start(),
        committed,
        released,
        fatal,
        busy,
    }
}

impl Writer {
    fn message(&self, number: u128) -> HubMessage {
        message(number, self.clock.now())
    }

    fn named(&self, number: u128, content: u128) -> HubMessage {
        named_message(number, content, self.clock.now())
    }

    fn offer(&self, messages: Vec<HubMessage>) -> oneshot::Receiver<Vec<Slot>> {
        let (request, answer) = accept(messages.into_iter().map(offer).collect());
        self.address.do_send(request);
        answer
    }

    fn record(&self, facts: Vec<Fact>) -> oneshot::Receiver<()> {
        let (reply, answer) = oneshot::channel();
        let reply = Some(reply);
        self.address.do_send(Record { facts, reply });
        answer
    }

    /// The facts everyone was told of since last asked.
    async fn told(&mut self) -> Vec<Fact> {
        let batches = self.committed.drain().await;
        let records = batches
            .iter()
            .flat_map(|committed| committed.records.iter());
        records.map(|record| record.fact.clone()).collect()
    }

    /// How many reservations were given back since last asked.
    async fn released_messages(&mut self) -> usize {
        let released = self.released.drain().await;
        released.iter().map(|release| release.messages.len()).sum()
    }

    /// The facts a restart would find.
    fn written(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        self.disk
            .journal()
            .replay(&mut |record| facts.push(record.fact))
            .unwrap();
        facts
    }
}

#[actix::test]
async fn many_requests_share_one_sync() {
    let mut writer = writer();
    let answers: Vec<_> = (1..=50)
        .map(|number| writer.offer(vec![writer.message(number)]))
        .collect();
    for answer in answers {
        assert_eq!(answer.await.unwrap(), [Slot::Accepted]);
    }
    assert_eq!(writer.disk.syncs(), 1);
    let batches = writer.committed.drain().await;
    let positions = batches.iter().flat_map(|batch| batch.records.iter());
    let positions: Vec<_> = positions.map(|record| record.position).collect();
    assert_eq!(positions, (1..=50).collect::<Vec<_>>());
    assert_eq!(batches.len(), 1);
}

#[actix::test]
async fn it_says_once_that_there_is_work() {
    let writer = writer();
    let half = usize::try_from(BUSY_RECORDS / 2).unwrap();
    for (facts, said) in [(half, 0), (half - 1, 0), (1, 1), (2 * half, 1)] {
        let recorded = writer.record(vec![service_seen("a"); facts]);
        recorded.await.unwrap();
        assert_eq!(writer.busy.load(Ordering::Relaxed), said);
    }
}

#[actix::test]
async fn a_request_full_of_payload_does_not_wait_for_more() {
    let writer = writer();
    let mut large = writer.message(1);
    let text = format!("\"{}\"", "x".repeat(BATCH_BYTES));
    large.payload = Payload::parse(&text).unwrap();
    let first = writer.offer(vec![large]);
    let second = writer.offer(vec![writer.message(2)]);
    assert_eq!(first.await.unwrap(), [Slot::Accepted]);
    assert_eq!(second.await.unwrap(), [Slot::Accepted]);
    assert_eq!(writer.disk.syncs(), 2);
}

/// A next hop that writes down when it heard.
struct Listener(Rc<RefCell<Vec<&'static str>>>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<Committed> for Listener {
    type Result = ();

    fn handle(&mut self, _: Committed, _: &mut Context<Self>) {
        self.0.borrow_mut().push("told");
    }
}

#[actix::test]
async fn everyone_is_told_before_the_client_is_answered() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let listener = Listener(order.clone()).start().recipient();
    let writer = writer_telling(vec![listener]);
    let (request, answer) = accept(vec![offer(writer.message(1))]);
    let heard = order.clone();
    actix::spawn(async move {
        answer.await.unwrap();
        heard.borrow_mut().push("answered");
    });
    // Both wait by now, so they run in the order in which they are woken.
    settle().await;
    writer.address.do_send(request);
    settle().await;
    assert_eq!(*order.borrow(), ["told", "answered"]);
}

#[actix::test]
async fn a_repeated_message_is_written_once() {
    let mut writer = writer();
    let both = vec![writer.named(1, 7), writer.named(1, 7)];
    let answer = writer.offer(both).await.unwrap();
    assert_eq!(
        answer,
        [Slot::Accepted, Slot::Duplicate(Some(State::Queued))]
    );
    let answer = writer.offer(vec![writer.named(1, 7)]).await.unwrap();
    assert_eq!(answer, [Slot::Duplicate(Some(State::Queued))]);
    assert_eq!(writer.told().await, [accepted(writer.named(1, 7))]);
    assert_eq!(writer.written(), [accepted(writer.named(1, 7))]);
    assert_eq!(writer.released_messages().await, 2);
}

#[actix::test]
async fn an_id_used_for_other_content_is_refused() {
    let mut writer = writer();
    let both = vec![writer.named(1, 7), writer.named(1, 8)];
    let refused = Slot::Refused(Refusal::OtherContent);
    let answer = writer.offer(both).await.unwrap();
    assert_eq!(answer, [Slot::Accepted, refused.clone()]);
    let answer = writer.offer(vec![writer.named(1, 9)]).await.unwrap();
    assert_eq!(answer, [refused]);
    assert_eq!(writer.told().await, [accepted(writer.named(1, 7))]);
    assert_eq!(writer.released_messages().await, 2);
}

#[actix::test]
async fn a_full_disk_refuses_messages_and_keeps_what_settles_them() {
    let mut writer = writer();
    let (old, new) = (writer.message(1), writer.message(2));
    writer.offer(vec![old.clone()]).await.unwrap();
    writer.told().await;
    writer.disk.set_full(true);
    let refused = writer.offer(vec![new]);
    let mut recorded = writer.record(vec![delivered(&old)]);
    let refused = refused.await.unwrap();
    let [Slot::Refused(Refusal::StorageFull(shortage))] = &refused[..] else {
        panic!("{refused:?}");
    };
    assert_eq!((&*shortage.path, shortage.reserve), ("memory", 1));
    let told = Some(Refusal::StorageFull(shortage.clone()));
    assert_eq!(writer.metrics.status.intake.refusal(), told);
    assert_eq!(writer.released_messages().await, 1);
    tokio::time::advance(2 * DISK_CHECK).await;
    assert!(writer.told().await.is_empty());
    assert!(recorded.try_recv().is_err());
    writer.disk.set_full(false);
    recorded.await.unwrap();
    assert_eq!(writer.told().await, [delivered(&old)]);
    assert_eq!(writer.written().len(), 2);
}

#[actix::test]
async fn a_shortage_of_files_refuses_what_is_new_in_words_and_passes_by_itself() {
    let mut writer = writer();
    let old = writer.message(1);
    writer.offer(vec![old.clone()]).await.unwrap();
    writer.disk.set_lack(Some(Lack::Files));
    let mut recorded = writer.record(vec![delivered(&old)]);
    let short = Refusal::ShortOf(Lack::Files);
    // The first is refused by the write that fails, the second before another is tried.
    for number in [2, 3] {
        let refused = writer.offer(vec![writer.message(number)]).await.unwrap();
        assert_eq!(refused, [Slot::Refused(short.clone())]);
    }
    assert!(short.to_string().contains("no open files left"));
    assert!(recorded.try_recv().is_err());
    assert_eq!(writer.metrics.status.journal.lack(), Some(Lack::Files));
    assert_eq!(writer.metrics.status.intake.refusal(), Some(short));
    tokio::time::advance(2 * DISK_CHECK).await;
    settle().await;
    writer.disk.set_lack(None);
    tokio::time::advance(2 * DISK_CHECK).await;
    recorded.await.unwrap();
    let accepted = writer.offer(vec![writer.message(4)]).await.unwrap();
    assert_eq!(accepted, [Slot::Accepted]);
    assert_eq!(writer.metrics.status.journal.lack(), None);
    assert!(!writer.metrics.status.intake.is_stopped());
    assert!(writer.fatal.drain().await.is_empty());
}

#[actix::test]
async fn messages_are_accepted_again_once_there_is_room() {
    let writer = writer();
    writer.disk.set_full(true);
    writer.offer(vec![writer.message(1)]).await.unwrap();
    writer.disk.set_full(false);
    tokio::time::advance(2 * DISK_CHECK).await;
    let answer = writer.offer(vec![writer.message(1)]).await.unwrap();
    assert_eq!(answer, [Slot::Accepted]);
}

#[actix::test]
async fn a_failed_sync_is_fatal_and_answers_nobody() {
    let mut writer = writer();
    writer.disk.fail_next_sync();
    let before = writer.offer(vec![writer.message(1)]);
    assert!(before.await.is_err());
    assert_eq!(writer.fatal.recv().await.actor, "event_store");
    let after = writer.offer(vec![writer.message(2)]);
    assert!(after.await.is_err());
    assert!(writer.told().await.is_empty());
}

#[actix::test]
async fn what_does_not_follow_is_left_out() {
    let mut writer = writer();
    let (message, stranger) = (writer.message(1), writer.message(2));
    writer.offer(vec![message.clone()]).await.unwrap();
    writer.told().await;
    let facts = vec![delivered(&stranger), delivered(&message), dead(&message)];
    writer.record(facts).await.unwrap();
    assert_eq!(writer.told().await, [delivered(&message)]);
    let syncs = writer.disk.syncs();
    writer.record(vec![dead(&message)]).await.unwrap();
    assert!(writer.told().await.is_empty());
    assert_eq!(writer.disk.syncs(), syncs);
}

#[actix::test]
async fn what_no_record_can_hold_is_left_out_without_an_answer() {
    let mut writer = writer();
    let message = writer.message(1);
    writer.offer(vec![message.clone()]).await.unwrap();
    writer.told().await;
    let too_much = writer.record(vec![delivered(&message), snapshot(65 << 20)]);
    assert!(too_much.await.is_err());
    assert!(writer.told().await.is_empty());
    writer.record(vec![snapshot(16 << 20)]).await.unwrap();
    writer.record(vec![delivered(&message)]).await.unwrap();
    assert_eq!(writer.told().await.len(), 2);
    assert!(writer.fatal.drain().await.is_empty());
}

fn snapshot(bytes: usize) -> Fact {
    let state = format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes));
    Fact::Event(EventFact::SnapshotTaken(Arc::new(Snapshot {
        stream_id: StreamId::parse("hero").unwrap(),
        // Of a stream that nobody has to publish to first.
        version: 0,
        at: Timestamp::default(),
        state: JsonText::parse(&state).unwrap(),
    })))
}

#[actix::test]
async fn writes_and_answers_everything_before_it_closes() {
    let writer = writer();
    let answer = writer.offer(vec![writer.message(1)]);
    let (reply, closed) = oneshot::channel();
    writer.address.do_send(Close { reply });
    closed.await.unwrap();
    assert_eq!(answer.await.unwrap(), [Slot::Accepted]);
    assert_eq!(writer.written(), [accepted(writer.message(1))]);
    settle().await;
    assert!(!writer.address.connected());
}

#[actix::test]
async fn a_step_of_the_clock_is_noted_where_the_next_record_is_to_be() {
    let writer = writer();
    writer.offer(vec![writer.message(1)]).await.unwrap();
    let set_since = |position| {
        writer
            .disk
            .journal()
            .clock_steps()
            .set_since(position, None)
    };
    for (set_by, at_once) in [(999, 0), (31, 1_030), (-3_600_000, -3_598_970)] {
        writer.clock.set_wall_by(set_by);
        writer.address.send(ClockSet).await.unwrap();
        assert_eq!(set_since(1), at_once);
        assert_eq!(set_since(2), 0);
    }
    // Whoever writes notices it, too.
    writer.clock.set_wall_by(5_000);
    writer.offer(vec![writer.message(2)]).await.unwrap();
    assert_eq!((set_since(1), set_since(2)), (-3_593_970, 0));
}
