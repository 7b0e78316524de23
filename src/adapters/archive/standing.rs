//! The one row that an archive has about itself: how far it is, and whose.

use diesel::deserialize::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};
use uuid::Uuid;

use super::messages::row::{RowError, position, position_column};
use super::statement::Statement;
use crate::domain::ids::{HubId, Position};
use crate::logic::ownership::Standing;
use crate::logic::writer::Writer;

#[derive(QueryableByName)]
pub struct Row {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Nullable<Text>)]
    hub: Option<String>,
    #[diesel(sql_type = BigInt)]
    life: i64,
}

impl Row {
    pub fn into_standing(self) -> Result<Standing, RowError> {
        let hub = self.hub.as_deref().map(Uuid::parse_str).transpose()?;
        let writer = hub.map(HubId).map(|hub| Writer {
            hub,
            life: self.life,
        });
        Ok(Standing {
            checkpoint: position(self.position)?,
            writer,
        })
    }
}

pub fn read() -> Statement {
    Statement::new("SELECT position, hub, life FROM checkpoint")
}

pub fn write_checkpoint(through: Position) -> Statement {
    Statement::new("UPDATE checkpoint SET position = ").bind(position_column(through))
}

pub fn write_writer(writer: Writer) -> Statement {
    Statement::new("UPDATE checkpoint SET hub = ")
        .bind(writer.hub.to_string())
        .sql(", life = ")
        .bind(writer.life)
}
