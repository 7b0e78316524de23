//! What is measured, as text. Most of it is counted where it happens; how many there are of
//! something is asked of its owner at each scrape.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Hub;
use super::clients::Clients;
use super::error::HubError;
use super::inventory::{Inventories, Inventory};
use super::lately::Found;
use super::sight::Sight;
use crate::actors::messages::subscriptions::InspectSubscriptions;
use crate::clock::Clock;
use crate::domain::ids::ServiceName;
use crate::domain::service::Health;
use crate::metrics::services::ServiceNow;
use crate::metrics::{Metrics, Scrape, Texts, services};
use crate::phase::Phase;
use crate::ports::archive::{ArchiveReader, DeadLetterCounts};

impl Hub {
    /// All metrics in the Prometheus text format, at most a second old. Who sees no names sees what
    /// is counted by name added up.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn metrics_text(&self, sight: Sight) -> Result<Bytes, HubError> {
        let phase = self.phase.get();
        let find = || {
            let scraped = Scraped {
                clients: self.clients.clone(),
                archive: self.archive.clone(),
                inventories: self.inventories.clone(),
                metrics: self.metrics.clone(),
                clock: self.clock,
            };
            async move { scraped.find(phase).await }
        };
        let found = self.scrapes.get(phase, find).await?;
        Ok(match sight.shows_names() {
            true => found.what.with_names.clone(),
            false => found.what.in_numbers.clone(),
        })
    }
}

/// Who knows what there is. It goes on being asked if who wanted to know is gone.
struct Scraped {
    clients: Clients,
    archive: Arc<dyn ArchiveReader>,
    inventories: Inventories,
    metrics: Arc<Metrics>,
    clock: Clock,
}

impl Scraped {
    async fn find(&self, phase: Phase) -> Result<Found<Texts>, HubError> {
        let dead_letters = match phase {
            Phase::Starting => None,
            Phase::Open | Phase::Draining => self.dead_letters().await,
        };
        let found = self.inventories.latest(phase).await?;
        if phase != Phase::Starting {
            self.show_lag().await?;
        }
        self.metrics.time.show_ahead(self.clock.ahead());
        let (at, inventory) = (found.at, &found.what);
        let now = services::ServicesPicture {
            services: services_now(inventory, dead_letters.as_ref()),
            circuits: &inventory.circuits,
            not_closed: &inventory.not_closed,
            destinations: inventory.queues.services.len(),
            all_paused: inventory.queues.total.paused.is_some(),
        };
        let what = self.metrics.texts(&Scrape {
            totals: inventory.queues.totals,
            depths: &inventory.queues.total,
            picture: &now,
            now: self.clock.wall(),
        });
        Ok(Found { what, at, phase })
    }

    /// How many dead letters there are, as far as that can be told.
    async fn dead_letters(&self) -> Option<DeadLetterCounts> {
        // One that is another hub's answers too.
        if !self.metrics.status.archive_answers.get() {
            return None;
        }
        let dead_letters = self.archive.dead_letter_counts().await.ok()?;
        let total = i64::try_from(dead_letters.total).unwrap_or(i64::MAX);
        self.metrics.dead_letter_list.set(Some(total));
        Some(dead_letters)
    }

    /// How far the slowest subscription is behind.
    async fn show_lag(&self) -> Result<(), HubError> {
        let views = self
            .clients
            .subscriptions
            .request(|reply| InspectSubscriptions {
                id: None,
                service: None,
                reply,
            });
        let views = views.await?;
        let active = views
            .iter()
            .filter(|view| view.subscription.paused.is_none());
        let lag = active.map(|view| view.lag).max().unwrap_or(0);
        let gauge = &self.metrics.subscriptions.lag_max;
        gauge.set(i64::try_from(lag).unwrap_or(i64::MAX));
        Ok(())
    }
}

/// Who is registered, and for whom something is left.
fn services_now(inventory: &Inventory, dead_letters: Option<&DeadLetterCounts>) -> Vec<ServiceNow> {
    let mut found: BTreeMap<ServiceName, ServiceNow> = BTreeMap::new();
    for summary in &inventory.services {
        let now = found.entry(summary.service.clone()).or_default();
        now.health = Some(summary.status);
        now.instances = Health::ALL.into_iter().zip(summary.instances).collect();
    }
    for (service, depths) in &inventory.queues.services {
        if depths.open() > 0 || found.contains_key(service) {
            found.entry(service.clone()).or_default().depths = depths.clone();
        }
    }
    let dead_letters = dead_letters.map(|dead_letters| &dead_letters.by_destination);
    for service in dead_letters.into_iter().flat_map(BTreeMap::keys) {
        found.entry(service.clone()).or_default();
    }
    let named = found.into_iter().map(|(service, now)| ServiceNow {
        name: service.to_string(),
        dead_letters: dead_letters
            .map(|dead_letters| dead_letters.get(&service).copied().unwrap_or(0)),
        ..now
    });
    named.collect()
}
