//! What lists are looked through for, and how far they were.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::content_words::{Failure, Json, Pointer, Words};
use crate::api::message::{LevelWord, PriorityInput};
use crate::api::texts::OldMessageType;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::HubError;
use crate::hub::searching::Searched;
use crate::logic::content_filter::{ContentFilter, PayloadFilter};
use crate::web::query::Query;

/// What is looked for in messages one by one, and in what became of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageContent {
    #[param(value_type = Option<PriorityInput>)]
    priority: Option<LevelWord>,
    /// What the last attempt failed with has these words.
    #[param(inline)]
    error_contains: Option<Words>,
}

/// What is looked for in everything that has a type and a payload.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PayloadContent {
    /// That of an event is its `event_type`.
    r#type: Option<OldMessageType>,
    /// What stands in the payload, byte for byte as it was given.
    #[param(inline)]
    payload_contains: Option<Words>,
    /// A JSON Pointer (RFC 6901) to a place that the payload has.
    #[param(inline)]
    payload_at: Option<Pointer>,
    /// The JSON at `payload_at`, or the whole payload: equal but for space and the order of keys.
    #[param(inline)]
    payload_is: Option<Json>,
}

/// How what is looked for failed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FailureContent {
    /// What the last attempt failed with, but for numbers and ids: the `error` of a group of dead
    /// letters. `none` stands for no words.
    #[param(inline)]
    error: Option<Failure>,
}

/// What events are looked through for.
///
/// # Errors
/// 400 with the parameter that is wrong.
pub(crate) fn of_events(query: &Query) -> Result<ContentFilter, HubError> {
    let asked: PayloadContent = query.read()?;
    Ok(ContentFilter {
        message_type: asked.r#type.map(|given| given.0),
        payload: PayloadFilter {
            contains: asked.payload_contains.map(|words| words.0),
            at: asked.payload_at.map(|pointer| pointer.0),
            is: asked.payload_is.map(|json| json.0),
        },
        ..ContentFilter::default()
    })
}

/// What messages are looked through for.
///
/// # Errors
/// As [`of_events`].
pub(crate) fn of_messages(query: &Query) -> Result<ContentFilter, HubError> {
    let asked: MessageContent = query.read()?;
    Ok(ContentFilter {
        priority: asked.priority.map(|level| level.0),
        error_contains: asked.error_contains.map(|words| words.0),
        ..of_events(query)?
    })
}

/// What dead letters are looked through for.
///
/// # Errors
/// As [`of_events`].
pub(crate) fn of_dead_letters(query: &Query) -> Result<ContentFilter, HubError> {
    let asked: FailureContent = query.read()?;
    Ok(ContentFilter {
        error: asked.error.map(|failure| failure.0),
        ..of_messages(query)?
    })
}

/// How far a list was looked through for a page.
#[derive(Serialize, ToSchema)]
#[schema(as = Searched)]
pub(crate) struct SearchedView {
    /// How many were looked at.
    rows: usize,
    /// When the last of them was accepted or published, or as the dead letter of an event died; null
    /// if there was none.
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
