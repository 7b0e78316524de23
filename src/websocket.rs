//! The WebSocket: `/events`, also `/v1/events/stream`.

mod answers;
mod api;
mod asyncapi;
mod flow;
mod fragments;
mod frames;
mod incoming;
mod listing;
pub mod open_sockets;
mod session;
mod texts;

use actix::AsyncContext;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{self, HandshakeError, WebsocketContext};
use futures_util::stream;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::{OpenApi, openapi};

use crate::api::field::{texts, words};
use crate::api::texts::AnyText;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::web::caller::{principal, session};
use crate::web::connection::Line;
use crate::web::peer;
use crate::web::query;
use crate::web::routing::{self, Routes};
use flow::{Metered, SendBuffer};
use incoming::{Gate, Incoming};
use open_sockets::OpenSockets;
use session::door::Door;
use session::{Session, Who};

/// Frames of each type that the hub sends.
#[cfg(test)]
pub(crate) use texts::tests::samples;

/// Where sockets are opened; what is said of the last one holds for all.
pub const PATHS: [&str; 2] = ["/events", "/v1/events/stream"];

pub(crate) fn routes(routes: &mut Routes) {
    for path in PATHS {
        routes.at(path, [routing::get(open)]);
    }
    listing::routes(routes);
    asyncapi::routes(routes);
}

#[derive(OpenApi)]
#[openapi(paths(open, listing::all, asyncapi::description))]
struct Described;

/// What of it a request of HTTP is for.
pub(crate) fn described() -> openapi::OpenApi {
    Described::openapi()
}

/// How a socket is opened.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SocketQuery {
    /// Events and messages that are ready together come as one array, also before the client has
    /// sent an array
    #[param(inline)]
    arrays: Option<YesOrNo>,
    /// In place of `X-Service-Name`
    #[serde(rename = "name")]
    #[param(inline)]
    _name: Option<AnyText>,
    /// In place of `X-Service-Key`
    #[serde(rename = "key")]
    #[param(inline)]
    _key: Option<AnyText>,
    /// The first frame is an `auth` with name and key, which then are in no address
    #[param(inline)]
    auth: Option<ByFrame>,
}

texts! {
    YesOrNo(bool) = |text: &str| text.parse().map_err(|_| "must be one of `true` and `false`");
}

words! {
    ByFrame(()) {
        "frame" => (),
    }
}

/// Open a socket
///
/// A WebSocket for events and messages, both ways: text frames, each one JSON object or an array of
/// them. Browsers, which cannot send headers, send the cookie of their session; other programs that
/// cannot open it with `auth=frame` and say who they are in the first frame, or give `name` and `key`
/// as a query. `/asyncapi.json` describes the frames.
#[utoipa::path(
    get,
    path = "/v1/events/stream",
    operation_id = "open_socket",
    tag = "events",
    params(SocketQuery),
    responses(
        (status = 101, description = "The connection is a WebSocket now"),
        (status = 400, description = "INVALID_REQUEST: the handshake is not complete, or the query is wrong"),
        (status = 426, description = "UPGRADE_REQUIRED: not a WebSocket handshake"),
        (status = 429, description = "LIMIT_REACHED: the caller has as many sockets as it may, or as many wait for their first frame"),
        (status = 503, description = "SERVICE_UNAVAILABLE: the hub is starting or stopping"),
    ),
)]
pub(crate) async fn open(
    request: HttpRequest,
    hub: web::Data<Hub>,
    open_sockets: web::Data<OpenSockets>,
    payload: web::Payload,
) -> Result<HttpResponse, HubError> {
    let SocketQuery { arrays, auth, .. } = query::read(&request)?;
    let mut response = ws::handshake(&request).map_err(|error| refusal(&error))?;
    let peer = peer::of(&request, &hub);
    let place = hub.place_for_socket(&peer)?;
    let door = match (auth, session(&request)) {
        (Some(ByFrame(())), _) => Door::waiting(&hub, &peer)?,
        (None, Some(id)) => Door::of_session(&hub, id)?,
        (None, None) => Door::Open,
    };
    let line = request.conn_data::<Rc<Line>>();
    let line = line.cloned().unwrap_or_default();
    line.become_socket();
    let (send_buffer, gate) = (SendBuffer::default(), Gate::default());
    let unfinished = incoming::ReadBudget::new(hub.unfinished.clone(), peer.clone());
    let who = Who {
        principal: principal(&request),
        address: request.peer_addr(),
        peer,
        place,
        door,
        open_sockets,
    };
    let incoming = Incoming::new(payload, line, gate.clone(), unfinished);
    let session = Session::new(
        hub,
        who,
        send_buffer.clone(),
        gate,
        arrays.is_some_and(|word| word.0),
    );
    // The stream of the library would take all bytes there are before it decodes a frame.
    let body = WebsocketContext::with_factory(stream::pending(), |context| {
        context.add_stream(incoming);
        session
    });
    let response = response.streaming(body);
    let metered = response.map_body(|_, body| Metered::new(body, send_buffer));
    Ok(metered.map_into_boxed_body())
}

fn refusal(error: &HandshakeError) -> HubError {
    match error {
        HandshakeError::BadWebsocketKey => HubError::invalid(
            crate::hub::error::Subject::Request,
            "Sec-WebSocket-Key",
            "is required",
        ),
        _ => HubError::UpgradeRequired,
    }
}
