mod looking;
mod opening;

use actix::Addr;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;
use crate::actors::fixtures::{
    accepted, assert_time, committed, delivered, id, message, unwatched,
};
use crate::actors::probe::{Received, probe, settle};
use crate::adapters::archive_memory::MemoryArchive;
use crate::adapters::journal_memory::{MemoryDisk, MemoryJournal};
use crate::clock::Clock;
use crate::domain::fact::Fact;
use crate::domain::ids::HubId;
use crate::domain::message::{Message as HubMessage, State};
use crate::domain::payload::Payload;
use crate::logic::ownership::OwnershipDenial;
use crate::logic::writer::Epoch;
use crate::ports::archive::{ArchiveReader, ArchiveWriter, ArchivedMessage, MessageArchive};
use crate::ports::journal::Journal;

const HUB: HubId = HubId(Uuid::from_u128(1));
const EARLIER: Epoch = 70;
const EPOCH: Epoch = 40;
const INTERVAL: Duration = Duration::from_secs(3);

/// An open archivist between a journal and an archive in memory, and everything it says.
struct Cellar {
    address: Addr<Archivist>,
    clock: Clock,
    metrics: Arc<Metrics>,
    archive: Arc<MemoryArchive>,
    journal: MemoryJournal,
    archived: Received<Archived>,
    history: Received<HistoryBegins>,
}

/// A hub that had one epoch before.
fn author(hub: HubId, epoch: Epoch) -> Author {
    let earlier = Arc::new([EARLIER]);
    Author {
        hub,
        epoch,
        earlier,
    }
}

fn cellar() -> Cellar {
    cellar_where(MemoryArchive::default(), Ok(FoundArchive::default()))
}

fn cellar_where(archive: MemoryArchive, found: Result<FoundArchive, ArchiveError>) -> Cellar {
    tokio::time::pause();
    let (to_archived, archived) = probe();
    let (to_history, history) = probe();
    let hops = Hops {
        archived: to_archived,
        history_begins: vec![to_history],
    };
    let clock = Clock::start();
    let archive = Arc::new(archive);
    let journal = MemoryDisk::default().journal();
    let metrics = Arc::new(Metrics::new());
    let archivist = Archivist::new(
        metrics.clone(),
        (archive.clone(), author(HUB, EPOCH)),
        journal.readers(),
        found,
        INTERVAL,
        hops,
        unwatched(),
    );
    let address = archivist.start();
    address.do_send(Open);
    Cellar {
        address,
        clock,
        metrics,
        archive,
        journal,
        archived,
        history,
    }
}

impl Cellar {
    fn message(&self, number: u128) -> HubMessage {
        message(number, self.clock.now())
    }

    /// Writes to the journal and tells, as the writer does.
    fn commit(&mut self, facts: Vec<Fact>) {
        let first = self.journal.append(&facts).unwrap();
        self.journal.sync().unwrap();
        self.address.do_send(committed(first, facts));
    }

    /// Messages of 1 MiB each.
    fn large(&self, numbers: std::ops::RangeInclusive<u128>) -> Vec<Fact> {
        let text = format!("\"{}\"", "x".repeat(1 << 20));
        let message = |number| HubMessage {
            payload: Payload::parse(&text).unwrap(),
            ..self.message(number)
        };
        numbers.map(|number| accepted(message(number))).collect()
    }

    async fn checkpoint(&self) -> Position {
        settle().await;
        self.archive.standing().await.unwrap().checkpoint
    }

    async fn row(&self, number: u128) -> Option<ArchivedMessage> {
        self.archive.message(id(number)).await.unwrap()
    }

    async fn flush(&self) -> Result<(), ArchiveError> {
        let (reply, flushed) = oneshot::channel();
        self.address.do_send(Flush { reply });
        flushed.await.unwrap()
    }

    /// Waits until the archive is said to hold everything up to `position`.
    async fn caught_up(&mut self, position: Position) {
        while self.archived.recv().await.through < position {}
    }
}

#[actix::test]
async fn writes_when_the_interval_is_over() {
    let mut cellar = cellar();
    assert_eq!(cellar.archived.recv().await.through, 0);
    let message = cellar.message(1);
    cellar.commit(vec![accepted(message.clone()), delivered(&message)]);
    assert_eq!(cellar.checkpoint().await, 0);
    let due = cellar.clock.now().plus(INTERVAL);
    assert_eq!(cellar.archived.recv().await.through, 2);
    assert_time(cellar.clock.now(), due);
    assert_eq!(cellar.checkpoint().await, 2);
    assert_eq!(cellar.row(1).await.unwrap().state, State::Delivered);
}

#[actix::test]
async fn writes_at_once_when_a_reader_asks() {
    let mut cellar = cellar();
    let now = cellar.clock.now();
    cellar.commit(vec![accepted(cellar.message(1))]);
    assert_eq!(cellar.flush().await, Ok(()));
    assert!(cellar.row(1).await.is_some());
    assert_eq!(cellar.flush().await, Ok(()));
    assert_eq!(cellar.clock.now(), now);
}

#[actix::test]
async fn so_many_bytes_are_written_before_the_interval_is_over() {
    let mut cellar = cellar();
    let facts = cellar.large(1..=15);
    cellar.commit(facts);
    assert_eq!(cellar.checkpoint().await, 0);
    let facts = cellar.large(16..=17);
    cellar.commit(facts);
    assert_eq!(cellar.checkpoint().await, 17);
}

#[actix::test]
async fn too_many_bytes_are_left_to_the_journal_and_read_in_parts() {
    let mut cellar = cellar();
    let facts = cellar.large(1..=70);
    cellar.commit(facts);
    let mut last = 0;
    while last < 70 {
        let through = cellar.archived.recv().await.through;
        assert!(through - last <= 16, "from {last} to {through} at once");
        last = through;
    }
    assert!(cellar.row(1).await.is_some() && cellar.row(70).await.is_some());
}

#[actix::test]
async fn an_archive_that_was_down_gets_everything_later() {
    let mut cellar = cellar();
    cellar.commit(vec![accepted(cellar.message(1))]);
    cellar.archive.set_unavailable(true);
    let refused = cellar.flush().await;
    assert!(matches!(refused, Err(ArchiveError::Unavailable(_))));
    cellar.commit(vec![accepted(cellar.message(2))]);
    assert!(cellar.flush().await.is_err());
    tokio::time::advance(2 * RETRY).await;
    assert!(cellar.flush().await.is_err());
    cellar.archive.set_unavailable(false);
    cellar.caught_up(2).await;
    assert!(cellar.row(1).await.is_some());
    assert!(cellar.row(2).await.is_some());
    cellar.commit(vec![delivered(&cellar.message(2))]);
    assert_eq!(cellar.flush().await, Ok(()));
    assert_eq!(cellar.row(2).await.unwrap().state, State::Delivered);
}

#[actix::test]
async fn writes_everything_before_it_closes() {
    let mut cellar = cellar();
    cellar.commit(vec![accepted(cellar.message(1))]);
    let (reply, closed) = oneshot::channel();
    cellar.address.do_send(Close { reply });
    closed.await.unwrap();
    assert!(cellar.row(1).await.is_some());
    settle().await;
    assert!(!cellar.address.connected());
}

#[actix::test]
async fn an_archive_that_is_down_does_not_keep_it_from_closing() {
    let mut cellar = cellar();
    cellar.archive.set_unavailable(true);
    cellar.commit(vec![accepted(cellar.message(1))]);
    let (reply, closed) = oneshot::channel();
    cellar.address.do_send(Close { reply });
    closed.await.unwrap();
    settle().await;
    assert!(!cellar.address.connected());
}

#[actix::test]
async fn an_archive_that_was_down_at_the_start_gets_everything_later() {
    let archive = MemoryArchive::default();
    archive.set_unavailable(true);
    let down = ArchiveError::Unavailable("no route".to_owned());
    let mut cellar = cellar_where(archive, Err(down.clone()));
    assert!(!cellar.metrics.status.archive_answers.get());
    cellar.commit(vec![accepted(cellar.message(1))]);
    settle().await;
    let refused = cellar.flush().await;
    assert!(matches!(refused, Err(ArchiveError::Unavailable(_))));
    cellar.archive.set_unavailable(false);
    cellar.caught_up(1).await;
    assert!(cellar.metrics.status.archive_answers.get());
    assert_eq!(cellar.flush().await, Ok(()));
    assert!(cellar.row(1).await.is_some());
}

#[actix::test]
async fn an_archive_that_turns_out_to_be_ahead_is_left_alone() {
    let archive = MemoryArchive::default();
    let batch = Batch {
        through: 3,
        ..Default::default()
    };
    archive.apply(Arc::new(batch)).await.unwrap();
    let down = ArchiveError::Unavailable("no route".to_owned());
    let mut cellar = cellar_where(archive, Err(down));
    cellar.commit(vec![accepted(cellar.message(1))]);
    settle().await;
    for number in 2..=5 {
        let refused = cellar.flush().await;
        let denial = matches!(
            refused,
            Err(ArchiveError::Denied(OwnershipDenial::Ahead { .. }))
        );
        assert!(denial, "{refused:?}");
        cellar.commit(vec![accepted(cellar.message(number))]);
        tokio::time::advance(2 * RETRY).await;
        settle().await;
    }
    assert_eq!(cellar.checkpoint().await, 3);
}
