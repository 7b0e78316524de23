//! The course of a measurement: set up, warm up, count, drain, report.

use std::time::Duration;

use tokio::time::sleep;

use super::arguments::BenchArguments;
use super::error::HubError;
use super::hub::Hub;
use super::interruptions::Interruptions;
use super::lanes::Lanes;
use super::ledger::Tally;
use super::recorder::Recorder;
use super::report::{Delivery, HubReport, Looks, Report};
use super::stage::{Look, Stage};
use super::usage::Usage;

const WARM_UP: Duration = Duration::from_secs(1);

/// What came of a run.
pub(super) struct Measured {
    pub report: Result<Report, HubError>,
    /// What somebody's hub keeps of it, against its will.
    pub left: Vec<HubError>,
}

/// Measures as `arguments` say. Needs a `LocalSet`.
///
/// An interruption ends the run in good order: a hub that was started is stopped, its data removed,
/// and what was left with another is taken back. Each further one cuts short what is waited for
/// then.
pub(super) async fn measure(
    arguments: &BenchArguments,
    credentials: Option<(String, String)>,
) -> Measured {
    let mut left = Vec::new();
    let report = measure_and_leave(arguments, credentials, &mut left).await;
    Measured { report, left }
}

async fn measure_and_leave(
    arguments: &BenchArguments,
    credentials: Option<(String, String)>,
    left: &mut Vec<HubError>,
) -> Result<Report, HubError> {
    let mut interruptions = Interruptions::catch()?;
    let starting = Hub::find_or_start(arguments, credentials);
    let hub = interruptions.unless(starting).await?;
    let report = measure_on(&hub, arguments, &mut interruptions).await;
    let leaving = async { Ok(hub.take_back().await) };
    match interruptions.unless(leaving).await {
        Ok(kept) => left.extend(kept),
        Err(_) => left.push(HubError::NotTakenBack),
    }
    let report = report?;
    interruptions.unless(hub.stop()).await?;
    Ok(report)
}

async fn measure_on(
    hub: &Hub,
    arguments: &BenchArguments,
    interruptions: &mut Interruptions,
) -> Result<Report, HubError> {
    let idle = interruptions.unless(hub.usage()).await?;
    let stage = interruptions.unless(Stage::set_up(hub, arguments)).await?;
    let starting = stage.start_lanes(arguments.connections());
    let mut lanes = interruptions.unless(starting).await?;
    let running = run(hub, &stage, &mut lanes, arguments);
    let seen = interruptions.unless(running).await;
    // Of a run that was cut short, too: what the hub takes after it was cleared would stay there.
    let stopping = async {
        lanes.stop().await;
        Ok(())
    };
    interruptions.unless(stopping).await?;
    let seen = seen?;
    let recorder = stage.recorder.clone();
    let (tally, out_of_order) = stage.settle()?;
    let course = Course {
        idle,
        seen,
        tally,
        out_of_order,
    };
    Ok(course.report(arguments, &recorder))
}

async fn run(
    hub: &Hub,
    stage: &Stage,
    lanes: &mut Lanes,
    arguments: &BenchArguments,
) -> Result<Seen, HubError> {
    sleep(WARM_UP).await;
    let before = stage.look(hub).await?;
    let seconds = stage.count(arguments.seconds).await;
    let after = stage.look(hub).await?;
    let drain_seconds = stage.finish(lanes, arguments.is_delivered()).await;
    Ok(Seen {
        before,
        after,
        end: stage.look(hub).await?,
        seconds,
        drain_seconds,
    })
}

/// What was seen while it ran.
struct Seen {
    /// Around the seconds that count.
    before: Look,
    after: Look,
    /// After everything was answered and delivered.
    end: Look,
    seconds: f64,
    drain_seconds: f64,
}

/// What was seen when.
struct Course {
    /// Before anything was sent.
    idle: Usage,
    seen: Seen,
    /// Of the whole run.
    tally: Tally,
    out_of_order: Option<u64>,
}

impl Course {
    fn report(&self, arguments: &BenchArguments, recorder: &Recorder) -> Report {
        let delivery = arguments.is_delivered().then(|| Delivery {
            received_per_second: recorder.receipts().count as f64 / self.seen.seconds,
            received: recorder.receipts(),
            backlog: self.seen.after.tally.missing,
            drain_seconds: self.seen.drain_seconds,
            tally: self.tally,
            out_of_order: self.out_of_order,
        });
        let acknowledged = recorder.answers();
        let generator = (
            self.seen.before.generator_cpu_seconds,
            self.seen.after.generator_cpu_seconds,
        );
        Report {
            load: arguments.clone(),
            seconds: self.seen.seconds,
            acknowledged_per_second: acknowledged.count as f64 / self.seen.seconds,
            acknowledged,
            delivery,
            refused: recorder.refusals(),
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
                let received = self.seen.end.tally.received - self.seen.before.tally.received;
                (self.seen.end.usage, received)
            }
            false => {
                let before = self.seen.before.tally.acknowledged;
                (
                    self.seen.after.usage,
                    self.seen.after.tally.acknowledged - before,
                )
            }
        };
        let looks = Looks {
            idle: self.idle,
            before: self.seen.before.usage,
            after: until,
        };
        let total = self.seen.end.tally.acknowledged + arguments.waiting as u64;
        HubReport::new(&looks, messages, total)
    }
}
