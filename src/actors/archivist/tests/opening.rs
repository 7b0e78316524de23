//! Whose the archive is, and where the history in it begins.

use super::*;
use crate::domain::compaction_summary::CompactionSummary;
use crate::logic::journal::samples;
use crate::logic::ownership::Claim;

const OTHER: HubId = HubId(Uuid::from_u128(2));

fn summary(last_sequence: Sequence) -> Fact {
    Fact::CompactionSummary(Arc::new(CompactionSummary {
        last_sequence,
        ..CompactionSummary::default()
    }))
}

fn claim(hub: HubId, epoch: Epoch) -> Claim {
    Claim {
        author: author(hub, epoch),
        written: Position::MAX,
    }
}

/// Of the same hub in this epoch, which knows of the one that is under test.
fn claim_beside(epoch: Epoch) -> Claim {
    let earlier = Arc::new([EPOCH]);
    let hub = HUB;
    Claim {
        author: Author {
            hub,
            epoch,
            earlier,
        },
        ..claim(hub, epoch)
    }
}

impl Cellar {
    /// Lets the archive fail once, and be there again.
    async fn lose_touch(&mut self) {
        self.archive.set_unavailable(true);
        self.commit(vec![accepted(self.message(99))]);
        assert!(self.flush().await.is_err());
        settle().await;
    }

    async fn meet_again(&mut self) {
        self.archive.set_unavailable(false);
        tokio::time::advance(2 * RETRY).await;
        // What is missing in it is read from the journal on another thread, and written first.
        for _ in 0..1000 {
            settle().await;
            if self.metrics.status.archive_answers.get() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("the archive did not come back");
    }

    async fn told(&mut self) -> Vec<Sequence> {
        let told = self.history.drain().await;
        told.iter().map(|history| history.oldest).collect()
    }
}

#[actix::test]
async fn the_archive_is_claimed_before_anything_is_written() {
    let mut cellar = cellar();
    settle().await;
    let owner = author(HUB, EPOCH).writer();
    let standing = cellar.archive.standing().await.unwrap();
    assert_eq!((standing.writer, standing.checkpoint), (Some(owner), 0));
    cellar.commit(vec![accepted(cellar.message(1))]);
    assert_eq!(cellar.flush().await, Ok(()));
    let standing = cellar.archive.standing().await.unwrap();
    assert_eq!((standing.writer, standing.checkpoint), (Some(owner), 1));
}

#[actix::test]
async fn an_archive_of_another_hub_is_left_alone() {
    let archive = MemoryArchive::default();
    archive.claim(claim(OTHER, EPOCH)).await.unwrap();
    let down = ArchiveError::Unavailable("no route".to_owned());
    let mut cellar = cellar_where(archive, Err(down));
    settle().await;
    for number in 1..=3 {
        cellar.commit(vec![accepted(cellar.message(number))]);
        tokio::time::advance(2 * RETRY).await;
        settle().await;
        let denial = OwnershipDenial::OtherHub {
            owner: OTHER,
            hub: HUB,
        };
        let denied = Err(ArchiveError::Denied(denial));
        assert_eq!(cellar.flush().await, denied);
    }
    assert_eq!(cellar.checkpoint().await, 0);
    assert!(!cellar.metrics.status.archive_answers.get());
    let archived = cellar.archived.drain().await;
    assert!(archived.iter().all(|archived| archived.through == 0));
}

#[actix::test]
async fn an_archive_that_a_copy_of_the_hub_took_is_left_to_it() {
    let mut cellar = cellar();
    cellar.commit(vec![accepted(cellar.message(1))]);
    assert_eq!(cellar.flush().await, Ok(()));
    cellar.archive.claim(claim_beside(41)).await.unwrap();
    cellar.commit(vec![accepted(cellar.message(2))]);
    let out_of_step = Err(ArchiveError::OutOfStep { checkpoint: 1 });
    assert_eq!(cellar.flush().await, out_of_step, "who is right shows next");
    for number in 3..=5 {
        tokio::time::advance(2 * RETRY).await;
        settle().await;
        cellar.commit(vec![accepted(cellar.message(number))]);
        let denied = Err(ArchiveError::Denied(OwnershipDenial::UnknownEpoch));
        assert_eq!(cellar.flush().await, denied);
    }
    assert_eq!(cellar.checkpoint().await, 1);
}

#[actix::test]
async fn an_archive_from_an_earlier_epoch_is_gone_on_with() {
    let mut cellar = cellar();
    cellar.commit(vec![accepted(cellar.message(1))]);
    assert_eq!(cellar.flush().await, Ok(()));
    let backup = claim_beside(EARLIER);
    cellar.archive.claim(backup).await.unwrap();
    cellar.commit(vec![accepted(cellar.message(2))]);
    let out_of_step = Err(ArchiveError::OutOfStep { checkpoint: 1 });
    assert_eq!(cellar.flush().await, out_of_step);
    tokio::time::advance(2 * RETRY).await;
    cellar.caught_up(2).await;
    let standing = cellar.archive.standing().await.unwrap();
    let epoch = standing.writer.map(|writer| writer.epoch);
    assert_eq!((epoch, standing.checkpoint), (Some(EPOCH), 2));
}

#[actix::test]
async fn where_the_history_begins_is_told_while_the_archive_is_there() {
    let mut cellar = cellar();
    settle().await;
    assert!(cellar.told().await.is_empty(), "a new hub lost nothing");
    cellar.commit(vec![summary(7), samples::event_published(1, 8)]);
    assert_eq!(cellar.flush().await, Ok(()));
    assert_eq!(cellar.told().await, [8]);
    assert_eq!(cellar.metrics.archive_lost_before.get(), 8);
    cellar.lose_touch().await;
    assert_eq!(cellar.told().await, [1], "it may come back with more");
    assert_eq!(cellar.metrics.archive_lost_before.get(), 0);
    cellar.meet_again().await;
    assert_eq!(cellar.told().await, [8]);
}

#[actix::test]
async fn an_archive_that_is_only_away_or_behind_has_lost_nothing() {
    let archive = MemoryArchive::default();
    archive.set_unavailable(true);
    let down = ArchiveError::Unavailable("no route".to_owned());
    let mut cellar = cellar_where(archive, Err(down));
    cellar.commit(vec![samples::event_published(1, 1)]);
    settle().await;
    cellar.archive.set_unavailable(false);
    cellar.caught_up(1).await;
    cellar.commit(vec![samples::event_published(1, 2)]);
    cellar.lose_touch().await;
    cellar.commit(vec![samples::event_published(1, 3)]);
    cellar.meet_again().await;
    assert_eq!(cellar.flush().await, Ok(()));
    assert!(cellar.told().await.is_empty());
}

#[actix::test]
async fn what_was_lost_is_no_news_once_it_is_too_old() {
    let mut cellar = cellar();
    cellar.commit(vec![summary(7), samples::event_published(1, 8)]);
    settle().await;
    assert_eq!(cellar.metrics.archive_lost_before.get(), 8);
    cellar.commit(vec![samples::events_removed(8)]);
    settle().await;
    assert_eq!(cellar.metrics.archive_lost_before.get(), 0);
}
