//! Statements for many rows: an array for each column, so that they are the same and stay
//! prepared however many rows there are.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::prelude::QueryResult;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::adapters::archive::messages::update::{ASSIGNMENTS, KEY};
use crate::adapters::archive::table::{Kind, Row, Table, Value};

/// So much is sent at once, in rows and bytes.
const MOST_ROWS: usize = 5_000;
const MOST_BYTES: usize = 16 << 20;

/// The values of a column.
enum Values<'a> {
    Text(Vec<Option<&'a str>>),
    Number(Vec<Option<i64>>),
    Bytes(Vec<Option<&'a [u8]>>),
    Truth(Vec<Option<bool>>),
}

/// Puts the rows into their table; of those whose key is taken it becomes what the table says.
pub(super) async fn insert<T: Table>(
    connection: &mut AsyncPgConnection,
    rows: &[Row<'_>],
) -> QueryResult<()> {
    let kinds: Vec<Kind> = T::COLUMNS.iter().map(|column| column.kind).collect();
    for some in chunks(rows) {
        let insert = Insert::<T> {
            columns: columns(&kinds, some),
            table: PhantomData,
        };
        insert.execute(connection).await?;
    }
    Ok(())
}

/// Changes the rows of messages, those that there are.
pub(super) async fn update(
    connection: &mut AsyncPgConnection,
    rows: &[Row<'_>],
) -> QueryResult<()> {
    let assigned = ASSIGNMENTS.iter().map(|assignment| assignment.column.kind);
    let kinds: Vec<Kind> = assigned.chain([KEY.kind]).collect();
    for some in chunks(rows) {
        let columns = columns(&kinds, some);
        Update { columns }.execute(connection).await?;
    }
    Ok(())
}

fn chunks<'r, 'a>(mut rows: &'r [Row<'a>]) -> Vec<&'r [Row<'a>]> {
    let mut chunks = Vec::new();
    while !rows.is_empty() {
        let mut bytes = 0;
        let fits = |row: &&Row<'_>| {
            bytes += row.iter().map(Value::bytes).sum::<usize>();
            bytes <= MOST_BYTES
        };
        let count = rows.iter().take(MOST_ROWS).take_while(fits).count();
        let (chunk, rest) = rows.split_at(count.max(1));
        chunks.push(chunk);
        rows = rest;
    }
    chunks
}

fn columns<'a>(kinds: &[Kind], rows: &'a [Row<'_>]) -> Vec<Values<'a>> {
    let mut columns: Vec<Values<'a>> = kinds.iter().map(|kind| Values::none(*kind)).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    columns
}

impl<'a> Values<'a> {
    fn none(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(Vec::new()),
            Kind::Number => Self::Number(Vec::new()),
            Kind::Bytes => Self::Bytes(Vec::new()),
            Kind::Truth => Self::Truth(Vec::new()),
        }
    }

    /// Tables and their rows agree about kinds.
    fn push(&mut self, value: &'a Value<'_>) {
        match (self, value) {
            (Self::Text(values), Value::Text(value)) => values.push(value.as_deref()),
            (Self::Number(values), Value::Number(value)) => values.push(*value),
            (Self::Bytes(values), Value::Bytes(value)) => values.push(*value),
            (Self::Truth(values), Value::Truth(value)) => values.push(*value),
            (_, value) => unreachable!("{value:?} in a column of another kind"),
        }
    }

    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Text(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values),
            Self::Number(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(values),
            Self::Bytes(values) => out.push_bind_param::<Array<Nullable<Binary>>, _>(values),
            Self::Truth(values) => out.push_bind_param::<Array<Nullable<Bool>>, _>(values),
        }
    }
}

/// The rows as a table that a statement may read from.
fn bind_rows<'b>(columns: &'b [Values<'_>], out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    let mut separator = "unnest(";
    for column in columns {
        out.push_sql(separator);
        column.bind(out)?;
        separator = ", ";
    }
    out.push_sql(")");
    Ok(())
}

struct Insert<'a, T> {
    columns: Vec<Values<'a>>,
    table: PhantomData<T>,
}

impl<T: Table> QueryId for Insert<'_, T> {
    type QueryId = Insert<'static, T>;
    /// The statement is the same whatever the values.
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<T: Table> QueryFragment<Pg> for Insert<'_, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO ");
        out.push_sql(T::NAME);
        for (index, column) in T::COLUMNS.iter().enumerate() {
            out.push_sql(if index == 0 { " (" } else { ", " });
            out.push_sql(column.name);
        }
        out.push_sql(") SELECT * FROM ");
        bind_rows(&self.columns, &mut out)?;
        out.push_sql(" ");
        out.push_sql(T::ON_CONFLICT);
        Ok(())
    }
}

struct Update<'a> {
    columns: Vec<Values<'a>>,
}

impl QueryId for Update<'_> {
    type QueryId = Update<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Update<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut separator = "UPDATE messages SET ";
        for assignment in ASSIGNMENTS {
            out.push_sql(separator);
            out.push_sql(assignment.column.name);
            out.push_sql(" = ");
            out.push_sql(assignment.before);
            out.push_sql("given.");
            out.push_sql(assignment.column.name);
            out.push_sql(assignment.after);
            separator = ", ";
        }
        out.push_sql(" FROM ");
        bind_rows(&self.columns, &mut out)?;
        out.push_sql(" AS given (");
        for assignment in ASSIGNMENTS {
            out.push_sql(assignment.column.name);
            out.push_sql(", ");
        }
        out.push_sql(KEY.name);
        out.push_sql(") WHERE messages.");
        out.push_sql(KEY.name);
        out.push_sql(" = given.");
        out.push_sql(KEY.name);
        Ok(())
    }
}
