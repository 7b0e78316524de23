//! Services as rows of a list, joined of what their owners say, once a second at most.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::Hub;
use super::dead_letter_tally::DeadLetterTally;
use super::error::HubError;
use super::inventory::Inventories;
use super::lately::Found;
use super::request::RequestContext;
use crate::actors::messages::registry::SummarizeServices;
use crate::actors::messages::scheduler::InspectDepths;
use crate::clock::Clock;
use crate::domain::circuit::CircuitName;
use crate::domain::ids::ServiceName;
use crate::logic::circuit_survey::CircuitSummary;
use crate::logic::circuit_view::CircuitView;
use crate::logic::service_rows::{RowFilter, RowSources, ServiceRow, join};
use crate::phase::Phase;

/// All rows, by name.
pub type ServiceRows = Found<Vec<ServiceRow>>;

/// Attempts under way to a service, and how many may be; nothing of those to which the hub pushes
/// nothing.
pub type Windows = HashMap<ServiceName, (u32, u32)>;

/// Some rows, by name.
#[derive(Default)]
pub struct WatchedRows {
    /// Those of the services that are there.
    pub rows: Vec<ServiceRow>,
    /// Of the same.
    pub windows: Windows,
}

impl Hub {
    /// A row for each service that is there or for which something is left, at most a second old.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn service_rows(&self) -> Result<Arc<ServiceRows>, HubError> {
        let phase = self.phase.get();
        let find = || {
            let joined = Joined {
                inventories: self.inventories.clone(),
                dead_letters: self.dead_letter_tally.clone(),
                clock: self.clock,
            };
            async move { joined.find(phase).await }
        };
        self.rows.get(phase, find).await
    }

    /// The rows of these services alone, as they are now.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn rows_of(&self, services: &[ServiceName]) -> Result<WatchedRows, HubError> {
        let phase = self.phase.get();
        if phase == Phase::Starting {
            return Ok(WatchedRows::default());
        }
        let depths = InspectDepths {
            services: services.to_vec(),
        };
        let depths = self.clients.scheduler.query(depths).await?;
        let summaries = SummarizeServices {
            services: Some(services.to_vec()),
        };
        let summaries = self.clients.registry.query(summaries).await?;
        let circuits = self.circuits_by_name(services.iter()).await;
        let not_closed: Vec<_> = circuits
            .iter()
            .filter_map(CircuitSummary::of_view)
            .collect();
        let counted = self.dead_letter_tally.latest(phase).await?;
        let dead_letters = counted.what.as_ref().map(|counts| {
            let asked = services.iter().filter_map(|service| {
                let count = counts.by_destination.get(service)?;
                Some((service.clone(), *count))
            });
            asked.collect()
        });
        let sources = RowSources {
            services: &summaries,
            circuits: &not_closed,
            queues: &depths,
            dead_letters: dead_letters.as_ref(),
        };
        Ok(WatchedRows {
            rows: join(&sources, self.clock.now()),
            windows: windows(circuits),
        })
    }

    /// How many attempts are under way to each of these services, and how many may be.
    pub async fn windows_of(&self, services: impl Iterator<Item = &ServiceName>) -> Windows {
        windows(self.circuits_by_name(services).await)
    }

    /// Nothing of it is told while circuits are being replaced, and everything else is.
    async fn circuits_by_name(
        &self,
        services: impl Iterator<Item = &ServiceName>,
    ) -> Vec<CircuitView> {
        let circuits = services.cloned().map(CircuitName::Service).collect();
        let views = self.circuits_of_services(Some(circuits)).await;
        views.unwrap_or_default()
    }

    /// Of these rows, those that the caller may see: a service sees its own.
    pub fn visible_rows(
        &self,
        context: &RequestContext<'_>,
        filter: RowFilter,
    ) -> Option<RowFilter> {
        let Some(own) = context.principal.sees_only() else {
            return Some(filter);
        };
        let asked = filter.service.clone().unwrap_or_else(|| own.clone());
        (asked == own).then_some(RowFilter {
            service: Some(own),
            ..filter
        })
    }
}

/// Who knows what is in the rows. It goes on being asked if who wanted to know is gone.
struct Joined {
    inventories: Inventories,
    dead_letters: DeadLetterTally,
    clock: Clock,
}

impl Joined {
    async fn find(&self, phase: Phase) -> Result<ServiceRows, HubError> {
        let at = Instant::now();
        let inventory = self.inventories.latest(phase).await?;
        let counted = self.dead_letters.latest(phase).await?;
        let sources = RowSources {
            services: &inventory.what.services,
            circuits: &inventory.what.not_closed,
            queues: &inventory.what.queues.services,
            dead_letters: counted.what.as_ref().map(|counts| &counts.by_destination),
        };
        let what = join(&sources, self.clock.now());
        Ok(Found { what, at, phase })
    }
}

/// The row of this service.
pub fn row_of<'r>(rows: &'r [ServiceRow], service: &ServiceName) -> Option<&'r ServiceRow> {
    let found = rows.binary_search_by(|row| row.service.cmp(service));
    found.ok().map(|index| &rows[index])
}

fn windows(circuits: Vec<CircuitView>) -> Windows {
    let windows = circuits.into_iter().filter_map(|view| {
        let service = view.circuit.service()?.clone();
        Some((service, (view.in_flight, view.window)))
    });
    windows.collect()
}
