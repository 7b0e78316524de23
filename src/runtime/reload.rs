//! SIGHUP: the configuration is read again, and what can change while the hub runs does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use actix_web::web;

use super::ring::Addresses;
use crate::actors::messages::{QuotasConfigured, RoomConfigured};
use crate::config::Config;
use crate::config_file::ConfigFile;
use crate::hub::Hub;
use crate::hub::keys::Keys;
use crate::opening;
use crate::telemetry;

/// What holds as soon as it is read.
const AT_ONCE: [&str; 6] = [
    "log",
    "service_keys",
    "operators",
    "quotas",
    "max_queue_size",
    "max_queue_bytes",
];

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
        let keys_go = config.service_keys.is_empty() && !self.latest.service_keys.is_empty();
        if keys_go {
            // Nobody's door opens by the way.
            config.service_keys.clone_from(&self.latest.service_keys);
            config.operators.clone_from(&self.latest.operators);
            tracing::warn!("service_keys: to let everybody in needs a restart; the keys stay");
        }
        let changed = differences(&self.latest, &config);
        let (at_once, _): (Vec<_>, Vec<_>) = changed
            .into_iter()
            .partition(|key| AT_ONCE.contains(&key.as_str()));
        let waits = differences(&self.started, &config);
        let waits: Vec<_> = waits
            .into_iter()
            .filter(|key| !AT_ONCE.contains(&key.as_str()))
            .collect();
        self.apply(&config, &at_once)?;
        self.latest = config;
        tracing::info!(
            file = %path.display(),
            changed = at_once.join(", "),
            needs_a_restart = waits.join(", "),
            "SIGHUP: the configuration was read again"
        );
        Ok(())
    }

    fn apply(&self, config: &Config, changed: &[String]) -> Result<(), String> {
        let is_changed = |key: &str| changed.iter().any(|changed| changed == key);
        if is_changed("log") {
            telemetry::change(config)?;
        }
        if is_changed("service_keys") || is_changed("operators") {
            let keys = Keys::of(config).following(self.hub.keys.now());
            self.hub.keys.replace(keys);
        }
        if is_changed("quotas") {
            let quotas = QuotasConfigured(Arc::new(config.quotas.clone()));
            self.to.router.do_send(quotas.clone());
            self.to.scheduler.do_send(quotas);
        }
        if is_changed("max_queue_size") || is_changed("max_queue_bytes") {
            self.to.router.do_send(RoomConfigured {
                max_queue_size: config.max_queue_size,
                max_queue_bytes: config.max_queue_bytes,
            });
        }
        Ok(())
    }
}

/// The keys that are not the same in both.
fn differences(one: &Config, other: &Config) -> Vec<String> {
    let (before, after) = (by_key(one), by_key(other));
    let keys = before.keys().chain(after.keys());
    let mut changed: Vec<String> = keys
        .filter(|key| before.get(*key) != after.get(*key))
        .cloned()
        .collect();
    // What is not shown may have changed nevertheless.
    if one.service_keys != other.service_keys {
        changed.push("service_keys".to_owned());
    }
    if one.database != other.database {
        changed.push("database_url".to_owned());
    }
    if one.redis_url != other.redis_url {
        changed.push("redis_url".to_owned());
    }
    changed.sort();
    changed.dedup();
    changed
}

/// What is in force, as `check-config` shows it, with the lines that belong to a key.
fn by_key(config: &Config) -> BTreeMap<String, Vec<String>> {
    let shown = config.to_string();
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut key = String::new();
    for line in shown.lines() {
        if let Some((name, _)) = line.split_once(':').filter(|_| !line.starts_with(' ')) {
            name.clone_into(&mut key);
        }
        keys.entry(key.clone()).or_default().push(line.to_owned());
    }
    keys
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
        let changed = differences(&before, &after);
        assert_eq!(
            changed,
            ["log", "patience", "port", "redis_url", "service_keys"]
        );
        assert_eq!(differences(&after, &after), Vec::<String>::new());
    }

    #[test]
    fn what_holds_at_once_are_keys() {
        let keys = by_key(&Config::default());
        for key in AT_ONCE {
            assert!(keys.contains_key(key), "{key}");
        }
    }
}
