//! Those to whom what is sent is delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arguments::{BenchArguments, Mode};
use super::consumer::Consumer;
use super::error::HubError;
use super::hub::Hub;
use super::ledger::Tally;
use super::listeners::Listeners;
use super::receiver::{Expectation, Receiver};
use super::recorder::Recorder;
use super::subscriber::{self, Subscriber};

/// Listens as long as it is kept.
pub(super) enum Audience {
    Nobody,
    Receivers { _serving: Vec<Receiver> },
    Consumers(Listeners<Consumer>),
    Subscribers(Subscribers),
}

pub(super) struct Subscribers {
    listeners: Listeners<Subscriber>,
    count: u64,
    /// Deliveries to all of them, without repeats.
    delivered: Arc<AtomicU64>,
}

/// The name of the service with this index.
pub(super) fn service_name(index: u32) -> String {
    format!("bench-{index}")
}

impl Audience {
    /// Makes the services known and has everybody listen.
    pub(super) async fn gather(
        hub: &Hub,
        arguments: &BenchArguments,
        recorder: &Arc<Recorder>,
    ) -> Result<Self, HubError> {
        match arguments.mode {
            Mode::Events => Self::subscribers(hub, arguments, recorder).await,
            Mode::Push => Self::receivers(hub, arguments, recorder).await,
            Mode::Send | Mode::Batch | Mode::Websocket => {
                for index in 0..arguments.services {
                    hub.register(&service_name(index), None, None).await?;
                }
                match arguments.mode {
                    Mode::Websocket => Self::consumers(hub, arguments, recorder).await,
                    _ => Ok(Self::Nobody),
                }
            }
        }
    }

    async fn receivers(
        hub: &Hub,
        arguments: &BenchArguments,
        recorder: &Arc<Recorder>,
    ) -> Result<Self, HubError> {
        let mut serving = Vec::new();
        for service in 0..arguments.services {
            let name = service_name(service);
            for index in 0..arguments.instances {
                let receiver = Receiver::start(expectation(arguments, service, recorder)).await?;
                let instance_id = format!("{name}-{index}");
                let instance = Some((instance_id.as_str(), receiver.url()));
                hub.register(&name, instance, arguments.max_in_flight)
                    .await?;
                serving.push(receiver);
            }
        }
        Ok(Self::Receivers { _serving: serving })
    }

    async fn consumers(
        hub: &Hub,
        arguments: &BenchArguments,
        recorder: &Arc<Recorder>,
    ) -> Result<Self, HubError> {
        let mut consumers = Vec::new();
        for service in 0..arguments.services {
            for _ in 0..arguments.instances {
                consumers.push(Consumer {
                    expectation: expectation(arguments, service, recorder),
                    service_name: service_name(service),
                    prefetch: arguments.prefetch(),
                });
            }
        }
        let listeners = Listeners::start(hub.target(), consumers).await?;
        Ok(Self::Consumers(listeners))
    }

    async fn subscribers(
        hub: &Hub,
        arguments: &BenchArguments,
        recorder: &Arc<Recorder>,
    ) -> Result<Self, HubError> {
        let count = arguments.subscribers();
        let delivered = Arc::new(AtomicU64::new(0));
        let subscribers = (0..count)
            .map(|_| Subscriber::new(recorder.clone(), arguments.size, delivered.clone()));
        let listeners = Listeners::start(hub.target(), subscribers.collect()).await?;
        Ok(Self::Subscribers(Subscribers {
            listeners,
            count: count.into(),
            delivered,
        }))
    }

    /// How things stand; what subscribers should not have seen is known only once settled.
    pub(super) fn tally(&self, recorder: &Recorder) -> Tally {
        let tally = recorder.tally();
        let Self::Subscribers(subscribers) = self else {
            return tally;
        };
        let received = subscribers.delivered.load(Ordering::Relaxed);
        let owed = tally.acknowledged * subscribers.count;
        Tally {
            received,
            missing: owed.saturating_sub(received),
            ..tally
        }
    }

    /// Ends the listening: how things stand for good, and how many events came after a later one.
    pub(super) fn settle(self, recorder: &Recorder) -> Result<(Tally, Option<u64>), HubError> {
        match self {
            Self::Nobody | Self::Receivers { .. } => Ok((recorder.tally(), None)),
            Self::Consumers(consumers) => {
                consumers.stop()?;
                Ok((recorder.tally(), None))
            }
            Self::Subscribers(subscribers) => {
                let listened = subscribers.listeners.stop()?;
                let acknowledged = recorder.acknowledgements();
                let (tally, out_of_order) = subscriber::settle(&listened, &acknowledged);
                Ok((tally, Some(out_of_order)))
            }
        }
    }
}

fn expectation(arguments: &BenchArguments, service: u32, recorder: &Arc<Recorder>) -> Expectation {
    Expectation {
        service: service.into(),
        services: arguments.services.into(),
        payload_size: arguments.size,
        recorder: recorder.clone(),
    }
}
