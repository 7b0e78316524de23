//! Between whom something went: conditions on who sent it and who is to receive it.

use super::statement::Statement;
use crate::domain::ids::ServiceName;

/// What is asked of both ends.
pub(super) struct Ends<'a> {
    /// The columns with the source and with the destination.
    pub columns: (&'static str, &'static str),
    pub source: Option<&'a ServiceName>,
    pub destination: Option<&'a ServiceName>,
    /// At one end or at both.
    pub party: Option<&'a ServiceName>,
}

/// What is asked of each end, so that an index on one of them serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Side<'a> {
    pub source: Option<&'a ServiceName>,
    pub destination: Option<&'a ServiceName>,
    /// Not what this one sent: that is on the other side.
    not_from: Option<&'a ServiceName>,
}

impl<'a> Ends<'a> {
    /// All that is meant is on exactly one of these sides; on none if it contradicts itself.
    pub(super) fn sides(&self) -> Vec<Side<'a>> {
        let (source, destination) = (self.source, self.destination);
        let given = Side {
            source,
            destination,
            not_from: None,
        };
        let Some(_) = self
            .party
            .filter(|me| ![source, destination].contains(&Some(*me)))
        else {
            return vec![given];
        };
        let me = self.party;
        let (sent, received) = (
            Side {
                source: me,
                ..given
            },
            Side {
                destination: me,
                ..given
            },
        );
        match (source, destination) {
            (None, None) => vec![
                sent,
                Side {
                    not_from: me,
                    ..received
                },
            ],
            (None, Some(_)) => vec![sent],
            (Some(_), None) => vec![received],
            (Some(_), Some(_)) => Vec::new(),
        }
    }

    /// The condition of this side, after `WHERE TRUE`.
    pub(super) fn on(&self, side: Side<'_>, statement: Statement) -> Statement {
        let (source, destination) = self.columns;
        let conditions = [
            (source, " = ", side.source),
            (destination, " = ", side.destination),
            (source, " <> ", side.not_from),
        ];
        let mut statement = statement;
        for (column, comparison, service) in conditions {
            if let Some(service) = service {
                let condition = format!(" AND {column}{comparison}");
                statement = statement.sql(condition).bind(service.as_str());
            }
        }
        statement
    }

    /// All at once, for an index on something else: an expression keeps databases from taking one
    /// on the ends.
    pub(super) fn beside(&self, statement: Statement) -> Statement {
        let (source, destination) = self.columns;
        let mut statement = statement;
        for (column, service) in [(source, self.source), (destination, self.destination)] {
            if let Some(service) = service {
                let condition = format!(" AND {column} || '' = ");
                statement = statement.sql(condition).bind(service.as_str());
            }
        }
        let Some(party) = self.party.map(ServiceName::as_str) else {
            return statement;
        };
        let sent = format!(" AND ({source} || '' = ");
        let received = format!(" OR {destination} || '' = ");
        let statement = statement.sql(sent).bind(party);
        statement.sql(received).bind(party).sql(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServiceName {
        ServiceName::parse(text).unwrap()
    }

    /// Whether something from one to another is on this side.
    fn is_on(side: Side<'_>, from: &ServiceName, to: &ServiceName) -> bool {
        side.source.is_none_or(|source| source == from)
            && side.destination.is_none_or(|destination| destination == to)
            && side.not_from != Some(from)
    }

    #[test]
    fn what_is_meant_is_on_one_side_and_what_is_not_on_none() {
        let names = ["a", "b", "c"].map(name);
        let asked: Vec<_> = [None].into_iter().chain(names.iter().map(Some)).collect();
        let mut looked_at = 0;
        for source in &asked {
            for destination in &asked {
                for party in &asked {
                    let (source, destination, party) = (*source, *destination, *party);
                    let ends = Ends {
                        columns: ("source", "destination"),
                        source,
                        destination,
                        party,
                    };
                    let sides = ends.sides();
                    for (from, to) in names.iter().flat_map(|n| names.iter().map(move |m| (n, m))) {
                        let is_meant = source.is_none_or(|one| one == from)
                            && destination.is_none_or(|one| one == to)
                            && party.is_none_or(|one| one == from || one == to);
                        let on = sides.iter().filter(|side| is_on(**side, from, to)).count();
                        assert_eq!(on, usize::from(is_meant), "{from} {to} {sides:?}");
                        looked_at += 1;
                    }
                }
            }
        }
        assert_eq!(looked_at, 4 * 4 * 4 * 9);
    }
}
