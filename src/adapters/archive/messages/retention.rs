//! Which messages are old, and their removal.

use diesel::prelude::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable};

use super::row::{RowError, position, position_column};
use crate::adapters::archive::statement::Statement;
use crate::domain::fact::message::MessagesRemoved;
use crate::domain::ids::Position;
use crate::domain::timestamp::Timestamp;
use crate::ports::archive::Age;

/// How old a message is.
#[derive(QueryableByName)]
pub(crate) struct RetentionRow {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = BigInt)]
    accepted_at: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    settled_at: Option<i64>,
    #[diesel(sql_type = Bool)]
    dead_letter: bool,
}

impl RetentionRow {
    pub(crate) fn read(self) -> Result<Age, RowError> {
        Ok(Age {
            position: position(self.position)?,
            accepted_at: Timestamp::from_millis(self.accepted_at),
            settled_at: self.settled_at.map(Timestamp::from_millis),
            dead_letter: self.dead_letter,
        })
    }
}

/// By position, from the one after `after`. There is no index by time of settlement: it would have
/// to be kept with every message that is written, and made when an older archive is opened, for
/// what is asked once an hour and nearly in the order of positions.
pub(crate) fn ages_after(after: Position, limit: usize) -> Statement {
    Statement::new("SELECT position, accepted_at, settled_at, dead_letter FROM messages WHERE TRUE")
        .and("position > ", after)
        .sql(" ORDER BY position LIMIT ")
        .bind(limit)
}

pub(crate) fn remove(removed: &MessagesRemoved) -> Statement {
    Statement::new("DELETE FROM messages WHERE TRUE")
        .and("position > ", position_column(removed.after))
        .and("position <= ", position_column(removed.through))
        .and("settled_at < ", removed.settled_before.as_millis())
        .sql(" AND NOT dead_letter")
}
