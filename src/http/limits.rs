//! `/v1/limits`: what one client may use of the hub, what there may be of it at all, and what is
//! used.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::hub::limits::{LimitUse, PeerUsage};
use crate::web::caller::Caller;
use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/limits", [routing::get(all)]);
}

#[derive(OpenApi)]
#[openapi(paths(all))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// All limits.
#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
pub(crate) struct LimitList {
    limits: Vec<LimitDetails>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Limit)]
pub(crate) struct LimitDetails {
    /// As in the configuration, and in `details.limit` of an error.
    limit: &'static str,
    /// What it allows: bytes if its name says so, else a number.
    most: u64,
    /// What one peer may have of it at a time; null: of each there may be `most`.
    share: Option<u64>,
    /// What the caller uses of it, or, of what belongs to nobody, how much there is: null for who is
    /// no operator. Null, too, if it bounds one thing, such as one registration.
    used: Option<u64>,
    /// Those that use most of it. Only for operators and viewers; else, and where nobody is counted, null.
    largest: Option<Vec<PeerUse>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PeerUse {
    /// A service, or the address its requests come from if it need not show a key.
    peer: String,
    used: u64,
}

impl From<LimitUse> for LimitDetails {
    fn from(one: LimitUse) -> Self {
        let shown = |largest: Vec<PeerUsage>| largest.into_iter().map(PeerUse::from).collect();
        Self {
            limit: one.limit.name(),
            most: one.most,
            share: one.share,
            used: one.used,
            largest: one.largest.map(shown),
        }
    }
}

impl From<PeerUsage> for PeerUse {
    fn from(one: PeerUsage) -> Self {
        Self {
            peer: one.peer,
            used: one.used,
        }
    }
}

/// The limits of one client
///
/// What one client may use of the hub, and what the caller uses now; beyond it requests are
/// answered 429 LIMIT_REACHED. Operators and viewers see who uses most.
#[utoipa::path(
    get,
    path = "/v1/limits",
    operation_id = "list_limits",
    tag = "quotas",
    responses((status = 200, description = "All limits", body = LimitList)),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let limits = hub.limits(&context).await?.into_iter();
    let limits: Vec<_> = limits.map(LimitDetails::from).collect();
    Ok(HttpResponse::Ok().json(LimitList {
        count: limits.len(),
        limits,
    }))
}
