//! What requests say of the events they want to read.

use crate::api::numbers::LAST_SEQUENCE;
use crate::api::patterns::pattern;
use crate::domain::event::Sequence;
use crate::domain::ids::{CorrelationId, StreamId};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::ReplayFilter;
use crate::http::query::Query;
use crate::hub::error::HubError;
use crate::hub::replays::ReplaySpan;

const NO_CURSOR: &str = "must be the next_cursor of an earlier answer";

/// The filters that every query string about events may have; the types by the name of
/// `event_types`.
pub(crate) fn filter(asked: &Query, event_types: &str) -> Result<ReplayFilter, HubError> {
    let correlation_id = asked.read("correlation_id", CorrelationId::parse)?;
    Ok(ReplayFilter {
        event_types: asked.read(event_types, patterns)?.unwrap_or_default(),
        source: asked.service("source")?,
        stream_id: asked.read("stream_id", StreamId::parse)?,
        correlation_id: correlation_id.map(|label| label.to_string()),
    })
}

/// Patterns with commas between them.
fn patterns(text: &str) -> Result<Vec<Pattern>, String> {
    text.split(',').map(pattern).collect()
}

pub(crate) fn sequence(asked: &Query, name: &str) -> Result<Option<Sequence>, HubError> {
    // Who has seen none yet may say 0.
    let number = asked.number(name, 0, LAST_SEQUENCE)?;
    Ok(number.map(|number| number.max(1)))
}

/// `cursor`: a number to go on from.
pub(crate) fn cursor(asked: &Query) -> Result<Option<u64>, HubError> {
    asked.read("cursor", |text| number(text).ok_or(NO_CURSOR))
}

/// A cursor that also says where to stop, as in `7-12`.
pub(crate) fn span(text: &str) -> Result<ReplaySpan, &'static str> {
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (from, Some(number(to).ok_or(NO_CURSOR)?)),
        None => (text, None),
    };
    let from = number(from).ok_or(NO_CURSOR)?;
    Ok(ReplaySpan { from, to })
}

/// As [`span`] reads it.
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
            assert_eq!(span(&written(given)), Ok(given));
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
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_stand_between_commas() {
        assert_eq!(patterns("a.*,#").unwrap().len(), 2);
        assert_eq!(
            patterns("a,").unwrap_err(),
            "\"\" must be 1 to 200 printable characters"
        );
        assert!(patterns("a.b*").unwrap_err().starts_with("\"a.b*\""));
    }
}
