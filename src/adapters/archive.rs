//! The history in SQL, through diesel.

mod events;
mod letters;
mod listing;
mod messages;
mod postgres;
mod snapshots;
mod sql;
mod sqlite;
mod standing;
mod statement;
mod table;

pub use postgres::PostgresArchive;
pub use sqlite::SqliteArchive;
