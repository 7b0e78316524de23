//! The server of the hub's own port: which connections it takes, and what is asked over them.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::{AppConfig, Server, ServerHandle};
use actix_web::middleware::{Condition, from_fn};
use actix_web::rt::net::TcpStream;
use actix_web::{App, web};
use tracing_actix_web::TracingLogger;

use super::connections::{self, Doorkeeper};
use super::pulse;
use crate::config::Config;
use crate::http::health::told::Told;
use crate::metrics::Metrics;
use crate::opening::{StartError, cannot_listen};
use crate::routes;
use crate::telemetry::QuietSpans;
use crate::web::connection::{Connection, FOR_HEAD};
use crate::web::edge;
use crate::web::state::WebState;
use crate::web::unreadable::{self, Explain};
use crate::websocket::{self, open_sockets::OpenSockets};

/// Serves on `listener` until the handle says otherwise.
pub(super) fn start(
    config: &Config,
    listener: TcpListener,
    state: web::Data<WebState>,
    (files, metrics): (Option<u64>, Arc<Metrics>),
) -> Result<(Server, ServerHandle), StartError> {
    let workers = workers();
    let hub = state.hub.clone();
    let open_sockets = web::Data::new(OpenSockets::default());
    let told = web::Data::new(Told::default());
    let of_worker = connections::of_worker(files, workers);
    let doorkeeper = Doorkeeper::new(of_worker * workers, metrics.clone());
    // Even a span that nobody reads costs a twentieth of a send.
    let spans = tracing::enabled!(tracing::Level::DEBUG);
    let clock = hub.clock;
    let hub_of_worker = hub.clone();
    let app = move || {
        App::new()
            .app_data(hub.clone())
            .app_data(state.clone())
            .app_data(open_sockets.clone())
            .app_data(told.clone())
            .wrap(from_fn(edge::edge))
            .wrap(Condition::new(spans, TracingLogger::<QuietSpans>::new()))
            .configure(|config| routes::all().register(config, &state.requests))
    };
    let server = Server::build()
        .workers(workers)
        .backlog(4096)
        .max_concurrent_connections(of_worker)
        .disable_signals()
        .shutdown_timeout(config.server.shutdown_timeout.as_secs().max(1))
        .listen("http", listener, move || {
            // Once on each of the server's threads.
            pulse::begin(clock, metrics.clone());
            let explain = unreadable::explain(&hub_of_worker);
            let app = app().into_factory();
            let http = HttpService::build()
                .keep_alive(Duration::from_secs(75))
                .client_request_timeout(FOR_HEAD)
                // Who says no more is still answered. That it may be gone is for those to notice who
                // wait, or a message would be leased to nobody.
                .h1_allow_half_closed(true)
                // The connection itself sees to its end.
                .client_disconnect_timeout(Duration::ZERO)
                .on_connect_ext(|connection: &Connection, data| {
                    data.insert(connection.line());
                })
                .h1(map_config(app, |()| AppConfig::default()));
            let doorkeeper = doorkeeper.clone();
            fn_service(move |stream| take(stream, doorkeeper.clone(), explain.clone()))
                .and_then(http)
        })
        .map_err(|error| cannot_listen(config, &error))?
        .run();
    let handle = server.handle();
    Ok((server, handle))
}

async fn take(
    stream: TcpStream,
    doorkeeper: Doorkeeper,
    explain: Explain,
) -> Result<(Connection, Option<std::net::SocketAddr>), DispatchError> {
    connections::keep_in_check(&stream);
    let Some(inside) = doorkeeper.let_in(&stream) else {
        doorkeeper.turn_away(stream).await;
        return Err(DispatchError::Io(io::ErrorKind::ConnectionRefused.into()));
    };
    let peer = stream.peer_addr().ok();
    let connection = Connection::new(stream).with_sockets(&websocket::PATHS);
    Ok((connection.keeping(inside).explaining(explain), peer))
}

/// As many as there are cores, two at least.
pub(super) fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2))
}
