//! SIGHUP: the configuration is read again, and what can change while the hub runs does.

use std::path::Path;
use std::sync::Arc;

use actix_web::web;

use super::ring::Addresses;
use crate::actors::messages::router::{CapacityConfigured, QuotasConfigured};
use crate::config::Config;
use crate::config_file::ConfigFile;
use crate::hub::Hub;
use crate::hub::keys::Keys;
use crate::opening;
use crate::telemetry;

/// What holds as soon as it is read: its keys, and what is done when one of them changed.
const AT_ONCE: [(&[&str], Change); 4] = [
    (&["log"], |_, config| telemetry::change(config)),
    (
        &["service_keys", "operators", "viewers"],
        Reload::change_keys,
    ),
    (&["quotas"], Reload::change_quotas),
    (
        &["max_queue_size", "max_queue_bytes"],
        Reload::change_capacity,
    ),
];

type Change = fn(&Reload, &Config) -> Result<(), String>;

fn holds_at_once(key: &str) -> bool {
    AT_ONCE.iter().any(|(keys, _)| keys.contains(&key))
}

/// What a running hub goes by, and where it came from.
pub(super) struct Reload {
    file: ConfigFile,
    /// As it was read last; what needs a restart is not yet so.
    latest: Config,
    /// As the hub started.
    started: Config,
    hub: web::Data<Hub>,
    to: Addresses,
}

impl Reload {
    pub(super) fn new(
        file: &ConfigFile,
        config: &Config,
        hub: web::Data<Hub>,
        to: Addresses,
    ) -> Self {
        Self {
            file: file.clone(),
            latest: config.clone(),
            started: config.clone(),
            hub,
            to,
        }
    }

    /// Reads the file again. One that cannot be loaded leaves everything as it is.
    pub(super) fn again(&mut self) {
        let Some(path) = self.file.path() else {
            return tracing::info!(
                "SIGHUP: there is no configuration file to read again, and the environment of a \
                 process does not change; nothing is different"
            );
        };
        if let Err(error) = self.take(&path) {
            tracing::error!(
                error,
                "SIGHUP: the configuration was not loaded, all stays as it was"
            );
        }
    }

    fn take(&mut self, path: &Path) -> Result<(), String> {
        let loaded = self.file.load().map_err(|error| error.to_string())?;
        opening::check(&loaded.config).map_err(|error| error.to_string())?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let mut config = loaded.config;
        let keys_go = config.security.service_keys.is_empty()
            && !self.latest.security.service_keys.is_empty();
        if keys_go {
            // Nobody's door opens by the way.
            config
                .security
                .service_keys
                .clone_from(&self.latest.security.service_keys);
            config
                .security
                .operators
                .clone_from(&self.latest.security.operators);
            config
                .security
                .viewers
                .clone_from(&self.latest.security.viewers);
            tracing::warn!("service_keys: to let everybody in needs a restart; the keys stay");
        }
        let keys = |before: &Config| {
            let different = before.differences(&config);
            different.map_err(|error| error.to_string())
        };
        let mut changed = keys(&self.latest)?;
        changed.retain(|key| holds_at_once(key));
        let mut waits = keys(&self.started)?;
        waits.retain(|key| !holds_at_once(key));
        for (keys, change) in AT_ONCE {
            if changed.iter().any(|key| keys.contains(&key.as_str())) {
                change(self, &config)?;
            }
        }
        self.latest = config;
        tracing::info!(
            file = %path.display(),
            changed = changed.join(", "),
            needs_a_restart = waits.join(", "),
            "SIGHUP: the configuration was read again"
        );
        Ok(())
    }

    fn change_keys(&self, config: &Config) -> Result<(), String> {
        let keys = Keys::of(config).following(self.hub.keys.now());
        self.hub.keys.replace(keys);
        self.hub.end_sessions_without_key();
        Ok(())
    }

    fn change_quotas(&self, config: &Config) -> Result<(), String> {
        let quotas = QuotasConfigured(Arc::new(config.shares.quotas.clone()));
        self.to.router.do_send(quotas.clone());
        self.to.scheduler.do_send(quotas);
        Ok(())
    }

    fn change_capacity(&self, config: &Config) -> Result<(), String> {
        self.to.router.do_send(CapacityConfigured {
            max_queue_size: config.delivery.max_queue_size,
            max_queue_bytes: config.delivery.max_queue_bytes,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Config {
        let variables = variables
            .iter()
            .map(|(key, value)| (format!("MESSAGE_HUB_{key}"), (*value).to_owned()));
        Config::load(None, variables).unwrap().config
    }

    #[test]
    fn every_key_that_changed_is_named_secrets_as_well() {
        let before = config(&[("SERVICE_KEYS", "{shop: one}")]);
        let after = config(&[
            ("SERVICE_KEYS", "{shop: two}"),
            ("PORT", "1"),
            ("REDIS_URL", "redis://nowhere"),
            ("PATIENCE", "{high: 3}"),
            ("LOG", "debug"),
        ]);
        let changed = before.differences(&after).unwrap();
        assert_eq!(
            changed,
            ["log", "patience", "port", "redis_url", "service_keys"]
        );
        assert_eq!(after.differences(&after).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_holds_at_once_are_keys() {
        let keys = config(&[]).to_string();
        for key in AT_ONCE.into_iter().flat_map(|(keys, _)| keys) {
            assert!(keys.contains(&format!("\n{key}: ")), "{key}");
        }
    }
}
