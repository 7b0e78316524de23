//! What lists are looked through for, and how far they were.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use crate::api::field::{BodyField, field, text};
use crate::api::message::{LevelWord, PriorityInput};
use crate::api::problem::Problem;
use crate::api::texts::OldMessageType;
use crate::domain::json_text::JsonText;
use crate::domain::timestamp::Timestamp;
use crate::hub::searching::Searched;
use crate::logic::canonical::{DEEPEST, depth};
use crate::logic::content_filter::{ContentFilter, PayloadFilter};
use crate::logic::json_pointer::JsonPointer;

/// The longest text that is looked for, in bytes.
const LONGEST: usize = 1000;

/// What no list is ordered by, and is looked for one by one.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContentSearch {
    r#type: Option<OldMessageType>,
    #[param(value_type = Option<PriorityInput>)]
    priority: Option<LevelWord>,
    /// What stands in the payload, byte for byte as it was given.
    #[param(inline)]
    payload_contains: Option<Words>,
    /// A JSON Pointer (RFC 6901) to a place that the payload has.
    #[param(inline)]
    payload_at: Option<Pointer>,
    /// The JSON at `payload_at`, or the whole payload: equal but for space and the order of keys.
    #[param(inline)]
    payload_is: Option<Json>,
    /// What the last attempt failed with has these words.
    #[param(inline)]
    error_contains: Option<Words>,
}

struct Words(String);

impl BodyField for Words {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        short(json).map(Self)
    }
}

field!(Words, any_text());

struct Pointer(JsonPointer);

impl BodyField for Pointer {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem = |problem| Problem::new(format!("{problem} (RFC 6901)"));
        JsonPointer::parse(&short(json)?).map(Self).map_err(problem)
    }
}

field!(Pointer, any_text().examples(["/order/id"]));

struct Json(JsonText);

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

impl ContentSearch {
    pub(crate) fn filter(self) -> ContentFilter {
        ContentFilter {
            message_type: self.r#type.map(|given| given.0),
            priority: self.priority.map(|level| level.0),
            error_contains: self.error_contains.map(|words| words.0),
            error: None,
            payload: PayloadFilter {
                contains: self.payload_contains.map(|words| words.0),
                at: self.payload_at.map(|pointer| pointer.0),
                is: self.payload_is.map(|json| json.0),
            },
        }
    }
}

/// How far a list was looked through for a page.
#[derive(Serialize, ToSchema)]
#[schema(as = Searched)]
pub(crate) struct SearchedView {
    /// How many were looked at.
    rows: usize,
    /// When the last of them was accepted; null if there was none.
    back_to: Option<Timestamp>,
    /// Whether there is nothing more to look at.
    complete: bool,
}

impl From<Searched> for SearchedView {
    fn from(searched: Searched) -> Self {
        Self {
            rows: searched.rows,
            back_to: searched.back_to,
            complete: searched.complete,
        }
    }
}
