//! Messages in SQL.

pub mod questions;
pub mod retention;
pub mod row;
pub mod update;
pub mod values;
