//! Fields that say what lists are looked through for.

use serde_json::value::RawValue;
use utoipa::openapi::{ObjectBuilder, Type};

use super::field::{BodyField, field, text};
use super::problem::Problem;
use crate::domain::json_text::JsonText;
use crate::logic::canonical::{DEEPEST, depth};
use crate::logic::error_pattern::ErrorPattern;
use crate::logic::json_pointer::JsonPointer;

/// The longest text that is looked for, in bytes.
const LONGEST: usize = 1000;

/// What has to stand somewhere, byte for byte.
pub(crate) struct Words(pub(crate) String);

impl BodyField for Words {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        short(json).map(Self)
    }
}

field!(Words, any_text());

/// A place in JSON (RFC 6901).
pub(crate) struct Pointer(pub(crate) JsonPointer);

impl BodyField for Pointer {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem = |problem| Problem::new(format!("{problem} (RFC 6901)"));
        JsonPointer::parse(&short(json)?).map(Self).map_err(problem)
    }
}

field!(Pointer, any_text().examples(["/order/id"]));

/// JSON that is given as a text.
pub(crate) struct Json(pub(crate) JsonText);

impl BodyField for Json {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let given = short(json)?;
        if depth(given.as_bytes()) > DEEPEST {
            let problem = format!("must not be nested deeper than {DEEPEST} levels");
            return Err(Problem::new(problem));
        }
        let problem = |_| Problem::new("must be JSON: a text stands in quotes");
        JsonText::parse(&given).map(Self).map_err(problem)
    }
}

field!(Json, any_text().examples([r#""paid""#]));

/// How something failed, but for numbers and ids: as groups of dead letters say it, or one of the
/// failures.
pub(crate) struct Failure(pub(crate) ErrorPattern);

impl BodyField for Failure {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let given = short(json)?;
        Ok(Self(ErrorPattern::of(Some(&given))))
    }
}

field!(Failure, any_text().examples(["HTTP #"]));

fn any_text() -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.min_length(Some(1)).max_length(Some(LONGEST))
}

fn short(json: &RawValue) -> Result<String, Problem> {
    let given = text(json)?;
    match given.len() {
        1..=LONGEST => Ok(given.into_owned()),
        _ => Err(Problem::new(format!("must be 1 to {LONGEST} bytes"))),
    }
}
