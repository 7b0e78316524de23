//! The hub at a glance, and the samples of the last day: who may see them.

use std::sync::Arc;

use tokio::time::Instant;

use super::Hub;
use super::access::Operation;
use super::error::HubError;
use super::lately::Found;
use super::overview::{Glance, Overview};
use super::picture::Pictures;
use super::request::RequestContext;
use super::stats::Sampler;
use crate::domain::timestamp::Timestamp;
use crate::logic::stats::{Sample, StatsPart};

impl Hub {
    /// What is so now, at most a second old.
    ///
    /// # Errors
    /// AUTH_FAILED unless a viewer or an operator asks, SERVICE_UNAVAILABLE while the hub is going
    /// down.
    pub async fn overview(
        &self,
        context: &RequestContext<'_>,
    ) -> Result<Arc<Found<Overview>>, HubError> {
        context.principal.may(Operation::SeeOverview)?;
        let phase = self.phase.get();
        let find = || {
            let glance = Glance {
                clients: self.clients.clone(),
                pictures: self.pictures.clone(),
                dead_letters: self.dead_letter_tally.clone(),
                metrics: self.metrics.clone(),
                clock: self.clock,
            };
            async move { glance.find(phase).await }
        };
        self.overviews.get(phase, find).await
    }

    /// What takes samples of this hub, by looks of its own: nobody else is told what was so then.
    pub fn sampler(&self) -> Sampler {
        let (metrics, archive) = (self.metrics.clone(), self.archive.clone());
        let pictures = Pictures::new(self.clients.clone());
        Sampler::new(pictures, metrics, archive, self.clock)
    }

    /// Takes a sample and keeps it. To be called every ten seconds.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn keep_sample(&self, sampler: &mut Sampler) -> Result<(), HubError> {
        let sample = sampler.sample(self.phase.get()).await?;
        self.stats.keep(sample, self.clock.now());
        Ok(())
    }

    /// A sample of about the last second, and when it was taken. Nobody takes one while nobody asks;
    /// the first one after that says nothing of what happened.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn live_sample(&self) -> Result<Arc<Found<(Timestamp, Sample)>>, HubError> {
        let (phase, clock) = (self.phase.get(), self.clock);
        let find = || {
            let sampler = self.live.sampler.clone();
            async move {
                let at = Instant::now();
                let sample = sampler.lock().await.sample(phase).await?;
                let what = (clock.wall(), sample);
                Ok(Found { what, at, phase })
            }
        };
        self.live.latest.get(phase, find).await
    }

    /// The sample that was kept last.
    pub fn latest_sample(&self) -> Sample {
        self.stats.latest()
    }

    /// The samples since then, each `step` of them made one. Both times are by the system's clock.
    ///
    /// # Errors
    /// AUTH_FAILED unless a viewer or an operator asks.
    pub fn stats(
        &self,
        context: &RequestContext<'_>,
        since: Option<Timestamp>,
        step: usize,
    ) -> Result<StatsPart, HubError> {
        context.principal.may(Operation::SeeOverview)?;
        let moment = self.clock.moment();
        let by_the_hub = |at: Timestamp| {
            Timestamp::from_millis(at.as_millis().saturating_add(moment.hub_ahead()))
        };
        let since = since.map_or_else(Timestamp::default, by_the_hub);
        let part = self.stats.since(since, step);
        Ok(StatsPart {
            from: moment.wall_time(part.from),
            ..part
        })
    }
}
