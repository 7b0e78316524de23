//! One statement for everything that may happen to a row that exists.
//!
//! Spelled out, because diesel prepares its own updates anew for every row; a statement that is
//! kept writes twice as many in a second.

use diesel::prelude::{QueryResult, RunQueryDsl};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::rows::attempt_lines;
use crate::domain::fact::DeadReason;
use crate::logic::projection::Change;

/// Changes what is given and leaves the rest.
pub struct Update<'a> {
    id: &'a [u8],
    state: Option<&'a str>,
    settled_at: Option<i64>,
    reason: Option<&'a str>,
    more_attempts: String,
    more_delivery_attempts: i64,
    last_error: Option<&'a str>,
    dead_letter: Option<bool>,
}

impl<'a> Update<'a> {
    pub fn new(change: &'a Change) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: change.id.0.as_bytes(),
            state: change.end.map(|end| end.state.name()),
            settled_at: change.end.map(|end| end.at.as_millis()),
            reason: change.end.and_then(|end| end.reason).map(DeadReason::name),
            more_attempts: attempt_lines(&change.attempts)?,
            more_delivery_attempts: change.delivery_attempts.into(),
            last_error: change.last_error(),
            dead_letter: change.dead_letter,
        })
    }
}

impl QueryId for Update<'_> {
    type QueryId = Update<'static>;
    /// The statement is the same whatever the values.
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for Update<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE messages SET state = coalesce(");
        out.push_bind_param::<Nullable<Text>, _>(&self.state)?;
        out.push_sql(", state), settled_at = coalesce(");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.settled_at)?;
        out.push_sql(", settled_at), reason = coalesce(");
        out.push_bind_param::<Nullable<Text>, _>(&self.reason)?;
        out.push_sql(", reason), attempts = attempts || ");
        out.push_bind_param::<Text, _>(&self.more_attempts)?;
        out.push_sql(", delivery_attempts = delivery_attempts + ");
        out.push_bind_param::<BigInt, _>(&self.more_delivery_attempts)?;
        out.push_sql(", last_error = coalesce(");
        out.push_bind_param::<Nullable<Text>, _>(&self.last_error)?;
        out.push_sql(", last_error), dead_letter = coalesce(");
        out.push_bind_param::<Nullable<Bool>, _>(&self.dead_letter)?;
        out.push_sql(", dead_letter) WHERE id = ");
        out.push_bind_param::<Binary, _>(&self.id)
    }
}

impl RunQueryDsl<SqliteConnection> for Update<'_> {}
