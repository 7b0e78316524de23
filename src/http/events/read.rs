//! What requests say of the events they want to read.

use serde_json::value::RawValue;
use utoipa::openapi::{RefOr, Schema};

use crate::api::field::{BodyField, field, text};
use crate::api::numbers::{LAST_SEQUENCE, SequenceDigits};
use crate::api::patterns::pattern;
use crate::api::problem::Problem;
use crate::domain::event::Sequence;
use crate::domain::pattern::Pattern;
use crate::hub::replays::ReplaySpan;
use crate::web::page::{Cursor, opaque};

/// Patterns of event types in a query, with commas between them.
pub(crate) struct PatternList(pub(crate) Vec<Pattern>);

impl BodyField for PatternList {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let patterns = text(json)?.split(',').map(pattern).collect();
        Result::map(patterns, Self).map_err(Problem::new)
    }
}

field!(PatternList, opaque());

/// The number of an event, where who has seen none yet may say 0.
pub(crate) fn first_is_one(number: Option<SequenceDigits>) -> Option<Sequence> {
    number.map(|number| number.0.max(1))
}

/// A number to go on from.
pub(crate) struct EventCursor(pub(crate) u64);

impl Cursor for EventCursor {
    fn parse(text: &str) -> Option<Self> {
        number(text).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        opaque().pattern(Some("^[0-9]{1,19}$")).into()
    }
}

/// A number to go on from that also says where to stop, as in `7-12`.
impl Cursor for ReplaySpan {
    fn parse(text: &str) -> Option<Self> {
        let (from, to) = match text.split_once('-') {
            Some((from, to)) => (from, Some(number(to)?)),
            None => (text, None),
        };
        let from = number(from)?;
        Some(Self { from, to })
    }

    fn schema() -> RefOr<Schema> {
        opaque()
            .pattern(Some("^[0-9]{1,19}(-[0-9]{1,19})?$"))
            .into()
    }
}

/// As it is read.
pub(crate) fn written(span: ReplaySpan) -> String {
    match span.to {
        Some(to) => format!("{}-{to}", span.from),
        None => span.from.to_string(),
    }
}

fn number(text: &str) -> Option<u64> {
    // A plus sign would be read, but never written.
    let is_written = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_written);
    number.filter(|number| (1..=LAST_SEQUENCE).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_it_is_written() {
        for (from, to) in [(1, None), (7, Some(12)), (LAST_SEQUENCE, Some(1))] {
            let given = ReplaySpan { from, to };
            assert_eq!(ReplaySpan::parse(&written(given)), Some(given));
        }
        for bad in [
            "",
            "0",
            "-",
            "1-",
            "-1",
            "+1",
            "1-2-3",
            "x",
            "9223372036854775808",
        ] {
            assert_eq!(ReplaySpan::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn patterns_stand_between_commas() {
        let patterns = |text: &str| {
            let json = serde_json::value::to_raw_value(text).unwrap();
            PatternList::read(&json)
        };
        assert_eq!(patterns("a.*,#").unwrap().0.len(), 2);
        let wrong = |text| format!("{}", patterns(text).map(|_| ()).unwrap_err());
        assert_eq!(wrong("a,"), "\"\" must be 1 to 200 printable characters");
        assert!(wrong("a.b*").starts_with("\"a.b*\""));
    }
}
