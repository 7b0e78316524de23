use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::hub::consumers::tests::returns;
use crate::logic::journal::samples;
use crate::logic::queues::Delivery;

fn token(number: u128) -> LeaseToken {
    LeaseToken(Uuid::from_u128(number))
}

fn leased(number: u128) -> Leased {
    Leased {
        delivery: Delivery {
            outlived: None,
            message: Arc::new(samples::message(number, "1")),
            attempt: 1,
            hand_outs: 1,
        },
        token: token(number),
    }
}

/// Of a consumer that has three messages, of which one was sent and one was settled.
async fn given_back(phase: Phase) -> (Vec<LeaseToken>, Vec<LeaseToken>) {
    let (returns, mut told) = returns();
    let current = CurrentPhase::default();
    current.set(Phase::Open);
    let mut consumers = Consumers {
        socket: FeedId(Uuid::nil()),
        phase: current.clone(),
        returns: returns.clone(),
        by_service: BTreeMap::new(),
        held: AHashMap::new(),
        has_timed: false,
        turn: 0,
    };
    let service = ServiceName::parse("billing").unwrap();
    let consumer = Consumer::new(InstanceId::parse("socket-1").unwrap());
    consumers.by_service.insert(service.clone(), consumer);
    let parcel = Parcel {
        leased: vec![leased(1), leased(2), leased(3)],
        lease: None,
        returns,
    };
    let now = Timestamp::from_millis(1);
    consumers.take(&service, parcel, now);
    assert_eq!(
        consumers.pop(now).map(|leased| leased.token),
        Some(token(1))
    );
    assert_eq!(
        consumers.pop(now).map(|leased| leased.token),
        Some(token(2))
    );
    consumers.settled(&[token(1)]);
    current.set(phase);
    drop(consumers);
    let (mut lost, mut unseen) = (Vec::new(), Vec::new());
    while let Some((leases, are_lost)) = told.recv().await {
        match are_lost {
            true => lost.extend(leases),
            false => unseen.extend(leases),
        }
        if lost.len() + unseen.len() == 2 {
            break;
        }
    }
    unseen.sort();
    (lost, unseen)
}

#[actix::test]
async fn what_the_client_had_counts_and_what_was_not_sent_does_not() {
    let (lost, unseen) = given_back(Phase::Open).await;
    assert_eq!((lost, unseen), (vec![token(2)], vec![token(3)]));
}

#[actix::test]
async fn nothing_counts_when_the_hub_stops() {
    let (lost, unseen) = given_back(Phase::Draining).await;
    assert_eq!((lost, unseen), (vec![], vec![token(2), token(3)]));
}
