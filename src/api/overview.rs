//! The hub at a glance.

use serde::Serialize;
use utoipa::ToSchema;

use super::health::Components;
use super::service_row::Levels;
use crate::domain::compaction_summary::MessageTotals;
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::overview::{Overview, OverviewCounts};
use crate::hub::sight::Sight;
use crate::logic::attention::AttentionItem;
use crate::logic::queues::view::QueueDepths;
use crate::logic::stats::Sample;

/// Everything that is told at a glance; it does not grow with the hub.
#[derive(Serialize, ToSchema)]
#[schema(as = Overview)]
pub(crate) struct OverviewDetails {
    /// When it was so.
    at: Timestamp,
    status: Health,
    /// As `/health/details` tells them.
    components: Components,
    #[schema(inline)]
    totals: Totals,
    /// Queued and parked messages, by priority.
    #[schema(inline)]
    queues: Levels,
    /// When the longest waiting message was accepted; null: none waits.
    oldest_at: Option<Timestamp>,
    /// How long it has waited, in seconds.
    oldest_age: Option<f64>,
    #[schema(inline)]
    counts: Counts,
    /// The sample that was taken last.
    sample: Sample,
    /// What is wrong, the worst first; at most 20.
    attention: Vec<Attention>,
}

/// Where all messages are that were ever accepted: the states add up to `accepted`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Totals {
    accepted: i64,
    queued: usize,
    parked: usize,
    scheduled: usize,
    retrying: usize,
    delivering: usize,
    delivered: i64,
    dead: i64,
    expired: i64,
    cancelled: i64,
}

/// How many there are of what.
#[derive(Serialize, ToSchema)]
pub(crate) struct Counts {
    #[schema(inline)]
    services: ServicesByHealth,
    #[schema(inline)]
    circuits: CircuitCounts,
    /// Queues that are paused by their own names.
    paused: usize,
    #[schema(inline)]
    subscriptions: SubscriptionCounts,
    /// In the list; null while the archive does not answer.
    dead_letters: Option<u64>,
    /// Redrives and deletions that are not finished.
    jobs: usize,
    /// Open WebSockets.
    sockets: i64,
}

/// Registered services by their health.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServicesByHealth {
    healthy: usize,
    degraded: usize,
    unhealthy: usize,
}

/// Circuits of services and callbacks that hold something back.
#[derive(Serialize, ToSchema)]
pub(crate) struct CircuitCounts {
    open: usize,
    half_open: usize,
}

/// Subscriptions by how their events get on.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubscriptionCounts {
    active: usize,
    failing: usize,
    paused: usize,
}

/// Something that is wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = AttentionItem)]
pub(crate) struct Attention {
    #[schema(
        pattern = "^(disk_guard|archive_down|archive_lag|circuit_open|no_instance|overloaded|throttled|paused|subscription_failing|job_stopped|dead_letters)$"
    )]
    kind: &'static str,
    /// The service, circuit, subscriber or job; null: the hub itself.
    subject: Option<String>,
    /// Null: that is not known.
    since: Option<Timestamp>,
    /// How many messages, events or dead letters are concerned; null: that is not counted.
    count: Option<u64>,
    /// One sentence.
    text: String,
    /// Where more of it is to be seen: what follows the `#` in the address of the hub's page.
    view: String,
}

impl OverviewDetails {
    /// `status`: of the hub as a whole.
    pub(crate) fn of(hub: &Hub, status: Health, overview: &Overview) -> Self {
        let picture = &overview.picture.what;
        let (queues, now) = (&picture.queues, overview.at);
        let oldest_at = queues.total.oldest();
        Self {
            at: now,
            status,
            components: Components::of(hub, picture, Sight::All),
            totals: Totals::of(&queues.totals, &queues.total),
            queues: Levels::of(&queues.total.levels),
            oldest_at,
            oldest_age: oldest_at.map(|at| now.since(at).as_secs_f64()),
            counts: Counts::of(&overview.counts),
            sample: hub.latest_sample(),
            attention: overview.attention.iter().map(Attention::of).collect(),
        }
    }
}

impl Totals {
    fn of(totals: &MessageTotals, depths: &QueueDepths) -> Self {
        Self {
            accepted: totals.accepted,
            queued: depths.queued,
            parked: depths.parked,
            scheduled: depths.scheduled,
            retrying: depths.retrying,
            delivering: depths.in_flight,
            delivered: totals.delivered,
            dead: totals.dead,
            expired: totals.expired,
            cancelled: totals.cancelled,
        }
    }
}

impl Counts {
    fn of(counts: &OverviewCounts) -> Self {
        Self {
            services: ServicesByHealth {
                healthy: counts.services.healthy(),
                degraded: counts.services.degraded,
                unhealthy: counts.services.unhealthy,
            },
            circuits: CircuitCounts {
                open: counts.open_circuits,
                half_open: counts.half_open_circuits,
            },
            paused: counts.paused,
            subscriptions: SubscriptionCounts {
                active: counts.active_subscriptions,
                failing: counts.failing_subscriptions,
                paused: counts.paused_subscriptions,
            },
            dead_letters: counts.dead_letters,
            jobs: counts.jobs,
            sockets: counts.sockets,
        }
    }
}

impl Attention {
    fn of(item: &AttentionItem) -> Self {
        Self {
            kind: item.kind.name(),
            subject: item.subject.clone(),
            since: item.since,
            count: item.count,
            text: item.text.clone(),
            view: item.view.clone(),
        }
    }
}
