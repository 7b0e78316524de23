//! `/v1/dlq/groups`: dead letters that died alike.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::api::dead_letter_filter::DeadLetterSearch;
use crate::api::field::{BodyField, field, text};
use crate::api::problem::Problem;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{MessageId, ServiceName};
use crate::domain::timestamp::Timestamp;
use crate::http::content_search::{self, FailureContent, MessageContent, PayloadContent};
use crate::http::reading;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::hub::groups_kept::GroupsQuery;
use crate::logic::dead_letter_groups::{GroupBy, GroupCount, GroupKey};
use crate::logic::error_pattern::ErrorPattern;
use crate::web::caller::Caller;
use crate::web::query::Query;

/// By what dead letters are told apart.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GroupsSearch {
    /// One or more of `destination`, `reason` and `error`, with commas between; all three if not given.
    #[param(inline)]
    by: Option<GroupWords>,
}

struct GroupWords(GroupBy);

const BY: &str =
    "must be one or more of destination, reason and error, each once, with commas between";

impl BodyField for GroupWords {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let mut by = GroupBy {
            destination: false,
            reason: false,
            error: false,
        };
        for word in text(json)?.split(',') {
            let is_asked = match word {
                "destination" => &mut by.destination,
                "reason" => &mut by.reason,
                "error" => &mut by.error,
                _ => return Err(Problem::new(BY)),
            };
            if std::mem::replace(is_asked, true) {
                return Err(Problem::new(BY));
            }
        }
        Ok(Self(by))
    }
}

field!(
    GroupWords,
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(
        "^(destination|reason|error)(,(destination|reason|error)){0,2}$"
    ))
);

/// Dead letters that died alike. What was not asked for by `by` is left out.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = DeadLetterGroup)]
pub(crate) struct GroupView {
    /// Of events the subscriber.
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<ServiceName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Option<DeadReason>>,
    /// What the last attempt failed with, with `#` for numbers and ids, as the lists' `error` takes
    /// it; `none` if it failed without words, or there was no attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, required = false)]
    error: Option<ErrorPattern>,
    count: u64,
    /// When the first of them died.
    oldest: Timestamp,
    /// When the last of them died.
    newest: Timestamp,
    /// The id of the last of them.
    sample: MessageId,
}

/// The largest groups.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct DeadLetterGroupPage {
    /// The largest first, at most 200.
    groups: Vec<GroupView>,
    /// Whether every dead letter that matches was counted, and every group is there.
    complete: bool,
}

/// Dead letters that died alike
///
/// Counts those that match by whom they did not reach, why, and what the last attempt failed with:
/// of messages and of events the newest, at most 200,000 or a second long. What is answered may be
/// five seconds old.
#[utoipa::path(
    get,
    path = "/v1/dlq/groups",
    operation_id = "group_dead_letters",
    tag = "dead letters",
    params(GroupsSearch, DeadLetterSearch, PayloadContent, MessageContent, FailureContent),
    responses(
        (status = 200, description = "The largest groups first", body = DeadLetterGroupPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let query = Query::of(&request)?;
    let by = query.read::<GroupsSearch>()?.by;
    let query = GroupsQuery {
        filter: query.read::<DeadLetterSearch>()?.filter(),
        content: content_search::of_dead_letters(&query)?,
        by: by.map_or(EVERYTHING, |words| words.0),
    };
    let mut reading = reading::of(&request, &hub);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let found = hub.dead_letter_groups(&context, &mut reading, &query);
    let found = found.await?;
    let groups = found.groups.iter().map(describe);
    Ok(reading::json(
        reading,
        &DeadLetterGroupPage {
            groups: groups.collect(),
            complete: found.complete,
        },
    ))
}

const EVERYTHING: GroupBy = GroupBy {
    destination: true,
    reason: true,
    error: true,
};

fn describe((key, group): &(GroupKey, GroupCount)) -> GroupView {
    GroupView {
        destination: key.destination.clone(),
        reason: key.reason,
        error: key.error.clone(),
        count: group.count,
        oldest: group.oldest,
        newest: group.newest,
        sample: group.sample,
    }
}
