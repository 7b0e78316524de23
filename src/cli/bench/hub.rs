//! The hub under measurement: one of our own, or somebody's at a URL.

use std::io;

use super::BenchArguments;
use super::client::request_once;
use super::hub_process::{HubProcess, StartError};
use super::message::{Request, Stamp};
use super::usage::Usage;

/// How many messages go into one request while preparing.
const PRELOAD_BATCH: usize = 1000;

pub enum Hub {
    Own(HubProcess),
    Remote { authority: String },
}

#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{authority}: {source}")]
    Unreachable {
        authority: String,
        source: io::Error,
    },
    #[error("{what}: the hub answered {status}: {body}")]
    Refused {
        what: String,
        status: u16,
        body: String,
    },
    #[error("the hub did not stop cleanly within a minute of SIGTERM")]
    NotStopped,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Hub {
    pub async fn find_or_start(arguments: &BenchArguments) -> Result<Self, HubError> {
        let Some(authority) = &arguments.url else {
            let program = std::env::current_exe()?;
            let hub = HubProcess::start(&program, &arguments.settings).await?;
            return Ok(Self::Own(hub));
        };
        let hub = Self::Remote {
            authority: authority.clone(),
        };
        hub.ask("GET", "/health/ready", "").await?;
        Ok(hub)
    }

    pub fn authority(&self) -> &str {
        match self {
            Self::Own(process) => process.authority(),
            Self::Remote { authority } => authority,
        }
    }

    /// Makes `service` known; without a `url` as one that pulls.
    pub async fn register(
        &self,
        service: &str,
        instance: Option<(&str, &str)>,
        max_in_flight: Option<u32>,
    ) -> Result<(), HubError> {
        let mut registration = serde_json::json!({ "service": service });
        if let Some((instance_id, url)) = instance {
            registration["instance_id"] = instance_id.into();
            registration["url"] = url.into();
        }
        if let Some(max_in_flight) = max_in_flight {
            registration["max_in_flight"] = max_in_flight.into();
        }
        self.ask("POST", "/registry", &registration.to_string())
            .await?;
        Ok(())
    }

    /// Sends `count` messages to `service`, which nobody measures.
    pub async fn preload(
        &self,
        service: &str,
        count: usize,
        payload_size: usize,
    ) -> Result<(), HubError> {
        let mut connection = super::client::Connection::open(self.authority()).await?;
        let mut sent = 0;
        while sent < count {
            let batch = PRELOAD_BATCH.min(count - sent);
            let mut request = Request::new(self.authority(), service, payload_size, Some(batch));
            let stamp = Stamp {
                sequence: sent as u64,
                sent_at: 0,
            };
            connection.write(request.stamped(stamp, 1)).await?;
            let answer = connection.read().await?;
            let body = String::from_utf8_lossy(connection.body(&answer));
            check("preloading", answer.status, &body)?;
            sent += batch;
        }
        Ok(())
    }

    /// What the hub has used so far.
    pub async fn usage(&self) -> Result<Usage, HubError> {
        let usage = Usage::from_metrics(&self.ask("GET", "/metrics", "").await?);
        Ok(match self {
            Self::Own(process) => usage.with_process(process.pid()),
            Self::Remote { .. } => usage,
        })
    }

    pub async fn stop(self) -> Result<(), HubError> {
        if let Self::Own(process) = self
            && !process.stop().await?
        {
            return Err(HubError::NotStopped);
        }
        Ok(())
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Result<String, HubError> {
        let authority = self.authority();
        let answer = request_once(authority, method, path, body).await;
        let (status, body) = answer.map_err(|source| HubError::Unreachable {
            authority: authority.to_owned(),
            source,
        })?;
        check(&format!("{method} {path}"), status, &body)?;
        Ok(body)
    }
}

fn check(what: &str, status: u16, body: &str) -> Result<(), HubError> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    Err(HubError::Refused {
        what: what.to_owned(),
        status,
        body: body.to_owned(),
    })
}
