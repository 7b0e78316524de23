//! What the EventBus and its children are made of.

use std::rc::Rc;

use super::Ring;
use crate::actors::event_bus::{self, EventBus};
use crate::actors::{callback_circuit, subscription};
use crate::adapters::http_transport::HttpTransport;
use crate::runtime::settings;

impl Ring {
    pub(super) fn event_bus(&self, transport: Rc<HttpTransport>) -> EventBus {
        let settings = event_bus::Settings {
            clock: self.clock,
            secret_overlap: self.config.history.secret_overlap,
            metrics: self.metrics.clone(),
            archive: self.archive.clone(),
            subscriptions: subscription::Settings {
                clock: self.clock,
                metrics: self.metrics.clone(),
                retries: settings::retry_policy(&self.config),
                message_timeout: self.config.delivery.message_timeout,
                replays: self.shared.replays.clone(),
            },
            circuits: callback_circuit::Settings {
                clock: self.clock,
                metrics: self.metrics.clone(),
                transport,
                breaker: settings::breaker_policy(&self.config),
            },
            limits: self.config.shares.limits,
        };
        let hops = event_bus::Hops {
            event_store: self.to.event_store.clone().recipient(),
            publish: self.to.event_store.clone().recipient(),
            flush: self.to.archivist.clone().recipient(),
        };
        EventBus::new(settings, hops, self.watch("event_bus"))
    }
}
