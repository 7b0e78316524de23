//! The body of an error, whoever found it.

use serde_json::{Map, Value, json};

use super::request_id::RequestId;
use crate::domain::timestamp::Timestamp;
use crate::error::HubError;

pub(crate) fn render(error: &HubError, id: &RequestId, now: Timestamp) -> Value {
    let mut about = Map::new();
    about.insert("request_id".to_owned(), json!(id.as_str()));
    about.insert("timestamp".to_owned(), json!(now));
    json!({"error": error.body(about)})
}
