//! What the workers of the server share beside the application: what is theirs alone.

use actix_web::{HttpRequest, web};

use super::requests::Requests;
use super::visits::Visits;
use crate::config::Config;
use crate::hub::Hub;
use crate::logic::web_pages::WebPages;

/// What is served, and what is counted and let in of requests.
pub struct WebState {
    pub hub: web::Data<Hub>,
    pub visits: Visits,
    pub requests: Requests,
    pub pages: WebPages,
    pub served: Served,
}

/// What there is to be asked for, as far as it has to be known before a route is found.
#[derive(Clone, Copy)]
pub struct Served {
    /// Where WebSockets are opened.
    pub socket_paths: &'static [&'static str],
    /// The names that the query of a route may have, by its pattern and method; `None`: there is no
    /// such route.
    pub query_names: fn(&str, &str) -> Option<&'static [String]>,
    /// Whether a path is one of the hub's own page.
    pub is_dashboard: fn(&str) -> bool,
}

impl WebState {
    /// That of the worker that has this request.
    pub(crate) fn of(request: &HttpRequest) -> web::Data<Self> {
        let state = request.app_data::<web::Data<Self>>().cloned();
        state.expect("the runtime gives every worker its state")
    }

    pub fn new(config: &Config, hub: web::Data<Hub>, served: Served) -> Self {
        Self {
            visits: Visits::default(),
            requests: Requests::new(&hub.counters),
            pages: pages(config),
            served,
            hub,
        }
    }
}

fn pages(config: &Config) -> WebPages {
    let keys_are_on = !config.security.service_keys.is_empty();
    let (hosts, origins) = (
        &config.security.allowed_hosts,
        &config.security.allowed_origins,
    );
    WebPages::new(&config.server.host, hosts, origins, keys_are_on)
}
