//! What the workers of HTTP share beside the application: what is theirs alone.

use actix_web::{HttpRequest, web};

use super::health::told::Told;
use super::visits::Visits;
use crate::config::Config;
use crate::hub::Hub;
use crate::logic::web_pages::WebPages;
use crate::web::requests::Requests;

/// The state of the protocol.
pub struct HttpState {
    pub hub: web::Data<Hub>,
    pub visits: Visits,
    pub requests: Requests,
    /// What `/health` told last.
    pub health: Told,
    pub pages: WebPages,
}

impl HttpState {
    /// That of the worker that has this request.
    pub(crate) fn of(request: &HttpRequest) -> web::Data<Self> {
        let state = request.app_data::<web::Data<Self>>().cloned();
        state.expect("the runtime gives every worker its state")
    }

    pub fn new(config: &Config, hub: web::Data<Hub>) -> Self {
        Self {
            visits: Visits::default(),
            requests: Requests::new(&hub.counters),
            health: Told::default(),
            pages: pages(config),
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
