//! Messages in SQL.

pub(super) mod questions;
pub(super) mod retention;
pub(super) mod row;
pub(super) mod update;
pub(super) mod values;
