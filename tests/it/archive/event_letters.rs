//! The dead letters of subscriptions.

use std::sync::Arc;

use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::ids::{CorrelationId, ServiceName};
use message_hub::domain::subscription::{EventLetter, SubscriptionId};
use message_hub::ports::archive::LetterQuery;
use uuid::Uuid;

use super::event_facts::{
    event, event_delivered, event_id, event_redriven, letter, letter_died, letter_id,
};
use super::{apply, on_each};

#[test]
fn letters_of_subscriptions_stand_until_they_are_gone() {
    on_each(async |archive| {
        let facts = [1, 2, 3].map(|n| letter_died(letter(n, DeadReason::Rejected)));
        apply(archive, facts).await;
        let found = archive.event_letter(letter_id(2)).await.unwrap().unwrap();
        assert_eq!(found.letter, letter(2, DeadReason::Rejected));
        assert_eq!(found.position, 2);
        let counts = archive.dead_letter_counts().await.unwrap();
        assert_eq!(counts.total, 3);
        assert_eq!(
            counts.by_destination[&letter(1, DeadReason::Rejected).service],
            3
        );

        let mut again = letter(3, DeadReason::Expired);
        again.redriven = 1;
        apply(
            archive,
            [
                event_redriven(1),
                event_delivered(2),
                event_redriven(3),
                letter_died(again.clone()),
            ],
        )
        .await;
        assert_eq!(archive.event_letter(letter_id(1)).await.unwrap(), None);
        assert_eq!(archive.event_letter(letter_id(2)).await.unwrap(), None);
        let found = archive.event_letter(letter_id(3)).await.unwrap().unwrap();
        assert_eq!((found.position, found.letter), (7, again));
        assert_eq!(archive.dead_letter_counts().await.unwrap().total, 1);
    });
}

/// By each thing that can be asked for, all and then one by one.
fn queries(letters: &[EventLetter]) -> [LetterQuery; 11] {
    let all = LetterQuery {
        limit: 10,
        ..LetterQuery::default()
    };
    [
        all.clone(),
        LetterQuery {
            limit: 2,
            ..all.clone()
        },
        LetterQuery {
            before: Some(3),
            ..all.clone()
        },
        LetterQuery {
            service: Some(letters[1].service.clone()),
            ..all.clone()
        },
        LetterQuery {
            reason: Some(DeadReason::Expired),
            ..all.clone()
        },
        LetterQuery {
            source: ServiceName::parse("shop").ok(),
            ..all.clone()
        },
        LetterQuery {
            correlation_id: Some("talk".into()),
            ..all.clone()
        },
        LetterQuery {
            correlation_id: Some(event_id(2).to_string()),
            ..all.clone()
        },
        LetterQuery {
            since: Some(letters[3].at),
            ..all.clone()
        },
        LetterQuery {
            until: Some(letters[3].at),
            ..all.clone()
        },
        LetterQuery {
            subscription_id: Some(letters[4].subscription_id),
            ..all
        },
    ]
}

#[test]
fn letters_are_listed_as_they_match() {
    on_each(async |archive| {
        let mut letters: Vec<_> = (1..=5).map(|n| letter(n, DeadReason::Rejected)).collect();
        letters[1].service = ServiceName::parse("mail").unwrap();
        letters[2].reason = DeadReason::Expired;
        let mut correlated = event(4);
        correlated.correlation_id = Some(CorrelationId::parse("talk").unwrap());
        correlated.source = ServiceName::parse("shop").unwrap();
        letters[3].event = Arc::new(correlated);
        letters[4].subscription_id = SubscriptionId(Uuid::from_u128(0x6000));
        apply(archive, letters.clone().into_iter().map(letter_died)).await;

        for query in queries(&letters) {
            let whole = LetterQuery {
                limit: 10,
                ..LetterQuery::default()
            };
            let mut expected = archive.event_letters(whole).await.unwrap().items;
            assert_eq!(expected.len(), 5);
            expected.retain(|one| query.matches(one));
            expected.truncate(query.limit);
            assert!(!expected.is_empty());
            let found = archive.event_letters(query.clone()).await.unwrap().items;
            assert_eq!(found, expected, "{query:?}");
        }
    });
}
