//! Fields that are patterns of event types.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::lists;
use super::problem::Problem;
use crate::domain::pattern::Pattern;
use crate::hub::error::shortened;

/// Patterns of a list of at most `most`; as [`lists::list`].
///
/// # Errors
/// What is wrong with the list, or with one of them.
pub(crate) fn patterns(
    json: &RawValue,
    most: usize,
    what: &str,
    many: &str,
) -> Result<Vec<Pattern>, Problem> {
    let texts: Vec<Cow<'_, str>> = lists::list(json, most, what, many)?;
    let parse = |text: &Cow<'_, str>| pattern(text).map_err(Problem::new);
    texts.iter().map(parse).collect()
}

/// One pattern of event types, or what is wrong with it.
pub(crate) fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::given(text).map_err(|error| format!("{:?} {error}", shortened(text)))
}
