//! The history in SQL, through diesel.

mod alternatives;
mod dead_events;
mod ends;
mod events;
mod listing;
mod messages;
mod opening;
mod plans;
mod postgres;
mod snapshots;
mod sql;
mod sqlite;
mod standing;
mod statement;
mod table;

pub use plans::Question;
pub use postgres::PostgresArchive;
pub use sqlite::SqliteArchive;
