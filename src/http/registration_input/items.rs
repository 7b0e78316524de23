//! Lists in a registration.

use serde_json::value::RawValue;

use crate::http::fields::Field;
use crate::hub::error::HubError;

/// The items of an array, not yet looked at.
pub(super) fn items<'a>(field: Field<'a>, most: usize) -> Result<Vec<&'a RawValue>, HubError> {
    field.list(most, "an array", &format!("must have at most {most} items"))
}
