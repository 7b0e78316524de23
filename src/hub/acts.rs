//! What somebody did to the hub's queues, dead letters, circuits, services and subscriptions: a
//! line in the log for each, in the same words, with who did it.

use std::fmt::Display;

use super::request::RequestContext;
use crate::domain::ids::ServiceName;

/// Something that was done, and is in the journal.
pub struct Act<'a> {
    /// The operation as the OpenAPI description names it.
    pub action: &'static str,
    /// The kind and name of what it was done to, such as `queue` and `printer`.
    pub on: (&'static str, &'a dyn Display),
    /// What came of it, where the action does not say it all.
    pub outcome: Option<&'a dyn Display>,
    /// As whoever did it gave it.
    pub reason: Option<&'a str>,
}

impl<'a> Act<'a> {
    /// Without an outcome or a reason.
    pub fn new(action: &'static str, kind: &'static str, name: &'a dyn Display) -> Self {
        Self {
            action,
            on: (kind, name),
            outcome: None,
            reason: None,
        }
    }

    /// With what came of it.
    pub fn with(self, outcome: &'a dyn Display) -> Self {
        Self {
            outcome: Some(outcome),
            ..self
        }
    }

    /// With the reason that was given.
    pub fn because(self, reason: &'a str) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    /// Writes the line.
    pub fn tell(&self, context: &RequestContext<'_>) {
        if !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        let (kind, name) = self.on;
        let by = context.principal.name.as_ref();
        tracing::info!(
            action = self.action,
            on = format!("{kind} {name}"),
            outcome = self.outcome.map(ToString::to_string),
            reason = self.reason,
            by = by.map_or("anonymous", ServiceName::as_str),
            peer = context.peer.map(tracing::field::display),
            request_id = context.request_id.to_string(),
            "act"
        );
    }
}
