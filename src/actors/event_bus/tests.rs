mod circuits;
mod dead_events;
mod holding;
mod losses;
mod many;
mod sockets;
mod subscriptions;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use uuid::Uuid;

use super::supervising::SubscriptionDied;
use super::*;
use crate::actors::fixtures::{Push, ScriptedTransport, late, service, status, unwatched};
use crate::actors::messages::event_log::InspectLog;
use crate::actors::probe::{Received, probe, settle};
use crate::adapters::archive_memory::MemoryArchive;
use crate::domain::compaction_summary::CompactionSummary;
use crate::domain::pattern::Pattern;
use crate::logic::backoff::RetryPolicy;
use crate::logic::breaker::BreakerPolicy;
use crate::logic::event_window::EventWindow;
use crate::logic::journal::samples;
use crate::logic::limits::Limit;
use crate::pool::Pool;

const FEED: FeedId = FeedId(Uuid::from_u128(1));

fn started() -> Addr<EventBus> {
    house([]).bus
}

/// An open bus, and everything it says.
struct House {
    bus: Addr<EventBus>,
    clock: Clock,
    archive: Arc<MemoryArchive>,
    transport: Rc<ScriptedTransport>,
    recorded: Received<Record>,
    published: Received<Publish>,
    flushes: Received<Flush>,
}

fn house(pushes: impl IntoIterator<Item = Push>) -> House {
    tokio::time::pause();
    let (event_store, recorded) = probe();
    let (publish, published) = probe();
    let (flush, flushes) = probe();
    let clock = Clock::start();
    let (archive, transport) = (
        Arc::new(MemoryArchive::default()),
        ScriptedTransport::new(pushes),
    );
    let metrics = Arc::new(Metrics::new());
    let mut limits = Limits::default();
    limits.set(Limit::SubscriptionsPerService, 100_000);
    let settings = Settings {
        secret_overlap: Duration::from_secs(60),
        clock,
        metrics: metrics.clone(),
        archive: archive.clone(),
        subscriptions: subscription::Settings {
            clock,
            metrics: metrics.clone(),
            retries: RetryPolicy::default(),
            message_timeout: Duration::from_secs(30),
            replays: Pool::of(64 << 20),
        },
        circuits: callback_circuit::Settings {
            clock,
            metrics,
            transport: transport.clone(),
            breaker: BreakerPolicy::default(),
        },
        limits,
    };
    let hops = Hops {
        event_store,
        publish,
        flush,
    };
    let bus = EventBus::new(settings, hops, unwatched()).start();
    bus.do_send(Open);
    House {
        bus,
        clock,
        archive,
        transport,
        recorded,
        published,
        flushes,
    }
}

async fn publish(bus: &Addr<EventBus>, sequence: Sequence) {
    commit(bus, samples::event_published(1, sequence)).await;
}

async fn commit(bus: &Addr<EventBus>, fact: Fact) {
    let record = Recorded { position: 1, fact };
    let committed = Committed {
        at: crate::domain::moment::Moment::default(),
        records: Arc::new([record]),
        replay: false,
        set_since: 0,
    };
    bus.send(committed).await.unwrap();
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
    let summary = CompactionSummary {
        last_sequence: 7,
        ..CompactionSummary::default()
    };
    commit(&bus, Fact::CompactionSummary(Arc::new(summary))).await;
    publish(&bus, 8).await;
    commit(&bus, samples::events_removed(5)).await;
    let expected = EventWindow {
        oldest: 5,
        kept_from: 5,
        newest: 8,
        in_memory: 8,
    };
    let (reply, window) = tokio::sync::oneshot::channel();
    bus.send(InspectLog { reply }).await.unwrap();
    assert_eq!(window.await.unwrap(), expected);
    let (follower, mut seen) = probe();
    bus.send(follow(follower, 6, 1 << 20)).await.unwrap();
    let fed = seen.drain().await;
    let behind = matches!(&fed[..], [news] if matches!(news.fed, Fed::Behind { from: 6 }));
    assert!(behind, "{fed:?}");
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
