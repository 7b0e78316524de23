//! The history in SQL, through diesel.

mod alternatives;
mod ends;
mod events;
mod letters;
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
