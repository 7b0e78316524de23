//! Sends dead letters again, or deletes them: one that a client names, or many by a job, and not
//! too fast.
//!
//! Owns who is at work on which dead letter (`claims`), the redrive jobs and one armed sleep
//! (`jobs`). Receives what clients ask, [`Committed`], [`Open`] and [`Drain`]. Reads the archive,
//! messages and events alike, once the Archivist has written there what is pending; sends
//! [`Record`] to the EventStore, and to the Subscriptions what a subscription is owed again
//! ([`RedeliverEvent`]). Never delivers anything.

mod claims;
mod jobs;

use std::sync::Arc;

use actix::{Actor, Context, Handler, Recipient};
use ahash::AHashSet;

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::archivist::Flush;
use super::messages::event_store::Record;
use super::messages::subscriptions::RedeliverEvent;
use super::messages::{Committed, Drain, Open};
use super::timer::Timer;
use crate::clock::Clock;
use crate::domain::ids::MessageId;
use crate::logic::redrive::{News, Redrives};
use crate::metrics::Metrics;
use crate::ports::archive::Archive;

pub struct DeadLetters {
    clock: Clock,
    metrics: Arc<Metrics>,
    archive: Arc<dyn Archive>,
    hops: Hops,
    /// What somebody sends again or deletes, until the journal has it.
    claimed: AHashSet<MessageId>,
    redrives: Redrives,
    /// So many may be unfinished.
    most_jobs: usize,
    timer: Timer,
    _watch: DeathWatch,
}

/// Where the messages go.
pub struct Hops {
    pub record: Recipient<Record>,
    /// The Archivist.
    pub flush: Recipient<Flush>,
    pub redeliver: Recipient<RedeliverEvent>,
}

impl DeadLetters {
    pub fn new(
        (clock, metrics): (Clock, Arc<Metrics>),
        archive: Arc<dyn Archive>,
        most_jobs: usize,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        Self {
            clock,
            metrics,
            archive,
            hops,
            claimed: AHashSet::new(),
            redrives: Redrives::default(),
            most_jobs,
            timer: Timer::default(),
            _watch: watch,
        }
    }
}

impl Actor for DeadLetters {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for DeadLetters {
    fn check(&self) -> usize {
        self.redrives.check()
    }
}

impl Handler<Committed> for DeadLetters {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        let mut has_news = false;
        for record in committed.records.iter() {
            let Some(news) = self.redrives.learn(record.position, &record.fact) else {
                continue;
            };
            has_news = true;
            if committed.replay {
                continue;
            }
            match news {
                News::Redriven => self.metrics.redrives.redriven.inc(),
                News::Deleted => self.metrics.redrives.deleted.inc(),
                News::Failed => self.metrics.redrives.failed.inc(),
                News::Advanced | News::Over => {}
            }
        }
        if has_news {
            self.proceed(ctx);
        }
    }
}

impl Handler<Open> for DeadLetters {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.redrives.open();
        self.proceed(ctx);
    }
}

/// The jobs stand still for good; what clients ask about one dead letter is still answered.
impl Handler<Drain> for DeadLetters {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Context<Self>) {
        for version in self.redrives.close() {
            self.record(version);
        }
        self.proceed(ctx);
        let _ = drain.reply.send(());
    }
}

#[cfg(test)]
mod tests;
