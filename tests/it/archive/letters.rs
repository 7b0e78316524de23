//! What a redrive asks: how many letters it means, and which, page by page.

use std::sync::Arc;

use message_hub::domain::fact::{DeadReason, Fact};
use message_hub::domain::ids::{Label, ServiceName};
use message_hub::domain::redrive::RedriveFilter;
use message_hub::domain::timestamp::Timestamp;
use message_hub::ports::archive::MessageQuery;

use super::facts::{accepted, dead, deleted, id, message};
use super::{apply, ids, on_each};

#[test]
fn ids_go_from_old_to_new_page_by_page() {
    on_each(async |archive| {
        apply(archive, (1..=6).map(accepted)).await;
        let rejected = DeadReason::Rejected;
        let letters = [1, 2, 4, 5, 6].map(|number| dead(number, 1, rejected));
        apply(archive, letters).await;
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
fn letters_of_a_redrive_are_counted_as_they_are_listed() {
    on_each(async |archive| {
        let mut other = message(2);
        other.destination = ServiceName::parse("mail").unwrap();
        other.correlation_id = Some(Label::parse("order 7").unwrap());
        let facts = [accepted(1), Fact::Accepted(Arc::new(other)), accepted(3)];
        apply(archive, facts).await;
        // They die at 1, 2 and 3 seconds.
        let reasons = [
            DeadReason::Rejected,
            DeadReason::Invalid,
            DeadReason::Rejected,
        ];
        let letters = (1..)
            .zip(reasons)
            .map(|(n, reason)| dead(n, n.into(), reason));
        apply(archive, letters).await;

        let at = Timestamp::from_millis;
        let all = RedriveFilter::default();
        let by = |change: fn(&mut RedriveFilter)| {
            let mut filter = all.clone();
            change(&mut filter);
            filter
        };
        for (filter, started_at, expected) in [
            (all.clone(), 9_000, vec![1, 2, 3]),
            (all.clone(), 3_000, vec![1, 2, 3]),
            (all.clone(), 2_999, vec![1, 2]),
            (by(|f| f.reason = Some(DeadReason::Invalid)), 9_000, vec![2]),
            (
                by(|f| f.destination = ServiceName::parse("mail").ok()),
                9_000,
                vec![2],
            ),
            (
                by(|f| f.source = ServiceName::parse("mail").ok()),
                9_000,
                vec![],
            ),
            (
                by(|f| f.correlation_id = Some("order 7".into())),
                9_000,
                vec![2],
            ),
            (
                by(|f| f.since = Some(Timestamp::from_millis(2_000))),
                9_000,
                vec![2, 3],
            ),
            (
                by(|f| f.until = Some(Timestamp::from_millis(2_000))),
                9_000,
                vec![1],
            ),
            (
                by(|f| f.until = Some(Timestamp::from_millis(9_000))),
                2_000,
                vec![1, 2],
            ),
        ] {
            let query = MessageQuery {
                limit: 10,
                ..MessageQuery::of_letters(&filter, at(started_at))
            };
            let found = archive.ids_after(query.clone(), 0).await.unwrap();
            let found: Vec<_> = found.into_iter().map(|(_, id)| id).collect();
            assert_eq!(found, ids(expected.clone()), "{filter:?} {started_at}");
            let counted = archive.count(query).await.unwrap();
            assert_eq!(counted, expected.len() as u64, "{filter:?} {started_at}");
        }
    });
}

#[test]
fn a_count_knows_no_limit() {
    on_each(async |archive| {
        apply(archive, (1..=5).map(accepted)).await;
        let query = MessageQuery {
            limit: 2,
            ..MessageQuery::default()
        };
        assert_eq!(archive.count(query).await.unwrap(), 5);
    });
}
