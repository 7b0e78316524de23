//! What is wrong with the hub and what uses it, the worst first, each with the place where more is
//! to be seen of it.

use std::collections::HashMap;
use std::time::Duration;

use super::admission_report::AdmissionSurvey;
use super::circuit_survey::CircuitSummary;
use super::queues::survey::QueueSurvey;
use super::queues::view::QueueDepths;
use crate::domain::circuit::{CircuitName, CircuitState, Origin};
use crate::domain::moment::Moment;
use crate::domain::redrive::{JobStatus, RedriveJob};
use crate::domain::service::Outlook;
use crate::domain::subscription_view::SubscriptionView;
use crate::domain::timestamp::Timestamp;

/// So much is told at most.
pub const MOST: usize = 20;
/// An archive that is further behind is worth a look.
const MOST_LAG: i64 = 100_000;
/// Whoever waits for an instance for longer is worth a look.
const PATIENCE: Duration = Duration::from_secs(60);

/// The kinds of what is wrong, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AttentionKind {
    /// Nothing new is taken in.
    DiskGuard,
    /// The archive does not answer.
    ArchiveDown,
    /// It is far behind the journal.
    ArchiveLag,
    /// A circuit lets nothing through.
    CircuitOpen,
    /// Messages wait, and nobody is there to take them.
    NoInstance,
    /// A queue is full and refuses messages.
    Overloaded,
    /// A queue is nearly full.
    Throttled,
    /// A queue in which something waits is paused.
    Paused,
    /// A subscriber does not take its events.
    SubscriptionFailing,
    /// A redrive stopped by itself.
    JobStopped,
    /// The hub gave up on messages lately.
    DeadLetters,
}

impl AttentionKind {
    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::DiskGuard => "disk_guard",
            Self::ArchiveDown => "archive_down",
            Self::ArchiveLag => "archive_lag",
            Self::CircuitOpen => "circuit_open",
            Self::NoInstance => "no_instance",
            Self::Overloaded => "overloaded",
            Self::Throttled => "throttled",
            Self::Paused => "paused",
            Self::SubscriptionFailing => "subscription_failing",
            Self::JobStopped => "job_stopped",
            Self::DeadLetters => "dead_letters",
        }
    }
}

/// Something that is wrong.
#[derive(Clone, PartialEq, Debug)]
pub struct AttentionItem {
    /// What it is.
    pub kind: AttentionKind,
    /// The service, circuit, subscription or job; `None`: the hub itself.
    pub subject: Option<String>,
    /// Since when, by the system's clock; `None`: that is not known.
    pub since: Option<Timestamp>,
    /// How many messages, events or dead letters are concerned.
    pub count: Option<u64>,
    /// One sentence.
    pub text: String,
    /// Where more of it is to be seen: what follows the `#` in the address of the hub's page.
    pub view: String,
}

/// What the owners of everything say.
pub struct AttentionSources<'a> {
    /// Why nothing new is taken in, in words.
    pub refusal: Option<String>,
    /// The archive does not answer.
    pub archive_is_away: bool,
    /// How far it is behind; `None`: nobody knows.
    pub archive_lag: Option<i64>,
    /// Those that are not closed, of services and callbacks.
    pub circuits: &'a [CircuitSummary],
    /// What waits.
    pub queues: &'a QueueSurvey,
    /// Which destinations are full.
    pub admission: &'a AdmissionSurvey,
    /// Who is sent events.
    pub subscriptions: &'a [SubscriptionView],
    /// All redrives that are kept.
    pub jobs: &'a [RedriveJob],
    /// Messages and events the hub gave up on within the last hour; `None`: nobody knows.
    pub dead_lately: Option<u64>,
    /// Now.
    pub now: Moment,
}

/// The worst that is wrong: of each kind at least the worst one, and of the worst kinds more.
pub fn attention(sources: &AttentionSources<'_>) -> Vec<AttentionItem> {
    let mut found = sources.of_the_hub();
    found.extend(sources.circuits_open());
    found.extend(sources.without_instance());
    found.extend(sources.full());
    found.extend(sources.paused());
    found.extend(sources.subscriptions_failing());
    found.extend(sources.stopped());
    found.extend(sources.dead_letters());
    // Within a kind what concerns most comes first.
    found.sort_by(|one, other| {
        let kind = one.kind.cmp(&other.kind);
        kind.then_with(|| other.count.cmp(&one.count))
            .then_with(|| one.subject.cmp(&other.subject))
    });
    shortened(found)
}

fn shortened(found: Vec<AttentionItem>) -> Vec<AttentionItem> {
    let mut kinds: Vec<_> = found.iter().map(|item| item.kind).collect();
    kinds.dedup();
    let mut more = MOST - kinds.len();
    let mut last = None;
    let is_told = |item: &AttentionItem| {
        let is_first = last.replace(item.kind) != Some(item.kind);
        if !is_first && more > 0 {
            more -= 1;
            return true;
        }
        is_first
    };
    found.into_iter().filter(is_told).collect()
}

impl AttentionSources<'_> {
    fn of_the_hub(&self) -> Vec<AttentionItem> {
        let mut found = Vec::new();
        if let Some(refusal) = &self.refusal {
            let text = format!("nothing new is taken in: {refusal}");
            found.push(of_hub(AttentionKind::DiskGuard, None, text));
        }
        if self.archive_is_away {
            let text = "the archive does not answer: history is not complete".to_owned();
            found.push(of_hub(AttentionKind::ArchiveDown, None, text));
        }
        if let Some(lag) = self.archive_lag.filter(|lag| *lag > MOST_LAG) {
            let text = format!("the archive is {lag} records behind the journal");
            found.push(of_hub(
                AttentionKind::ArchiveLag,
                u64::try_from(lag).ok(),
                text,
            ));
        }
        if self.admission.memory_full {
            let text = "max_queue_bytes is reached: messages are refused".to_owned();
            found.push(of_hub(AttentionKind::Overloaded, None, text));
        }
        found
    }

    fn circuits_open(&self) -> impl Iterator<Item = AttentionItem> {
        let queues = self.queues.held_back.iter();
        let waiting: HashMap<_, _> = queues
            .map(|(service, depths)| (service.as_str(), depths.waiting() as u64))
            .collect();
        let open = self.circuits.iter();
        let open = open.filter(|one| one.state == CircuitState::Open);
        open.map(move |one| {
            let name = &one.circuit;
            let reason = one.reason.as_deref().unwrap_or("it was opened");
            let (count, view) = match CircuitName::parse(name) {
                Ok(CircuitName::Callback(origin)) => (None, self.subscriptions_at(&origin)),
                _ => {
                    let count = waiting.get(name.as_str()).copied().unwrap_or_default();
                    (Some(count), format!("/services/{name}"))
                }
            };
            let text = match count {
                Some(count) if count > 0 => {
                    format!("the circuit of {name} is open, {}: {reason}", wait(count))
                }
                _ => format!("the circuit of {name} is open: {reason}"),
            };
            AttentionItem {
                kind: AttentionKind::CircuitOpen,
                subject: Some(name.clone()),
                since: one.since,
                count,
                text,
                view,
            }
        })
    }

    /// Where what is sent to an origin is to be seen: the one subscription that is, or all.
    fn subscriptions_at(&self, origin: &Origin) -> String {
        let mut there = self.subscriptions.iter().filter(|view| {
            let callback = view.subscription.callback();
            callback.is_some_and(|callback| Origin::of(&callback.url) == *origin)
        });
        match (there.next(), there.next()) {
            (Some(view), None) => format!("/subscriptions/{}", view.subscription.id),
            _ => "/subscriptions".to_owned(),
        }
    }

    fn without_instance(&self) -> impl Iterator<Item = AttentionItem> {
        let queues = self.queues.held_back.iter();
        queues.filter_map(|(service, depths)| {
            let waiting = depths.waiting() as u64;
            let since = match depths.outlook? {
                Outlook::NoInstance { since } if since == Timestamp::default() => None,
                Outlook::NoInstance { since } => Some(since),
                Outlook::Left => None,
                Outlook::Ready | Outlook::CircuitOpen { .. } | Outlook::Trial => return None,
            };
            let oldest = depths.oldest()?;
            let is_new = self.now.wall.since(oldest) < PATIENCE
                || since.is_some_and(|at| self.now.hub.since(at) < PATIENCE);
            if waiting == 0 || is_new {
                return None;
            }
            Some(AttentionItem {
                kind: AttentionKind::NoInstance,
                subject: Some(service.to_string()),
                since: since.map(|at| self.now.wall_time(at)),
                count: Some(waiting),
                text: format!(
                    "{} for {service}, of which no instance is available",
                    wait(waiting)
                ),
                view: format!("/services/{service}"),
            })
        })
    }

    fn full(&self) -> impl Iterator<Item = AttentionItem> {
        let overloaded = (AttentionKind::Overloaded, "full and refuses messages");
        let full = self.admission.full.iter().map(move |one| (one, overloaded));
        let throttled = (AttentionKind::Throttled, "nearly full");
        let nearly = self.admission.throttled.iter();
        let nearly = nearly.map(move |one| (one, throttled));
        full.chain(nearly)
            .map(|(service, (kind, how))| AttentionItem {
                kind,
                subject: Some(service.to_string()),
                since: None,
                count: None,
                text: format!("the queue of {service} is {how}"),
                view: format!("/services/{service}"),
            })
    }

    fn paused(&self) -> Vec<AttentionItem> {
        let total = &self.queues.total;
        if let Some(pause) = &total.paused {
            let waiting = total.waiting() as u64;
            let item = AttentionItem {
                kind: AttentionKind::Paused,
                subject: None,
                since: Some(pause.since),
                count: Some(waiting),
                text: format!("all queues are paused, {}", wait(waiting)),
                view: "/services".to_owned(),
            };
            return Some(item).filter(|_| waiting > 0).into_iter().collect();
        }
        let waits =
            |depths: &&(_, QueueDepths)| depths.1.paused.is_some() && depths.1.waiting() > 0;
        let paused = self.queues.held_back.iter().filter(waits);
        let paused = paused.map(|(service, depths)| {
            let waiting = depths.waiting() as u64;
            AttentionItem {
                kind: AttentionKind::Paused,
                subject: Some(service.to_string()),
                since: depths.paused.as_ref().map(|pause| pause.since),
                count: Some(waiting),
                text: format!("the queue of {service} is paused, {}", wait(waiting)),
                view: format!("/services/{service}"),
            }
        });
        paused.collect()
    }

    fn subscriptions_failing(&self) -> impl Iterator<Item = AttentionItem> {
        let failing = self.subscriptions.iter().filter(|view| is_failing(view));
        failing.map(|view| {
            let (service, id) = (&view.subscription.service, view.subscription.id);
            let (behind, failures) = (view.lag, view.failures);
            AttentionItem {
                kind: AttentionKind::SubscriptionFailing,
                subject: Some(service.to_string()),
                since: None,
                count: Some(behind),
                text: format!(
                    "a subscription of {service} failed {failures} times in a row, {behind} events behind"
                ),
                view: format!("/subscriptions/{id}"),
            }
        })
    }

    fn stopped(&self) -> impl Iterator<Item = AttentionItem> {
        let stopped = self.jobs.iter();
        let stopped = stopped.filter(|job| job.status == JobStatus::Stopped);
        stopped.map(|job| {
            let cause = job.cause.as_deref().unwrap_or("too many died again");
            AttentionItem {
                kind: AttentionKind::JobStopped,
                subject: Some(job.job.to_string()),
                since: None,
                count: Some(
                    job.matched
                        .saturating_sub(job.redriven + job.deleted + job.skipped),
                ),
                text: format!("a redrive stopped by itself: {cause}"),
                view: "/dead/jobs".to_owned(),
            }
        })
    }

    fn dead_letters(&self) -> Option<AttentionItem> {
        let count = self.dead_lately.filter(|count| *count > 0)?;
        let text = match count {
            1 => "1 dead letter in the last hour".to_owned(),
            count => format!("{count} dead letters in the last hour"),
        };
        Some(AttentionItem {
            view: "/dead".to_owned(),
            ..of_hub(AttentionKind::DeadLetters, Some(count), text)
        })
    }
}

/// Its events do not arrive, and nobody paused it.
pub fn is_failing(view: &SubscriptionView) -> bool {
    view.subscription.paused.is_none() && (view.failures > 0 || view.is_circuit_open)
}

fn of_hub(kind: AttentionKind, count: Option<u64>, text: String) -> AttentionItem {
    AttentionItem {
        kind,
        subject: None,
        since: None,
        count,
        text,
        view: "/hub".to_owned(),
    }
}

fn wait(count: u64) -> String {
    match count {
        1 => "1 message waits".to_owned(),
        count => format!("{count} messages wait"),
    }
}

#[cfg(test)]
mod tests;
