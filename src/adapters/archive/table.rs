//! What is written: tables with their columns, the same for every database, and values for them.

use std::borrow::Cow;

use diesel::prelude::QueryResult;
use diesel::query_builder::AstPass;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;

/// Where rows go to.
pub(super) trait Table: Send + Sync + 'static {
    const NAME: &'static str;
    /// In the order of a row's values.
    const COLUMNS: &'static [Column];
    /// What becomes of a row whose key is taken, beginning with `ON CONFLICT`.
    const ON_CONFLICT: &'static str;
}

pub(super) struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Number,
    Bytes,
    Truth,
}

/// What a column is given, borrowed from what is written where possible.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value<'a> {
    Text(Option<Cow<'a, str>>),
    Number(Option<i64>),
    Bytes(Option<&'a [u8]>),
    Truth(Option<bool>),
}

/// The values of all columns.
pub(super) type Row<'a> = Vec<Value<'a>>;

pub(super) const fn text(name: &'static str) -> Column {
    let kind = Kind::Text;
    Column { name, kind }
}

pub(super) const fn number(name: &'static str) -> Column {
    let kind = Kind::Number;
    Column { name, kind }
}

pub(super) const fn bytes(name: &'static str) -> Column {
    let kind = Kind::Bytes;
    Column { name, kind }
}

pub(super) const fn truth(name: &'static str) -> Column {
    let kind = Kind::Truth;
    Column { name, kind }
}

impl Value<'_> {
    /// Roughly what it takes to send.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => 8 + text.as_ref().map_or(0, |text| text.len()),
            Self::Bytes(bytes) => 8 + bytes.map_or(0, <[u8]>::len),
            Self::Number(_) | Self::Truth(_) => 12,
        }
    }

    pub(super) fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        match self {
            Self::Text(text) => out.push_bind_param::<Nullable<Text>, _>(text),
            Self::Number(number) => out.push_bind_param::<Nullable<BigInt>, _>(number),
            Self::Bytes(bytes) => out.push_bind_param::<Nullable<Binary>, _>(bytes),
            Self::Truth(truth) => out.push_bind_param::<Nullable<Bool>, _>(truth),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::from))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::from))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a uuid::Uuid> for Value<'a> {
    fn from(id: &'a uuid::Uuid) -> Self {
        Self::Bytes(Some(id.as_bytes()))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Option<bool>> for Value<'_> {
    fn from(truth: Option<bool>) -> Self {
        Self::Truth(truth)
    }
}
