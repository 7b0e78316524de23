//! What the owners of everything say together, asked once a second at most.

use std::sync::Arc;

use tokio::time::Instant;

use super::clients::Clients;
use super::error::HubError;
use super::lately::{Found, Lately};
use crate::phase::Phase;

/// What several owners are asked for; by default nothing, as while the hub is starting.
pub trait Surveyed: Default + 'static {
    /// Asks whoever knows.
    fn ask(clients: &Clients) -> impl Future<Output = Result<Self, HubError>>;
}

/// The latest of it. Clones are the same.
pub struct Surveys<T> {
    clients: Clients,
    latest: Lately<T>,
}

impl<T> Clone for Surveys<T> {
    fn clone(&self) -> Self {
        Self {
            clients: self.clients.clone(),
            latest: self.latest.clone(),
        }
    }
}

impl<T: Surveyed> Surveys<T> {
    /// Nobody is asked yet.
    pub fn new(clients: Clients) -> Self {
        Self {
            clients,
            latest: Lately::default(),
        }
    }

    /// One that is at most a second old.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn latest(&self, phase: Phase) -> Result<Arc<Found<T>>, HubError> {
        let clients = self.clients.clone();
        let look = || async move {
            let at = Instant::now();
            let what = match phase {
                // Until then nobody knows anything, and asking would disturb who learns it.
                Phase::Starting => T::default(),
                Phase::Open | Phase::Draining => T::ask(&clients).await?,
            };
            Ok(Found { what, at, phase })
        };
        self.latest.get(phase, look).await
    }
}
