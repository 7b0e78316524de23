//! Messages as rows to write.

use super::row::position_column;
use crate::adapters::archive::table::{Column, Row, Table, bytes, number, text, truth};
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{ContentType, CorrelationId};
use crate::domain::json_text::JsonText;
use crate::domain::message::State;
use crate::domain::timestamp::Timestamp;
use crate::logic::projection::{MessageChange, Opening};

const COLUMNS: &[Column] = &[
    number("position"),
    bytes("id"),
    text("destination"),
    text("source"),
    text("kind"),
    text("priority"),
    text("correlation_id"),
    text("payload"),
    bytes("body"),
    text("content_type"),
    text("extras"),
    number("accepted_at"),
    number("expires_at"),
    text("state"),
    number("settled_at"),
    text("reason"),
    text("attempts"),
    number("delivery_attempts"),
    number("redriven"),
    text("last_error"),
    truth("dead_letter"),
];

/// Messages that were accepted: whatever had the id before is replaced.
pub(crate) struct Accepted;

impl Table for Accepted {
    const NAME: &'static str = "messages";
    const COLUMNS: &'static [Column] = COLUMNS;
    const ON_CONFLICT: &'static str = "ON CONFLICT (id) DO UPDATE SET \
        position = excluded.position, destination = excluded.destination, \
        source = excluded.source, kind = excluded.kind, priority = excluded.priority, \
        correlation_id = excluded.correlation_id, payload = excluded.payload, \
        body = excluded.body, content_type = excluded.content_type, \
        extras = excluded.extras, accepted_at = excluded.accepted_at, \
        expires_at = excluded.expires_at, state = excluded.state, \
        settled_at = excluded.settled_at, reason = excluded.reason, \
        attempts = excluded.attempts, delivery_attempts = excluded.delivery_attempts, \
        redriven = excluded.redriven, last_error = excluded.last_error, \
        dead_letter = excluded.dead_letter";
}

/// Messages that were redriven: anew, in their old place and with their old attempts.
pub(crate) struct Redriven;

impl Table for Redriven {
    const NAME: &'static str = "messages";
    const COLUMNS: &'static [Column] = COLUMNS;
    const ON_CONFLICT: &'static str = "ON CONFLICT (id) DO UPDATE SET \
        destination = excluded.destination, \
        source = excluded.source, kind = excluded.kind, priority = excluded.priority, \
        correlation_id = excluded.correlation_id, payload = excluded.payload, \
        body = excluded.body, content_type = excluded.content_type, \
        extras = excluded.extras, accepted_at = excluded.accepted_at, \
        expires_at = excluded.expires_at, state = excluded.state, \
        settled_at = excluded.settled_at, reason = excluded.reason, \
        attempts = messages.attempts || excluded.attempts, \
        delivery_attempts = excluded.delivery_attempts, redriven = excluded.redriven, \
        last_error = coalesce(excluded.last_error, messages.last_error), \
        dead_letter = excluded.dead_letter";
}

pub(crate) fn values<'a>(
    change: &'a MessageChange,
    opening: &'a Opening,
) -> serde_json::Result<Row<'a>> {
    let message = opening.opened.message();
    let (extras, raw) = (message.extras.as_ref(), message.payload.as_raw());
    Ok(vec![
        position_column(opening.position).into(),
        (&change.id.0).into(),
        message.destination.as_str().into(),
        message.source.as_str().into(),
        message.message_type.as_str().into(),
        message.priority.name().into(),
        message
            .correlation_id
            .as_ref()
            .map(CorrelationId::as_str)
            .into(),
        message
            .payload
            .as_json()
            .map_or("", JsonText::as_json)
            .into(),
        raw.map(|raw| &*raw.bytes).into(),
        raw.and_then(|raw| raw.content_type.as_ref())
            .map(ContentType::as_str)
            .into(),
        extras.map(serde_json::to_string).transpose()?.into(),
        message.accepted_at.as_millis().into(),
        message.expires_at.map(Timestamp::as_millis).into(),
        change
            .end
            .map_or(State::Queued, |end| end.state)
            .name()
            .into(),
        change.end.map(|end| end.at.as_millis()).into(),
        change
            .end
            .and_then(|end| end.reason)
            .map(DeadReason::name)
            .into(),
        attempt_lines(&change.attempts)?.into(),
        i64::from(change.delivery_attempts).into(),
        i64::from(opening.opened.times_redriven()).into(),
        change.last_error().into(),
        Some(change.dead_letter == Some(true)).into(),
    ])
}

/// One line of JSON for each attempt, so that more can be appended.
pub(crate) fn attempt_lines(attempts: &[Attempt]) -> serde_json::Result<String> {
    let mut lines = String::new();
    for attempt in attempts {
        lines.push_str(&serde_json::to_string(attempt)?);
        lines.push('\n');
    }
    Ok(lines)
}
