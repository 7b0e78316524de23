//! The course of a measurement: set up, warm up, count, drain, report.

use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::sleep;

use super::arguments::BenchArguments;
use super::hub::{Hub, HubError};
use super::ledger::Tally;
use super::recorder::Recorder;
use super::report::{Delivery, HubReport, Looks, Report};
use super::stage::{Look, Stage};
use super::usage::Usage;

const WARM_UP: Duration = Duration::from_secs(1);

/// Measures as `arguments` say. Needs a `LocalSet`.
pub async fn measure(arguments: &BenchArguments) -> Result<Report, HubError> {
    let hub = Hub::find_or_start(arguments).await?;
    let measuring = until_interrupted(measure_on(&hub, arguments));
    let report = measuring.await;
    hub.deregister().await;
    let report = report?;
    hub.stop().await?;
    Ok(report)
}

/// Ctrl-C ends the run in good order: a hub that was started is stopped, its data removed, and
/// what was registered with another is taken back.
async fn until_interrupted(
    measuring: impl Future<Output = Result<Report, HubError>>,
) -> Result<Report, HubError> {
    match select(pin!(measuring), pin!(tokio::signal::ctrl_c())).await {
        Either::Left((report, _)) => report,
        Either::Right(_) => Err(io::Error::from(io::ErrorKind::Interrupted).into()),
    }
}

async fn measure_on(hub: &Hub, arguments: &BenchArguments) -> Result<Report, HubError> {
    let idle = hub.usage().await?;
    let stage = Stage::set_up(hub, arguments).await?;
    let lanes = stage.start_lanes(arguments.connections());

    sleep(WARM_UP).await;
    let before = stage.look(hub).await?;
    let seconds = stage.count(arguments.seconds).await;
    let after = stage.look(hub).await?;
    let drain_seconds = stage.finish(lanes, arguments.is_delivered()).await;
    let end = stage.look(hub).await?;
    let recorder = stage.recorder.clone();
    let (tally, out_of_order) = stage.settle()?;

    let course = Course {
        idle,
        before,
        after,
        end,
        seconds,
        drain_seconds,
        tally,
        out_of_order,
    };
    Ok(course.report(arguments, &recorder))
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
    /// Of the whole run.
    tally: Tally,
    out_of_order: Option<u64>,
}

impl Course {
    fn report(&self, arguments: &BenchArguments, recorder: &Recorder) -> Report {
        let delivery = arguments.is_delivered().then(|| Delivery {
            received_per_second: recorder.receipts().count as f64 / self.seconds,
            received: recorder.receipts(),
            backlog: self.after.tally.missing,
            drain_seconds: self.drain_seconds,
            tally: self.tally,
            out_of_order: self.out_of_order,
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

    /// What is delivered is paid for when it has arrived (an event at each subscriber), so there
    /// the drain belongs to the cost.
    fn hub_report(&self, arguments: &BenchArguments) -> HubReport {
        let (until, messages) = match arguments.is_delivered() {
            true => {
                let received = self.end.tally.received - self.before.tally.received;
                (self.end.usage, received)
            }
            false => {
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
