//! An archive belongs to one hub.

use std::sync::Arc;

use message_hub::domain::ids::{HubId, Position};
use message_hub::logic::ownership::{Claim, Claimed, Denial, Standing, Writer};
use message_hub::logic::projection::Batch;
use message_hub::ports::archive::{Archive, ArchiveError};
use uuid::Uuid;

use super::facts::{accepted, id};
use super::{batch, on_each, row};

const ONE: HubId = HubId(Uuid::from_u128(1));
const OTHER: HubId = HubId(Uuid::from_u128(2));

fn claim(hub: HubId, epoch: Option<u64>, written: Position) -> Claim {
    Claim {
        hub,
        epoch,
        written,
    }
}

/// The message `number` at the position that is its number, as this writer brings it.
fn brought(number: u8, writer: Option<Writer>) -> Arc<Batch> {
    let plain = batch(Position::from(number) - 1, [accepted(number)]);
    Arc::new(Batch {
        writer,
        ..Batch::clone(&plain)
    })
}

async fn claimed(archive: &dyn Archive, claim: Claim) -> Option<Writer> {
    Some(archive.claim(claim).await.unwrap().writer)
}

#[test]
fn is_nobodys_until_somebody_claims_it() {
    on_each(async |archive| {
        assert_eq!(archive.standing().await, Ok(Standing::default()));
        let writer = Writer { hub: ONE, epoch: 1 };
        let first = Claimed {
            writer,
            checkpoint: 0,
        };
        assert_eq!(archive.claim(claim(ONE, None, 0)).await, Ok(first));
        archive.apply(brought(1, Some(writer))).await.unwrap();
        let standing = Standing {
            checkpoint: 1,
            writer: Some(writer),
        };
        assert_eq!(archive.standing().await, Ok(standing));
        // As after a restart.
        let second = Claimed {
            writer: Writer { hub: ONE, epoch: 2 },
            checkpoint: 1,
        };
        assert_eq!(archive.claim(claim(ONE, None, 1)).await, Ok(second));
    });
}

#[test]
fn is_refused_to_another_hub_and_stays_as_it_is() {
    on_each(async |archive| {
        let owner = claimed(archive, claim(ONE, None, 0)).await;
        archive.apply(brought(1, owner)).await.unwrap();
        let before = archive.standing().await;
        let denied = ArchiveError::Denied(Denial::OtherHub {
            owner: ONE,
            hub: OTHER,
        });
        let refused = archive.claim(claim(OTHER, None, 9)).await;
        assert_eq!(refused, Err(denied.clone()));
        let stranger = Some(Writer {
            hub: OTHER,
            epoch: 1,
        });
        for number in [1, 2] {
            let refused = archive.apply(brought(number, stranger)).await;
            assert_eq!(refused, Err(denied.clone()));
        }
        assert_eq!(archive.message(id(2)).await, Ok(None));
        assert_eq!(archive.standing().await, before);
        archive.apply(brought(2, owner)).await.unwrap();
        assert_eq!(row(archive, 2).await.position, 2);
    });
}

#[test]
fn what_an_earlier_life_of_the_hub_still_sends_is_refused() {
    on_each(async |archive| {
        let earlier = claimed(archive, claim(ONE, None, 0)).await;
        let later = claimed(archive, claim(ONE, None, 0)).await;
        let denied = ArchiveError::Denied(Denial::LaterLife);
        let refused = archive.apply(brought(1, earlier)).await;
        assert_eq!(refused, Err(denied.clone()));
        let again = archive.claim(claim(ONE, Some(1), 0)).await;
        assert_eq!(again, Err(denied));
        archive.apply(brought(1, later)).await.unwrap();
    });
}

#[test]
fn one_that_was_emptied_or_restored_is_claimed_before_it_is_written() {
    on_each(async |archive| {
        let present = Some(Writer { hub: ONE, epoch: 7 });
        let out_of_step = Err(ArchiveError::OutOfStep { checkpoint: 0 });
        assert_eq!(archive.apply(brought(1, present)).await, out_of_step);
        let earlier = claimed(archive, claim(ONE, None, 0)).await;
        assert!(earlier.is_some_and(|writer| writer.epoch == 1));
        assert_eq!(archive.apply(brought(1, present)).await, out_of_step);
        assert_eq!(claimed(archive, claim(ONE, Some(7), 0)).await, present);
        archive.apply(brought(1, present)).await.unwrap();
    });
}

#[test]
fn one_that_is_ahead_is_not_taken() {
    on_each(async |archive| {
        archive.apply(brought(1, None)).await.unwrap();
        let ahead = Denial::Ahead {
            checkpoint: 1,
            written: 0,
        };
        let refused = archive.claim(claim(ONE, None, 0)).await;
        assert_eq!(refused, Err(ArchiveError::Denied(ahead)));
        assert_eq!(archive.standing().await.unwrap().writer, None);
    });
}
