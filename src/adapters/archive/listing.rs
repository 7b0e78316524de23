//! Statements that answer with a page of a list, without reading what is not on it.

use super::statement::Statement;
use crate::logic::page::{Filling, MOST_BYTES};

/// Rows in an order of their own, of which a page is asked for.
#[derive(Clone, Debug)]
pub struct RowListing {
    rows: Statement,
    /// As after `ORDER BY`. No two rows are equal by it.
    order: &'static str,
    limit: usize,
    most_bytes: usize,
}

/// A row of such a list, with its size.
pub trait Measured {
    /// What [`Measured::bytes`] says, in SQL of PostgreSQL.
    const BYTES: &'static str;

    /// The length of the texts that may be long.
    fn bytes(&self) -> usize;
}

impl RowListing {
    /// A page of at most `limit` of `rows`, which have neither an order nor a limit yet.
    pub fn new(rows: Statement, order: &'static str, limit: usize) -> Self {
        Self {
            rows,
            order,
            limit,
            most_bytes: MOST_BYTES,
        }
    }

    pub fn within(mut self, most_bytes: usize) -> Self {
        self.most_bytes = most_bytes;
        self
    }

    /// For a database that reads a row when it is asked for: the rows of the page, and one more.
    pub fn statement(&self) -> Statement {
        let rows = self.rows.clone().sql(" ORDER BY ").sql(self.order);
        rows.sql(" LIMIT ").bind(self.limit.saturating_add(1))
    }

    /// For a database that sends all it finds: as [`RowListing::statement`], but only rows before
    /// which there is room, and one more. Measuring does not read them: long texts lie elsewhere.
    pub fn statement_within_bytes<R: Measured>(&self) -> Statement {
        let (order, bytes) = (self.order, R::BYTES);
        let measured = format!(
            "SELECT * FROM (SELECT found.*, sum({bytes}) OVER (ORDER BY {order} \
             ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING) AS bytes_before FROM ("
        );
        let rows = Statement::new("").sql(measured).then(self.statement());
        let rows = rows.sql(") AS found) AS measured WHERE coalesce(bytes_before, 0) < ");
        let rows = rows.bind(self.most_bytes.max(1));
        rows.sql(" ORDER BY ").sql(self.order)
    }

    /// The page to put the rows on.
    pub fn filling<R>(&self) -> Filling<R> {
        Filling::new(self.limit, self.most_bytes)
    }
}
