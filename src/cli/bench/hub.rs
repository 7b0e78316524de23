//! The hub under measurement: one of our own, or somebody's at a URL.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;

use super::BenchArguments;
use super::client::request_once;
use super::hub_process::{HubProcess, StartError};
use super::message::{Request, Stamp};
use super::target::Target;
use super::usage::Usage;

/// How many messages go into one request while preparing.
const PRELOAD_BATCH: usize = 1000;

pub enum Hub {
    Own(HubProcess),
    /// With the services that were registered there.
    Remote(Target, RefCell<BTreeSet<String>>),
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
    #[error(
        "{what}: the hub answered {status}: it wants a key that may do this; give the name of an \
         operator with --name, and its key with --key-file or as MESSAGE_HUB_KEY"
    )]
    Denied { what: String, status: u16 },
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
        let credentials = arguments.credentials().map_err(io::Error::other)?;
        let target = Target::at(authority).with(credentials);
        let hub = Self::Remote(target, RefCell::default());
        hub.ask("GET", "/health/ready", "").await?;
        Ok(hub)
    }

    pub fn target(&self) -> &Target {
        match self {
            Self::Own(process) => process.target(),
            Self::Remote(target, _) => target,
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
        if let Self::Remote(_, registered) = self {
            registered.borrow_mut().insert(service.to_owned());
        }
        Ok(())
    }

    /// Leaves nothing of the run behind in somebody's hub but what was sent. A hub that does not
    /// answer any more keeps what it has.
    pub async fn deregister(&self) {
        let Self::Remote(_, registered) = self else {
            return;
        };
        for service in registered.take() {
            let path = format!("/v1/services/{service}");
            let _ = self.ask("DELETE", &path, "").await;
        }
    }

    /// Sends `count` messages to `service`, which nobody measures.
    pub async fn preload(
        &self,
        service: &str,
        count: usize,
        payload_size: usize,
    ) -> Result<(), HubError> {
        let mut connection = super::client::Connection::open(&self.target().authority).await?;
        let mut sent = 0;
        while sent < count {
            let batch = PRELOAD_BATCH.min(count - sent);
            let mut request = Request::new(self.target(), service, payload_size, Some(batch));
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
            Self::Remote(..) => usage,
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
        let target = self.target();
        let answer = request_once(target, method, path, body).await;
        let (status, body) = answer.map_err(|source| HubError::Unreachable {
            authority: target.authority.clone(),
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
    let what = what.to_owned();
    Err(match status {
        401 | 403 => HubError::Denied { what, status },
        _ => HubError::Refused {
            what,
            status,
            body: body.to_owned(),
        },
    })
}
