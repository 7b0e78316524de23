//! The routes an instance says it serves, as clients list them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::unknown::Ignored;
use crate::domain::characters::is_visible_label;
use crate::domain::ids::Label;
use crate::domain::service::Endpoint;
use crate::http::fields::{self, Field};
use crate::hub::error::{HubError, Subject};

const SUBJECT: Subject = Subject::Request;
const MOST_ENDPOINTS: usize = 1000;
const MOST_METHODS: usize = 100;
/// In bytes.
const LONGEST_PATH: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    path: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    methods: Option<&'a RawValue>,
}

/// Reads the list.
///
/// # Errors
/// 400 with the field, as in `endpoints[1].path`.
pub(super) fn endpoints(
    field: Field<'_>,
    ignored: &mut Ignored,
) -> Result<Vec<Endpoint>, HubError> {
    let form = "an array of {\"path\", \"methods\"}";
    let many = format!("must have at most {MOST_ENDPOINTS} items");
    let items: Vec<&RawValue> = field.list(MOST_ENDPOINTS, form, &many)?;
    let endpoint = |(index, json): (usize, &RawValue)| {
        let name = format!("{}[{index}]", field.name);
        endpoint(&name, json, ignored)
    };
    items.into_iter().enumerate().map(endpoint).collect()
}

fn endpoint(name: &str, json: &RawValue, ignored: &mut Ignored) -> Result<Endpoint, HubError> {
    let item = Field {
        subject: SUBJECT,
        name,
        json,
    };
    let (body, unknown) = item.noting::<EndpointBody<'_>>()?;
    ignored.add_of(name, &unknown);
    let path_name = format!("{name}.path");
    let path = Field::required(SUBJECT, &path_name, body.path)?;
    let methods_name = format!("{name}.methods");
    let methods = Field::given(SUBJECT, &methods_name, body.methods)
        .map(methods)
        .transpose()?;
    Ok(Endpoint {
        path: word(path, LONGEST_PATH)?,
        methods: methods.unwrap_or_default(),
    })
}

fn methods(field: Field<'_>) -> Result<Vec<String>, HubError> {
    let many = format!("must have at most {MOST_METHODS} items");
    let items: Vec<&RawValue> = field.list(MOST_METHODS, "an array of texts", &many)?;
    let method = |json: &RawValue| word(Field { json, ..field }, Label::MAX);
    items.into_iter().map(method).collect()
}

fn word(field: Field<'_>, most: usize) -> Result<String, HubError> {
    let text = field.text()?;
    match is_visible_label(&text, most) {
        true => Ok(text.into_owned()),
        false => Err(field.wrong(format!("must be 1 to {most} printable characters"))),
    }
}
