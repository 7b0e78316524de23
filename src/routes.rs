//! Every route there is: REST and WebSocket at one port, and the description of both.

pub(crate) mod description;

use crate::http;
use crate::web::routing::Routes;
use crate::web::state::Served;
use crate::websocket;

/// What the server can be asked for.
pub fn all() -> Routes {
    let mut routes = Routes::default();
    // Before REST, where the id of an event would take the place of the stream of events.
    websocket::routes(&mut routes);
    http::routes(&mut routes);
    description::routes(&mut routes);
    routes
}

/// What the edge has to know of it.
pub const SERVED: Served = Served {
    socket_paths: &websocket::PATHS,
    query_names: description::query_names,
    is_dashboard: http::dashboard::is_at,
};
