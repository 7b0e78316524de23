//! The one row that an archive has about itself: how far it is, and whose.

use diesel::deserialize::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};
use uuid::Uuid;

use super::messages::row::{RowError, position, position_column};
use super::statement::Statement;
use crate::domain::ids::{HubId, Position};
use crate::logic::ownership::ArchiveStanding;
use crate::logic::writer::Writer;

#[derive(QueryableByName)]
pub struct StandingRow {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Nullable<Text>)]
    hub: Option<String>,
    #[diesel(sql_type = BigInt, column_name = life)]
    epoch: i64,
}

impl StandingRow {
    pub fn into_standing(self) -> Result<ArchiveStanding, RowError> {
        let hub = self.hub.as_deref().map(Uuid::parse_str).transpose()?;
        let writer = hub.map(HubId).map(|hub| Writer {
            hub,
            epoch: self.epoch,
        });
        Ok(ArchiveStanding {
            checkpoint: position(self.position)?,
            writer,
        })
    }
}

pub(super) fn read() -> Statement {
    Statement::new("SELECT position, hub, life FROM checkpoint")
}

/// As [`read`]; fails unless all tables are there and may be read.
pub(super) fn look() -> Statement {
    read().sql(
        " WHERE NOT EXISTS (SELECT position, id, state FROM messages WHERE FALSE) \
         AND NOT EXISTS (SELECT sequence, id, type_id FROM events WHERE FALSE) \
         AND NOT EXISTS (SELECT id, name FROM event_types WHERE FALSE) \
         AND NOT EXISTS (SELECT id, service FROM event_letters WHERE FALSE) \
         AND NOT EXISTS (SELECT stream_id, version FROM snapshots WHERE FALSE)",
    )
}

pub(super) fn write_checkpoint(through: Position) -> Statement {
    Statement::new("UPDATE checkpoint SET position = ").bind(position_column(through))
}

pub(super) fn write_writer(writer: Writer) -> Statement {
    Statement::new("UPDATE checkpoint SET hub = ")
        .bind(writer.hub.to_string())
        .sql(", life = ")
        .bind(writer.epoch)
}
