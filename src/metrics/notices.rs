//! What the log tells at WARN of things that may come in floods: the first of a kind at once, then
//! counts (see [`LogLimit`]).

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::ServiceName;
use crate::domain::message::{Message, Priority};
use crate::domain::subscription::DeadEvent;
use crate::domain::timestamp::Timestamp;
use crate::logic::log_limit::{LogLimit, Summary};

/// How often the log says how many more there were.
const EVERY: Duration = Duration::from_secs(10);
/// Kinds that are told apart at once.
const KINDS: usize = 1000;

/// What is told together.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Notice {
    /// A message became a dead letter, or expired.
    Died {
        destination: ServiceName,
        reason: DeadReason,
    },
    /// An event could not be handed to a subscriber.
    EventDied {
        subscriber: ServiceName,
        reason: DeadReason,
    },
    /// A message was refused: this lane is full.
    LaneFull {
        destination: ServiceName,
        priority: Priority,
    },
    /// A message was refused: the hub holds as many bytes as it may.
    MemoryFull,
    /// A message or an event was refused: its sender is over its quota.
    RateLimited { source: ServiceName },
}

/// About one of them; what is not known is left out of the line.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Particulars {
    pub id: Option<String>,
    /// Of a dead letter of a subscription: the event.
    pub event: Option<String>,
    pub correlation_id: Option<String>,
    pub source: Option<ServiceName>,
    pub destination: Option<ServiceName>,
    /// Why, in words.
    pub error: Option<String>,
}

/// Shared by whoever has something to tell.
pub struct Notices(Mutex<LogLimit<Notice, Particulars>>);

impl Default for Notices {
    fn default() -> Self {
        Self(Mutex::new(LogLimit::new(KINDS)))
    }
}

impl Notices {
    /// One more of a kind. Writes a line if it is the first, else [`Notices::tell_due`] will.
    pub fn note(&self, notice: &Notice, now: Timestamp, of: impl Fn() -> Particulars) {
        if !tracing::enabled!(tracing::Level::WARN) {
            return;
        }
        if self.limit().note(notice, EVERY, now, &of) {
            write(notice, &of(), None, notice.first());
        }
    }

    /// A message was not let in.
    pub fn refused(&self, notice: &Notice, message: &Message, now: Timestamp) {
        self.note(notice, now, || Particulars {
            id: Some(message.id.to_string()),
            event: None,
            correlation_id: Some(message.correlation_id()),
            source: Some(message.source.clone()),
            destination: Some(message.destination.clone()),
            error: None,
        });
    }

    /// Destinations whose messages died within the last seconds, by name.
    pub fn dying(&self) -> Vec<String> {
        let limit = self.limit();
        let died = limit.kinds().filter_map(|notice| match notice {
            Notice::Died { destination, .. } => Some(destination.to_string()),
            _ => None,
        });
        let mut dying: Vec<String> = died.collect();
        dying.sort_unstable();
        dying.dedup();
        dying
    }

    /// An event could not be handed to a subscriber.
    pub fn event_died(&self, dead_event: &DeadEvent, now: Timestamp) {
        let notice = Notice::EventDied {
            subscriber: dead_event.service.clone(),
            reason: dead_event.reason,
        };
        let last = dead_event.attempts.last();
        self.note(&notice, now, || Particulars {
            id: Some(dead_event.id.to_string()),
            event: Some(dead_event.event.id.to_string()),
            correlation_id: Some(dead_event.event.correlation_id()),
            source: Some(dead_event.event.source.clone()),
            error: last.and_then(|attempt| attempt.error.clone()),
            ..Particulars::default()
        });
    }

    /// To be called every second or so.
    pub fn tell_due(&self, now: Timestamp) {
        let due = self.limit().due(now);
        due.iter().for_each(write_more);
    }

    /// Before the log ends.
    pub fn tell_rest(&self, now: Timestamp) {
        let rest = self.limit().rest(now);
        rest.iter().for_each(write_more);
    }

    fn limit(&self) -> MutexGuard<'_, LogLimit<Notice, Particulars>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notice {
    fn first(&self) -> &'static str {
        match self {
            Self::Died {
                reason: DeadReason::Expired,
                ..
            } => "message expired",
            Self::Died { .. } => "message is a dead letter",
            Self::EventDied { .. } => "event is a dead letter",
            Self::LaneFull { .. } => "message refused: the lane is full",
            Self::MemoryFull => "message refused: max_queue_bytes is reached",
            Self::RateLimited { .. } => "refused: the sender is over its quota",
        }
    }

    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Died { reason, .. } | Self::EventDied { reason, .. } => Some(reason.name()),
            Self::LaneFull { .. } | Self::MemoryFull => Some("QUEUE_FULL"),
            Self::RateLimited { .. } => Some("RATE_LIMITED"),
        }
    }

    fn priority(&self) -> Option<&'static str> {
        match self {
            Self::LaneFull { priority, .. } => Some(priority.name()),
            _ => None,
        }
    }

    /// Whom it concerns, beside what the particulars say of one of them.
    fn names(&self) -> Names<'_> {
        let mut names = Names::default();
        match self {
            Self::Died { destination, .. } | Self::LaneFull { destination, .. } => {
                names.destination = Some(destination);
            }
            Self::EventDied { subscriber, .. } => names.subscriber = Some(subscriber),
            Self::RateLimited { source } => names.source = Some(source),
            Self::MemoryFull => {}
        }
        names
    }
}

#[derive(Default)]
struct Names<'a> {
    source: Option<&'a ServiceName>,
    destination: Option<&'a ServiceName>,
    subscriber: Option<&'a ServiceName>,
}

/// In a sentence that says how many.
struct More<'a>(&'a Summary<Notice, Particulars>);

impl fmt::Display for More<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            kind, count, mixed, ..
        } = self.0;
        if *mixed {
            return write!(
                f,
                "{count} more of too many kinds to tell them apart; of the last:"
            );
        }
        match kind {
            Notice::Died {
                destination,
                reason: DeadReason::Expired,
            } => write!(f, "{count} more messages to {destination} expired"),
            Notice::Died {
                destination,
                reason,
            } => write!(
                f,
                "{count} more messages to {destination} died: {}",
                reason.name()
            ),
            Notice::EventDied { subscriber, reason } => write!(
                f,
                "{count} more events for {subscriber} died: {}",
                reason.name()
            ),
            Notice::LaneFull {
                destination,
                priority,
            } => write!(
                f,
                "{count} more messages to {destination} refused: the {} lane is full",
                priority.name()
            ),
            Notice::MemoryFull => {
                write!(
                    f,
                    "{count} more messages refused: max_queue_bytes is reached"
                )
            }
            Notice::RateLimited { source } => {
                write!(f, "{count} more of {source} refused: it is over its quota")
            }
        }
    }
}

fn write_more(summary: &Summary<Notice, Particulars>) {
    let text = More(summary).to_string();
    write(&summary.kind, &summary.last, Some(summary.count), &text);
}

/// The particulars of a line that counts are those of the last.
fn write(notice: &Notice, of: &Particulars, count: Option<u64>, text: &str) {
    let names = notice.names();
    let source = names.source.or(of.source.as_ref());
    let destination = names.destination.or(of.destination.as_ref());
    tracing::warn!(
        count,
        id = of.id,
        event = of.event,
        correlation_id = of.correlation_id,
        source = source.map(ServiceName::as_str),
        destination = destination.map(ServiceName::as_str),
        subscriber = names.subscriber.map(ServiceName::as_str),
        priority = notice.priority(),
        reason = notice.reason(),
        last_error = of.error,
        "{text}"
    );
}
