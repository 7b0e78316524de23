mod circuits;
mod dead_events;
mod holding;
mod losses;
mod many;
mod sockets;
mod subscriptions;
mod testing;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use uuid::Uuid;

use super::*;
use crate::actors::children::ChildDied;
use crate::actors::event_log::EventLog;
use crate::actors::fixtures::{Push, ScriptedTransport, late, service, status, unwatched};
use crate::actors::messages::subscriptions::{SocketClosed, SocketOpened};
use crate::actors::probe::{Received, probe, settle};
use crate::adapters::archive_memory::MemoryArchive;
use crate::domain::compaction_summary::CompactionSummary;
use crate::domain::event::Sequence;
use crate::domain::fact::Recorded;
use crate::domain::pattern::Pattern;
use crate::logic::backoff::RetryPolicy;
use crate::logic::breaker::BreakerPolicy;
use crate::logic::journal::samples;
use crate::logic::limits::Limit;
use crate::pool::Pool;

const FEED: FeedId = FeedId(Uuid::from_u128(1));

/// Subscriptions beside a log of events, both open, and everything they say.
struct House {
    address: Addr<Subscriptions>,
    log: Addr<EventLog>,
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
    let archive = Arc::new(MemoryArchive::default());
    let transport = ScriptedTransport::new(pushes);
    let metrics = Arc::new(Metrics::new());
    let mut limits = Limits::default();
    limits.set(Limit::SubscriptionsPerService, 100_000);
    let settings = Settings {
        secret_overlap: Duration::from_secs(60),
        clock,
        metrics: metrics.clone(),
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
    let log = EventLog::new(unwatched()).start();
    let hops = Hops {
        event_store,
        publish,
        flush,
        follow: log.clone().recipient(),
        credit: log.clone().recipient(),
        unfollow: log.clone().recipient(),
        show_lags: log.clone().recipient(),
        events: EventReader::new(
            log.clone().recipient(),
            log.clone().recipient(),
            archive.clone(),
        ),
    };
    let address = Subscriptions::new(settings, hops, unwatched()).start();
    log.do_send(Open);
    address.do_send(Open);
    House {
        address,
        log,
        clock,
        archive,
        transport,
        recorded,
        published,
        flushes,
    }
}

fn committed(fact: Fact) -> Committed {
    Committed {
        at: crate::domain::moment::Moment::default(),
        records: Arc::new([Recorded { position: 1, fact }]),
        replay: false,
        set_since: 0,
    }
}

impl House {
    /// As the journal does.
    async fn commit(&self, fact: Fact) {
        let committed = committed(fact);
        self.address.send(committed.clone()).await.unwrap();
        self.log.send(committed).await.unwrap();
    }

    /// As a hub that stops does.
    async fn drain(&self, reply: Reply<()>) {
        let (told, all_told) = tokio::sync::oneshot::channel();
        self.log.do_send(Drain { reply: told });
        all_told.await.unwrap();
        self.address.do_send(Drain { reply });
    }
}

#[actix::test]
async fn sockets_are_told_to_close_and_waited_for() {
    let house = house([]);
    let (socket, mut told) = probe();
    let opened = |to| SocketOpened { socket: FEED, to };
    house.address.send(opened(socket.clone())).await.unwrap();
    let (reply, mut drained) = tokio::sync::oneshot::channel();
    house.address.send(Drain { reply }).await.unwrap();
    assert_eq!(told.drain().await, [SocketNews::Draining]);
    assert!(drained.try_recv().is_err());
    house
        .address
        .send(SocketClosed { socket: FEED })
        .await
        .unwrap();
    assert!(drained.try_recv().is_ok());
}
