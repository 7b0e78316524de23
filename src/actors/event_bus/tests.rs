use std::sync::Arc;

use actix::Addr;
use uuid::Uuid;

use super::*;
use crate::actors::fixtures::unwatched;
use crate::actors::messages::{InspectLog, LogReport};
use crate::actors::probe::probe;
use crate::domain::carried::Carried;
use crate::domain::pattern::Pattern;
use crate::logic::wal::samples;

const FEED: FeedId = FeedId(Uuid::from_u128(1));

fn started() -> Addr<EventBus> {
    EventBus::new(unwatched()).start()
}

async fn publish(bus: &Addr<EventBus>, sequence: Sequence) {
    commit(bus, samples::event_published(1, sequence)).await;
}

async fn commit(bus: &Addr<EventBus>, fact: Fact) {
    let record = Recorded { position: 1, fact };
    let committed = Committed {
        records: Arc::new([record]),
        replay: false,
    };
    bus.send(committed).await.unwrap();
}

fn follow(to: Recipient<Fed>, from: Sequence, credit: usize) -> Follow {
    Follow {
        feed: FEED,
        event_types: Arc::new([Pattern::parse("#").unwrap()]),
        from,
        credit,
        to,
    }
}

fn sequences(fed: Vec<Fed>) -> Vec<Sequence> {
    let mut sequences = Vec::new();
    for fed in fed {
        match fed {
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
    let bus = started();
    let (follower, mut seen) = probe();
    publish(&bus, 1).await;
    bus.send(follow(follower, 1, 1 << 20)).await.unwrap();
    publish(&bus, 2).await;
    assert_eq!(sequences(seen.drain().await), [1, 2]);
    bus.send(Unfollow { feed: FEED }).await.unwrap();
    publish(&bus, 3).await;
    assert!(seen.drain().await.is_empty());
}

#[actix::test]
async fn credit_lets_a_follower_go_on() {
    let bus = started();
    let (follower, mut seen) = probe();
    bus.send(follow(follower, 1, 1)).await.unwrap();
    publish(&bus, 1).await;
    publish(&bus, 2).await;
    assert_eq!(sequences(seen.drain().await), [1]);
    let bytes = 1 << 20;
    bus.send(Credit { feed: FEED, bytes }).await.unwrap();
    assert_eq!(sequences(seen.drain().await), [2]);
}

#[actix::test]
async fn the_log_goes_on_where_a_compaction_left_it() {
    let bus = started();
    let carried = Carried {
        last_sequence: 7,
        ..Carried::default()
    };
    commit(&bus, Fact::Carried(Arc::new(carried))).await;
    publish(&bus, 8).await;
    commit(&bus, samples::events_removed(5)).await;
    let expected = LogReport {
        oldest: 5,
        newest: 8,
        in_memory: 8,
    };
    assert_eq!(bus.send(InspectLog).await.unwrap(), expected);
    let (follower, mut seen) = probe();
    bus.send(follow(follower, 6, 1 << 20)).await.unwrap();
    let fed = seen.drain().await;
    assert!(matches!(fed[..], [Fed::Behind { from: 6 }]), "{fed:?}");
}

#[actix::test]
async fn sockets_are_told_to_close_and_waited_for() {
    let bus = started();
    let (socket, mut told) = probe();
    let opened = |to| SocketOpened { socket: FEED, to };
    bus.send(opened(socket.clone())).await.unwrap();
    let (reply, mut drained) = tokio::sync::oneshot::channel();
    bus.send(Drain { reply }).await.unwrap();
    assert_eq!(told.drain().await, [SocketNews::Draining]);
    assert!(drained.try_recv().is_err());
    bus.send(SocketClosed { socket: FEED }).await.unwrap();
    assert!(drained.try_recv().is_ok());
}
