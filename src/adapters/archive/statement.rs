//! SQL put together at run time: text and the values in it, the same for every database.
//!
//! Diesel's own builder gives each database its own types, so that every question would be
//! written twice.

use std::borrow::Cow;

use diesel::backend::Backend;
use diesel::prelude::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Text, Untyped};

/// A statement that answers with rows read by the names of their columns.
#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    parts: Vec<Part>,
    /// Whether it is worth being kept prepared: its text will come again.
    recurs: bool,
}

#[derive(Clone, PartialEq, Debug)]
enum Part {
    Sql(Cow<'static, str>),
    Bind(Bind),
}

/// A value in a statement.
#[derive(Clone, PartialEq, Debug)]
pub enum Bind {
    Text(String),
    Number(i64),
    Bytes(Vec<u8>),
}

impl Statement {
    pub fn new(sql: &'static str) -> Self {
        Self {
            parts: vec![Part::Sql(sql.into())],
            recurs: true,
        }
    }

    pub fn sql(mut self, sql: impl Into<Cow<'static, str>>) -> Self {
        self.parts.push(Part::Sql(sql.into()));
        self
    }

    pub fn bind(mut self, value: impl Into<Bind>) -> Self {
        self.parts.push(Part::Bind(value.into()));
        self
    }

    /// One more condition, after `WHERE TRUE`: `comparison` ends where the value comes.
    pub fn and(self, comparison: &'static str, value: impl Into<Bind>) -> Self {
        self.sql(" AND ").sql(comparison).bind(value)
    }

    /// As [`Statement::and`] if there is a value.
    pub fn and_if(self, comparison: &'static str, value: Option<impl Into<Bind>>) -> Self {
        match value {
            Some(value) => self.and(comparison, value),
            None => self,
        }
    }

    /// One more condition, after `WHERE TRUE`, if there are values: that the column has one of them.
    pub fn and_one_of<B: Into<Bind>>(
        self,
        column: &'static str,
        values: Option<impl ExactSizeIterator<Item = B>>,
    ) -> Self {
        match values {
            None => self,
            // No database takes an empty list.
            Some(values) if values.len() == 0 => self.sql(" AND FALSE"),
            Some(values) => self.sql(" AND ").sql(column).sql(" IN ").list(values),
        }
    }

    /// The values in parentheses, for `IN`.
    pub fn list<B: Into<Bind>>(mut self, values: impl IntoIterator<Item = B>) -> Self {
        self.recurs = false;
        let mut separator = "(";
        for value in values {
            self = self.sql(separator).bind(value);
            separator = ", ";
        }
        self.sql(")")
    }

    pub fn then(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self.recurs &= other.recurs;
        self
    }

    /// Prepared for this once.
    pub fn once(mut self) -> Self {
        self.recurs = false;
        self
    }
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// Larger than any number in a table is as good as the largest.
impl From<u64> for Bind {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Bind {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Bind {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<uuid::Uuid> for Bind {
    fn from(id: uuid::Uuid) -> Self {
        Self::Bytes(id.as_bytes().to_vec())
    }
}

impl QueryId for Statement {
    type QueryId = ();
    /// The text is its key.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}

impl<C> diesel::RunQueryDsl<C> for Statement {}

impl<DB> QueryFragment<DB> for Statement
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Binary>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !self.recurs {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Bind(Bind::Text(text)) => out.push_bind_param::<Text, _>(text)?,
                Part::Bind(Bind::Number(number)) => out.push_bind_param::<BigInt, _>(number)?,
                Part::Bind(Bind::Bytes(bytes)) => out.push_bind_param::<Binary, _>(bytes)?,
            }
        }
        Ok(())
    }
}
