//! How a database would answer, in its own words: whether it has an index for what is asked.

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::row::NamedRow;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;

use super::sql::{Sql, SqlArchive};
use super::statement::Statement;
use super::{dead_events, events, messages};
use crate::domain::ids::Position;
use crate::logic::name_query::NameQuery;
use crate::ports::archive::{ArchiveError, DeadEventQuery, MessageQuery};

/// What somebody may ask.
#[derive(Clone, Debug)]
pub enum Question {
    /// A page of messages.
    Messages(MessageQuery),
    /// Where the messages after this position stand.
    IdsAfter(MessageQuery, Position),
    /// A page of dead letters of subscriptions.
    DeadEvents(DeadEventQuery),
    /// Which streams there are.
    Streams(NameQuery),
    /// Which types of events there are.
    EventTypes(NameQuery),
}

/// A step of a plan.
struct Step(String);

impl QueryableByName<Sqlite> for Step {
    fn build<'a>(row: &impl NamedRow<'a, Sqlite>) -> deserialize::Result<Self> {
        NamedRow::get::<Text, String>(row, "detail").map(Self)
    }
}

impl QueryableByName<Pg> for Step {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        NamedRow::get::<Text, String>(row, "QUERY PLAN").map(Self)
    }
}

impl<S: Sql> SqlArchive<S> {
    /// The steps that the database would take to answer.
    ///
    /// # Errors
    /// As the question itself.
    pub async fn plan(&self, question: &Question) -> Result<Vec<String>, ArchiveError> {
        let statement = match question {
            Question::Messages(query) => {
                S::statement::<messages::row::MessageRow>(&messages::questions::page(query))
            }
            Question::IdsAfter(query, after) => messages::questions::ids_after(query, *after),
            Question::DeadEvents(query) => {
                S::statement::<dead_events::Row>(&dead_events::page(query))
            }
            Question::Streams(query) => events::names::streams(query),
            Question::EventTypes(query) => events::names::event_types(query),
        };
        let explained = Statement::new(S::EXPLAIN).then(statement).once();
        let steps: Vec<Step> = self.database.load(explained).await?;
        Ok(steps.into_iter().map(|step| step.0).collect())
    }
}
