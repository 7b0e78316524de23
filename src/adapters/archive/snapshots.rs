//! Snapshots of streams in SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use diesel::prelude::QueryableByName;
use diesel::sql_types::{BigInt, Text};

use super::messages::row::{RowError, position, position_column};
use super::statement::Statement;
use super::table::{self, Column, Table, number, text};
use crate::domain::event::Snapshot;
use crate::domain::ids::StreamId;
use crate::domain::json_text::JsonText;
use crate::domain::timestamp::Timestamp;

pub(super) struct Snapshots;

impl Table for Snapshots {
    const NAME: &'static str = "snapshots";
    const COLUMNS: &'static [Column] = &[
        text("stream_id"),
        number("version"),
        number("at"),
        text("state"),
    ];
    const ON_CONFLICT: &'static str = "ON CONFLICT (stream_id, version) DO UPDATE SET \
        at = excluded.at, state = excluded.state";
}

/// Each row once: of two at one version the later one.
pub(super) fn rows(snapshots: &[Arc<Snapshot>]) -> Vec<table::Row<'_>> {
    let mut latest = BTreeMap::new();
    for snapshot in snapshots {
        latest.insert((snapshot.stream_id.as_str(), snapshot.version), snapshot);
    }
    latest
        .into_values()
        .map(|snapshot| values(snapshot))
        .collect()
}

fn values(snapshot: &Snapshot) -> table::Row<'_> {
    vec![
        snapshot.stream_id.as_str().into(),
        position_column(snapshot.version).into(),
        snapshot.at.as_millis().into(),
        snapshot.state.as_json().into(),
    ]
}

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = Text)]
    stream_id: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Text)]
    state: String,
}

impl Row {
    pub(super) fn into_snapshot(self) -> Result<Snapshot, RowError> {
        Ok(Snapshot {
            stream_id: StreamId::parse(&self.stream_id)?,
            version: position(self.version)?,
            at: Timestamp::from_millis(self.at),
            state: JsonText::parse(&self.state)?,
        })
    }
}

/// The newest one at `version` or before.
pub(super) fn newest(stream: &str, version: u64) -> Statement {
    Statement::new("SELECT stream_id, version, at, state FROM snapshots WHERE TRUE")
        .and("stream_id = ", stream)
        .and("version <= ", version)
        .sql(" ORDER BY version DESC LIMIT 1")
}

/// So many streams are looked at by one statement.
const TOGETHER: usize = 500;

/// Takes those away that no state can begin with any more: of the streams of `snapshots` all that
/// are older than another one before the first event that is kept.
pub(super) fn superseded(snapshots: &[Arc<Snapshot>]) -> Vec<Statement> {
    let streams = snapshots.iter().map(|snapshot| snapshot.stream_id.as_str());
    let streams: Vec<&str> = BTreeSet::from_iter(streams).into_iter().collect();
    let gone = |streams: &[&str]| {
        Statement::new("DELETE FROM snapshots WHERE stream_id IN ")
            .list(streams.iter().copied())
            .sql(
                " AND version < (SELECT max(covering.version) FROM snapshots AS covering \
                 WHERE covering.stream_id = snapshots.stream_id AND covering.version < coalesce( \
                 (SELECT min(stream_version) FROM events \
                 WHERE events.stream_id = snapshots.stream_id), 9223372036854775807))",
            )
    };
    streams.chunks(TOGETHER).map(gone).collect()
}

pub(super) fn newest_version(stream: &str) -> Statement {
    Statement::new("SELECT max(version) AS number FROM snapshots WHERE TRUE")
        .and("stream_id = ", stream)
}
