//! What is wrong with a field, on its way through serde, which passes on nothing but a text.

use std::fmt;

use crate::hub::error::{HubError, Subject};

/// What is wrong with a field, and where within it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    /// As in `.endpoint` or `[3].service`; empty for the field as a whole.
    place: String,
    text: String,
}

/// Between place and text. No text has it, since what it repeats of a client's is escaped.
const SEPARATOR: char = '\u{1f}';

impl Problem {
    /// Of the field as a whole.
    pub(crate) fn new(text: impl ToString) -> Self {
        Self {
            place: String::new(),
            text: text.to_string(),
        }
    }

    /// The same, seen from one level further out.
    pub(crate) fn within(mut self, step: &str) -> Self {
        self.place.insert_str(0, step);
        self
    }

    /// As it comes out of serde.
    pub(crate) fn of_error(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        let text = text.strip_suffix(&position).unwrap_or(&text);
        let (place, text) = text.rsplit_once(SEPARATOR).unwrap_or(("", text));
        Self {
            place: place.to_owned(),
            text: text.to_owned(),
        }
    }

    /// What a client is told whose field `name` it is.
    pub(crate) fn of_field(self, subject: Subject, name: &str) -> HubError {
        HubError::invalid(subject, format!("{name}{}", self.place), self.text)
    }
}

/// As it goes into serde.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.text),
            place => write!(f, "{place}{SEPARATOR}{}", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::Error;

    use super::*;

    #[test]
    fn a_problem_comes_through_serde_as_it_is() {
        for place in [
            "",
            ".endpoint",
            "[3].service",
            ".a: b\u{1f}c at line 1 column 1",
        ] {
            let problem = Problem::new("must be so: \"x\"").within(place);
            let error = serde_json::Error::custom(&problem);
            assert_eq!(Problem::of_error(&error), problem, "{place}");
        }
        let inner = Problem::new("is wrong").within(".service").within("[3]");
        let HubError::Invalid { field, problem, .. } =
            inner.of_field(Subject::Request, "dependencies")
        else {
            panic!("another error");
        };
        assert_eq!(
            (field.as_str(), problem.as_str()),
            ("dependencies[3].service", "is wrong")
        );
    }
}
