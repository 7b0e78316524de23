//! The hub at a glance: what is so now, and what is wrong, found out once a second at most.

use std::sync::Arc;

use tokio::time::Instant;

use super::clients::Clients;
use super::dead_letter_tally::DeadLetterTally;
use super::error::HubError;
use super::lately::Found;
use super::picture::{Picture, Pictures};
use crate::actors::messages::dead_letters::InspectRedrives;
use crate::actors::messages::subscriptions::InspectSubscriptions;
use crate::clock::Clock;
use crate::domain::circuit::CircuitState;
use crate::domain::redrive::{JobStatus, RedriveJob};
use crate::domain::subscription_view::SubscriptionView;
use crate::domain::timestamp::Timestamp;
use crate::logic::attention::{AttentionItem, AttentionSources, attention, is_failing};
use crate::logic::service_view::ServicesSurvey;
use crate::metrics::Metrics;
use crate::phase::Phase;

/// What is so now.
pub struct Overview {
    /// By the system's clock.
    pub at: Timestamp,
    /// Of queues, services and circuits.
    pub picture: Arc<Found<Picture>>,
    /// How many there are of what.
    pub counts: OverviewCounts,
    /// What is wrong, the worst first.
    pub attention: Vec<AttentionItem>,
}

/// How many there are of what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OverviewCounts {
    /// Services by their health.
    pub services: ServicesSurvey,
    /// Circuits, those of callbacks among them.
    pub open_circuits: usize,
    /// Circuits that are being tried.
    pub half_open_circuits: usize,
    /// Queues that are paused by their own names.
    pub paused: usize,
    /// Subscriptions whose events arrive.
    pub active_subscriptions: usize,
    /// Subscriptions whose events do not.
    pub failing_subscriptions: usize,
    /// Subscriptions that somebody, or a 410, paused.
    pub paused_subscriptions: usize,
    /// In the list; `None` while the archive does not answer.
    pub dead_letters: Option<u64>,
    /// Jobs that are not finished.
    pub jobs: usize,
    /// WebSockets that are open.
    pub sockets: i64,
}

/// Who knows what is so. It goes on being asked if who wanted to know is gone.
pub(super) struct Glance {
    pub clients: Clients,
    pub pictures: Pictures,
    pub dead_letters: DeadLetterTally,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
}

impl Glance {
    pub(super) async fn find(&self, phase: Phase) -> Result<Found<Overview>, HubError> {
        let at = Instant::now();
        let picture = self.pictures.latest(phase).await?;
        let all = |reply| InspectSubscriptions {
            id: None,
            service: None,
            reply,
        };
        let (subscriptions, jobs) = match phase {
            Phase::Starting => Default::default(),
            Phase::Open | Phase::Draining => (
                self.clients.subscriptions.request(all).await?,
                self.clients
                    .dead_letters
                    .query(InspectRedrives { job: None })
                    .await?,
            ),
        };
        let archive_answers = self.metrics.status.archive_answers.get();
        let moment = self.clock.moment();
        let counted = self.dead_letters.latest(phase).await?;
        let dead_letters = counted.what.as_ref().map(|counts| counts.total);
        let dead_lately = match dead_letters {
            Some(_) => self.dead_letters.lately(phase, moment.wall).await?,
            None => None,
        };
        let what = &picture.what;
        let attention = attention(&AttentionSources {
            refusal: self
                .metrics
                .status
                .intake
                .refusal()
                .map(|why| why.to_string()),
            archive_is_away: !archive_answers,
            archive_lag: self.metrics.archive_lag.get(),
            circuits: &what.circuits,
            queues: &what.queues,
            admission: &what.admission,
            subscriptions: &subscriptions,
            jobs: &jobs,
            dead_lately,
            now: moment,
        });
        let counts = OverviewCounts {
            dead_letters,
            sockets: self.metrics.sockets.open.get(),
            ..counts(what, &subscriptions, &jobs)
        };
        let what = Overview {
            at: moment.wall,
            picture,
            counts,
            attention,
        };
        Ok(Found { what, at, phase })
    }
}

fn counts(
    picture: &Picture,
    subscriptions: &[SubscriptionView],
    jobs: &[RedriveJob],
) -> OverviewCounts {
    let circuits = |state| {
        let not_closed = picture.circuits.iter();
        not_closed.filter(|one| one.state == state).count()
    };
    let is_paused = |view: &&SubscriptionView| view.subscription.paused.is_some();
    let paused_subscriptions = subscriptions.iter().filter(is_paused).count();
    let failing = subscriptions.iter().filter(|view| is_failing(view));
    let failing_subscriptions = failing.count();
    let is_under_way =
        |job: &&RedriveJob| matches!(job.status, JobStatus::Running | JobStatus::Paused);
    OverviewCounts {
        services: picture.services,
        open_circuits: circuits(CircuitState::Open),
        half_open_circuits: circuits(CircuitState::HalfOpen),
        paused: picture.queues.paused.len(),
        active_subscriptions: subscriptions.len() - paused_subscriptions - failing_subscriptions,
        failing_subscriptions,
        paused_subscriptions,
        jobs: jobs.iter().filter(is_under_way).count(),
        dead_letters: None,
        sockets: 0,
    }
}
