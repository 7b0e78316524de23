//! What a run leaves with somebody's hub, and takes back: the services it registers there, and what
//! waits for them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::client::request_once;
use super::error::HubError;
use super::refusal::No;
use super::target::Target;

/// How long it may take until less waits than before.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at what is still under way.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The services that a run made known.
pub(super) struct Traces {
    target: Target,
    services: RefCell<BTreeSet<String>>,
}

#[derive(Deserialize)]
struct QueueStatus {
    total_messages: u64,
}

impl Traces {
    pub(super) fn with(target: Target) -> Self {
        Self {
            target,
            services: RefCell::default(),
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// `service` is going to be registered.
    ///
    /// # Errors
    /// If messages wait for it that are not of this run: they could not be told from those that are.
    pub(super) async fn begin(&self, service: &str) -> Result<(), HubError> {
        if self.services.borrow().contains(service) {
            return Ok(());
        }
        match self.unsettled(service).await? {
            0 => {}
            waiting => {
                let service = service.to_owned();
                return Err(HubError::InUse { service, waiting });
            }
        }
        self.services.borrow_mut().insert(service.to_owned());
        Ok(())
    }

    /// Takes everything back, or says what could not be. To be called when nothing more is sent.
    pub(super) async fn take_back(&self) -> Vec<HubError> {
        let mut left = Vec::new();
        for service in self.services.take() {
            let Err(error) = self.leave(&service).await else {
                continue;
            };
            let is_gone = matches!(error, HubError::Unreachable { .. });
            left.push(error);
            if is_gone {
                break;
            }
        }
        left
    }

    /// Deregistered first, so that nothing is handed out any more; what is under way comes back or
    /// is settled, and is cleared then.
    async fn leave(&self, service: &str) -> Result<(), HubError> {
        self.ask("DELETE", &format!("/v1/services/{service}"))
            .await?;
        let mut least = u64::MAX;
        let mut progress_at = Instant::now();
        loop {
            self.ask("DELETE", &format!("/v1/queue?service={service}"))
                .await?;
            let waiting = self.unsettled(service).await?;
            if waiting == 0 {
                return Ok(());
            }
            if waiting < least {
                (least, progress_at) = (waiting, Instant::now());
            } else if progress_at.elapsed() >= PATIENCE {
                let service = service.to_owned();
                return Err(HubError::LeftBehind { service, waiting });
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// How many messages for `service` are not settled.
    async fn unsettled(&self, service: &str) -> Result<u64, HubError> {
        let path = format!("/v1/queue/status?service={service}");
        let Some(body) = self.ask("GET", &path).await? else {
            return Ok(0);
        };
        let status: QueueStatus = serde_json::from_str(&body).map_err(std::io::Error::from)?;
        Ok(status.total_messages)
    }

    /// `None`: the hub does not know it (any more).
    async fn ask(&self, method: &str, path: &str) -> Result<Option<String>, HubError> {
        match self.target.ask(method, path, "").await {
            Ok(body) => Ok(Some(body)),
            Err(HubError::Refused { answer, .. }) if is_unknown(&answer) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_unknown(answer: &str) -> bool {
    matches!(answer, "NOT_FOUND" | "SERVICE_NOT_FOUND" | "404")
}

impl Target {
    /// The body of the answer to one request.
    ///
    /// # Errors
    /// If there is none, or another than a 2xx.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<String, HubError> {
        let answer = request_once(self, method, path, body).await;
        let (status, body) = answer.map_err(|source| HubError::Unreachable {
            authority: self.authority.clone(),
            source,
        })?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let no = No::answered(status, body.as_bytes());
        let what = format!("{method} {path}");
        Err(HubError::of(&what, &no, body.as_bytes()))
    }
}
