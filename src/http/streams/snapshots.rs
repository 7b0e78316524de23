//! What a stream adds up to: snapshots, and its state at any version.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::stream_id::stream_id;
use crate::api;
use crate::api::field::{BodyField, field};
use crate::api::numbers::{Digits, LAST_SEQUENCE, WholeNumber};
use crate::api::problem::Problem;
use crate::domain::event::Snapshot;
use crate::domain::ids::StreamId;
use crate::domain::json_text::JsonText;
use crate::domain::timestamp::Timestamp;
use crate::http::body::{ReadBody, UnreadBody};
use crate::http::reading;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::hub::streams::WantedVersion;
use crate::logic::fold::is_object;
use crate::web::caller::Caller;
use crate::web::query;

const SUBJECT: Subject = Subject::Request;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StateSearch {
    /// The last event in it; the stream's last one by default.
    #[param(inline)]
    at_version: Option<VersionDigits>,
}

type VersionDigits = Digits<1, LAST_SEQUENCE>;

/// What the events of a stream up to a version added up to.
#[derive(Serialize, ToSchema)]
#[schema(as = Snapshot)]
pub(crate) struct SnapshotView<'a> {
    stream_id: &'a StreamId,
    /// The last event in it.
    version: u64,
    taken_at: Timestamp,
    /// A JSON object.
    state: &'a JsonText,
}

/// What the events of a stream up to a version add up to.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamState)]
pub(crate) struct StateView<'a> {
    stream_id: &'a StreamId,
    /// The last event in it.
    version: u64,
    /// A JSON object.
    state: &'a JsonText,
}

/// What to keep. May be left out: what the stream adds up to now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SnapshotInput)]
pub(crate) struct SnapshotBody {
    /// A JSON object; the hub builds it from the events if it is not given. If the hub has keys,
    /// for operators only.
    #[schema(required = false, value_type = Object)]
    state: Option<StateText>,
    /// The last event in it; the stream's last one by default.
    #[schema(inline)]
    version: Option<Version>,
}

type Version = WholeNumber<1, LAST_SEQUENCE>;

struct StateText(JsonText);

impl BodyField for StateText {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let state = JsonText::new(json.to_owned());
        match is_object(&state) {
            true => Ok(Self(state)),
            false => Err(Problem::new("must be a JSON object")),
        }
    }
}

field!(StateText);

impl<'a> SnapshotView<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        Self {
            stream_id: &snapshot.stream_id,
            version: snapshot.version,
            taken_at: snapshot.at,
            state: &snapshot.state,
        }
    }
}

/// Take a snapshot of a stream
///
/// Without a `state` the hub builds it: the last snapshot, and each later payload that is an
/// object laid over it key by key. A later snapshot of the same version replaces an earlier one.
/// If the hub has keys, only operators give a `state`.
/// What the hub builds has at most 16 MiB; a stream that adds up to more needs a `state` of yours.
#[utoipa::path(
    post,
    path = "/v1/streams/{id}/snapshots",
    operation_id = "take_snapshot",
    tag = "streams",
    params(("id" = StreamId, Path)),
    request_body = Option<SnapshotBody>,
    responses(
        (status = 201, description = "It is on disk", body = SnapshotView),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: `state` is given, and the caller is no operator"),
        (status = 404, description = "NOT_FOUND: the stream never had an event"),
        (status = 409, description = "VERSION_CONFLICT: the stream has no such version yet; `details.field` names the version that was given, `details.current_version` is the last"),
        (status = 410, description = "GONE: the events up to this version are gone, and no snapshot stands for them"),
        (status = 413, description = "PAYLOAD_TOO_LARGE: the events add up to more than 16 MiB"),
        (status = 429, description = "QUEUE_FULL: too much is read at once, or many others ask for states. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the state cannot be built, the archive does not answer"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub(crate) async fn take(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let id = stream_id(&id)?;
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let asked: SnapshotBody = api::body::optional(SUBJECT, body.text())?;
    let state = asked.state.map(|state| state.0);
    let version = asked.version.map(|version| version.0);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let wanted = WantedVersion {
        version,
        field: "version",
    };
    let mut reading = reading::of(&request, &hub);
    let taken = hub.take_snapshot(&context, &mut reading, &id, (state, wanted));
    let taken = taken.await?;
    let view = SnapshotView::of(&taken.snapshot);
    Ok(reading::answer(reading, StatusCode::CREATED, &view))
}

/// The newest snapshot of a stream
#[utoipa::path(
    get,
    path = "/v1/streams/{id}/snapshots/latest",
    operation_id = "show_latest_snapshot",
    tag = "streams",
    params(("id" = StreamId, Path)),
    responses(
        (status = 200, description = "The one with the highest version", body = SnapshotView),
        (status = 400, description = "INVALID_REQUEST: the id is no stream id"),
        (status = 404, description = "NOT_FOUND: the stream has no snapshot, or never had an event"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn latest(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = stream_id(&id)?;
    let mut reading = reading::of(&request, &hub);
    let snapshot = hub.latest_snapshot(&mut reading, &id).await?;
    Ok(reading::json(reading, &SnapshotView::of(&snapshot)))
}

/// The state of a stream
///
/// The last snapshot at or before the version, and each later payload that is an object laid over
/// it key by key. Values stay as they were written; the last of two equal keys wins.
#[utoipa::path(
    get,
    path = "/v1/streams/{id}/state",
    operation_id = "show_stream_state",
    tag = "streams",
    params(("id" = StreamId, Path), StateSearch),
    responses(
        (status = 200, description = "What the events add up to", body = StateView),
        (status = 400, description = "INVALID_REQUEST: the id or `at_version` is wrong"),
        (status = 404, description = "NOT_FOUND: the stream never had an event"),
        (status = 409, description = "VERSION_CONFLICT: the stream has no such version yet; `details.field` names the version that was given, `details.current_version` is the last"),
        (status = 410, description = "GONE: the events up to this version are gone, and no snapshot stands for them"),
        (status = 413, description = "PAYLOAD_TOO_LARGE: the events add up to more than 16 MiB; a snapshot with a smaller `state` helps"),
        (status = 429, description = "QUEUE_FULL: too much is read at once, or many others ask for states. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn state(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = stream_id(&id)?;
    let StateSearch { at_version } = query::read(&request)?;
    let version = at_version.map(|version| version.0);
    let wanted = WantedVersion {
        version,
        field: "at_version",
    };
    let built = hub.stream_state(&id, wanted).await?;
    let mut reading = reading::of(&request, &hub);
    reading.begin_with(built.state.as_json().len()).await?;
    let view = StateView {
        stream_id: &id,
        version: built.version,
        state: &built.state,
    };
    Ok(reading::json(reading, &view))
}
