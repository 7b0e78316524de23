//! The hub under measurement: one of our own, or somebody's at a URL.

use super::arguments::BenchArguments;
use super::client::Connection;
use super::error::HubError;
use super::hub_process::HubProcess;
use super::load::rejected_items;
use super::message::{Request, Stamp};
use super::refusal::No;
use super::target::Target;
use super::traces::Traces;
use super::usage::Usage;

/// How many messages go into one request while preparing.
const PRELOAD_BATCH: usize = 1000;

pub(super) enum Hub {
    Own(HubProcess),
    Remote(Traces),
}

impl Hub {
    /// `credentials` are for somebody's hub.
    pub(super) async fn find_or_start(
        arguments: &BenchArguments,
        credentials: Option<(String, String)>,
    ) -> Result<Self, HubError> {
        let Some(authority) = &arguments.url else {
            let program = std::env::current_exe()?;
            let hub = HubProcess::start(&program, &arguments.settings).await?;
            return Ok(Self::Own(hub));
        };
        let target = Target::at(authority).with(credentials);
        target.ask("GET", "/health/ready", "").await?;
        Ok(Self::Remote(Traces::with(target)))
    }

    pub(super) fn target(&self) -> &Target {
        match self {
            Self::Own(process) => process.target(),
            Self::Remote(traces) => traces.target(),
        }
    }

    /// Makes `service` known; without a `url` as one that pulls.
    pub(super) async fn register(
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
        if let Self::Remote(traces) = self {
            traces.begin(service).await?;
        }
        let registration = registration.to_string();
        self.target()
            .ask("POST", "/registry", &registration)
            .await?;
        Ok(())
    }

    /// Leaves nothing of the run waiting in somebody's hub; gives what could not be taken back.
    pub(super) async fn take_back(&self) -> Vec<HubError> {
        match self {
            Self::Own(_) => Vec::new(),
            Self::Remote(traces) => traces.take_back().await,
        }
    }

    /// Sends `count` messages to `service`, which nobody measures.
    pub(super) async fn preload(
        &self,
        service: &str,
        count: usize,
        payload_size: usize,
    ) -> Result<(), HubError> {
        let mut connection = Connection::open(&self.target().authority).await?;
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
            all_taken(answer.status, connection.body(&answer))?;
            sent += batch;
        }
        Ok(())
    }

    /// What the hub has used so far.
    pub(super) async fn usage(&self) -> Result<Usage, HubError> {
        let metrics = self.target().ask("GET", "/metrics", "").await?;
        let usage = Usage::from_metrics(&metrics);
        Ok(match self {
            Self::Own(process) => usage.with_process(process.pid()),
            Self::Remote(_) => usage,
        })
    }

    pub(super) async fn stop(self) -> Result<(), HubError> {
        if let Self::Own(process) = self
            && !process.stop().await?
        {
            return Err(HubError::NotStopped);
        }
        Ok(())
    }
}

/// Whether all messages of a batch that is to wait were accepted.
fn all_taken(status: u16, body: &[u8]) -> Result<(), HubError> {
    const WHAT: &str = "the messages that are to wait";
    if !(200..300).contains(&status) {
        return Err(HubError::of(WHAT, &No::answered(status, body), body));
    }
    let rejected = rejected_items(body).map_err(std::io::Error::from)?;
    match rejected.values().next() {
        Some(error) => Err(HubError::of(WHAT, &No::said(error), error.get().as_bytes())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn what_is_to_wait_is_there_whole_or_the_run_does_not_begin() {
        let taken = br#"{"accepted":2,"rejected":0,"results":[]}"#;
        assert!(all_taken(202, taken).is_ok());
        let full = br#"{"error":{"code":"QUEUE_FULL"}}"#;
        let part = br#"{"accepted":1,"rejected":1,"results":[{"index":0},
            {"index":1,"error":{"code":"QUEUE_FULL"}}]}"#;
        for (status, body) in [(429, &full[..]), (202, part)] {
            let refused = all_taken(status, body).unwrap_err();
            assert!(refused.to_string().contains("QUEUE_FULL"), "{refused}");
            assert_eq!(refused.exit(), Exit::NothingTaken);
        }
    }
}
