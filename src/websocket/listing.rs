//! `/v1/sockets`: who has a socket open, and what is on its way over it.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;
use uuid::Uuid;

use super::open_sockets::{Describe, OpenSocket, OpenSockets};
use crate::hub::access::Operation;
use crate::hub::error::HubError;
use crate::web::caller::principal;
use crate::web::page::{Order, PageQuery};
use crate::web::query;
use crate::web::routing::{self, Routes};

/// A socket that says nothing for so long is left out.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/sockets", [routing::get(all)]);
}

/// The list of sockets.
#[derive(Serialize, ToSchema)]
pub(crate) struct SocketPage {
    sockets: Vec<OpenSocket>,
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// All open sockets
#[utoipa::path(
    get,
    path = "/v1/sockets",
    operation_id = "list_sockets",
    tag = "events",
    params(PageQuery::<Uuid>),
    responses(
        (status = 200, description = "One for each open socket, by id", body = SocketPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    open_sockets: web::Data<OpenSockets>,
) -> Result<HttpResponse, HubError> {
    principal(&request).may(Operation::SeeSockets)?;
    let part: PageQuery<Uuid> = query::read(&request)?;
    let page = part.take(open_sockets.all(), Order::Ascending, |(id, _)| id);
    let asked = page.items.iter().map(|(_, socket)| {
        let (reply, described) = oneshot::channel();
        socket.do_send(Describe { reply });
        tokio::time::timeout(PATIENCE, described)
    });
    // Who is closed meanwhile is left out.
    let answers = join_all(asked).await.into_iter();
    let sockets: Vec<_> = answers.filter_map(|answer| answer.ok()?.ok()).collect();
    Ok(HttpResponse::Ok().json(SocketPage {
        count: sockets.len(),
        sockets,
        next_cursor: page.next_cursor,
    }))
}
