//! The dead letters of subscriptions.

use std::sync::Arc;

use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::ids::{CorrelationId, ServiceName};
use message_hub::domain::subscription::{DeadEvent, SubscriptionId};
use message_hub::ports::archive::DeadEventQuery;
use uuid::Uuid;

use super::event_facts::{
    dead_event, dead_event_id, event, event_delivered, event_died, event_id, event_redriven,
};
use super::{apply, on_each};

#[test]
fn dead_letters_of_subscriptions_stand_until_they_are_gone() {
    on_each(async |archive| {
        let facts = [1, 2, 3].map(|n| event_died(dead_event(n, DeadReason::Rejected)));
        apply(archive, facts).await;
        let found = archive.dead_event(dead_event_id(2)).await.unwrap().unwrap();
        assert_eq!(found.dead_event, dead_event(2, DeadReason::Rejected));
        assert_eq!(found.position, 2);
        let counts = archive.dead_letter_counts().await.unwrap();
        assert_eq!(counts.total, 3);
        assert_eq!(
            counts.by_destination[&dead_event(1, DeadReason::Rejected).service],
            3
        );

        let mut again = dead_event(3, DeadReason::Expired);
        again.redriven = 1;
        apply(
            archive,
            [
                event_redriven(1),
                event_delivered(2),
                event_redriven(3),
                event_died(again.clone()),
            ],
        )
        .await;
        assert_eq!(archive.dead_event(dead_event_id(1)).await.unwrap(), None);
        assert_eq!(archive.dead_event(dead_event_id(2)).await.unwrap(), None);
        let found = archive.dead_event(dead_event_id(3)).await.unwrap().unwrap();
        assert_eq!((found.position, found.dead_event), (7, again));
        assert_eq!(archive.dead_letter_counts().await.unwrap().total, 1);
    });
}

/// By each thing that can be asked for, all and then one by one.
fn queries(dead_events: &[DeadEvent]) -> [DeadEventQuery; 11] {
    let all = DeadEventQuery {
        limit: 10,
        ..DeadEventQuery::default()
    };
    [
        all.clone(),
        DeadEventQuery {
            limit: 2,
            ..all.clone()
        },
        DeadEventQuery {
            before: Some(3),
            ..all.clone()
        },
        DeadEventQuery {
            service: Some(dead_events[1].service.clone()),
            ..all.clone()
        },
        DeadEventQuery {
            reason: Some(DeadReason::Expired),
            ..all.clone()
        },
        DeadEventQuery {
            source: ServiceName::parse("shop").ok(),
            ..all.clone()
        },
        DeadEventQuery {
            correlation_id: Some("talk".into()),
            ..all.clone()
        },
        DeadEventQuery {
            correlation_id: Some(event_id(2).to_string()),
            ..all.clone()
        },
        DeadEventQuery {
            since: Some(dead_events[3].at),
            ..all.clone()
        },
        DeadEventQuery {
            until: Some(dead_events[3].at),
            ..all.clone()
        },
        DeadEventQuery {
            subscription_id: Some(dead_events[4].subscription_id),
            ..all
        },
    ]
}

#[test]
fn dead_letters_are_listed_as_they_match() {
    on_each(async |archive| {
        let mut dead_events: Vec<_> = (1..=5)
            .map(|n| dead_event(n, DeadReason::Rejected))
            .collect();
        dead_events[1].service = ServiceName::parse("mail").unwrap();
        dead_events[2].reason = DeadReason::Expired;
        let mut correlated = event(4);
        correlated.correlation_id = Some(CorrelationId::parse("talk").unwrap());
        correlated.source = ServiceName::parse("shop").unwrap();
        dead_events[3].event = Arc::new(correlated);
        dead_events[4].subscription_id = SubscriptionId(Uuid::from_u128(0x6000));
        apply(archive, dead_events.clone().into_iter().map(event_died)).await;

        for query in queries(&dead_events) {
            let whole = DeadEventQuery {
                limit: 10,
                ..DeadEventQuery::default()
            };
            let mut expected = archive.dead_events(whole).await.unwrap().items;
            assert_eq!(expected.len(), 5);
            expected.retain(|one| query.matches(one));
            expected.truncate(query.limit);
            assert!(!expected.is_empty());
            let found = archive.dead_events(query.clone()).await.unwrap().items;
            assert_eq!(found, expected, "{query:?}");
        }
    });
}
