//! What only a server can do: go away, come back, be somebody else's.

use message_hub::adapters::archive::PostgresArchive;
use message_hub::ports::archive::{Archive, ArchiveError};

use super::facts::{accepted, failed, id};
use super::{apply, batch, block_on, row};
use crate::support::postgres::{self, Server};

fn open(url: &str) -> PostgresArchive {
    PostgresArchive::open(url).unwrap()
}

/// Runs `check` with the URL of an empty database.
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls read better without a reference"
)]
fn with_url(check: impl AsyncFn(&str)) {
    if let Some(url) = postgres::database() {
        block_on(check(&url));
    }
}

async fn cause_of_failure(archive: &PostgresArchive) -> String {
    match archive.checkpoint().await {
        Err(ArchiveError::Unavailable(cause)) => cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn survives_being_closed() {
    with_url(async |url| {
        let archive = open(url);
        apply(&archive, [accepted(1), failed(1, 1)]).await;
        let before = row(&archive, 1).await;
        drop(archive);
        let archive = open(url);
        assert_eq!(archive.checkpoint().await.unwrap(), 2);
        assert_eq!(row(&archive, 1).await, before);
    });
}

#[test]
fn a_url_that_is_none_is_refused_without_its_password() {
    for url in [
        "postgresql://hub@localhost/db?secret=word",
        "postgresql://hub:secret-word@localhost:port/db",
        "postgresql://:secret-word@",
        "postgresql://",
    ] {
        let Err(ArchiveError::CannotOpen(cause)) = PostgresArchive::open(url) else {
            panic!("{url} was opened");
        };
        assert!(cause.starts_with("database_url: "), "{cause}");
        assert!(!cause.contains("secret"), "{cause}");
    }
}

#[test]
fn a_server_that_went_away_is_unavailable_until_it_is_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database();
    block_on(async {
        let archive = open(&url);
        apply(&archive, [accepted(1)]).await;
        server.crash();
        let later = batch(1, [accepted(2)]);
        let failure = archive.apply(later.clone()).await;
        assert!(
            matches!(failure, Err(ArchiveError::Unavailable(_))),
            "{failure:?}"
        );
        let cause = cause_of_failure(&archive).await;
        assert!(cause.contains("refused"), "{cause}");
        assert!(!cause.contains("secret-word"), "{cause}");

        server.go_on();
        archive.apply(later).await.unwrap();
        assert_eq!(row(&archive, 1).await.position, 1);
        assert_eq!(row(&archive, 2).await.position, 2);
    });
}

#[test]
fn what_to_fix_is_said() {
    with_url(async |url| {
        let (server, _) = url.rsplit_once('/').unwrap();
        let nowhere = open(&format!("{server}/no_such_database"));
        let cause = cause_of_failure(&nowhere).await;
        assert!(
            cause.contains("no_such_database") && cause.contains("create it"),
            "{cause}"
        );
    });
}

#[test]
fn two_hubs_at_once_make_the_tables_once() {
    with_url(async |url| {
        let archives: Vec<_> = (0..4).map(|_| open(url)).collect();
        let checkpoints = archives.iter().map(PostgresArchive::checkpoint);
        for checkpoint in futures_util::future::join_all(checkpoints).await {
            assert_eq!(checkpoint, Ok(0));
        }
    });
}

#[test]
fn of_two_hubs_only_one_goes_on() {
    with_url(async |url| {
        let (one, other) = (open(url), open(url));
        apply(&one, [accepted(1)]).await;
        let refused = other.apply(batch(0, [accepted(2), accepted(3)])).await;
        assert_eq!(refused, Err(ArchiveError::OutOfStep { checkpoint: 1 }));
        assert_eq!(other.message(id(2)).await, Ok(None));
    });
}

#[test]
fn a_batch_waits_for_the_other_and_then_sees_it() {
    with_url(async |url| {
        let (one, other) = (open(url), open(url));
        assert_eq!(one.checkpoint().await, Ok(0));
        assert_eq!(other.checkpoint().await, Ok(0));
        let (first, second) = (
            batch(0, [accepted(1)]),
            batch(0, [accepted(2), accepted(3)]),
        );
        let results = futures_util::future::join(one.apply(first), other.apply(second)).await;
        let results = [results.0, results.1];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        let refused = results.iter().find_map(|result| result.as_ref().err());
        let checkpoint = one.checkpoint().await.unwrap();
        assert_eq!(refused, Some(&ArchiveError::OutOfStep { checkpoint }));
    });
}

#[test]
fn a_failed_write_changes_nothing_and_may_be_repeated() {
    with_url(async |url| {
        let archive = open(url);
        assert_eq!(archive.checkpoint().await, Ok(0));
        let execute = async |sql: &'static str| {
            let url = url.to_owned();
            let done = tokio::task::spawn_blocking(move || postgres::execute(&url, sql));
            done.await.unwrap();
        };
        execute("ALTER TABLE checkpoint ADD CONSTRAINT refuse CHECK (position < 1)").await;
        let first = batch(0, [accepted(1)]);
        let failure = archive.apply(first.clone()).await;
        assert!(
            matches!(failure, Err(ArchiveError::Unavailable(_))),
            "{failure:?}"
        );
        assert_eq!(archive.message(id(1)).await, Ok(None));
        execute("ALTER TABLE checkpoint DROP CONSTRAINT refuse").await;
        archive.apply(first).await.unwrap();
        assert_eq!(row(&archive, 1).await.position, 1);
    });
}

#[test]
fn tables_that_were_dropped_are_made_anew_and_ask_for_the_journal() {
    with_url(async |url| {
        let archive = open(url);
        apply(&archive, [accepted(1)]).await;
        let url = url.to_owned();
        let sql = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
        let dropped = tokio::task::spawn_blocking(move || postgres::execute(&url, sql));
        dropped.await.unwrap();
        let failure = archive.apply(batch(1, [accepted(2)])).await;
        assert!(
            matches!(failure, Err(ArchiveError::Unavailable(_))),
            "{failure:?}"
        );
        assert_eq!(archive.checkpoint().await, Ok(0));
    });
}
