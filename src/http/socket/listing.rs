//! `/v1/sockets`: who has a socket open, and what is on its way over it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::{Message, Recipient};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::event::Sequence;
use crate::domain::ids::{InstanceId, Label, ServiceName};
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;
use crate::error::HubError;
use crate::http::auth::Caller;
use crate::http::openapi::messages::SocketPageQuery;
use crate::http::page::{Order, Part};
use crate::http::query::Query;
use crate::http::routing::{self, Routes};
use crate::http::state::Hub;

/// A socket that says nothing for so long is left out.
const PATIENCE: Duration = Duration::from_secs(1);

pub fn routes(routes: &mut Routes<'_>) {
    routes.at("/v1/sockets", "GET", [routing::get(all)]);
}

/// Where the open sockets are reached, on whatever thread each is.
#[derive(Default)]
pub struct OpenSockets(Mutex<BTreeMap<Uuid, Recipient<Describe>>>);

impl OpenSockets {
    pub fn add(&self, id: Uuid, socket: Recipient<Describe>) {
        self.lock().insert(id, socket);
    }

    pub fn remove(&self, id: Uuid) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Recipient<Describe>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// http → Session: how are you?
#[derive(Message)]
#[rtype(result = "SocketAnswer")]
pub struct Describe;

/// An open socket.
#[derive(Serialize, ToSchema, actix::MessageResponse)]
#[schema(as = Socket)]
pub struct SocketAnswer {
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Who opened it; null: nobody with a name.
    pub service: Option<ServiceName>,
    /// Where it comes from: an address and a port.
    pub peer: Option<String>,
    /// When it was opened.
    pub since: Timestamp,
    /// When its client last said something, or was sent an event or a message, to 15 seconds; pings do
    /// not count. Null: it never was.
    pub last_used_at: Option<Timestamp>,
    pub consumers: Vec<ConsumerAnswer>,
    pub subscriptions: Vec<FeedAnswer>,
    /// Messages that it has, or that are on their way to it, and that are not settled.
    pub in_flight: usize,
}

/// A service it takes messages for.
#[derive(Serialize, ToSchema)]
#[schema(as = SocketConsumer)]
pub struct ConsumerAnswer {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub in_flight: usize,
    /// How many more it takes before some of them are settled.
    pub credit: usize,
}

/// The events it is subscribed to.
#[derive(Serialize, ToSchema)]
#[schema(as = SocketSubscription)]
pub struct FeedAnswer {
    /// Of a named subscription; else null.
    pub name: Option<Label>,
    pub subscription_id: Option<SubscriptionId>,
    /// How many patterns of types.
    pub patterns: usize,
    /// The sequence of the last event that was sent; before that, where it began.
    pub sent: Sequence,
}

/// The list of sockets.
#[derive(Serialize, ToSchema)]
pub struct SocketPage {
    sockets: Vec<SocketAnswer>,
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
    params(SocketPageQuery),
    responses(
        (status = 200, description = "One for each open socket, by id", body = SocketPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
    ),
)]
pub async fn all(request: HttpRequest, hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    Caller::of(&request).must_be_operator()?;
    let part = Part::of(&Query::of(&request)?)?;
    let open: Vec<_> = hub.open_sockets.lock().clone().into_iter().collect();
    let page = part.take(open, Order::Ascending, |(id, _)| id);
    let asked = page.items.iter().map(|(_, socket)| {
        let answer = socket.send(Describe);
        tokio::time::timeout(PATIENCE, answer)
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
