//! Services as rows of a list, joined of what their owners say, once a second at most.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::Hub;
use super::dead_letter_tally::DeadLetterTally;
use super::error::HubError;
use super::lately::Found;
use super::picture::Pictures;
use super::request::RequestContext;
use crate::clock::Clock;
use crate::domain::circuit::CircuitName;
use crate::domain::ids::ServiceName;
use crate::logic::service_rows::{RowFilter, RowSources, ServiceRow, join};
use crate::phase::Phase;

/// All rows, by name.
pub type ServiceRows = Found<Vec<ServiceRow>>;

impl Hub {
    /// A row for each service that is there or for which something is left, at most a second old.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn service_rows(&self) -> Result<Arc<ServiceRows>, HubError> {
        let phase = self.phase.get();
        let find = || {
            let joined = Joined {
                pictures: self.pictures.clone(),
                dead_letters: self.dead_letter_tally.clone(),
                clock: self.clock,
            };
            async move { joined.find(phase).await }
        };
        self.rows.get(phase, find).await
    }

    /// How many attempts are under way to each of these services, and how many may be; nothing of
    /// those to which the hub pushes nothing.
    pub async fn windows_of(
        &self,
        services: impl Iterator<Item = &ServiceName>,
    ) -> HashMap<ServiceName, (u32, u32)> {
        let circuits = services.cloned().map(CircuitName::Service).collect();
        let views = self.circuits_of_services(Some(circuits)).await;
        // Nothing of it is told while circuits are being replaced, and everything else is.
        let windows = views.unwrap_or_default().into_iter().filter_map(|view| {
            let service = view.circuit.service()?.clone();
            Some((service, (view.in_flight, view.window)))
        });
        windows.collect()
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
    pictures: Pictures,
    dead_letters: DeadLetterTally,
    clock: Clock,
}

impl Joined {
    async fn find(&self, phase: Phase) -> Result<ServiceRows, HubError> {
        let at = Instant::now();
        let picture = self.pictures.latest(phase).await?;
        let counted = self.dead_letters.latest(phase).await?;
        let sources = RowSources {
            services: &picture.what.services,
            circuits: &picture.what.circuits.not_closed,
            queues: &picture.what.queues,
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
