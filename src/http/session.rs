//! `/v1/session`: who asks, and signing in from a browser.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::body::{ReadBody, UnreadBody};
use super::no_body::NoBody;
use crate::api;
use crate::api::texts::{NewService, ShownKey};
use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::access::{Principal, Role};
use crate::hub::error::{HubError, Subject};
use crate::hub::keys::Credentials;
use crate::web::caller::{principal, session};
use crate::web::cookie;
use crate::web::routing::{self, Routes};

const SUBJECT: Subject = Subject::Request;

/// Words for what a page offers its reader only where the hub has it.
const FEATURES: &[&str] = &["subscription_test"];

pub(crate) fn routes(routes: &mut Routes) {
    let ways = [
        routing::get(show),
        routing::post(sign_in),
        routing::delete(sign_out),
    ];
    routes.at("/v1/session", ways);
}

#[derive(OpenApi)]
#[openapi(paths(show, sign_in, sign_out))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// Who signs in, and by what it is known. All other requests of the browser are then made as this
/// service.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignInInput)]
pub(crate) struct SignInBody {
    #[schema(inline)]
    name: NewService,
    #[schema(inline)]
    key: ShownKey,
}

/// Who asks, and what hub it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionDetails {
    /// Null: nobody with a name.
    name: Option<ServiceName>,
    /// `anonymous`: there are no keys, and everybody may do everything. A `viewer` sees what an
    /// `operator` sees, and acts as any other `service`.
    #[schema(pattern = "^(anonymous|service|viewer|operator)$")]
    role: &'static str,
    /// Whether requests have to show a key, or a session.
    keys_required: bool,
    /// When the session ends if nothing more is asked with it; null without one.
    expires_at: Option<Timestamp>,
    /// Of the hub.
    version: &'static str,
    /// When the hub started.
    started_at: Timestamp,
    /// By the hub's clock.
    now: Timestamp,
    /// What this hub offers beyond what every version does.
    features: Vec<&'static str>,
}

/// Who am I?
///
/// The caller as the hub knows it, whether from a session or from headers.
#[utoipa::path(
    get,
    path = "/v1/session",
    operation_id = "show_session",
    tag = "session",
    responses((status = 200, description = "The caller, and the hub", body = SessionDetails)),
)]
pub(crate) async fn show(request: HttpRequest, hub: web::Data<Hub>) -> HttpResponse {
    let caller = principal(&request);
    let keys_required = hub.keys.now().are_required();
    let expires_at = session(&request).and_then(|id| hub.session_expires_at(id));
    let now = hub.clock.wall();
    HttpResponse::Ok().json(SessionDetails {
        role: role(&caller, keys_required),
        name: caller.name,
        keys_required,
        expires_at,
        version: env!("CARGO_PKG_VERSION"),
        started_at: now.minus(hub.clock.running()),
        now,
        features: FEATURES.to_vec(),
    })
}

fn role(caller: &Principal, keys_required: bool) -> &'static str {
    match caller.role {
        _ if !keys_required => "anonymous",
        Role::Service => "service",
        Role::Viewer => "viewer",
        Role::Operator => "operator",
    }
}

/// Sign in
///
/// For browsers, whose pages should hold no key: the answer sets the cookie `message_hub`, which
/// the browser then sends with every request and handshake of the hub's own page. A session ends
/// after 12 hours, an hour after its last use, with its key, with the hub, or when it is signed
/// out. Headers with name and key win over it. After ten wrong keys within a minute from an address
/// nobody signs in from there for a minute.
#[utoipa::path(
    post,
    path = "/v1/session",
    operation_id = "sign_in",
    tag = "session",
    request_body = SignInBody,
    responses(
        (status = 204, description = "The cookie is set"),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 401, description = "AUTH_FAILED: the key is wrong for this name"),
        (status = 409, description = "CONFLICT: there are no keys, so nobody needs one"),
        (status = 429, description = "RATE_LIMITED: too many wrong keys came from this address"),
    ),
)]
pub(crate) async fn sign_in(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let SignInBody { name, key } = api::body::command(SUBJECT, body.text())?;
    let peer = request.peer_addr().map(|peer| peer.ip());
    let token = hub.sign_in(peer, &Credentials::new(name.0, key.0))?;
    let cookie = cookie::given(&token, is_secure(&request));
    Ok(HttpResponse::NoContent()
        .insert_header((header::SET_COOKIE, cookie))
        .finish())
}

/// Sign out
///
/// Ends the session of the cookie and takes the cookie away; its sockets are closed. Without a
/// session it does nothing.
#[utoipa::path(
    delete,
    path = "/v1/session",
    operation_id = "sign_out",
    tag = "session",
    responses((status = 204, description = "There is no session any more")),
)]
pub(crate) async fn sign_out(request: HttpRequest, hub: web::Data<Hub>, _: NoBody) -> HttpResponse {
    if let Some(id) = cookie::session(request.headers()) {
        hub.sign_out(id);
    }
    HttpResponse::NoContent()
        .insert_header((header::SET_COOKIE, cookie::taken(is_secure(&request))))
        .finish()
}

/// Whether the page came over TLS, which ends before the hub: the browser says so.
fn is_secure(request: &HttpRequest) -> bool {
    let origin = request.headers().get(header::ORIGIN);
    origin.is_some_and(|origin| origin.as_bytes().starts_with(b"https:"))
}
