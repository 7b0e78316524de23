//! Everything that may happen to the row of a message that exists: what is given changes, the
//! rest stays.

use super::values::attempt_lines;
use crate::adapters::archive::table::{Column, Row, bytes, number, text, truth};
use crate::domain::dead_letter::DeadReason;
use crate::logic::projection::MessageChange;

/// What a column becomes: `before`, the given value, `after`.
pub(crate) struct Assignment {
    pub column: Column,
    pub before: &'static str,
    pub after: &'static str,
}

pub(crate) const KEY: Column = bytes("id");

/// In the order of the values, of which the key is the last.
pub(crate) const ASSIGNMENTS: &[Assignment] = &[
    given_or(text("state"), ", messages.state)"),
    given_or(number("settled_at"), ", messages.settled_at)"),
    given_or(text("reason"), ", messages.reason)"),
    added(text("attempts"), "messages.attempts || "),
    added(number("delivery_attempts"), "messages.delivery_attempts + "),
    given_or(text("last_error"), ", messages.last_error)"),
    given_or(truth("dead_letter"), ", messages.dead_letter)"),
];

const fn given_or(column: Column, after: &'static str) -> Assignment {
    let before = "coalesce(";
    Assignment {
        column,
        before,
        after,
    }
}

const fn added(column: Column, before: &'static str) -> Assignment {
    let after = "";
    Assignment {
        column,
        before,
        after,
    }
}

/// The values of the assignments and the key.
pub(crate) fn values(change: &MessageChange) -> serde_json::Result<Row<'_>> {
    let end = change.end;
    Ok(vec![
        end.map(|end| end.state.name()).into(),
        end.map(|end| end.at.as_millis()).into(),
        end.and_then(|end| end.reason).map(DeadReason::name).into(),
        attempt_lines(&change.attempts)?.into(),
        i64::from(change.delivery_attempts).into(),
        change.last_error().into(),
        change.dead_letter.into(),
        (&change.id.0).into(),
    ])
}
