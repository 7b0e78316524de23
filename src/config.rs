//! The configuration: a YAML file, then the environment over it, checked before anything starts.
//!
//! Every key of `config/config.yaml`, which is the manual, may also be given as
//! `MESSAGE_HUB_<KEY>`, whose value is read as YAML.

mod circuits;
mod days;
mod delivery;
mod error;
mod history;
mod limits;
mod log;
mod log_filter;
mod nearest;
mod patience;
mod period;
mod quotas;
mod reading;
mod refusal;
mod risks;
mod seconds;
mod secret;
mod security;
mod server;
mod services;
mod settings;
mod shares;
mod storage;
mod summary;
mod unused;
mod value;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use circuits::CircuitsConfig;
pub use delivery::DeliveryConfig;
pub use error::ConfigError;
pub use history::HistoryConfig;
pub use log::{LogConfig, LogFormat};
pub use secret::Secret;
pub use security::SecurityConfig;
pub use server::ServerConfig;
pub use services::ServicesConfig;
pub use shares::SharesConfig;
pub use storage::{Database, StorageConfig, WalSync};
pub use unused::UnusedConfig;

use reading::read;
use settings::Settings;
use summary::{Shown, values};

/// Everything a hub can be told, by concern: each field is a key, with its default and what it may
/// be. Sizes are in bytes.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Config {
    #[serde(flatten)]
    pub server: ServerConfig,
    #[serde(flatten)]
    pub security: SecurityConfig,
    #[serde(flatten)]
    pub shares: SharesConfig,
    #[serde(flatten)]
    pub log: LogConfig,
    #[serde(flatten)]
    pub storage: StorageConfig,
    #[serde(flatten)]
    pub delivery: DeliveryConfig,
    #[serde(flatten)]
    pub history: HistoryConfig,
    #[serde(flatten)]
    pub services: ServicesConfig,
    #[serde(flatten)]
    pub circuits: CircuitsConfig,
    #[serde(flatten)]
    pub unused: UnusedConfig,
}

/// A configuration, and what its owner should know about it.
#[derive(Clone, PartialEq, Debug)]
pub struct Loaded {
    pub config: Config,
    /// Where it was read from, beside the environment.
    pub file: Option<PathBuf>,
    /// One sentence each: unknown variables, risky settings.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads `file`, if any, then the `MESSAGE_HUB_` variables of `environment` over it, and
    /// checks the whole. Relative paths stay relative to the working directory.
    pub fn load<N: Into<OsString>, V: Into<OsString>>(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Loaded, ConfigError> {
        let mut settings = Settings::default();
        if let Some(file) = file {
            settings.add_file(file)?;
        }
        for (name, value) in environment {
            settings.add_variable(&name.into(), &value.into())?;
        }
        let config = Self::read(&mut settings)?;
        let mut warnings = settings.finish()?;
        config.validate()?;
        warnings.extend(config.risks());
        warnings.extend(config.secrets_at_risk(file));
        Ok(Loaded {
            config,
            file: file.map(Path::to_owned),
            warnings,
        })
    }

    /// Checks settings of a command line, each in the form of the environment, before a hub is
    /// started with them.
    ///
    /// # Errors
    /// An unknown key or a bad value, as in a file.
    pub fn check_arguments(arguments: &[(String, String)]) -> Result<(), ConfigError> {
        let mut settings = Settings::default();
        for (key, value) in arguments {
            settings.add_argument(key, value)?;
        }
        let config = Self::read(&mut settings)?;
        settings.finish()?;
        config.validate()
    }

    /// Takes what is given from `settings`; what is not has its default.
    fn read(settings: &mut Settings) -> Result<Self, ConfigError> {
        let mut config = Self {
            server: read(settings)?,
            security: read(settings)?,
            shares: read(settings)?,
            log: read(settings)?,
            storage: read(settings)?,
            delivery: read(settings)?,
            history: read(settings)?,
            services: read(settings)?,
            circuits: read(settings)?,
            unused: read(settings)?,
        };
        config.storage.place_archive();
        Ok(config)
    }

    /// The keys that are set although this version does nothing with them.
    pub fn unused(&self) -> Vec<String> {
        values(&self.unused)
            .map(|values| summary::set(&values))
            .unwrap_or_default()
    }

    /// The keys that are not the same in both, in alphabetical order.
    ///
    /// # Errors
    /// A value that cannot be written, which none is.
    pub fn differences(&self, other: &Self) -> Result<Vec<String>, serde_norway::Error> {
        Ok(summary::differences(&values(self)?, &values(other)?))
    }

    /// Checks what no single key can tell.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !self.server.is_loopback()
            && self.security.service_keys.is_empty()
            && !self.security.allow_anonymous
        {
            return Err(ConfigError::OpenToAll {
                host: self.server.host.clone(),
            });
        }
        let security = &self.security;
        for (list, names) in [
            ("operators", &security.operators),
            ("viewers", &security.viewers),
        ] {
            let mut names = names.iter();
            if let Some(name) = names.find(|name| !security.service_keys.contains_key(*name)) {
                let name = name.clone();
                return Err(ConfigError::WithoutKey { list, name });
            }
        }
        if self.delivery.base_retry_delay > self.delivery.max_retry_delay {
            return Err(ConfigError::RetryDelays {
                base: self.delivery.base_retry_delay,
                max: self.delivery.max_retry_delay,
            });
        }
        Ok(())
    }

    fn risks(&self) -> Vec<String> {
        let mut risks = Vec::new();
        if self.security.allow_anonymous && !self.security.service_keys.is_empty() {
            risks.push("allow_anonymous: has no effect, service_keys are required".to_owned());
        } else if self.security.allow_anonymous && !self.server.is_loopback() {
            let host = &self.server.host;
            risks.push(format!(
                "allow_anonymous: whoever reaches {host} may read and send everything"
            ));
        }
        if self.security.allowed_origins.any {
            risks.push(
                "allowed_origins: with `*`, every web page that is open in a browser which reaches \
                 the hub may use it"
                    .to_owned(),
            );
        }
        if self.storage.wal_sync == WalSync::Os {
            risks.push("wal_sync: with `os`, a power failure loses acknowledged messages".into());
        }
        risks
    }
}

/// As `check-config` prints it: YAML without the secrets.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &values(self).map_err(|_| fmt::Error)? {
            if !value.is_null() {
                writeln!(f, "{}: {}", Shown(key), Shown(value))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
