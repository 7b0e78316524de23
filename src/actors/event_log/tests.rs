use actix::Addr;
use uuid::Uuid;

use super::*;
use crate::actors::fixtures::unwatched;
use crate::actors::messages::event_log::InspectLog;
use crate::actors::probe::probe;
use crate::domain::compaction_summary::CompactionSummary;
use crate::domain::event::Sequence;
use crate::domain::pattern::Pattern;
use crate::logic::event_window::EventWindow;
use crate::logic::journal::samples;

const FEED: FeedId = FeedId(Uuid::from_u128(1));

fn started() -> Addr<EventLog> {
    let log = EventLog::new(unwatched()).start();
    log.do_send(Open);
    log
}

async fn publish(log: &Addr<EventLog>, sequence: Sequence) {
    commit(log, samples::event_published(1, sequence)).await;
}

async fn commit(log: &Addr<EventLog>, fact: Fact) {
    let record = Recorded { position: 1, fact };
    let committed = Committed {
        at: crate::domain::moment::Moment::default(),
        records: Arc::new([record]),
        replay: false,
        set_since: 0,
    };
    log.send(committed).await.unwrap();
}

fn follow(to: Recipient<FeedNews>, from: Sequence, credit: usize) -> Follow {
    Follow {
        feed: FEED,
        round: 7,
        event_types: Arc::new([Pattern::parse("#").unwrap()]),
        from,
        credit,
        to,
    }
}

fn sequences(news: Vec<FeedNews>) -> Vec<Sequence> {
    let mut sequences = Vec::new();
    for news in news {
        assert_eq!(news.round, 7);
        match news.fed {
            Fed::Events { events, .. } => {
                sequences.extend(events.iter().map(|one| one.event.sequence));
            }
            Fed::Behind { from } => panic!("behind from {from}"),
        }
    }
    sequences
}

#[actix::test]
async fn a_follower_is_fed_past_and_live_until_it_leaves() {
    let log = started();
    let (follower, mut seen) = probe();
    publish(&log, 1).await;
    log.send(follow(follower, 1, 1 << 20)).await.unwrap();
    publish(&log, 2).await;
    assert_eq!(sequences(seen.drain().await), [1, 2]);
    log.send(Unfollow { feed: FEED }).await.unwrap();
    publish(&log, 3).await;
    assert!(seen.drain().await.is_empty());
}

#[actix::test]
async fn credit_lets_a_follower_go_on() {
    let log = started();
    let (follower, mut seen) = probe();
    log.send(follow(follower, 1, 1)).await.unwrap();
    publish(&log, 1).await;
    publish(&log, 2).await;
    assert_eq!(sequences(seen.drain().await), [1]);
    let bytes = 1 << 20;
    log.send(Credit { feed: FEED, bytes }).await.unwrap();
    assert_eq!(sequences(seen.drain().await), [2]);
}

#[actix::test]
async fn who_follows_ahead_of_the_log_is_fed_from_there_on_and_nothing_before() {
    let log = started();
    let (follower, mut seen) = probe();
    publish(&log, 1).await;
    // A position may be further than the log: an archive or a journal was lost, and it begins anew.
    log.send(follow(follower, 4, 1 << 20)).await.unwrap();
    for sequence in 2..=5 {
        publish(&log, sequence).await;
    }
    assert_eq!(sequences(seen.drain().await), [4, 5]);
}

#[actix::test]
async fn who_follows_ahead_of_the_log_is_behind_once_that_has_left_its_memory() {
    let log = started();
    let (follower, mut seen) = probe();
    log.send(follow(follower, 4, 0)).await.unwrap();
    for sequence in 1..=5 {
        publish(&log, sequence).await;
    }
    assert!(sequences(seen.drain().await).is_empty(), "it has no room");
    commit(&log, samples::events_removed(5)).await;
    let bytes = 1 << 20;
    log.send(Credit { feed: FEED, bytes }).await.unwrap();
    let fed = seen.drain().await;
    let behind = matches!(&fed[..], [news] if matches!(news.fed, Fed::Behind { from: 4 }));
    assert!(behind, "{fed:?}");
}

#[actix::test]
async fn the_log_goes_on_where_a_compaction_left_it() {
    let log = started();
    let summary = CompactionSummary {
        last_sequence: 7,
        ..CompactionSummary::default()
    };
    commit(&log, Fact::CompactionSummary(Arc::new(summary))).await;
    publish(&log, 8).await;
    commit(&log, samples::events_removed(5)).await;
    let expected = EventWindow {
        oldest: 5,
        kept_from: 5,
        newest: 8,
        in_memory: 8,
    };
    let (reply, window) = tokio::sync::oneshot::channel();
    log.send(InspectLog { reply }).await.unwrap();
    assert_eq!(window.await.unwrap(), expected);
    let (follower, mut seen) = probe();
    log.send(follow(follower, 6, 1 << 20)).await.unwrap();
    let fed = seen.drain().await;
    let behind = matches!(&fed[..], [news] if matches!(news.fed, Fed::Behind { from: 6 }));
    assert!(behind, "{fed:?}");
}

#[actix::test]
async fn who_has_all_that_it_wants_learns_at_the_stop_how_far_that_is() {
    let log = started();
    let (quiet, mut told) = probe();
    let (stalled, mut fed) = probe();
    let wants_nothing = Follow {
        feed: FeedId(Uuid::from_u128(2)),
        event_types: Arc::new([Pattern::parse("none").unwrap()]),
        ..follow(quiet, 1, 1)
    };
    log.send(wants_nothing).await.unwrap();
    log.send(follow(stalled, 1, 1)).await.unwrap();
    told.drain().await;
    for sequence in 1..=3 {
        publish(&log, sequence).await;
    }
    assert!(told.drain().await.is_empty());
    assert_eq!(sequences(fed.drain().await), [1]);
    let (reply, drained) = tokio::sync::oneshot::channel();
    log.send(Drain { reply }).await.unwrap();
    drained.await.unwrap();
    let [news] = &told.drain().await[..] else {
        panic!("it is told once");
    };
    let is_told = matches!(&news.fed, Fed::Events { events, through: 3 } if events.is_empty());
    assert!(is_told, "{news:?}");
    assert!(fed.drain().await.is_empty(), "more waits for it");
}
