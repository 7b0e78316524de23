//! Rows that meet one of several conditions, each of which has an index in the order of the list.

use super::statement::Statement;

/// Of a table, the rows that meet one of these conditions. No row meets two of them.
pub(super) struct Alternatives {
    table: &'static str,
    /// Its column by which lists are ordered, and no two rows are equal.
    key: &'static str,
    conditions: Vec<Statement>,
}

impl Alternatives {
    /// Conditions are as after `WHERE TRUE`; without any no row is meant.
    pub(super) fn new(
        table: &'static str,
        key: &'static str,
        mut conditions: Vec<Statement>,
    ) -> Self {
        if conditions.is_empty() {
            conditions.push(Statement::new(" AND FALSE"));
        }
        Self {
            table,
            key,
            conditions,
        }
    }

    /// `rows`, which ends with `WHERE TRUE`, of those that are meant: at least the first `most` of
    /// them in this order, and maybe others behind these.
    pub(super) fn of(mut self, rows: Statement, order: &'static str, most: usize) -> Statement {
        if self.conditions.len() == 1 {
            return rows.then(self.conditions.swap_remove(0));
        }
        let rows = rows.sql(format!(" AND {} IN (", self.key));
        rows.then(self.merged(order, most)).sql(")")
    }

    /// The first `most` keys in this order.
    pub(super) fn keys(mut self, order: &'static str, most: usize) -> Statement {
        if self.conditions.len() == 1 {
            let conditions = self.conditions.swap_remove(0);
            return ordered(self.all_keys().then(conditions), order, most);
        }
        self.merged(order, most)
    }

    /// How many there are, as `number`.
    pub(super) fn count(self) -> Statement {
        let mut count = Statement::new("SELECT count(*) AS number FROM (");
        for (index, conditions) in self.conditions.iter().enumerate() {
            if index > 0 {
                count = count.sql(" UNION ALL ");
            }
            count = count.then(self.all_keys()).then(conditions.clone());
        }
        count.sql(") AS counted")
    }

    /// Each condition is read only as far as its rows may be wanted.
    fn merged(self, order: &'static str, most: usize) -> Statement {
        let outer = format!("SELECT {} FROM (", self.key);
        let mut keys = Statement::new("").sql(outer.clone());
        for (index, conditions) in self.conditions.iter().enumerate() {
            if index > 0 {
                keys = keys.sql(" UNION ALL ").sql(outer.clone());
            }
            let branch = ordered(self.all_keys().then(conditions.clone()), order, most);
            keys = keys.then(branch).sql(format!(") AS branch{index}"));
        }
        ordered(keys, order, most)
    }

    fn all_keys(&self) -> Statement {
        let Self { table, key, .. } = self;
        Statement::new("").sql(format!("SELECT {key} FROM {table} WHERE TRUE"))
    }
}

fn ordered(statement: Statement, order: &'static str, most: usize) -> Statement {
    let statement = statement.sql(" ORDER BY ").sql(order);
    statement.sql(" LIMIT ").bind(most)
}
