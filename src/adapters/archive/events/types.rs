//! Which of the known event types are meant by patterns.

use diesel::prelude::QueryableByName;
use diesel::sql_types::{BigInt, Text};

use crate::adapters::archive::statement::Statement;
use crate::domain::pattern::{Pattern, Word};
use crate::logic::name_query::successor;
use crate::logic::type_filter::TypeFilter;

/// With more patterns than this it is cheaper to look at all known types.
const MOST_RANGES: usize = 32;
/// Patterns times types that are compared on the thread of whoever asks.
const MOST_AT_ONCE: usize = 10_000;

/// The types that events may have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Types {
    All,
    /// By their numbers, maybe none.
    Some(Vec<i64>),
}

/// A type and its number.
#[derive(QueryableByName)]
pub(crate) struct Type {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = Text)]
    pub name: String,
}

/// Asks for all types that may match; `None`: every type is meant.
pub(crate) fn candidates(patterns: &[Pattern]) -> Option<Statement> {
    if patterns.is_empty() || patterns.iter().any(Pattern::is_everything) {
        return None;
    }
    let mut statement = Statement::new("SELECT id, name FROM event_types WHERE ");
    if patterns.len() > MOST_RANGES {
        return Some(statement.sql("TRUE"));
    }
    for (index, pattern) in patterns.iter().enumerate() {
        if index > 0 {
            statement = statement.sql(" OR ");
        }
        statement = within_range(statement, pattern);
    }
    Some(statement)
}

/// Those of `candidates` that are meant.
pub(crate) fn meant(patterns: &[Pattern], candidates: Vec<Type>) -> Types {
    let filter = TypeFilter::new(patterns);
    let meant = candidates
        .into_iter()
        .filter(|one| filter.wants_name(&one.name));
    Types::Some(meant.map(|one| one.id).collect())
}

/// Whether looking at so many types takes so long that others should not wait for it.
pub(crate) fn is_much(patterns: &[Pattern], candidates: &[Type]) -> bool {
    patterns.len().saturating_mul(candidates.len()) > MOST_AT_ONCE
}

/// The names that begin like the pattern, which are neighbours in the index.
fn within_range(statement: Statement, pattern: &Pattern) -> Statement {
    if pattern.is_exact() {
        return statement.sql("name = ").bind(pattern.as_str());
    }
    let beginning = beginning(pattern);
    let end = successor(&beginning);
    let statement = statement.sql("(name >= ").bind(beginning);
    statement.and_if("name < ", end).sql(")")
}

/// The words before the first wildcard. Without the dot after them: `a.#` means `a` as well.
fn beginning(pattern: &Pattern) -> String {
    let mut words = Vec::new();
    for word in pattern.words() {
        let Word::Exact(exact) = word else { break };
        words.push(exact);
    }
    words.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_begins_with_its_words_before_a_wildcard() {
        for (pattern, expected) in [("a.b.*", "a.b"), ("a.#.b", "a"), ("#.a", ""), ("*", "")] {
            let parsed = Pattern::parse(pattern).unwrap();
            assert_eq!(beginning(&parsed), expected, "{pattern}");
        }
    }

    #[test]
    fn everything_needs_no_question() {
        let everything = Pattern::parse("#").unwrap();
        let one = Pattern::parse("a").unwrap();
        assert_eq!(candidates(&[]), None);
        assert_eq!(candidates(&[one.clone(), everything]), None);
        assert!(candidates(&[one]).is_some());
    }
}
