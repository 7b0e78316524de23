//! What only a server can do: go away, come back, be somebody else's.

use std::time::{Duration, Instant};

use message_hub::adapters::archive::PostgresArchive;
use message_hub::adapters::tls::Trust;
use message_hub::logic::ownership::ArchiveStanding;
use message_hub::ports::archive::{ArchiveError, ArchiveReader, ArchiveWriter, MessageArchive};

use super::facts::{accepted, failed, id};
use super::{apply, batch, block_on, row};
use crate::support::postgres::{self, Client, Server};

/// How many statements wait for a lock.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

fn open(url: &str) -> PostgresArchive {
    PostgresArchive::open(url, &Trust::default()).unwrap()
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
    match archive.standing().await {
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
        assert_eq!(archive.standing().await.unwrap().checkpoint, 2);
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
        "postgresql://hub:secret-word@localhost/db?sslmode=allow",
        "postgresql://hub:secret-word@localhost/db?sslrootcert=/secret",
    ] {
        let Err(ArchiveError::CannotOpen(cause)) = PostgresArchive::open(url, &Trust::default())
        else {
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
        let standings = archives.iter().map(PostgresArchive::standing);
        for standing in futures_util::future::join_all(standings).await {
            assert_eq!(standing, Ok(ArchiveStanding::default()));
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
fn a_batch_waits_for_the_other_hub_and_then_sees_where_it_is() {
    with_url(async |url| {
        let archive = open(url);
        assert_eq!(archive.standing().await, Ok(ArchiveStanding::default()));
        let other = Client::connect(url).await;
        other
            .execute("BEGIN; UPDATE checkpoint SET position = 7")
            .await;
        let waiting = archive.apply(batch(0, (1..=9).map(accepted)));
        let others_turn = async {
            while other.number(WAITING).await == 0 {
                tokio::task::yield_now().await;
            }
            other.execute("COMMIT").await;
        };
        let (refused, ()) = futures_util::future::join(waiting, others_turn).await;
        assert_eq!(refused, Err(ArchiveError::OutOfStep { checkpoint: 7 }));
        assert_eq!(archive.message(id(1)).await, Ok(None));
    });
}

#[test]
fn a_failed_write_changes_nothing_and_may_be_repeated() {
    with_url(async |url| {
        let archive = open(url);
        assert_eq!(archive.standing().await, Ok(ArchiveStanding::default()));
        let other = Client::connect(url).await;
        let refuse = "ALTER TABLE checkpoint ADD CONSTRAINT refuse CHECK (position < 1)";
        other.execute(refuse).await;
        let first = batch(0, [accepted(1)]);
        let failure = archive.apply(first.clone()).await;
        assert!(
            matches!(failure, Err(ArchiveError::Unavailable(_))),
            "{failure:?}"
        );
        assert_eq!(archive.message(id(1)).await, Ok(None));
        let allow = "ALTER TABLE checkpoint DROP CONSTRAINT refuse";
        other.execute(allow).await;
        archive.apply(first).await.unwrap();
        assert_eq!(row(&archive, 1).await.position, 1);
    });
}

#[test]
fn tables_that_were_dropped_are_made_anew_and_ask_for_the_journal() {
    with_url(async |url| {
        let archive = open(url);
        apply(&archive, [accepted(1)]).await;
        let other = Client::connect(url).await;
        let drop_all = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
        other.execute(drop_all).await;
        let failure = archive.apply(batch(1, [accepted(2)])).await;
        assert!(
            matches!(failure, Err(ArchiveError::Unavailable(_))),
            "{failure:?}"
        );
        assert_eq!(archive.standing().await, Ok(ArchiveStanding::default()));
    });
}

/// As if the messages were so many that an index on them takes longer than connecting may.
const SLOW_INDEXES: &str = "CREATE FUNCTION slowly() RETURNS event_trigger LANGUAGE plpgsql AS \
        'BEGIN PERFORM pg_sleep(0.4); END'; \
    CREATE EVENT TRIGGER slowly ON ddl_command_start WHEN TAG IN ('CREATE INDEX') \
        EXECUTE FUNCTION slowly()";

#[test]
fn new_indexes_on_large_tables_are_made_however_long_that_takes() {
    with_url(async |url| {
        let other = Client::connect(url).await;
        other.execute(SLOW_INDEXES).await;
        let archive = open(url);
        let began = Instant::now();
        let cause = cause_of_failure(&archive).await;
        assert!(cause.contains("brought up to date"), "{cause}");
        assert!(began.elapsed() < Duration::from_secs(5));
        // Whoever tries to connect meanwhile gives up, too, and leaves nothing behind.
        while archive.standing().await != Ok(ArchiveStanding::default()) {
            assert!(began.elapsed() < Duration::from_secs(120));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        apply(&archive, [accepted(1)]).await;
        assert_eq!(row(&archive, 1).await.position, 1);
        assert_eq!(other.number(WAITING).await, 0);
    });
}
