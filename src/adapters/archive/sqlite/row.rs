//! Statements for one row, prepared once: in SQLite faster than those for many rows.

use std::marker::PhantomData;

use diesel::prelude::{QueryResult, RunQueryDsl};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::adapters::archive::messages::update::{ASSIGNMENTS, KEY};
use crate::adapters::archive::table::{Row, Table, Value};

/// Puts the row into its table; if its key is taken, as the table says. Trying to insert first is
/// much faster: to be able to undo a change, SQLite copies every page it touches.
pub(super) fn insert<T: Table>(
    connection: &mut SqliteConnection,
    row: &Row<'_>,
) -> QueryResult<()> {
    if Insert::<T, false>::new(row).execute(connection)? == 0 {
        Insert::<T, true>::new(row).execute(connection)?;
    }
    Ok(())
}

/// `CHANGES`: does to a row that is in the way what the table says; otherwise leaves it.
struct Insert<'a, T, const CHANGES: bool> {
    row: &'a [Value<'a>],
    table: PhantomData<T>,
}

impl<'a, T, const CHANGES: bool> Insert<'a, T, CHANGES> {
    fn new(row: &'a Row<'a>) -> Self {
        let table = PhantomData;
        Self { row, table }
    }
}

impl<T: Table, const CHANGES: bool> QueryId for Insert<'_, T, CHANGES> {
    type QueryId = Insert<'static, T, CHANGES>;
    /// The statement is the same whatever the values.
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<T: Table, const CHANGES: bool> QueryFragment<Sqlite> for Insert<'_, T, CHANGES> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_sql(T::NAME);
        for (index, column) in T::COLUMNS.iter().enumerate() {
            out.push_sql(if index == 0 { " (" } else { ", " });
            out.push_sql(column.name);
        }
        for (index, value) in self.row.iter().enumerate() {
            out.push_sql(if index == 0 { ") VALUES (" } else { ", " });
            value.push(&mut out)?;
        }
        out.push_sql(") ");
        out.push_sql(if CHANGES {
            T::ON_CONFLICT
        } else {
            "ON CONFLICT DO NOTHING"
        });
        Ok(())
    }
}

impl<T, const CHANGES: bool> RunQueryDsl<SqliteConnection> for Insert<'_, T, CHANGES> {}

/// Changes the row of a message, if there is one.
pub(super) struct Update<'a>(pub Row<'a>);

impl QueryId for Update<'_> {
    type QueryId = Update<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for Update<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut values = self.0.iter();
        let mut separator = "UPDATE messages SET ";
        for assignment in ASSIGNMENTS {
            out.push_sql(separator);
            out.push_sql(assignment.column.name);
            out.push_sql(" = ");
            out.push_sql(assignment.before);
            if let Some(value) = values.next() {
                value.push(&mut out)?;
            }
            out.push_sql(assignment.after);
            separator = ", ";
        }
        out.push_sql(" WHERE ");
        out.push_sql(KEY.name);
        out.push_sql(" = ");
        values.next().map_or(Ok(()), |key| key.push(&mut out))
    }
}

impl RunQueryDsl<SqliteConnection> for Update<'_> {}
