//! What a redrive asks: how many dead letters it means, and which, page by page.

use std::collections::BTreeSet;
use std::sync::Arc;

use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::MessageFact;
use message_hub::domain::ids::{
    CorrelationId, JobId, MessageId, MessageType, Position, ServiceName,
};
use message_hub::domain::redrive::{ChosenLetters, RedriveFilter, RedriveJob};
use message_hub::domain::subscription::SubscriptionId;
use message_hub::domain::timestamp::Timestamp;
use message_hub::ports::archive::{self, Archive, DeadLetterQuery, MessageQuery};
use uuid::Uuid;

use super::event_facts::{dead_event, dead_event_id, event_died, event_redriven};
use super::facts::{accepted, dead, deleted, id, message};
use super::{apply, on_each};

/// A job that means the messages that died by `started_at`, in milliseconds, and the events that
/// died before the position.
fn job(filter: RedriveFilter, started_at: i64, events_before: Option<Position>) -> RedriveJob {
    let started_at = Timestamp::from_millis(started_at);
    RedriveJob {
        events_before,
        filter,
        ..RedriveJob::begun(JobId(Uuid::nil()), started_at, 1.0)
    }
}

async fn meant(archive: &dyn Archive, query: &DeadLetterQuery) -> Vec<MessageId> {
    let found = archive.dead_letters_after(query.clone(), 0, 10).await;
    let found: Vec<_> = found.unwrap().into_iter().map(|(_, id)| id).collect();
    let counted = archive.count_dead_letters(query.clone()).await.unwrap();
    assert_eq!(counted, found.len() as u64, "{query:?}");
    found
}

/// Messages 1 to 3, accepted at their positions and dead at 1, 2 and 3 seconds; then the events
/// 2 to 4 of `billing`, dead at the positions 7 to 9 and at 3, 4 and 5 seconds.
async fn fill(archive: &dyn Archive) {
    let mut other = message(2);
    other.destination = ServiceName::parse("mail").unwrap();
    other.correlation_id = Some(CorrelationId::parse("order 7").unwrap());
    let facts = [
        accepted(1),
        Fact::Message(MessageFact::Accepted(Arc::new(other))),
        accepted(3),
    ];
    apply(archive, facts).await;
    let (rejected, invalid) = (DeadReason::Rejected, DeadReason::Invalid);
    let reasons = (1..).zip([rejected, invalid, rejected]);
    apply(
        archive,
        reasons.map(|(n, reason)| dead(n, n.into(), reason)),
    )
    .await;
    let mut elsewhere = dead_event(4, rejected);
    elsewhere.subscription_id = another();
    let events = [dead_event(2, rejected), dead_event(3, invalid), elsewhere];
    apply(archive, events.map(event_died)).await;
}

fn another() -> SubscriptionId {
    SubscriptionId(Uuid::from_u128(0x6000))
}

#[test]
fn ids_go_from_old_to_new_page_by_page() {
    on_each(async |archive| {
        apply(archive, (1..=6).map(accepted)).await;
        let rejected = DeadReason::Rejected;
        let dead_events = [1, 2, 4, 5, 6].map(|number| dead(number, 1, rejected));
        apply(archive, dead_events).await;
        apply(archive, [deleted(4)]).await;
        let page = async |after| {
            let query = MessageQuery {
                dead_letters: true,
                limit: 2,
                ..MessageQuery::default()
            };
            archive.ids_after(query, after).await.unwrap()
        };
        assert_eq!(page(0).await, [(1, id(1)), (2, id(2))]);
        assert_eq!(page(2).await, [(5, id(5)), (6, id(6))]);
        assert!(page(6).await.is_empty());
    });
}

#[test]
fn messages_and_events_stand_in_one_order() {
    on_each(async |archive| {
        let rejected = DeadReason::Rejected;
        let event = |number| event_died(dead_event(number, rejected));
        apply(archive, [accepted(1), event(1), accepted(2), event(2)]).await;
        apply(archive, [dead(2, 1, rejected), dead(1, 1, rejected)]).await;
        let page = async |after| {
            let all = DeadLetterQuery::matching(&RedriveFilter::default());
            archive.dead_letters_after(all, after, 3).await.unwrap()
        };
        let first = [(1, id(1)), (2, dead_event_id(1)), (3, id(2))];
        assert_eq!(page(0).await, first);
        assert_eq!(page(3).await, [(4, dead_event_id(2))]);
        assert!(page(4).await.is_empty());
    });
}

#[test]
fn dead_letters_of_a_redrive_are_counted_as_they_are_listed() {
    on_each(async |archive| {
        fill(archive).await;
        let all = RedriveFilter::default;
        let by = |change: fn(&mut RedriveFilter)| {
            let mut filter = RedriveFilter::default();
            change(&mut filter);
            filter
        };
        let time = Timestamp::from_millis;
        let until = RedriveFilter {
            until: Some(time(3_000)),
            ..all()
        };
        for (filter, messages, events) in [
            (all(), vec![1, 2, 3], vec![2, 3, 4]),
            (
                by(|f| f.reason = Some(DeadReason::Invalid)),
                vec![2],
                vec![3],
            ),
            (
                by(|f| f.destination = ServiceName::parse("mail").ok()),
                vec![2],
                vec![],
            ),
            (
                by(|f| f.source = ServiceName::parse("mail").ok()),
                vec![],
                vec![],
            ),
            (
                by(|f| f.correlation_id = Some("order 7".into())),
                vec![2],
                vec![],
            ),
            (by(|f| f.subscription_id = Some(another())), vec![], vec![4]),
            (
                by(|f| f.since = Some(Timestamp::from_millis(3_000))),
                vec![3],
                vec![2, 3, 4],
            ),
            (until, vec![1, 2], vec![]),
        ] {
            let mut expected: Vec<_> = messages.into_iter().map(id).collect();
            expected.extend(events.into_iter().map(dead_event_id));
            let found = meant(archive, &DeadLetterQuery::matching(&filter)).await;
            assert_eq!(found, expected, "{filter:?}");
            let of_job = DeadLetterQuery::of_job(&job(filter.clone(), 9_000, Some(10)));
            assert_eq!(meant(archive, &of_job).await, expected, "{filter:?}");
        }
    });
}

#[test]
fn a_job_means_what_had_died_at_its_start() {
    on_each(async |archive| {
        fill(archive).await;
        let until = RedriveFilter {
            until: Some(Timestamp::from_millis(9_000)),
            ..RedriveFilter::default()
        };
        for (filter, started_at, events_before, messages, events) in [
            (RedriveFilter::default(), 3_000, Some(10), 3, 3),
            (RedriveFilter::default(), 2_999, Some(10), 2, 3),
            (RedriveFilter::default(), 3_000, Some(9), 3, 2),
            (RedriveFilter::default(), 3_000, Some(7), 3, 0),
            // A job of a hub that knew nothing of events.
            (RedriveFilter::default(), 3_000, None, 3, 0),
            (until, 2_000, Some(8), 2, 1),
        ] {
            let job = job(filter, started_at, events_before);
            let mut expected: Vec<_> = (1..=messages).map(id).collect();
            expected.extend((2..2 + events).map(dead_event_id));
            let found = meant(archive, &DeadLetterQuery::of_job(&job)).await;
            assert_eq!(found, expected, "{job:?}");
        }
    });
}

#[test]
fn a_job_means_what_was_chosen_and_events_only_where_they_were_for() {
    on_each(async |archive| {
        fill(archive).await;
        let nobody = MessageId(Uuid::from_u128(0x7777));
        let chosen = |ids: &[MessageId]| RedriveJob {
            chosen: Some(ChosenLetters::new(ids.to_vec())),
            ..job(RedriveFilter::default(), 9_000, Some(10))
        };
        let some = [dead_event_id(3), id(1), nobody, id(3), dead_event_id(4)];
        let expected = [id(1), id(3), dead_event_id(3), dead_event_id(4)];
        let query = DeadLetterQuery::of_job(&chosen(&some));
        assert_eq!(meant(archive, &query).await, expected);
        let after = archive.dead_letters_after(query, 1, 2).await.unwrap();
        let after: Vec<_> = after.into_iter().map(|(_, id)| id).collect();
        assert_eq!(after, expected[1..3]);
        for ids in [&[][..], &[nobody]] {
            let query = DeadLetterQuery::of_job(&chosen(ids));
            assert_eq!(meant(archive, &query).await, []);
        }
        let elsewhere = RedriveJob {
            destination: ServiceName::parse("mail").ok(),
            ..chosen(&some)
        };
        let query = DeadLetterQuery::of_job(&elsewhere);
        assert_eq!(meant(archive, &query).await, expected[..2]);
    });
}

/// All that the job means, of so many dead letters at once.
async fn looked_through(
    archive: &dyn Archive,
    job: &RedriveJob,
    limit: usize,
) -> Vec<(Position, MessageId)> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let part = archive::meant_after(archive, job, after, limit).await;
        let part = part.unwrap();
        found.extend(part.found);
        after = part.through;
        if part.is_last {
            return found;
        }
    }
}

#[test]
fn a_job_means_what_is_of_a_type_and_failed_in_some_way() {
    on_each(async |archive| {
        fill(archive).await;
        let mut other = message(4);
        other.message_type = MessageType::parse("bill").unwrap();
        let accepted = Fact::Message(MessageFact::Accepted(Arc::new(other)));
        apply(archive, [accepted, dead(4, 4, DeadReason::Rejected)]).await;
        let by = |change: fn(&mut RedriveFilter)| {
            let mut filter = RedriveFilter::default();
            change(&mut filter);
            job(filter, 9_000, Some(10))
        };
        let placed = by(|f| f.message_type = MessageType::parse("order.placed").ok());
        let placed_elsewhere = RedriveJob {
            destination: ServiceName::parse("mail").ok(),
            ..placed.clone()
        };
        for (job, messages, events) in [
            (placed, vec![1, 2, 3], vec![2, 3, 4]),
            (placed_elsewhere, vec![1, 2, 3], vec![]),
            (
                by(|f| f.message_type = MessageType::parse("bill").ok()),
                vec![4],
                vec![],
            ),
            (
                by(|f| f.error_contains = Some("Service".into())),
                vec![1, 2, 3, 4],
                vec![],
            ),
            (
                by(|f| f.error = Some("# \"no\"".into())),
                vec![],
                vec![2, 3, 4],
            ),
            (
                by(|f| {
                    f.error = Some("500\nService \"Unavailable\"".into());
                    f.destination = ServiceName::parse("mail").ok();
                }),
                vec![2],
                vec![],
            ),
            (by(|f| f.error = Some("no".into())), vec![], vec![]),
        ] {
            let mut expected: BTreeSet<_> = messages.into_iter().map(id).collect();
            expected.extend(events.into_iter().map(dead_event_id));
            // However few are looked at together.
            for limit in [1, 2, 10] {
                let found = looked_through(archive, &job, limit).await;
                assert!(found.is_sorted(), "{found:?}");
                let found: BTreeSet<_> = found.into_iter().map(|(_, id)| id).collect();
                assert_eq!(found, expected, "{job:?}");
            }
            let counted = archive::count_meant(archive, &job).await.unwrap();
            assert_eq!(counted, expected.len() as u64, "{job:?}");
        }
    });
}

#[test]
fn an_event_that_dies_again_is_none_that_the_job_means() {
    on_each(async |archive| {
        fill(archive).await;
        let query = DeadLetterQuery::of_job(&job(RedriveFilter::default(), 9_000, Some(10)));
        let again = event_died(dead_event(2, DeadReason::Rejected));
        apply(archive, [event_redriven(2), again]).await;
        let expected = [id(1), id(2), id(3), dead_event_id(3), dead_event_id(4)];
        assert_eq!(meant(archive, &query).await, expected);
    });
}
