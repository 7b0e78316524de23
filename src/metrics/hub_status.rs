//! How the hub is, told by those who know: what may be decided by stands here, and the gauges are
//! set from it.

use std::sync::atomic::{AtomicBool, Ordering};

use prometheus::IntGauge;

use super::connections::Connections;
use super::intake::Intake;
use super::journal_status::JournalStatus;
use super::maker::Maker;

/// Each part is set by its owner alone, and read by everybody.
pub struct HubStatus {
    /// Whether anything new is taken in, by the EventStore.
    pub intake: Intake,
    /// Of the journal, by the EventStore.
    pub journal: JournalStatus,
    /// Of clients, by the server.
    pub connections: Connections,
    /// Whether the archive answers, by the Archivist.
    pub archive_answers: StatusFlag,
    /// Whether the dedup window has forgotten the id of a message, by the EventStore.
    pub forgot_messages: StatusFlag,
    /// Whether it has forgotten the id of an event, by the EventStore.
    pub forgot_events: StatusFlag,
}

/// Something that is so or not.
pub struct StatusFlag {
    is_so: AtomicBool,
    gauge: IntGauge,
}

impl StatusFlag {
    fn shown_as(gauge: IntGauge) -> Self {
        Self {
            is_so: AtomicBool::new(false),
            gauge,
        }
    }

    pub fn set(&self, is_so: bool) {
        self.is_so.store(is_so, Ordering::Relaxed);
        self.gauge.set(i64::from(is_so));
    }

    pub fn get(&self) -> bool {
        self.is_so.load(Ordering::Relaxed)
    }
}

impl HubStatus {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            intake: Intake::new(make),
            journal: JournalStatus::new(make),
            connections: Connections::new(make),
            archive_answers: StatusFlag::shown_as(
                make.gauge("message_hub_archive_up", "1 while the archive answers"),
            ),
            forgot_messages: StatusFlag::shown_as(make.gauge(
                "message_hub_dedup_overflowed",
                "1 once the dedup window has forgotten the id of a message",
            )),
            forgot_events: StatusFlag::shown_as(make.gauge(
                "message_hub_event_dedup_overflowed",
                "1 once the dedup window has forgotten the id of an event",
            )),
        }
    }
}
