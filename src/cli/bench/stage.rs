//! Everything the load needs, in place: those who receive, and what is sent.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::arguments::{BenchArguments, Mode};
use super::audience::{Audience, service_name};
use super::error::HubError;
use super::hub::Hub;
use super::lanes::Lanes;
use super::ledger::Tally;
use super::load::Load;
use super::message::Request;
use super::pace::Pace;
use super::recorder::Recorder;
use super::subscriber::EVENT_TYPE;
use super::target::Target;
use super::usage::{Usage, own_cpu_seconds};

/// Once sending stopped: how long nothing may happen before the rest is given up.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Where messages wait while others are delivered.
const WAITING_SERVICE: &str = "bench-waiting";

pub(super) struct Stage {
    pub recorder: Arc<Recorder>,
    load: Rc<Load>,
    audience: Audience,
    is_over_sockets: bool,
}

/// The state of things at one moment.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub usage: Usage,
    pub tally: Tally,
    pub generator_cpu_seconds: Option<f64>,
}

impl Stage {
    pub(super) async fn set_up(hub: &Hub, arguments: &BenchArguments) -> Result<Self, HubError> {
        let recorder = Arc::new(Recorder::new());
        let audience = Audience::gather(hub, arguments, &recorder).await?;
        preload(hub, arguments).await?;
        let load = Load {
            target: hub.target().clone(),
            requests: RefCell::new(requests(hub.target(), arguments)),
            turns: Cell::new(0),
            unanswered: Cell::new(0),
            in_flight: arguments.in_flight as usize,
            pace: Pace::start(arguments.requests_per_second()),
            recorder: recorder.clone(),
        };
        Ok(Self {
            recorder,
            load: Rc::new(load),
            audience,
            is_over_sockets: arguments.mode.is_over_sockets(),
        })
    }

    /// Begins to send.
    pub(super) async fn start_lanes(&self, connections: u32) -> Result<Lanes, HubError> {
        let load = self.load.clone();
        match self.is_over_sockets {
            true => Lanes::over_sockets(load, connections).await,
            false => Ok(Lanes::over_connections(load, connections)),
        }
    }

    pub(super) async fn look(&self, hub: &Hub) -> Result<Look, HubError> {
        Ok(Look {
            usage: hub.usage().await?,
            tally: self.tally(),
            generator_cpu_seconds: own_cpu_seconds(),
        })
    }

    /// Lets the load run and count; returns for how many seconds.
    pub(super) async fn count(&self, seconds: u32) -> f64 {
        let started = Instant::now();
        self.recorder.set_counting(true);
        sleep(Duration::from_secs(seconds.into())).await;
        self.recorder.set_counting(false);
        started.elapsed().as_secs_f64()
    }

    /// Stops sending and waits for what is under way; returns how many seconds it took.
    pub(super) async fn finish(&self, lanes: &mut Lanes, is_delivered: bool) -> f64 {
        let stopped = Instant::now();
        lanes.stop().await;
        if is_delivered {
            drain(|| self.tally()).await;
        }
        stopped.elapsed().as_secs_f64()
    }

    /// Nobody listens any more: what everybody got, and how many events came after a later one.
    pub(super) fn settle(self) -> Result<(Tally, Option<u64>), HubError> {
        self.audience.settle(&self.recorder)
    }

    fn tally(&self) -> Tally {
        self.audience.tally(&self.recorder)
    }
}

/// What is sent, one for each service.
fn requests(target: &Target, arguments: &BenchArguments) -> Vec<Request> {
    let (size, batch) = (arguments.size, arguments.batch());
    if arguments.mode == Mode::Events {
        return vec![Request::publish_frames(EVENT_TYPE, size, batch)];
    }
    let requests = (0..arguments.services).map(|index| {
        let service = service_name(index);
        match arguments.mode.is_over_sockets() {
            true => Request::send_frames(&service, size, batch),
            false => Request::new(target, &service, size, batch),
        }
    });
    requests.collect()
}

async fn preload(hub: &Hub, arguments: &BenchArguments) -> Result<(), HubError> {
    if arguments.waiting == 0 {
        return Ok(());
    }
    let mut service = service_name(0);
    if arguments.is_delivered() {
        service = WAITING_SERVICE.to_owned();
        hub.register(&service, None, None).await?;
    }
    hub.preload(&service, arguments.waiting, arguments.size)
        .await
}

/// Waits until nothing is missing, or nothing came for a while.
async fn drain(tally: impl Fn() -> Tally) {
    let mut received = tally().received;
    let mut progress_at = Instant::now();
    while tally().missing > 0 && progress_at.elapsed() < PATIENCE {
        sleep(POLL_INTERVAL).await;
        let now_received = tally().received;
        if now_received > received {
            received = now_received;
            progress_at = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix::test]
    async fn what_never_comes_is_given_up() {
        tokio::time::pause();
        let started = Instant::now();
        let recorder = Recorder::new();
        let now = std::time::Instant::now();
        recorder.acknowledged(0, now, now);
        drain(|| recorder.tally()).await;
        assert_eq!(recorder.tally().missing, 1);
        assert!(started.elapsed() >= PATIENCE);
    }

    #[actix::test]
    async fn nothing_missing_needs_no_waiting() {
        tokio::time::pause();
        let started = Instant::now();
        let recorder = Recorder::new();
        drain(|| recorder.tally()).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
