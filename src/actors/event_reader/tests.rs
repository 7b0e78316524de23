use std::time::Duration;

use actix::{Actor, Context, Handler};

use super::*;
use crate::adapters::archive_memory::MemoryArchive;

/// Says of each look at the log what it is told to.
struct Log(Vec<EventWindow>);

impl Actor for Log {
    type Context = Context<Self>;
}

impl Handler<InspectLog> for Log {
    type Result = ();

    fn handle(&mut self, inspect: InspectLog, _: &mut Context<Self>) {
        if !self.0.is_empty() {
            inspect.reply.send(self.0.remove(0)).unwrap();
        }
    }
}

impl Handler<ReadRecent> for Log {
    type Result = ();

    fn handle(&mut self, _: ReadRecent, _: &mut Context<Self>) {}
}

fn reader(windows: impl Into<Vec<EventWindow>>) -> EventReader {
    let log = Log(windows.into()).start();
    let archive = Arc::new(MemoryArchive::default());
    EventReader::new(log.clone().recipient(), log.recipient(), archive)
}

fn window(oldest: u64, newest: u64) -> EventWindow {
    EventWindow {
        oldest,
        kept_from: 1,
        newest,
        in_memory: 9,
    }
}

#[actix::test]
async fn what_goes_while_the_archive_is_read_shows() {
    let reader = reader([window(1, 9), window(5, 12)]);
    let visible = std::future::ready(Ok::<(), ArchiveError>(()));
    let read = reader.archived(EventQuery::default(), visible);
    let window = read.await.unwrap().window;
    assert_eq!((window.oldest, window.lost_from(2)), (5, Some((2, 4))));
    assert_eq!(
        window.newest, 9,
        "what came after may not be in the archive"
    );
}

#[actix::test]
async fn nothing_is_read_before_it_is_visible() {
    let reader = reader([window(1, 9), window(1, 9)]);
    let never = std::future::pending::<Result<(), ArchiveError>>();
    let read = reader.archived(EventQuery::default(), never);
    tokio::time::pause();
    let waited = tokio::time::timeout(Duration::from_secs(60), read).await;
    assert!(waited.is_err());
    let failed = std::future::ready(Err(ArchiveError::stopping()));
    let read = reader.archived(EventQuery::default(), failed);
    assert!(read.await.is_err());
}

#[actix::test]
async fn where_the_rest_is_in_memory_the_archive_may_be_away() {
    let reader = reader([window(10, 12)]);
    let query = EventQuery {
        from_sequence: Some(3),
        ..EventQuery::default()
    };
    let away = std::future::ready(Err(ArchiveError::stopping()));
    let read = reader.before_memory(query, away).await.unwrap();
    assert_eq!((read.page.items.len(), read.window.oldest), (0, 10));
    assert_eq!(read.through(None), 8, "what is in memory was not read");
}

#[actix::test]
async fn a_log_that_is_gone_answers_nothing() {
    let reader = reader([]);
    assert!(reader.window().await.is_err());
    assert!(reader.recent(EventQuery::default()).await.is_err());
}
