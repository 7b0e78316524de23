//! An archive belongs to one hub.

use std::sync::Arc;

use message_hub::domain::ids::{HubId, Position};
use message_hub::logic::ownership::{ArchiveStanding, Claim, Claimed, OwnershipDenial};
use message_hub::logic::projection::Batch;
use message_hub::logic::writer::{Author, Epoch, Writer};
use message_hub::ports::archive::{Archive, ArchiveError};
use uuid::Uuid;

use super::facts::{accepted, id};
use super::{batch, on_each, row};

const ONE: HubId = HubId(Uuid::from_u128(1));
const OTHER: HubId = HubId(Uuid::from_u128(2));

/// Of a hub in this epoch, and in which ones before.
fn author(hub: HubId, epoch: Epoch, earlier: &[Epoch]) -> Author {
    let earlier = earlier.into();
    Author {
        hub,
        epoch,
        earlier,
    }
}

fn claim(author: &Author, written: Position) -> Claim {
    let author = author.clone();
    Claim { author, written }
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
        assert_eq!(archive.standing().await, Ok(ArchiveStanding::default()));
        let first = author(ONE, Epoch::MAX, &[]);
        let writer = first.writer();
        let claimed = Claimed {
            writer,
            checkpoint: 0,
        };
        assert_eq!(archive.claim(claim(&first, 0)).await, Ok(claimed));
        archive.apply(brought(1, Some(writer))).await.unwrap();
        let standing = ArchiveStanding {
            checkpoint: 1,
            writer: Some(writer),
        };
        assert_eq!(archive.standing().await, Ok(standing));
        // As after a restart.
        let second = author(ONE, 3, &[Epoch::MAX]);
        let claimed = Claimed {
            writer: second.writer(),
            checkpoint: 1,
        };
        assert_eq!(archive.claim(claim(&second, 1)).await, Ok(claimed));
    });
}

#[test]
fn is_refused_to_another_hub_and_stays_as_it_is() {
    on_each(async |archive| {
        let owner = claimed(archive, claim(&author(ONE, 5, &[]), 0)).await;
        archive.apply(brought(1, owner)).await.unwrap();
        let before = archive.standing().await;
        let denied = ArchiveError::Denied(OwnershipDenial::OtherHub {
            owner: ONE,
            hub: OTHER,
        });
        let stranger = author(OTHER, 5, &[5]);
        let refused = archive.claim(claim(&stranger, 9)).await;
        assert_eq!(refused, Err(denied.clone()));
        for number in [1, 2] {
            let refused = archive
                .apply(brought(number, Some(stranger.writer())))
                .await;
            assert_eq!(refused, Err(denied.clone()));
        }
        assert_eq!(archive.message(id(2)).await, Ok(None));
        assert_eq!(archive.standing().await, before);
        archive.apply(brought(2, owner)).await.unwrap();
        assert_eq!(row(archive, 2).await.position, 2);
    });
}

#[test]
fn what_an_earlier_epoch_of_the_hub_still_sends_is_refused() {
    on_each(async |archive| {
        let earlier = author(ONE, 9, &[]);
        claimed(archive, claim(&earlier, 0)).await;
        let later = claimed(archive, claim(&author(ONE, 5, &[9]), 0)).await;
        let refused = archive.apply(brought(1, Some(earlier.writer()))).await;
        assert_eq!(refused, Err(ArchiveError::OutOfStep { checkpoint: 0 }));
        let again = archive.claim(claim(&earlier, 0)).await;
        assert_eq!(
            again,
            Err(ArchiveError::Denied(OwnershipDenial::UnknownEpoch))
        );
        archive.apply(brought(1, later)).await.unwrap();
    });
}

#[test]
fn one_that_a_copy_of_the_hub_wrote_is_refused_to_it_ever_after() {
    on_each(async |archive| {
        let production = author(ONE, 2, &[1]);
        let owner = claimed(archive, claim(&production, 0)).await;
        archive.apply(brought(1, owner)).await.unwrap();
        // Copied from the running hub.
        let copy = claimed(archive, claim(&author(ONE, 3, &[1, 2]), 1)).await;
        archive.apply(brought(2, copy)).await.unwrap();
        let out_of_step = Err(ArchiveError::OutOfStep { checkpoint: 2 });
        assert_eq!(archive.apply(brought(2, owner)).await, out_of_step);
        let restarted = author(ONE, 4, &[1, 2]);
        for claimant in [production, restarted] {
            let refused = archive.claim(claim(&claimant, 9)).await;
            assert_eq!(
                refused,
                Err(ArchiveError::Denied(OwnershipDenial::UnknownEpoch))
            );
        }
        assert_eq!(archive.standing().await.unwrap().writer, copy);
    });
}

#[test]
fn one_that_was_emptied_or_restored_is_claimed_before_it_is_written() {
    on_each(async |archive| {
        let present = author(ONE, 7, &[8, 2]);
        let batch = || brought(1, Some(present.writer()));
        let out_of_step = Err(ArchiveError::OutOfStep { checkpoint: 0 });
        assert_eq!(archive.apply(batch()).await, out_of_step);
        // A backup of an earlier epoch, whose number says nothing.
        claimed(archive, claim(&author(ONE, 8, &[]), 0)).await;
        assert_eq!(archive.apply(batch()).await, out_of_step);
        let writer = claimed(archive, claim(&present, 0)).await;
        assert_eq!(writer, Some(present.writer()));
        archive.apply(batch()).await.unwrap();
    });
}

#[test]
fn one_that_is_ahead_is_not_taken() {
    on_each(async |archive| {
        archive.apply(brought(1, None)).await.unwrap();
        let ahead = OwnershipDenial::Ahead {
            checkpoint: 1,
            written: 0,
        };
        let refused = archive.claim(claim(&author(ONE, 1, &[]), 0)).await;
        assert_eq!(refused, Err(ArchiveError::Denied(ahead)));
        assert_eq!(archive.standing().await.unwrap().writer, None);
    });
}
