//! What has to do with events: the log, and the subscriptions with their children.

use std::rc::Rc;

use super::Ring;
use crate::actors::event_log::EventLog;
use crate::actors::event_reader::EventReader;
use crate::actors::subscriptions::{self, Subscriptions};
use crate::actors::{callback_circuit, subscription};
use crate::adapters::http_transport::HttpTransport;
use crate::runtime::settings;

impl Ring {
    pub(super) fn event_log(&self) -> EventLog {
        EventLog::new(self.watch("event_log"))
    }

    pub(super) fn subscriptions(&self, transport: Rc<HttpTransport>) -> Subscriptions {
        let settings = subscriptions::Settings {
            clock: self.clock,
            secret_overlap: self.config.history.secret_overlap,
            metrics: self.metrics.clone(),
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
        let log = &self.to.event_log;
        let hops = subscriptions::Hops {
            event_store: self.to.event_store.clone().recipient(),
            publish: self.to.event_store.clone().recipient(),
            flush: self.to.archivist.clone().recipient(),
            follow: log.clone().recipient(),
            credit: log.clone().recipient(),
            unfollow: log.clone().recipient(),
            show_lags: log.clone().recipient(),
            events: EventReader::new(
                log.clone().recipient(),
                log.clone().recipient(),
                self.archive.clone(),
            ),
        };
        Subscriptions::new(settings, hops, self.watch("subscriptions"))
    }
}
