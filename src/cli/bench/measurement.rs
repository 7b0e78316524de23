//! The course of a measurement: set up, warm up, count, drain, report.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, timeout};

use super::arguments::{BenchArguments, Mode};
use super::hub::{Hub, HubError};
use super::ledger::Tally;
use super::load::{Load, run_connection};
use super::message::Request;
use super::pace::Pace;
use super::receiver::{Expectation, Receiver};
use super::recorder::Recorder;
use super::report::{Delivery, HubReport, Looks, Report};
use super::usage::{Usage, own_cpu_seconds};

const WARM_UP: Duration = Duration::from_secs(1);
/// Once sending stopped: how long nothing may happen before the rest is given up.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Where messages wait while others are pushed.
const WAITING_SERVICE: &str = "bench-waiting";

/// Measures as `arguments` say. Needs a `LocalSet`.
pub async fn measure(arguments: &BenchArguments) -> Result<Report, HubError> {
    let hub = Hub::find_or_start(arguments).await?;
    let idle = hub.usage().await?;
    let stage = Stage::set_up(&hub, arguments).await?;
    let lanes = stage.start_lanes(arguments.connections);

    sleep(WARM_UP).await;
    let before = stage.look(&hub).await?;
    let seconds = stage.count(arguments.seconds).await;
    let after = stage.look(&hub).await?;
    let drain_seconds = stage.finish(lanes, arguments.mode).await;
    let end = stage.look(&hub).await?;
    hub.stop().await?;

    let course = Course {
        idle,
        before,
        after,
        end,
        seconds,
        drain_seconds,
    };
    Ok(course.report(arguments, &stage.recorder))
}

/// Everything the load needs, in place.
struct Stage {
    recorder: Rc<Recorder>,
    load: Rc<Load>,
    /// Serve as long as they are kept.
    _receivers: Vec<Receiver>,
}

/// The state of things at one moment.
#[derive(Clone, Copy)]
struct Look {
    usage: Usage,
    tally: Tally,
    generator_cpu_seconds: Option<f64>,
}

/// What was seen when.
struct Course {
    /// Before anything was sent.
    idle: Usage,
    /// Around the seconds that count.
    before: Look,
    after: Look,
    /// After everything was answered and delivered.
    end: Look,
    seconds: f64,
    drain_seconds: f64,
}

impl Stage {
    async fn set_up(hub: &Hub, arguments: &BenchArguments) -> Result<Self, HubError> {
        let recorder = Rc::new(Recorder::new());
        let mut receivers = Vec::new();
        let mut requests = Vec::new();
        for index in 0..arguments.services {
            let service = format!("bench-{index}");
            match arguments.mode {
                Mode::Send | Mode::Batch => hub.register(&service, None, None).await?,
                Mode::Push => {
                    let expectation = Expectation {
                        service: index.into(),
                        services: arguments.services.into(),
                        payload_size: arguments.size,
                        recorder: recorder.clone(),
                    };
                    receivers
                        .extend(start_instances(hub, arguments, &service, &expectation).await?);
                }
            }
            let batch = arguments.batch();
            requests.push(Request::new(
                hub.authority(),
                &service,
                arguments.size,
                batch,
            ));
        }
        preload(hub, arguments).await?;
        let load = Load {
            authority: hub.authority().to_owned(),
            requests: RefCell::new(requests),
            turns: Cell::new(0),
            unanswered: Cell::new(0),
            in_flight: arguments.in_flight as usize,
            pace: Pace::start(arguments.requests_per_second()),
            recorder: recorder.clone(),
        };
        Ok(Self {
            recorder,
            load: Rc::new(load),
            _receivers: receivers,
        })
    }

    fn start_lanes(&self, connections: u32) -> Vec<JoinHandle<()>> {
        let lanes = (0..connections).map(|_| spawn_local(run_connection(self.load.clone())));
        lanes.collect()
    }

    async fn look(&self, hub: &Hub) -> Result<Look, HubError> {
        Ok(Look {
            usage: hub.usage().await?,
            tally: self.recorder.tally(),
            generator_cpu_seconds: own_cpu_seconds(),
        })
    }

    /// Lets the load run and count; returns for how many seconds.
    async fn count(&self, seconds: u32) -> f64 {
        let started = Instant::now();
        self.recorder.set_counting(true);
        sleep(Duration::from_secs(seconds.into())).await;
        self.recorder.set_counting(false);
        started.elapsed().as_secs_f64()
    }

    /// Stops sending and waits for what is under way; returns how many seconds it took.
    async fn finish(&self, lanes: Vec<JoinHandle<()>>, mode: Mode) -> f64 {
        let stopped = Instant::now();
        self.load.pace.stop();
        if timeout(PATIENCE, join_all(lanes)).await.is_err() {
            let unanswered = self.load.unanswered.get();
            self.recorder
                .failed("unanswered", unanswered, b"no answer came");
        }
        if mode == Mode::Push {
            drain(&self.recorder).await;
        }
        stopped.elapsed().as_secs_f64()
    }
}

async fn start_instances(
    hub: &Hub,
    arguments: &BenchArguments,
    service: &str,
    expectation: &Expectation,
) -> Result<Vec<Receiver>, HubError> {
    let mut receivers = Vec::new();
    for index in 0..arguments.instances {
        let receiver = Receiver::start(expectation.clone()).await?;
        let instance_id = format!("{service}-{index}");
        let instance = Some((instance_id.as_str(), receiver.url()));
        hub.register(service, instance, arguments.max_in_flight)
            .await?;
        receivers.push(receiver);
    }
    Ok(receivers)
}

async fn preload(hub: &Hub, arguments: &BenchArguments) -> Result<(), HubError> {
    if arguments.waiting == 0 {
        return Ok(());
    }
    let mut service = "bench-0";
    if arguments.mode == Mode::Push {
        service = WAITING_SERVICE;
        hub.register(service, None, None).await?;
    }
    hub.preload(service, arguments.waiting, arguments.size)
        .await
}

/// Waits until nothing is missing, or nothing came for a while.
async fn drain(recorder: &Recorder) {
    let mut received = recorder.tally().received;
    let mut progress_at = Instant::now();
    while recorder.tally().missing > 0 && progress_at.elapsed() < PATIENCE {
        sleep(POLL_INTERVAL).await;
        let now_received = recorder.tally().received;
        if now_received > received {
            received = now_received;
            progress_at = Instant::now();
        }
    }
}

impl Course {
    fn report(&self, arguments: &BenchArguments, recorder: &Recorder) -> Report {
        let delivery = (arguments.mode == Mode::Push).then(|| Delivery {
            received_per_second: recorder.receipts().count as f64 / self.seconds,
            received: recorder.receipts(),
            backlog: self.after.tally.missing,
            drain_seconds: self.drain_seconds,
            tally: self.end.tally,
        });
        let acknowledged = recorder.answers();
        let generator = (
            self.before.generator_cpu_seconds,
            self.after.generator_cpu_seconds,
        );
        Report {
            load: arguments.clone(),
            seconds: self.seconds,
            acknowledged_per_second: acknowledged.count as f64 / self.seconds,
            acknowledged,
            delivery,
            errors: recorder.errors(),
            hub: self.hub_report(arguments),
            generator_cpu_seconds: generator.1.zip(generator.0).map(|(end, start)| end - start),
        }
    }

    /// A push is paid for when it is delivered, so there the drain belongs to the cost.
    fn hub_report(&self, arguments: &BenchArguments) -> HubReport {
        let (until, messages) = match arguments.mode {
            Mode::Push => {
                let received = self.end.tally.received - self.before.tally.received;
                (self.end.usage, received)
            }
            Mode::Send | Mode::Batch => {
                let before = self.before.tally.acknowledged;
                (self.after.usage, self.after.tally.acknowledged - before)
            }
        };
        let looks = Looks {
            idle: self.idle,
            before: self.before.usage,
            after: until,
        };
        let total = self.end.tally.acknowledged + arguments.waiting as u64;
        HubReport::new(&looks, messages, total)
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
        drain(&recorder).await;
        assert_eq!(recorder.tally().missing, 1);
        assert!(started.elapsed() >= PATIENCE);
    }

    #[actix::test]
    async fn nothing_missing_needs_no_waiting() {
        tokio::time::pause();
        let started = Instant::now();
        drain(&Recorder::new()).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
