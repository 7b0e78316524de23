//! The wiring: which actor knows which, and on which thread each one lives.

mod clients;
mod events;
mod history;
mod shared;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, Recipient};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::replay::{self, Recovered};
use super::{huge_pages, settings};
use crate::actors::archivist::{Archivist, FoundArchive};
use crate::actors::circuit_breaker;
use crate::actors::dead_letters::DeadLetters;
use crate::actors::death_watch::DeathWatch;
use crate::actors::dispatcher::{self, Dispatcher};
use crate::actors::event_log::EventLog;
use crate::actors::event_store::{self, EventStore};
use crate::actors::historian::Historian;
use crate::actors::messages::{Committed, Open};
use crate::actors::pending_mailbox::PendingMailbox;
use crate::actors::registry::{self, Registry};
use crate::actors::retry_timer::RetryTimer;
use crate::actors::router::{self, Router};
use crate::actors::scheduler::{self, Scheduler};
use crate::actors::subscriptions::Subscriptions;
use crate::actors::warden::{CoreDied, Warden};
use crate::adapters::http_transport::HttpTransport;
use crate::adapters::tls::Trust;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::Position;
use crate::domain::timestamp::Timestamp;
use crate::exit::Exit;
use crate::logic::limits::Limit;
use crate::logic::ownership::OwnershipDenial;
use crate::logic::quotas::Quotas;
use crate::logic::write_model::WriteModel;
use crate::logic::writer::Author;
use crate::metrics::Metrics;
use crate::opening::StartError;
use crate::ports::archive::{Archive, ArchiveError};
use crate::ports::journal::Journal;
use crate::telemetry;

pub(super) use shared::Shared;

const MAILBOX: usize = 1024;
/// Clocks that are kept right are set back by less.
const NOTEWORTHY_STEP_BACK: Duration = Duration::from_secs(1);

/// What the actors are made of, and where they reach each other.
pub(super) struct Ring {
    config: Config,
    trust: Trust,
    clock: Clock,
    metrics: Arc<Metrics>,
    archive: Arc<dyn Archive>,
    author: Author,
    shared: Shared,
    to: Addresses,
}

/// The core actors' addresses, valid before the actors start.
#[derive(Clone)]
pub(super) struct Addresses {
    pub warden: Addr<Warden>,
    pub router: Addr<Router>,
    pub event_store: Addr<EventStore>,
    pub scheduler: Addr<Scheduler>,
    pub dispatcher: Addr<Dispatcher>,
    pub retry_timer: Addr<RetryTimer>,
    pub registry: Addr<Registry>,
    pub archivist: Addr<Archivist>,
    pub dead_letters: Addr<DeadLetters>,
    pub historian: Addr<Historian>,
    pub event_log: Addr<EventLog>,
    pub subscriptions: Addr<Subscriptions>,
}

/// The mailboxes of the core actors, which are still to come.
pub(super) struct PendingMailboxes {
    router: PendingMailbox<Router>,
    event_store: PendingMailbox<EventStore>,
    scheduler: PendingMailbox<Scheduler>,
    dispatcher: PendingMailbox<Dispatcher>,
    retry_timer: PendingMailbox<RetryTimer>,
    registry: PendingMailbox<Registry>,
    archivist: PendingMailbox<Archivist>,
    dead_letters: PendingMailbox<DeadLetters>,
    historian: PendingMailbox<Historian>,
    event_log: PendingMailbox<EventLog>,
    subscriptions: PendingMailbox<Subscriptions>,
}

/// A ring that turns.
pub(super) struct Running {
    pub recovery: Recovered,
    pub to: Addresses,
    /// The thread of the writer and of the router before it.
    pub journal_thread: Arbiter,
}

/// Ends the process, after a moment for the log.
fn give_up() {
    telemetry::flush();
    std::process::exit(Exit::Internal as i32);
}

impl Ring {
    pub(super) fn new(
        config: &Config,
        trust: Trust,
        clock: Clock,
        metrics: Arc<Metrics>,
        (archive, author): (Arc<dyn Archive>, Author),
        shared: Shared,
    ) -> (Self, PendingMailboxes) {
        let pending = PendingMailboxes {
            router: PendingMailbox::new(MAILBOX),
            event_store: PendingMailbox::new(MAILBOX),
            scheduler: PendingMailbox::new(MAILBOX),
            dispatcher: PendingMailbox::new(MAILBOX),
            retry_timer: PendingMailbox::new(MAILBOX),
            registry: PendingMailbox::new(MAILBOX),
            archivist: PendingMailbox::new(MAILBOX),
            dead_letters: PendingMailbox::new(MAILBOX),
            historian: PendingMailbox::new(MAILBOX),
            event_log: PendingMailbox::new(MAILBOX),
            subscriptions: PendingMailbox::new(MAILBOX),
        };
        let to = Addresses {
            warden: Warden::new(give_up).start(),
            router: pending.router.address(),
            event_store: pending.event_store.address(),
            scheduler: pending.scheduler.address(),
            dispatcher: pending.dispatcher.address(),
            retry_timer: pending.retry_timer.address(),
            registry: pending.registry.address(),
            archivist: pending.archivist.address(),
            dead_letters: pending.dead_letters.address(),
            historian: pending.historian.address(),
            event_log: pending.event_log.address(),
            subscriptions: pending.subscriptions.address(),
        };
        let config = config.clone();
        let ring = Self {
            config,
            trust,
            clock,
            metrics,
            archive,
            author,
            shared,
            to,
        };
        (ring, pending)
    }

    /// Starts the actors, replays the journal through them, and lets them begin.
    pub(super) async fn start(
        &self,
        pending: PendingMailboxes,
        journal: impl Journal + 'static,
        found: Result<FoundArchive, ArchiveError>,
    ) -> Result<Running, StartError> {
        // One for all that goes out: what may be called, and how often, is decided in one place.
        let transport = Rc::new(HttpTransport::new(
            self.config.security.outgoing_deny.clone(),
            self.trust.clone(),
        ));
        pending.scheduler.fill(self.scheduler());
        pending.dispatcher.fill(self.dispatcher(transport.clone()));
        pending.retry_timer.fill(self.retry_timer());
        pending.registry.fill(self.registry(transport.clone()));
        pending
            .archivist
            .fill(self.archivist(journal.readers(), found.clone()));
        pending.dead_letters.fill(self.dead_letters());
        pending.historian.fill(self.historian());
        pending.event_log.fill(self.event_log());
        pending.subscriptions.fill(self.subscriptions(transport));
        // The router is on the writer's thread: whatever comes while a sync is under way has to
        // wait for it anyway, and one thread less to wake up saves a tenth of a send's cost.
        let journal_thread = Arbiter::new();
        let router = self.router();
        journal_thread.spawn_fn(move || {
            pending.router.fill(router);
        });

        let write_model = WriteModel::new(settings::dedup_window(&self.config));
        let committed = self.to.committed();
        let (journal, write_model, recovery) = replay::replay(
            Box::new(journal),
            write_model,
            &committed,
            self.clock.moment(),
        )
        .await?;
        if let Ok(found) = found {
            check_archive(found.checkpoint, recovery.last_position())?;
        }
        self.look_at_clock(recovery.last_at());

        let writer = self.event_store(journal, write_model);
        journal_thread.spawn_fn(move || {
            pending.event_store.fill(writer);
        });
        for actor in self.to.opened() {
            // Whoever asks once the hub takes requests is answered by somebody who has begun.
            let begun = actor.send(Open).await;
            begun.map_err(|error| StartError::Internal(format!("open: {error}")))?;
        }
        let to = self.to.clone();
        Ok(Running {
            recovery,
            to,
            journal_thread,
        })
    }

    /// The system's clock may have been set back since the journal's last record.
    fn look_at_clock(&self, last_at: Timestamp) {
        self.clock.was_used(last_at);
        let behind = last_at.since(self.clock.wall());
        if behind > NOTEWORTHY_STEP_BACK {
            tracing::warn!(
                ?behind,
                "the system's clock is behind the journal: it was set back, or the journal was \
                 written while it was ahead; what is recorded from now on goes by the clock as it is"
            );
        }
    }

    /// Where the actors are reached, also before they start.
    pub(super) fn to(&self) -> &Addresses {
        &self.to
    }

    fn watch(&self, actor: &'static str) -> DeathWatch {
        DeathWatch::new(self.to.warden.clone().recipient(), CoreDied { actor })
    }

    fn router(&self) -> Router {
        let admission = settings::admission(&self.config);
        let quotas = Quotas::new(self.config.shares.quotas.clone(), self.clock.now())
            .with_most(self.config.shares.limits.size(Limit::Quotas));
        let hops = router::Hops {
            accept: self.to.event_store.clone().recipient(),
            publish: self.to.event_store.clone().recipient(),
            record: self.to.event_store.clone().recipient(),
        };
        Router::new(
            self.clock,
            self.metrics.clone(),
            admission,
            (quotas, self.shared.request_rates.clone()),
            hops,
            self.watch("router"),
        )
    }

    fn event_store(&self, journal: Box<dyn Journal>, write_model: WriteModel) -> EventStore {
        let hops = event_store::Hops {
            committed: self.to.committed(),
            router: self.to.router.clone().recipient(),
            warden: self.to.warden.clone().recipient(),
            busy: Some(Box::new(huge_pages::allow)),
        };
        let (reserve, watch) = (self.config.storage.disk_reserve, self.watch("event_store"));
        let random = StdRng::from_rng(&mut rand::rng());
        EventStore::new(
            (self.clock, random),
            self.metrics.clone(),
            journal,
            write_model,
            reserve,
            hops,
            watch,
        )
    }

    fn scheduler(&self) -> Scheduler {
        let hops = scheduler::Hops {
            dispatcher: self.to.dispatcher.clone().recipient(),
            unneeded: self.to.dispatcher.clone().recipient(),
            event_store: self.to.event_store.clone().recipient(),
            registry: self.to.registry.clone().recipient(),
        };
        let random = StdRng::from_rng(&mut rand::rng());
        let policy = settings::queue_policy(&self.config);
        let watch = self.watch("scheduler");
        Scheduler::new(
            self.clock,
            random,
            self.metrics.clone(),
            policy,
            hops,
            watch,
        )
    }

    fn dispatcher(&self, transport: Rc<HttpTransport>) -> Dispatcher {
        let breakers = circuit_breaker::Settings {
            clock: self.clock,
            metrics: self.metrics.clone(),
            transport,
            retries: settings::retry_policy(&self.config),
            breaker: settings::breaker_policy(&self.config),
            strategy: self.config.services.load_balancing_strategy,
            message_timeout: self.config.delivery.message_timeout,
        };
        let scheduler = &self.to.scheduler;
        let hops = dispatcher::Hops {
            give_back: scheduler.clone().recipient(),
            give_back_all: scheduler.clone().recipient(),
            forgotten: [
                self.to.router.clone().recipient(),
                self.to.registry.clone().recipient(),
            ],
            breaker: circuit_breaker::Hops {
                event_store: self.to.event_store.clone().recipient(),
                give_back: scheduler.clone().recipient(),
                window: scheduler.clone().recipient(),
                outlook: self.to.router.clone().recipient(),
                delivery_seen: self.to.registry.clone().recipient(),
                instance_gone: self.to.registry.clone().recipient(),
            },
        };
        Dispatcher::new(breakers, hops, self.watch("dispatcher"))
    }

    fn retry_timer(&self) -> RetryTimer {
        let scheduler = self.to.scheduler.clone().recipient();
        RetryTimer::new(self.clock, scheduler, self.watch("retry_timer"))
    }

    fn registry(&self, transport: Rc<HttpTransport>) -> Registry {
        let health = registry::Settings {
            clock: self.clock,
            transport,
            thresholds: settings::thresholds(&self.config),
            check_interval: self.config.services.service_check_interval,
            check_timeout: self.config.services.service_timeout,
            instance_expiry: self.config.services.instance_expiry,
            strategy: self.config.services.load_balancing_strategy,
            most_instances: self.config.shares.limits.size(Limit::InstancesPerService),
        };
        let event_store = self.to.event_store.clone().recipient();
        let dispatcher = self.to.dispatcher.clone().recipient();
        Registry::new(health, event_store, dispatcher, self.watch("registry"))
    }
}

impl Addresses {
    /// Who learns from the journal: the archivist first, so that what a reader no longer finds
    /// with the scheduler is on its way to the archive; the subscriptions before the log of events,
    /// so that nobody is done with an event they do not know of; the timer last, so that what it
    /// finds due is known to the scheduler.
    fn committed(&self) -> Vec<Recipient<Committed>> {
        vec![
            self.archivist.clone().recipient(),
            self.router.clone().recipient(),
            self.registry.clone().recipient(),
            self.scheduler.clone().recipient(),
            self.dead_letters.clone().recipient(),
            self.historian.clone().recipient(),
            self.subscriptions.clone().recipient(),
            self.event_log.clone().recipient(),
            self.retry_timer.clone().recipient(),
        ]
    }

    /// Who begins something by itself once the replay is over.
    fn opened(&self) -> Vec<Recipient<Open>> {
        vec![
            self.registry.clone().recipient(),
            self.scheduler.clone().recipient(),
            self.retry_timer.clone().recipient(),
            self.archivist.clone().recipient(),
            self.dead_letters.clone().recipient(),
            self.historian.clone().recipient(),
            self.subscriptions.clone().recipient(),
            self.event_log.clone().recipient(),
        ]
    }
}

fn check_archive(checkpoint: Position, written: Position) -> Result<(), StartError> {
    if checkpoint <= written {
        return Ok(());
    }
    let ahead = OwnershipDenial::Ahead {
        checkpoint,
        written,
    };
    Err(StartError::Storage(ahead.to_string()))
}

#[cfg(test)]
mod tests;
