//! Reads the JSON object of a request into a struct whose fields read themselves (`field.rs`).

use serde::Deserialize;

use super::members::{self, Wrong};
use super::unknown::Ignored;
use crate::hub::error::{HubError, Subject};

/// What a client commands: a field that is not known is refused, since it may have been meant to
/// narrow the command.
///
/// # Errors
/// 400 with the field.
pub(crate) fn command<'a, T: Deserialize<'a>>(
    subject: Subject,
    text: &'a str,
) -> Result<T, HubError> {
    must_be_object(subject, text)?;
    serde_json::from_str(text)
        .or_else(|_| members::read(text, None))
        .map_err(|wrong| refusal(subject, wrong))
}

/// As [`command`], for what may be left out: the fields then are not given.
///
/// # Errors
/// As [`command`].
pub(crate) fn optional<'a, T: Deserialize<'a>>(
    subject: Subject,
    text: &'a str,
) -> Result<T, HubError> {
    let text = match text.trim() {
        "" => "{}",
        _ => text,
    };
    command(subject, text)
}

/// Data: fields that are not known are left out, and named.
///
/// # Errors
/// As [`command`].
pub(crate) fn data<'a, T: Deserialize<'a>>(
    subject: Subject,
    text: &'a str,
) -> Result<(T, Ignored), HubError> {
    must_be_object(subject, text)?;
    let mut ignored = Ignored::default();
    let body = serde_json::from_str(text).or_else(|_| members::read(text, Some(&mut ignored)));
    match body {
        Ok(body) => Ok((body, ignored)),
        Err(wrong) => Err(refusal(subject, wrong)),
    }
}

fn must_be_object(subject: Subject, text: &str) -> Result<(), HubError> {
    let bare = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if bare.starts_with('{') {
        return Ok(());
    }
    let problem = "must be a JSON object";
    Err(HubError::invalid(subject, "body", problem))
}

fn refusal(subject: Subject, wrong: Wrong) -> HubError {
    match wrong {
        Wrong::Member { name, problem, .. } => problem.of_field(subject, &name),
        Wrong::Json(error) => not_json(subject, &error),
    }
}

/// What is told of a text that is no JSON.
pub(crate) fn not_json(subject: Subject, error: &serde_json::Error) -> HubError {
    HubError::invalid(subject, "body", format!("is not valid JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::field::Narrowing;
    use crate::api::numbers::{Flag, PositiveSeconds, WholeNumber};
    use crate::api::objects::Nested;
    use crate::api::texts::{NewLabel, NewService};

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        destination: NewService,
        r#type: Option<NewLabel>,
        ttl: Option<PositiveSeconds>,
        #[serde(default)]
        filter: Narrowing<Nested<Inner>>,
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        most: Option<WholeNumber<1, 10>>,
        #[serde(default)]
        dry_run: Narrowing<Flag>,
    }

    fn refusal<T>(result: Result<T, HubError>) -> (String, String) {
        match result {
            Err(HubError::Invalid { field, problem, .. }) => (field, problem),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("it was let through"),
        }
    }

    /// Wrong members, and what is said of which field.
    const WRONG: [(&str, &str, &str); 12] = [
        (r#","ttl":0"#, "ttl", "must be at least 0.001 seconds"),
        (
            r#","ttl":"x""#,
            "ttl",
            "must be a number of seconds from 0 to 3153600000",
        ),
        (
            r#","ttl":1e400"#,
            "ttl",
            "must be a number of seconds from 0 to 3153600000",
        ),
        (r#","type":"\ud800""#, "type", "must be a string"),
        (r#","type":"a","type":null"#, "type", "is given twice"),
        (
            r#","filter":null"#,
            "filter",
            "must not be null; leave it out if it is not meant",
        ),
        (r#","filter":[]"#, "filter", "must be an object"),
        (
            r#","filter":{"most":11}"#,
            "filter.most",
            "must be a whole number from 1 to 10",
        ),
        (
            r#","filter":{"dry_run":null}"#,
            "filter.dry_run",
            "must not be null; leave it out if it is not meant",
        ),
        (
            r#","filter":{"most":1,"most":1}"#,
            "filter.most",
            "is given twice",
        ),
        (
            r#","filter":{"mst":1}"#,
            "filter.mst",
            "is not known here; did you mean most?",
        ),
        (r#","tll":1"#, "tll", "is not known here; did you mean ttl?"),
    ];

    #[test]
    fn what_is_wrong_is_said_of_its_field() {
        for (rest, field, problem) in WRONG {
            let text = format!(r#"{{"destination":"d"{rest}}}"#);
            let expected = (field.to_owned(), problem.to_owned());
            assert_eq!(
                refusal(command::<Sample>(Subject::Request, &text)),
                expected,
                "{text}"
            );
        }
        for text in ["{}", r#"{"destination":null}"#] {
            let expected = ("destination".to_owned(), "is required".to_owned());
            assert_eq!(
                refusal(command::<Sample>(Subject::Request, text)),
                expected,
                "{text}"
            );
        }
        for (text, problem) in [
            ("", "must be a JSON object"),
            ("[]", "must be a JSON object"),
            (
                r#"{"ttl":}"#,
                "is not valid JSON: expected value at line 1 column 8",
            ),
            (
                "{} x",
                "is not valid JSON: trailing characters at line 1 column 4",
            ),
        ] {
            let text = text.replace("{}", r#"{"destination":"d"}"#);
            let (field, said) = refusal(command::<Sample>(Subject::Request, &text));
            assert_eq!(field, "body", "{text}");
            assert_eq!(
                said.split(" column").next(),
                problem.split(" column").next(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_null_says_the_same_as_nothing() {
        let text = r#"{"destination":"d","type":null,"ttl":null}"#;
        let sample = command::<Sample>(Subject::Request, text).unwrap();
        assert!(sample.r#type.is_none() && sample.ttl.is_none());
        assert!(sample.filter.0.is_none());
    }

    #[test]
    fn an_unknown_field_is_refused_by_its_name() {
        let read = |text: &str| refusal(command::<Sample>(Subject::Request, text));
        let (field, problem) = read(r#"{"kind": 1, "type": 2}"#);
        assert_eq!(field, "kind");
        let known = "is not known here; known are destination, type, ttl, filter";
        assert_eq!(problem, known);
        assert_eq!(read(r#"{"`, expected `": 1}"#).0, "`, expected `");
        let long = format!(r#"{{"{}": 1}}"#, "x".repeat(1000));
        assert_eq!(read(&long).0.chars().count(), 101);
        let inner = r#"{"destination":"d","filter":{"a: b\u001fc":1}}"#;
        assert_eq!(read(inner).0, "filter.a: b\u{1f}c");
    }

    #[test]
    fn in_data_unknown_fields_are_left_out_and_named() {
        let text = r#"{"a": {"type": [1]}, "destination": "x", "\u0062\n": 1e999, "type": "t"}"#;
        let (sample, ignored) = data::<Sample>(Subject::Message, text).unwrap();
        assert_eq!(sample.destination.0.as_str(), "x");
        assert_eq!(sample.r#type.unwrap().0.as_str(), "t");
        assert_eq!(json!(ignored), json!(["a", "b\n"]));
        let (_, none) = data::<Sample>(Subject::Message, r#"{"destination": "x"}"#).unwrap();
        assert!(none.is_empty());
        let text = r#"{"destination":"d","filter":{"most":3,"dry_run":true}}"#;
        let (sample, _) = data::<Sample>(Subject::Message, text).unwrap();
        let Nested(inner) = sample.filter.0.unwrap();
        assert_eq!(inner.most.unwrap().0, 3);
        assert!(inner.dry_run.0.unwrap().0);
    }

    #[test]
    fn what_is_wrong_besides_is_found_as_ever() {
        let read = |text| refusal(data::<Sample>(Subject::Message, text)).0;
        assert_eq!(read(r#"{"x": 1, "type": "a", "type": "a"}"#), "type");
        assert_eq!(read(r#"{"x": 1, "type": 1}"#), "type");
        assert_eq!(read(r#"{"x": 1, "type": }"#), "body");
        assert_eq!(read(r#"{"x": 1, "destination": "d"} y"#), "body");
        assert_eq!(read(r#"{"x": 1"#), "body");
    }

    #[test]
    fn a_body_full_of_unknown_names_is_not_repeated_whole() {
        let members: Vec<_> = (0..500).map(|n| format!(r#""x{n}": 0"#)).collect();
        let text = format!(r#"{{"destination": "d", {}}}"#, members.join(","));
        let (_, ignored) = data::<Sample>(Subject::Message, &text).unwrap();
        assert_eq!(json!(ignored).as_array().unwrap().len(), 21);
    }

    #[test]
    fn a_promise_of_a_later_version_is_refused() {
        let text = r#"{"destination": "d", "topic": "a.b"}"#;
        let (_, ignored) = data::<Sample>(Subject::Message, text).unwrap();
        let (field, _) = refusal(ignored.check_promises(Subject::Message, &["topic"]));
        assert_eq!(field, "topic");
        let other = ignored.check_promises(Subject::Message, &["timeout"]);
        assert!(other.is_ok());
    }
}
