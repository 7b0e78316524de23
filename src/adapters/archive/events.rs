//! Events in SQL.

pub mod questions;
pub mod row;
pub mod types;
pub mod values;
