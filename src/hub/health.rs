//! How the hub and each of its parts are.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Hub;
use super::picture::Picture;
use crate::domain::circuit::CircuitState;
use crate::domain::lack::Lack;
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;
use crate::logic::circuit_survey::CircuitSummary;
use crate::phase::Phase;

/// A clock that is set back by less is nothing to look after.
const NOTEWORTHY_OFFSET: Duration = Duration::from_secs(5);
/// A sync that takes longer keeps everybody waiting.
const SLOW_SYNC: Duration = Duration::from_secs(1);

/// How each part is.
pub struct PartsHealth {
    /// Of messages.
    pub queues: Health,
    /// Of events and their history.
    pub events: Health,
    /// Of services.
    pub registry: Health,
    /// Of services and of callbacks.
    pub circuits: Health,
    /// Where everything is written first.
    pub journal: Health,
    /// Where history is.
    pub archive: Health,
    /// Of the journal.
    pub disk: Health,
    /// Of clients.
    pub connections: Health,
    /// Those of the system and of the hub.
    pub clock: Health,
}

/// What is told of the parts in numbers.
pub struct Figures {
    /// Of the journal.
    pub journal: JournalFigures,
    /// Of the archive.
    pub archive: ArchiveFigures,
    /// Of connections of clients.
    pub connections: ConnectionFigures,
    /// Bytes free on the journal's disk.
    pub free_bytes: i64,
    /// How far times that the hub has used are ahead of the system's clock.
    pub ahead: Duration,
    /// How often the hub stood still since it started.
    pub pauses: u64,
}

/// The journal in numbers.
pub struct JournalFigures {
    /// What it cannot be written for now; `None`: it can.
    pub short_of: Option<Lack>,
    /// What it occupies.
    pub bytes: i64,
    /// Since the start.
    pub syncs: u64,
    /// Written since the start.
    pub records: u64,
    /// When the last sync ended, and how long it took; `None`: there was none since the start.
    pub last_sync: Option<(Timestamp, Duration)>,
}

/// The archive in numbers.
pub struct ArchiveFigures {
    /// How far it is behind the journal; `None`: nobody knows.
    pub lag_records: Option<i64>,
    /// What it occupies; `None`: not counted yet.
    pub bytes: Option<i64>,
    /// Events that can be read; `None`: not counted yet.
    pub events: Option<i64>,
    /// By state, counted from time to time.
    pub messages: BTreeMap<&'static str, i64>,
    /// Older events than this one were lost with an archive; `None`: none were.
    pub lost_before: Option<i64>,
}

/// Connections of clients in numbers.
pub struct ConnectionFigures {
    /// Now.
    pub open: i64,
    /// Served at once.
    pub most: i64,
    /// Since the start, of addresses that had their half.
    pub refused: u64,
}

impl Hub {
    /// Degraded while it works with something missing; unhealthy only when it takes nothing in.
    /// `is_overloaded`: a queue refuses what comes.
    pub fn health(&self, phase: Phase, is_overloaded: bool) -> Health {
        if phase != Phase::Open {
            return Health::Unhealthy;
        }
        let has_no_disk = self.status.intake.is_stopped();
        well(!is_overloaded && !has_no_disk && self.status.archive_answers.get())
    }

    /// How each part is, those of services as in the picture.
    pub fn health_of_parts(&self, picture: &Picture) -> PartsHealth {
        let status = &self.status;
        let takes_in = !status.intake.is_stopped();
        let archive_answers = status.archive_answers.get();
        let last_sync = status.journal.last_sync();
        let is_slow = last_sync.is_some_and(|(_, took)| took >= SLOW_SYNC);
        let is_open = |one: &CircuitSummary| one.state == CircuitState::Open;
        let mut circuits = picture.circuits.iter();
        PartsHealth {
            queues: well(!picture.admission.is_overloaded() && takes_in),
            events: well(archive_answers && takes_in),
            registry: well(!picture.services.is_one_failing),
            circuits: well(!circuits.any(is_open)),
            journal: well(status.journal.lack().is_none() && !is_slow),
            archive: well(archive_answers),
            disk: well(takes_in),
            connections: well(status.connections.open() < status.connections.most()),
            clock: well(self.clock.ahead() < NOTEWORTHY_OFFSET),
        }
    }

    /// What is told of the parts in numbers, by the picture.
    pub fn figures(&self, picture: &Picture) -> Figures {
        let (metrics, status) = (&self.metrics, &self.status);
        Figures {
            journal: JournalFigures {
                short_of: status.journal.lack(),
                bytes: metrics.journal.bytes.get(),
                syncs: metrics.journal.syncs.get(),
                records: metrics.journal.records.get(),
                last_sync: status.journal.last_sync(),
            },
            archive: ArchiveFigures {
                lag_records: metrics.archive_lag.get(),
                bytes: metrics.archive_size.bytes.get(),
                events: metrics.archive_size.events.get(),
                messages: metrics.archive_size.messages(picture.queues.total.open()),
                lost_before: Some(metrics.archive_lost_before.get()).filter(|lost| *lost > 0),
            },
            connections: ConnectionFigures {
                open: status.connections.open(),
                most: status.connections.most(),
                refused: status.connections.refused.get(),
            },
            free_bytes: metrics.journal.disk_free_bytes.get(),
            ahead: self.clock.ahead(),
            pauses: metrics.time.pauses(),
        }
    }
}

fn well(is_well: bool) -> Health {
    if is_well {
        Health::Healthy
    } else {
        Health::Degraded
    }
}
