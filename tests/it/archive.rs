//! The archive: one suite for every adapter, and what is special about each.

mod agreement;
mod dead_events;
mod dead_letters;
mod event_agreement;
mod event_facts;
mod events;
mod facts;
mod names;
mod ownership;
mod pages;
mod parties;
mod payloads;
mod plans;
mod postgres;
mod removal;
mod sqlite;

use std::sync::Arc;

use crate::adapters::archive_memory::MemoryArchive;
use futures_util::FutureExt;
use message_hub::adapters::archive::{PostgresArchive, SqliteArchive};
use message_hub::adapters::tls::Trust;
use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::MessageFact;
use message_hub::domain::ids::{CorrelationId, MessageId, Position, ServiceName};
use message_hub::domain::message::{Extras, State};
use message_hub::domain::payload::Payload;
use message_hub::domain::timestamp::Timestamp;
use message_hub::logic::projection::{Batch, Projection};
use message_hub::ports::archive::{Archive, ArchiveError, ArchivedMessage, MessageQuery};
use tempfile::TempDir;

use crate::support::postgres::database;
use facts::{
    accepted, cancelled, dead, deleted, delivered, expired, failed, id, message, record, redriven,
    service_seen,
};

/// Runs `check` on an empty archive of each kind.
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls read better without a reference"
)]
fn on_each(check: impl AsyncFn(&dyn Archive)) {
    let databases = Databases::new();
    block_on(async {
        check(&MemoryArchive::default()).await;
        for archive in databases.empty().await {
            check(&*archive).await;
        }
    });
}

/// A place for a SQLite file, and a PostgreSQL database where there can be one.
struct Databases {
    directory: TempDir,
    url: Option<String>,
}

impl Databases {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            url: database(),
        }
    }

    /// An empty archive in each.
    async fn empty(&self) -> Vec<Box<dyn Archive>> {
        let path = self.directory.path().join("archive.db");
        let sqlite = SqliteArchive::open(path).await.unwrap();
        let mut archives: Vec<Box<dyn Archive>> = vec![Box::new(sqlite)];
        if let Some(url) = &self.url {
            archives.push(Box::new(
                PostgresArchive::open(url, &Trust::default()).unwrap(),
            ));
        }
        archives
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}

/// Applies `facts` as one batch, at the positions that follow the checkpoint.
async fn apply(archive: &dyn Archive, facts: impl IntoIterator<Item = Fact>) {
    let after = archive.standing().await.unwrap().checkpoint;
    archive.apply(batch(after, facts)).await.unwrap();
}

fn batch(after: Position, facts: impl IntoIterator<Item = Fact>) -> Arc<Batch> {
    let mut projection = Projection::new(after);
    for (position, fact) in (after + 1..).zip(facts) {
        projection.apply(&record(position, fact));
    }
    Arc::new(projection.take().unwrap())
}

async fn row(archive: &dyn Archive, number: u8) -> ArchivedMessage {
    archive.message(id(number)).await.unwrap().unwrap()
}

async fn list(archive: &dyn Archive, query: MessageQuery) -> Vec<MessageId> {
    let query = MessageQuery {
        limit: if query.limit == 0 { 100 } else { query.limit },
        ..query
    };
    let page = archive.messages(query).await.unwrap();
    page.items.iter().map(|row| row.message.id).collect()
}

fn ids(numbers: impl IntoIterator<Item = u8>) -> Vec<MessageId> {
    numbers.into_iter().map(id).collect()
}

/// As a client does that hangs up.
#[test]
fn whoever_asks_may_go_away() {
    on_each(async |archive| {
        apply(archive, [accepted(1)]).await;
        for _ in 0..50 {
            drop(archive.message(id(1)).now_or_never());
        }
        drop(archive.apply(batch(1, [accepted(2)])).now_or_never());
        assert_eq!(row(archive, 1).await.position, 1);
    });
}

#[test]
fn is_empty_at_first() {
    on_each(async |archive| {
        assert_eq!(archive.standing().await.unwrap().checkpoint, 0);
        assert_eq!(archive.message(id(1)).await.unwrap(), None);
        assert!(list(archive, MessageQuery::default()).await.is_empty());
        assert_eq!(archive.dead_letter_counts().await.unwrap().total, 0);
    });
}

#[test]
fn gives_a_message_back_as_it_was_accepted() {
    on_each(async |archive| {
        let mut plain = message(1);
        plain.payload = Payload::parse(r#"{"a": 1e400, "a":"\u00e4ä"}"#).unwrap();
        let mut rich = message(2);
        rich.correlation_id = Some(CorrelationId::parse("order 7").unwrap());
        rich.expires_at = Some(Timestamp::from_millis(99_001));
        rich.extras = Some(Box::new(Extras {
            reply_to: Some(ServiceName::parse("replies").unwrap()),
            ttl_ms: Some(1500),
            deliver_at: Some(Timestamp::from_millis(77_003)),
            headers: [("trace".to_owned(), "on".to_owned())].into(),
            ..Extras::default()
        }));
        let facts = [&plain, &rich]
            .map(|message| Fact::Message(MessageFact::Accepted(Arc::new(message.clone()))));
        apply(archive, facts).await;

        let found = row(archive, 1).await;
        assert_eq!(found.message, plain);
        assert_eq!((found.position, found.state), (1, State::Queued));
        assert!(found.attempts.is_empty() && !found.dead_letter);
        assert_eq!(row(archive, 2).await.message, rich);
    });
}

#[test]
fn follows_a_message_to_its_delivery() {
    on_each(async |archive| {
        apply(archive, [accepted(1)]).await;
        apply(archive, [failed(1, 1)]).await;
        assert_eq!(row(archive, 1).await.state, State::Queued);
        apply(archive, [failed(1, 2), delivered(1, 3)]).await;

        let found = row(archive, 1).await;
        assert_eq!(found.state, State::Delivered);
        assert_eq!(found.settled_at, Some(Timestamp::from_millis(3_000)));
        let numbers: Vec<u32> = found.attempts.iter().map(|a| a.number).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(found.delivery_attempts, 3);
    });
}

#[test]
fn a_batch_may_hold_a_whole_life() {
    on_each(async |archive| {
        apply(archive, [accepted(1), failed(1, 1), delivered(1, 2)]).await;
        let found = row(archive, 1).await;
        assert_eq!(found.state, State::Delivered);
        assert_eq!((found.attempts.len(), found.delivery_attempts), (2, 2));
    });
}

#[test]
fn dead_and_expired_are_dead_letters_and_cancelled_is_not() {
    on_each(async |archive| {
        let open = (1..=5).map(accepted);
        apply(archive, open).await;
        let rejected = DeadReason::Rejected;
        apply(
            archive,
            [
                dead(1, 1, rejected),
                expired(2),
                cancelled(3),
                delivered(4, 1),
            ],
        )
        .await;

        let dead_letters = MessageQuery {
            dead_letters: true,
            ..MessageQuery::default()
        };
        assert_eq!(list(archive, dead_letters.clone()).await, ids([2, 1]));
        assert_eq!(row(archive, 1).await.reason, Some(rejected));
        assert_eq!(row(archive, 2).await.reason, Some(DeadReason::Expired));
        let counts = archive.dead_letter_counts().await.unwrap();
        assert_eq!(counts.total, 2);
        assert_eq!(counts.by_destination.values().sum::<u64>(), 2);

        apply(archive, [deleted(1)]).await;
        assert_eq!(list(archive, dead_letters).await, ids([2]));
        assert_eq!(archive.message(id(1)).await.unwrap(), None);
        assert_eq!(archive.dead_letter_counts().await.unwrap().total, 1);
    });
}

#[test]
fn a_redriven_message_starts_anew_in_its_old_place() {
    on_each(async |archive| {
        let exhausted = DeadReason::AttemptsExhausted;
        apply(archive, [accepted(1), accepted(2)]).await;
        apply(archive, [failed(1, 1), dead(1, 2, exhausted)]).await;
        let mut again = message(1);
        again.destination = ServiceName::parse("elsewhere").unwrap();
        again.payload = Payload::parse("[7]").unwrap();
        again.accepted_at = Timestamp::from_millis(50_000);
        apply(archive, [redriven(again.clone(), 1), failed(1, 1)]).await;

        let found = row(archive, 1).await;
        assert_eq!(found.message, again);
        assert_eq!((found.position, found.redriven), (1, 1));
        assert_eq!((found.state, found.settled_at), (State::Queued, None));
        assert_eq!((found.reason, found.dead_letter), (None, false));
        assert_eq!((found.attempts.len(), found.delivery_attempts), (3, 1));
        assert_eq!(list(archive, MessageQuery::default()).await, ids([2, 1]));
    });
}

#[test]
fn a_redriven_message_the_archive_never_had_stands_where_it_was_redriven() {
    on_each(async |archive| {
        apply(archive, [accepted(2), redriven(message(1), 3)]).await;
        let found = row(archive, 1).await;
        assert_eq!((found.position, found.redriven), (2, 3));
    });
}

#[test]
fn what_happens_to_an_unknown_message_is_ignored() {
    on_each(async |archive| {
        apply(archive, [failed(1, 1), delivered(1, 2), deleted(2)]).await;
        assert_eq!(archive.message(id(1)).await.unwrap(), None);
        assert_eq!(archive.standing().await.unwrap().checkpoint, 3);
    });
}

#[test]
fn an_id_accepted_again_replaces_what_was_known() {
    on_each(async |archive| {
        apply(archive, [accepted(1), dead(1, 1, DeadReason::Invalid)]).await;
        apply(archive, [accepted(1)]).await;
        let found = row(archive, 1).await;
        assert_eq!((found.position, found.state), (3, State::Queued));
        assert!(found.attempts.is_empty() && !found.dead_letter);
        assert_eq!(list(archive, MessageQuery::default()).await, ids([1]));
    });
}

#[test]
fn a_batch_applied_twice_counts_once() {
    on_each(async |archive| {
        apply(archive, [accepted(1)]).await;
        let attempt = batch(1, [failed(1, 1)]);
        archive.apply(attempt.clone()).await.unwrap();
        archive.apply(attempt).await.unwrap();
        assert_eq!(row(archive, 1).await.attempts.len(), 1);
        assert_eq!(archive.standing().await.unwrap().checkpoint, 2);
    });
}

#[test]
fn a_batch_that_does_not_begin_at_the_checkpoint_is_refused() {
    on_each(async |archive| {
        apply(archive, [accepted(1), accepted(2)]).await;
        let refused = Err(ArchiveError::OutOfStep { checkpoint: 2 });
        let overlapping = batch(1, [failed(1, 1), failed(1, 2)]);
        assert_eq!(archive.apply(overlapping).await, refused);
        assert_eq!(archive.apply(batch(5, [accepted(3)])).await, refused);
        assert!(row(archive, 1).await.attempts.is_empty());
        assert_eq!(archive.message(id(3)).await.unwrap(), None);
    });
}

#[test]
fn facts_about_no_message_move_the_checkpoint() {
    on_each(async |archive| {
        apply(archive, [service_seen("billing"), service_seen("mail")]).await;
        assert_eq!(archive.standing().await.unwrap().checkpoint, 2);
    });
}

#[test]
fn several_are_found_by_id_in_the_order_asked_for() {
    on_each(async |archive| {
        apply(archive, (1..=4).map(accepted)).await;
        let found = archive.messages_by_id(ids([3, 9, 1])).await.unwrap();
        let found: Vec<_> = found.iter().map(|row| row.message.id).collect();
        assert_eq!(found, ids([3, 1]));
    });
}

#[test]
fn pages_go_from_new_to_old() {
    on_each(async |archive| {
        apply(archive, (1..=5).map(accepted)).await;
        let page = |before| MessageQuery {
            before,
            limit: 2,
            ..MessageQuery::default()
        };
        assert_eq!(list(archive, page(None)).await, ids([5, 4]));
        assert_eq!(list(archive, page(Some(4))).await, ids([3, 2]));
        assert_eq!(list(archive, page(Some(2))).await, ids([1]));
    });
}

#[test]
fn filters_by_who_sent_it_and_where_to() {
    on_each(async |archive| {
        let mut other = message(2);
        other.source = ServiceName::parse("shop").unwrap();
        other.destination = ServiceName::parse("mail").unwrap();
        let facts = [
            accepted(1),
            Fact::Message(MessageFact::Accepted(Arc::new(other))),
            accepted(3),
        ];
        apply(archive, facts).await;
        let from_shop = MessageQuery {
            source: Some(ServiceName::parse("shop").unwrap()),
            ..MessageQuery::default()
        };
        assert_eq!(list(archive, from_shop).await, ids([2]));
        let to_billing = MessageQuery {
            destination: Some(message(1).destination),
            ..MessageQuery::default()
        };
        assert_eq!(list(archive, to_billing).await, ids([3, 1]));
    });
}

#[test]
fn filters_by_state_and_reason() {
    on_each(async |archive| {
        apply(archive, (1..=4).map(accepted)).await;
        let rejected = dead(3, 1, DeadReason::Rejected);
        apply(archive, [delivered(1, 1), expired(2), rejected]).await;
        let in_states = |states: &[State]| MessageQuery {
            states: states.to_vec(),
            ..MessageQuery::default()
        };
        assert_eq!(list(archive, in_states(&[State::Queued])).await, ids([4]));
        let ended = in_states(&[State::Dead, State::Expired]);
        assert_eq!(list(archive, ended).await, ids([3, 2]));
        let mixed = in_states(&[State::Queued, State::Delivered]);
        assert_eq!(list(archive, mixed).await, ids([4, 1]));
        let for_reason = MessageQuery {
            reason: Some(DeadReason::Rejected),
            ..MessageQuery::default()
        };
        assert_eq!(list(archive, for_reason).await, ids([3]));
    });
}

#[test]
fn a_correlation_id_finds_the_message_it_is_the_id_of() {
    on_each(async |archive| {
        let own = id(1).to_string();
        let mut answer = message(2);
        answer.correlation_id = Some(CorrelationId::parse(&own).unwrap());
        let mut taken = message(3);
        taken.correlation_id = Some(CorrelationId::parse("order 7").unwrap());
        let rest =
            [answer, taken].map(|message| Fact::Message(MessageFact::Accepted(Arc::new(message))));
        apply(archive, [accepted(1)].into_iter().chain(rest)).await;

        let correlated = |text: String| MessageQuery {
            correlation_id: Some(text),
            ..MessageQuery::default()
        };
        assert_eq!(list(archive, correlated(own)).await, ids([2, 1]));
        assert_eq!(list(archive, correlated("order 7".into())).await, ids([3]));
        let not_its_own = correlated(id(3).to_string());
        assert!(list(archive, not_its_own).await.is_empty());
    });
}

#[test]
fn times_are_of_acceptance_or_for_dead_letters_of_settlement() {
    on_each(async |archive| {
        // Accepted at 1, 2 and 3 ms.
        apply(archive, (1..=3).map(accepted)).await;
        let reason = DeadReason::Rejected;
        apply(archive, [dead(1, 8, reason), dead(2, 9, reason)]).await;
        let between = |dead_letters, since, until| MessageQuery {
            dead_letters,
            since: Some(Timestamp::from_millis(since)),
            until: Some(Timestamp::from_millis(until)),
            ..MessageQuery::default()
        };
        assert_eq!(list(archive, between(false, 1, 3)).await, ids([2, 1]));
        assert_eq!(list(archive, between(true, 8_000, 9_000)).await, ids([1]));
        assert_eq!(list(archive, between(true, 9_000, 9_001)).await, ids([2]));
    });
}
