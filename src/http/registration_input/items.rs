//! Lists in a registration.

use serde_json::value::RawValue;

use crate::error::HubError;
use crate::http::fields::Field;

/// The items of an array, not yet looked at.
pub(super) fn items<'a>(field: Field<'a>, most: usize) -> Result<Vec<&'a RawValue>, HubError> {
    field.list(most, "an array", &format!("must have at most {most} items"))
}
