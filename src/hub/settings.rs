//! What the operations go by, of the configuration.

use std::time::Duration;

use crate::config::Config;
use crate::domain::deny_list::DenyList;
use crate::logic::limits::{Limit, Limits};

/// What the application needs of the configuration.
pub struct Settings {
    /// What an acknowledgement stands for: `disk` or `os`.
    pub durability: &'static str,
    /// So many failed attempts make a dead letter.
    pub max_retry_attempts: u32,
    /// So many consumers may be lost in a row with one message; 0: any number.
    pub delivery_limit: u32,
    /// No wish for a later attempt is heard beyond this.
    pub max_retry_delay: Duration,
    /// What one service or peer may have of the hub.
    pub limits: Limits,
    /// Where the hub sends nothing by itself.
    pub outgoing_deny: DenyList,
    /// What instances may say of themselves.
    pub registrations: RegistrationRules,
    /// Set, but without effect in this version.
    pub unused: Vec<String>,
}

impl Settings {
    /// As configured.
    pub fn new(config: &Config) -> Self {
        Self {
            durability: config.storage.wal_sync.name(),
            max_retry_attempts: config.delivery.max_retry_attempts,
            delivery_limit: config.delivery.delivery_limit,
            max_retry_delay: config.delivery.max_retry_delay,
            limits: config.shares.limits,
            outgoing_deny: config.security.outgoing_deny.clone(),
            registrations: RegistrationRules {
                deny: config.security.outgoing_deny.clone(),
                min_check_interval: config.services.min_check_interval,
                most_metadata: config.shares.limits.size(Limit::MetadataBytes),
            },
            unused: config.unused(),
        }
    }
}

/// What this hub does not let everybody register.
#[derive(Clone, Debug)]
pub struct RegistrationRules {
    /// Where no instance may be.
    pub deny: DenyList,
    /// No instance is checked more often.
    pub min_check_interval: Duration,
    /// Bytes of metadata.
    pub most_metadata: usize,
}
