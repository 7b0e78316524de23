//! Whether anything new is taken in, and why not.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::IntGauge;

use super::maker::Maker;
use crate::domain::refusal::Refusal;

pub struct Intake {
    /// What all are told who bring something new.
    refusal: Mutex<Option<Refusal>>,
    is_stopped: IntGauge,
}

impl Intake {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            refusal: Mutex::default(),
            is_stopped: make.gauge(
                "message_hub_disk_guard",
                "1 while intake is refused for lack of disk space, open files or memory",
            ),
        }
    }

    /// `None`: everything is taken in.
    pub fn set(&self, refusal: Option<Refusal>) {
        self.is_stopped.set(i64::from(refusal.is_some()));
        *self.lock() = refusal;
    }

    pub fn refusal(&self) -> Option<Refusal> {
        self.lock().clone()
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
