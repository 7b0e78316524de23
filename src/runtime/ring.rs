//! The wiring: which actor knows which.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr, Arbiter, Recipient};
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::StartError;
use super::replay::{self, Recovered};
use crate::actors::archivist::{self, Archivist};
use crate::actors::circuit_breaker;
use crate::actors::death_watch::DeathWatch;
use crate::actors::dispatcher::{self, Dispatcher};
use crate::actors::event_store::{self, EventStore};
use crate::actors::messages::{Committed, Open};
use crate::actors::registry::{self, Registry};
use crate::actors::retry_timer::RetryTimer;
use crate::actors::router::Router;
use crate::actors::scheduler::{self, Scheduler};
use crate::actors::seat::Seat;
use crate::actors::warden::{CoreDied, Warden};
use crate::adapters::http_transport::HttpTransport;
use crate::cli::Exit;
use crate::clock::Clock;
use crate::config::{Config, Strategy as ConfiguredStrategy};
use crate::domain::ids::Position;
use crate::http::handles::Handles;
use crate::logic::admission::Admission;
use crate::logic::backoff::RetryPolicy;
use crate::logic::balancer::Strategy;
use crate::logic::breaker::BreakerPolicy;
use crate::logic::dedup::DedupWindow;
use crate::logic::health::Thresholds;
use crate::logic::lanes::RankPolicy;
use crate::logic::ledger::Ledger;
use crate::logic::queues::QueuePolicy;
use crate::metrics::Metrics;
use crate::ports::archive::Archive;
use crate::ports::journal::Journal;

const MAILBOX: usize = 1024;

/// Every core actor's seat, before anybody sits down.
pub struct Ring {
    config: Config,
    clock: Clock,
    metrics: Arc<Metrics>,
    archive: Arc<dyn Archive>,
    warden: Addr<Warden>,
    router: Seat<Router>,
    event_store: Seat<EventStore>,
    scheduler: Seat<Scheduler>,
    dispatcher: Seat<Dispatcher>,
    retry_timer: Seat<RetryTimer>,
    registry: Seat<Registry>,
    archivist: Seat<Archivist>,
}

/// A ring that turns.
pub struct Running {
    pub recovery: Recovered,
    pub warden: Addr<Warden>,
    pub scheduler: Addr<Scheduler>,
    pub archivist: Addr<Archivist>,
    pub event_store: Addr<EventStore>,
    pub wal: Arbiter,
}

impl Ring {
    pub fn new(
        config: &Config,
        clock: Clock,
        metrics: Arc<Metrics>,
        archive: Arc<dyn Archive>,
    ) -> Self {
        Self {
            config: config.clone(),
            clock,
            metrics,
            archive,
            warden: Warden::new(|| std::process::exit(Exit::Internal as i32)).start(),
            router: Seat::new(MAILBOX),
            event_store: Seat::new(MAILBOX),
            scheduler: Seat::new(MAILBOX),
            dispatcher: Seat::new(MAILBOX),
            retry_timer: Seat::new(MAILBOX),
            registry: Seat::new(MAILBOX),
            archivist: Seat::new(MAILBOX),
        }
    }

    /// What the HTTP workers may talk to.
    pub fn handles(&self) -> Handles {
        let (router, scheduler) = (self.router.address(), self.scheduler.address());
        let (registry, archivist) = (self.registry.address(), self.archivist.address());
        Handles {
            accept: router.clone().recipient(),
            admission: router.recipient(),
            await_settled: scheduler.clone().recipient(),
            inspect: scheduler.clone().recipient(),
            inspect_queues: scheduler.clone().recipient(),
            receive: scheduler.clone().recipient(),
            end_leases: scheduler.clone().recipient(),
            extend_leases: scheduler.clone().recipient(),
            cancel: scheduler.clone().recipient(),
            retry_now: scheduler.recipient(),
            register: registry.clone().recipient(),
            deregister: registry.clone().recipient(),
            services: registry.recipient(),
            circuits: self.dispatcher.address().recipient(),
            reprocess: archivist.clone().recipient(),
            delete_dead_letter: archivist.clone().recipient(),
            flush: archivist.recipient(),
        }
    }

    /// Starts the actors, replays the journal through them, and lets them begin.
    pub async fn start(
        self,
        journal: impl Journal + 'static,
        archived: Position,
    ) -> Result<Running, StartError> {
        let committed = self.committed();
        let opened = self.opened();
        let readers = journal.readers();
        let (warden, event_store) = (self.warden.clone(), self.event_store.address());
        let config = self.config.clone();
        let (clock, metrics) = (self.clock, self.metrics.clone());
        let hops = event_store::Hops {
            committed: committed.clone(),
            router: self.router.address().recipient(),
            warden: warden.clone().recipient(),
        };
        let watch = self.watch("event_store");
        let (seat, scheduler, archivist) = self.fill_core(readers, archived);

        let window = DedupWindow::new(config.dedup_capacity, config.dedup_window);
        let (journal, ledger, recovery) =
            replay::replay(Box::new(journal), Ledger::new(window), &committed).await?;
        if recovery.last_position() < archived {
            return Err(StartError::Storage(format!(
                "the archive is ahead of the journal (position {archived} against {}): they do not belong together; restore the journal, or move the archive away",
                recovery.last_position()
            )));
        }
        let wal = Arbiter::new();
        let disk_reserve = config.disk_reserve;
        wal.spawn_fn(move || {
            let store = EventStore::new(clock, metrics, journal, ledger, disk_reserve, hops, watch);
            seat.fill(store);
        });
        for recipient in opened {
            recipient.do_send(Open);
        }
        Ok(Running {
            recovery,
            warden,
            scheduler,
            archivist,
            event_store,
            wal,
        })
    }

    /// Who learns from the journal: the archivist first, so that what a reader no longer finds
    /// with the scheduler is on its way to the archive.
    fn committed(&self) -> Vec<Recipient<Committed>> {
        vec![
            self.archivist.address().recipient(),
            self.router.address().recipient(),
            self.registry.address().recipient(),
            self.retry_timer.address().recipient(),
            self.scheduler.address().recipient(),
        ]
    }

    fn opened(&self) -> Vec<Recipient<Open>> {
        vec![
            self.registry.address().recipient(),
            self.scheduler.address().recipient(),
            self.retry_timer.address().recipient(),
            self.archivist.address().recipient(),
        ]
    }

    fn watch(&self, actor: &'static str) -> DeathWatch {
        DeathWatch::new(self.warden.clone().recipient(), CoreDied { actor })
    }

    /// Seats everybody but the EventStore, whose seat is handed back.
    fn fill_core(
        self,
        readers: crate::ports::journal::Readers,
        archived: Position,
    ) -> (Seat<EventStore>, Addr<Scheduler>, Addr<Archivist>) {
        let (clock, metrics, config) = (self.clock, self.metrics.clone(), &self.config);
        let transport: Rc<HttpTransport> = Rc::new(HttpTransport::new());
        let store = self.event_store.address();
        let admission = Admission::new(config.max_queue_size, config.max_queue_bytes);
        let router_watch = self.watch("router");
        let scheduler_watch = self.watch("scheduler");
        let dispatcher_watch = self.watch("dispatcher");
        let timer_watch = self.watch("retry_timer");
        let registry_watch = self.watch("registry");
        let archivist_watch = self.watch("archivist");
        let (scheduler, router) = (self.scheduler.address(), self.router.address());
        let (registry, dispatcher) = (self.registry.address(), self.dispatcher.address());

        self.router.fill(Router::new(
            clock,
            metrics.clone(),
            admission,
            store.clone().recipient(),
            router_watch,
        ));
        self.retry_timer.fill(RetryTimer::new(
            clock,
            scheduler.clone().recipient(),
            timer_watch,
        ));
        self.dispatcher.fill(Dispatcher::new(
            breaker_settings(config, clock, metrics.clone(), transport.clone()),
            dispatcher::Hops {
                give_back: scheduler.clone().recipient(),
                give_back_all: scheduler.clone().recipient(),
                breaker: circuit_breaker::Hops {
                    event_store: store.clone().recipient(),
                    give_back: scheduler.clone().recipient(),
                    windows: [scheduler.clone().recipient(), router.recipient()],
                    delivery_seen: registry.clone().recipient(),
                    instance_gone: registry.clone().recipient(),
                },
            },
            dispatcher_watch,
        ));
        self.registry.fill(Registry::new(
            registry_settings(config, clock, metrics.clone(), transport),
            store.clone().recipient(),
            dispatcher.clone().recipient(),
            registry_watch,
        ));
        let archivist = self.archivist.fill(Archivist::new(
            (clock, metrics.clone()),
            self.archive.clone(),
            readers,
            archived,
            config.wal_flush_interval,
            archivist::Hops {
                archived: store.clone().recipient(),
                record: store.clone().recipient(),
            },
            archivist_watch,
        ));
        let scheduler = self.scheduler.fill(Scheduler::new(
            clock,
            SmallRng::from_rng(&mut rand::rng()),
            metrics,
            queue_policy(config),
            scheduler::Hops {
                dispatcher: dispatcher.recipient(),
                event_store: store.recipient(),
                registry: registry.recipient(),
            },
            scheduler_watch,
        ));
        (self.event_store, scheduler, archivist)
    }
}

fn retry_policy(config: &Config) -> RetryPolicy {
    RetryPolicy {
        base_delay: config.base_retry_delay,
        max_delay: config.max_retry_delay,
        max_attempts: config.max_retry_attempts,
    }
}

fn queue_policy(config: &Config) -> QueuePolicy {
    QueuePolicy {
        ranks: RankPolicy {
            patience: config.patience,
            deadline_lead: config.deadline_lead,
        },
        retries: retry_policy(config),
    }
}

fn breaker_settings(
    config: &Config,
    clock: Clock,
    metrics: Arc<Metrics>,
    transport: Rc<HttpTransport>,
) -> circuit_breaker::Settings {
    circuit_breaker::Settings {
        clock,
        metrics,
        transport,
        retries: retry_policy(config),
        breaker: BreakerPolicy {
            failure_threshold: config.circuit_breaker_failure_threshold,
            reset_timeout: config.circuit_breaker_reset_timeout,
            half_open_timeout: config.circuit_breaker_half_open_timeout,
            ..BreakerPolicy::default()
        },
        strategy: match config.load_balancing_strategy {
            ConfiguredStrategy::RoundRobin => Strategy::RoundRobin,
            ConfiguredStrategy::LeastConnections => Strategy::LeastConnections,
        },
        message_timeout: config.message_timeout,
    }
}

fn registry_settings(
    config: &Config,
    clock: Clock,
    metrics: Arc<Metrics>,
    transport: Rc<HttpTransport>,
) -> registry::Settings {
    registry::Settings {
        clock,
        metrics,
        transport,
        thresholds: Thresholds {
            unhealthy: config.unhealthy_threshold,
            healthy: config.healthy_threshold,
        },
        check_interval: config.service_check_interval,
        check_timeout: config.service_timeout,
    }
}
