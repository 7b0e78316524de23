//! Events as rows to write.

use crate::adapters::archive::messages::row::position_column;
use crate::adapters::archive::table::{Column, Row, Table, bytes, number, text};
use crate::domain::event::Event;
use crate::domain::ids::{CorrelationId, Label};

pub(crate) struct Events;

impl Table for Events {
    const NAME: &'static str = "events";
    const COLUMNS: &'static [Column] = &[
        number("sequence"),
        bytes("id"),
        number("type_id"),
        text("source"),
        number("published_at"),
        text("stream_id"),
        number("stream_version"),
        text("correlation_id"),
        text("causation_id"),
        text("payload"),
        text("extras"),
    ];
    const ON_CONFLICT: &'static str = "ON CONFLICT (sequence) DO NOTHING";
}

pub(crate) fn values(event: &Event, type_id: i64) -> serde_json::Result<Row<'_>> {
    let extras = event.extras.as_ref();
    let stream = event.stream.as_ref();
    Ok(vec![
        position_column(event.sequence).into(),
        (&event.id.0).into(),
        type_id.into(),
        event.source.as_str().into(),
        event.published_at.as_millis().into(),
        stream.map(|place| place.id.as_str()).into(),
        stream.map(|place| position_column(place.version)).into(),
        event
            .correlation_id
            .as_ref()
            .map(CorrelationId::as_str)
            .into(),
        event.causation_id.as_ref().map(Label::as_str).into(),
        event.payload.as_json().into(),
        extras.map(serde_json::to_string).transpose()?.into(),
    ])
}
