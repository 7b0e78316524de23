//! The history in SQL, through diesel.

mod connections;
mod read;
mod rows;
mod schema;
mod sqlite;
mod update;
mod write;

pub use sqlite::SqliteArchive;
