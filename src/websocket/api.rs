//! What is said over a socket, either way: the types that are read and written are described
//! (`/asyncapi.json`).

pub(super) mod client;
pub(super) mod server;
pub(super) mod typed;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::openapi::Type;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType};

use crate::api::field::{BodyField, field};
use crate::api::problem::Problem;

/// Of a `ref`, in bytes of JSON.
const LONGEST_REFERENCE: usize = 200;

/// What a client gives a frame to know its answer by: a string or a number, as it wrote it.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Reference(pub(super) Box<RawValue>);

impl BodyField for Reference {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let text = json.get();
        let is_simple = text.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
        match is_simple && text.len() <= LONGEST_REFERENCE {
            true => Ok(Self(json.to_owned())),
            false => Err(Problem::new(
                "must be a string or a number of at most 200 bytes",
            )),
        }
    }
}

field!(
    Reference,
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::String, Type::Number]))
        .description(Some(
            "Given by the client, and in the answer as it was given"
        ))
);
