//! What only a file can do: last, be no database, vanish.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use message_hub::adapters::archive::SqliteArchive;
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::{MessageFact, MessagesRemoved};
use message_hub::domain::message::State;
use message_hub::domain::payload::Payload;
use message_hub::domain::timestamp::Timestamp;
use message_hub::logic::ownership::ArchiveStanding;
use message_hub::ports::archive::{ArchiveError, ArchiveReader, ArchiveWriter, MessageArchive};

use super::facts::{accepted, delivered, failed, id, message};
use super::{apply, batch, block_on, row};

/// Runs `check` with the path of a file that does not exist yet.
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls read better without a reference"
)]
fn with_path(check: impl AsyncFn(&Path)) {
    let directory = tempfile::tempdir().unwrap();
    block_on(check(&directory.path().join("archive.db")));
}

async fn open(path: &Path) -> SqliteArchive {
    SqliteArchive::open(path).await.unwrap()
}

#[test]
fn survives_being_closed() {
    with_path(async |path| {
        let archive = open(path).await;
        apply(&archive, [accepted(1), failed(1, 1)]).await;
        let before = row(&archive, 1).await;
        drop(archive);
        let archive = open(path).await;
        assert_eq!(archive.standing().await.unwrap().checkpoint, 2);
        assert_eq!(row(&archive, 1).await, before);
    });
}

#[test]
fn a_file_that_is_no_database_is_named() {
    with_path(async |path| {
        fs::write(path, "certainly not a database, ".repeat(100)).unwrap();
        let Err(ArchiveError::CannotOpen(cause)) = SqliteArchive::open(path).await else {
            panic!("opened a text file");
        };
        assert!(cause.contains(&path.display().to_string()), "{cause}");
        assert!(cause.contains("not a database"), "{cause}");
    });
}

#[test]
fn a_missing_directory_is_named() {
    with_path(async |path| {
        let nowhere = path.join("archive.db");
        let Err(ArchiveError::CannotOpen(cause)) = SqliteArchive::open(nowhere).await else {
            panic!("opened a file in no directory");
        };
        assert!(cause.contains("archive.db/archive.db"), "{cause}");
    });
}

#[test]
fn a_deleted_file_is_made_anew_and_asks_for_the_journal() {
    with_path(async |path| {
        let archive = open(path).await;
        apply(&archive, [accepted(1)]).await;
        fs::remove_file(path).unwrap();

        let later = archive.apply(batch(1, [accepted(2)])).await;
        assert_eq!(later, Err(ArchiveError::OutOfStep { checkpoint: 0 }));
        apply(&archive, [accepted(1), accepted(2)]).await;
        assert_eq!(row(&archive, 2).await.position, 2);
    });
}

#[test]
fn is_unavailable_while_the_file_cannot_be_opened() {
    with_path(async |path| {
        let archive = open(path).await;
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
        let read = archive.standing().await;
        assert!(
            matches!(read, Err(ArchiveError::Unavailable(_))),
            "{read:?}"
        );
        fs::remove_dir(path).unwrap();
        assert_eq!(archive.standing().await, Ok(ArchiveStanding::default()));
    });
}

#[test]
fn a_failed_write_changes_nothing_and_may_be_repeated() {
    with_path(async |path| {
        let archive = open(path).await;
        let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let first = batch(0, [accepted(1)]);
        let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON checkpoint
            BEGIN SELECT RAISE(ABORT, 'refused'); END";
        other.batch_execute(refuse).unwrap();
        let failure = archive.apply(first.clone()).await;
        assert_eq!(failure, Err(ArchiveError::Unavailable("refused".into())));
        assert_eq!(archive.message(id(1)).await, Ok(None));

        other.batch_execute("DROP TRIGGER refuse").unwrap();
        archive.apply(first).await.unwrap();
        assert_eq!(row(&archive, 1).await.position, 1);
    });
}

#[test]
fn reads_do_not_wait_for_a_write() {
    with_path(async |path| {
        let archive = open(path).await;
        apply(&archive, [accepted(1)]).await;
        let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        other
            .batch_execute("BEGIN IMMEDIATE; DELETE FROM messages;")
            .unwrap();
        assert_eq!(row(&archive, 1).await.position, 1);
    });
}

/// What is in the file besides what is used, in bytes.
fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

async fn fill_and_empty(archive: &SqliteArchive) {
    let filling = format!("\"{}\"", "x".repeat(20_000));
    for number in 1..=250 {
        let mut message = message(number);
        message.payload = Payload::parse(&filling).unwrap();
        apply(
            archive,
            [
                Fact::Message(MessageFact::Accepted(Arc::new(message))),
                delivered(number, 1),
            ],
        )
        .await;
    }
    let census = archive.census().await.unwrap();
    assert_eq!(census.by_state(0)[&State::Delivered], 250);
    assert!(census.bytes > 4 << 20, "{census:?}");
    let removed = Fact::Message(MessageFact::MessagesRemoved(MessagesRemoved {
        at: Timestamp::from_millis(9_000),
        after: 0,
        through: 1_000_000,
        settled_before: Timestamp::from_millis(8_000),
    }));
    apply(archive, [removed]).await;
    let census = archive.census().await.unwrap();
    assert_eq!(census.messages, 0);
    while archive.tidy().await.unwrap() {}
}

#[test]
fn the_file_gives_back_what_is_free_in_it() {
    with_path(async |path| {
        let archive = open(path).await;
        archive.look().await.unwrap();
        fill_and_empty(&archive).await;
        archive.close().await;
        assert!(size(path) < 1 << 20, "{}", size(path));
    });
}

#[test]
fn a_small_file_of_an_older_version_gives_back_from_now_on() {
    with_path(async |path| {
        open(path).await.close().await;
        let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        other
            .batch_execute("PRAGMA auto_vacuum = NONE; VACUUM;")
            .unwrap();
        drop(other);
        let archive = open(path).await;
        fill_and_empty(&archive).await;
        archive.close().await;
        assert!(size(path) < 1 << 20, "{}", size(path));
    });
}

/// What happens to the archive, and whether a look tells.
fn is_seen_by_a_look(harm: &str, heals: &str) {
    with_path(async |path| {
        let archive = open(path).await;
        archive.look().await.unwrap();
        let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        other.batch_execute(harm).unwrap();
        let looked = archive.look().await;
        assert!(
            matches!(looked, Err(ArchiveError::Unavailable(_))),
            "{harm}"
        );
        other.batch_execute(heals).unwrap();
        archive.look().await.expect(heals);
    });
}

#[test]
fn a_look_sees_that_somebody_else_keeps_it_from_being_written_to() {
    is_seen_by_a_look("BEGIN EXCLUSIVE", "COMMIT");
}

#[test]
fn a_look_sees_that_a_table_is_gone() {
    for table in ["messages", "events", "event_letters", "snapshots"] {
        is_seen_by_a_look(
            &format!("ALTER TABLE {table} RENAME TO away"),
            &format!("ALTER TABLE away RENAME TO {table}"),
        );
    }
}
