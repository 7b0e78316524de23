//! The history in SQL, through diesel.

mod events;
mod letters;
mod messages;
mod snapshots;
mod sql;
mod sqlite;
mod statement;
mod table;

pub use sqlite::SqliteArchive;
