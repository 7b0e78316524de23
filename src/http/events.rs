//! `/v1/events`: publish one event or many, and read them.

pub mod batch;
pub mod publish;

use actix_web::web;

use super::{Routes, socket};

pub fn routes(routes: &mut Routes<'_>) {
    for path in ["/v1/events", "/event"] {
        routes.at(path, "POST", [web::post().to(publish::publish)]);
    }
    routes.at(
        "/events",
        "GET, POST",
        [
            web::get().to(socket::open),
            web::post().to(publish::publish),
        ],
    );
    routes.at(
        "/v1/events/batch",
        "POST",
        [web::post().to(batch::publish_batch)],
    );
}
