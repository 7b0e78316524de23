//! The configuration: a YAML file, then the environment over it, checked before anything starts.
//!
//! Every key of `config/config.yaml`, which is the manual, may also be given as
//! `MESSAGE_HUB_<KEY>`, whose value is read as YAML.

mod error;
mod keys;
mod limits;
mod log_filter;
mod nearest;
mod quotas;
mod risks;
mod secret;
mod settings;
mod summary;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::deny_list::DenyList;
use crate::domain::ids::ServiceName;
use crate::domain::message::Priority;
use crate::domain::ordering::OrderingOnFailure;
use crate::domain::quota::Quota;
use crate::domain::strategy::Strategy;
use crate::domain::web_origin::{AllowedOrigins, HostPattern};
use crate::logic::limits::Limits;

pub use error::ConfigError;
pub use secret::Secret;
pub use value::{Database, LogFormat, WalSync};

use settings::Settings;

/// Everything a hub can be told. Sizes are in bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// An IP address or a host name to listen on.
    pub host: String,
    /// 0: any free port.
    pub port: u16,
    pub data_dir: PathBuf,
    pub database: Database,
    pub allow_anonymous: bool,
    /// Empty: nobody has to show a key.
    pub service_keys: BTreeMap<ServiceName, Vec<Secret>>,
    /// Services that may do everything.
    pub operators: BTreeSet<ServiceName>,
    /// Names that the hub is asked under, besides its own.
    pub allowed_hosts: Vec<HostPattern>,
    /// Whose pages may use the hub from a browser, besides its own.
    pub allowed_origins: AllowedOrigins,
    /// So many wrong keys of an address in 10 s, then more of them are put off; 0: never.
    pub auth_failures: usize,
    /// What each may send and be sent, unless it is set over the API.
    pub quotas: BTreeMap<ServiceName, Quota>,
    /// What one service, or one peer, may use of the hub.
    pub limits: Limits,
    /// How long an instance may take to answer a push.
    pub message_timeout: Duration,
    /// Messages per destination and priority.
    pub max_queue_size: usize,
    pub max_queue_bytes: u64,
    pub max_retry_attempts: u32,
    pub delivery_limit: u32,
    pub base_retry_delay: Duration,
    pub max_retry_delay: Duration,
    pub service_check_interval: Duration,
    /// No instance may ask to be checked more often.
    pub min_check_interval: Duration,
    pub service_timeout: Duration,
    pub unhealthy_threshold: u32,
    pub healthy_threshold: u32,
    /// An unhealthy instance that gives no sign of life for so long is deregistered.
    pub instance_expiry: Duration,
    /// How long facts gather before they are written to the archive.
    pub wal_flush_interval: Duration,
    pub wal_sync: WalSync,
    pub wal_segment_bytes: u64,
    pub circuit_breaker_failure_threshold: u32,
    /// 0: rejections open no circuit.
    pub circuit_breaker_rejection_threshold: u32,
    pub circuit_breaker_reset_timeout: Duration,
    pub circuit_breaker_half_open_timeout: Duration,
    /// How long a message waits behind newer, more important ones; by [`Priority::index`].
    pub patience: [Duration; Priority::ALL.len()],
    pub deadline_lead: Duration,
    pub dedup_window: Duration,
    /// Message ids.
    pub dedup_capacity: usize,
    pub ordering_on_failure: OrderingOnFailure,
    /// Events of a stream from one snapshot to the next; 0: none is taken.
    pub snapshot_interval: u64,
    /// How long events are kept; zero: for ever.
    pub event_retention: Duration,
    /// How long a message stays in the history after it was settled; zero: for ever.
    pub message_retention: Duration,
    /// How long a dead letter is kept; zero: until somebody deletes it.
    pub dead_letter_retention: Duration,
    /// How often older events and messages are removed.
    pub compaction_interval: Duration,
    /// A subscription that gave no sign of life for so long holds no event back.
    pub subscription_expiry: Duration,
    /// How long callbacks are signed with the old secret, too, after it was changed.
    pub secret_overlap: Duration,
    /// Where nothing the hub sends by itself may lead: messages, events, health checks.
    pub outgoing_deny: DenyList,
    /// Issuers of certificates that are trusted besides those of the operating system.
    pub tls_ca_file: Option<PathBuf>,
    pub load_balancing_strategy: Strategy,
    pub shutdown_timeout: Duration,
    /// Below this much free space the hub takes nothing more in.
    pub disk_reserve: u64,
    pub log_format: LogFormat,
    /// Services that have series of their own, at most.
    pub metrics_max_services: usize,
    /// A filter such as `info` or `message_hub=debug,warn`.
    pub log: String,
    /// Not used by this version.
    pub redis_url: Option<Secret>,
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

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8200,
            data_dir: PathBuf::from("data"),
            database: Database::Sqlite(PathBuf::from("data/hub.db")),
            allow_anonymous: false,
            service_keys: BTreeMap::new(),
            operators: BTreeSet::new(),
            allowed_hosts: Vec::new(),
            allowed_origins: AllowedOrigins::default(),
            auth_failures: 20,
            quotas: BTreeMap::new(),
            limits: Limits::default(),
            message_timeout: Duration::from_secs(30),
            max_queue_size: 10_000,
            max_queue_bytes: 1 << 30,
            max_retry_attempts: 5,
            delivery_limit: 20,
            base_retry_delay: Duration::from_secs(1),
            max_retry_delay: Duration::from_secs(300),
            service_check_interval: Duration::from_secs(30),
            min_check_interval: Duration::from_secs(1),
            service_timeout: Duration::from_secs(10),
            unhealthy_threshold: 3,
            healthy_threshold: 2,
            instance_expiry: Duration::from_secs(5400),
            wal_flush_interval: Duration::from_secs(1),
            wal_sync: WalSync::Disk,
            wal_segment_bytes: 64 << 20,
            circuit_breaker_failure_threshold: 5,
            circuit_breaker_rejection_threshold: 20,
            circuit_breaker_reset_timeout: Duration::from_secs(60),
            circuit_breaker_half_open_timeout: Duration::from_secs(30),
            patience: [0, 10, 60, 300, 1800].map(Duration::from_secs),
            deadline_lead: Duration::from_secs(60),
            dedup_window: Duration::from_secs(86_400),
            dedup_capacity: 1_000_000,
            ordering_on_failure: OrderingOnFailure::Continue,
            snapshot_interval: 1000,
            event_retention: Duration::from_secs(30 * 86_400),
            message_retention: Duration::from_secs(30 * 86_400),
            dead_letter_retention: Duration::ZERO,
            compaction_interval: Duration::from_secs(3600),
            subscription_expiry: Duration::from_secs(30 * 86_400),
            secret_overlap: Duration::from_secs(86_400),
            outgoing_deny: DenyList::default(),
            tls_ca_file: None,
            load_balancing_strategy: Strategy::HealthAware,
            shutdown_timeout: Duration::from_secs(30),
            disk_reserve: 256 << 20,
            log_format: LogFormat::Text,
            metrics_max_services: 500,
            log: "info".to_owned(),
            redis_url: None,
        }
    }
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

    /// The keys that are set although this version does nothing with them.
    pub fn unused(&self) -> Vec<&'static str> {
        let mut keys = Vec::new();
        if self.redis_url.is_some() {
            keys.push("redis_url");
        }
        keys
    }

    /// Checks what no single key can tell.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !self.is_loopback() && self.service_keys.is_empty() && !self.allow_anonymous {
            return Err(ConfigError::OpenToAll {
                host: self.host.clone(),
            });
        }
        for operator in &self.operators {
            if !self.service_keys.contains_key(operator) {
                return Err(ConfigError::OperatorWithoutKey {
                    operator: operator.clone(),
                });
            }
        }
        if self.base_retry_delay > self.max_retry_delay {
            return Err(ConfigError::RetryDelays {
                base: self.base_retry_delay,
                max: self.max_retry_delay,
            });
        }
        Ok(())
    }

    /// Whether only this machine can reach the hub.
    fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    fn risks(&self) -> Vec<String> {
        let mut risks = Vec::new();
        if self.allow_anonymous && !self.service_keys.is_empty() {
            risks.push("allow_anonymous: has no effect, service_keys are required".to_owned());
        } else if self.allow_anonymous && !self.is_loopback() {
            let host = &self.host;
            risks.push(format!(
                "allow_anonymous: whoever reaches {host} may read and send everything"
            ));
        }
        if self.allowed_origins.any {
            risks.push(
                "allowed_origins: with `*`, every web page that is open in a browser which reaches \
                 the hub may use it"
                    .to_owned(),
            );
        }
        if self.wal_sync == WalSync::Os {
            risks.push("wal_sync: with `os`, a power failure loses acknowledged messages".into());
        }
        risks
    }
}

#[cfg(test)]
mod tests;
