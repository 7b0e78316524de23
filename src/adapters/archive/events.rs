//! Events in SQL.

pub(super) mod names;
pub(super) mod questions;
pub(super) mod row;
pub(super) mod types;
pub(super) mod values;
