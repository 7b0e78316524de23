//! The configuration in force, as `check-config` prints it: YAML without the secrets.

use std::fmt;
use std::time::Duration;

use super::{Config, limits, quotas};
use crate::domain::message::Priority;

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_edge(f)?;
        self.write_storage(f)?;
        self.write_queues(f)?;
        self.write_events(f)?;
        self.write_services(f)
    }
}

impl Config {
    fn write_edge(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "host: {:?}", self.host)?;
        writeln!(f, "port: {}", self.port)?;
        writeln!(f, "allow_anonymous: {}", self.allow_anonymous)?;
        let keys = self.service_keys.iter();
        let keys: Vec<_> = keys
            .map(|(name, keys)| format!("{name:?}: {keys:?}"))
            .collect();
        writeln!(f, "service_keys: {{{}}}", keys.join(", "))?;
        let operators: Vec<_> = self.operators.iter().collect();
        writeln!(f, "operators: {operators:?}")?;
        let hosts = self.allowed_hosts.iter().map(ToString::to_string);
        writeln!(f, "allowed_hosts: {:?}", hosts.collect::<Vec<_>>())?;
        writeln!(f, "allowed_origins: {}", self.allowed_origins)?;
        writeln!(f, "auth_failures: {}", self.auth_failures)?;
        writeln!(f, "quotas: {}", quotas::Written(&self.quotas))?;
        writeln!(f, "limits: {}", limits::Written(&self.limits))?;
        writeln!(f, "outgoing_deny: {}", self.outgoing_deny)?;
        if let Some(file) = &self.tls_ca_file {
            writeln!(f, "tls_ca_file: {file:?}")?;
        }
        writeln!(f, "shutdown_timeout: {}", Seconds(self.shutdown_timeout))?;
        writeln!(f, "log: {:?}", self.log)?;
        writeln!(f, "log_format: {}", self.log_format.name())?;
        writeln!(f, "metrics_max_services: {}", self.metrics_max_services)
    }

    fn write_storage(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "data_dir: {:?}", self.data_dir)?;
        writeln!(f, "database_url: {:?}", self.database.to_string())?;
        writeln!(f, "wal_sync: {}", self.wal_sync.name())?;
        writeln!(f, "wal_segment_bytes: {}", self.wal_segment_bytes)?;
        writeln!(
            f,
            "wal_flush_interval: {}",
            Seconds(self.wal_flush_interval)
        )?;
        writeln!(f, "disk_reserve: {}", self.disk_reserve)
    }

    fn write_queues(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "message_timeout: {}", Seconds(self.message_timeout))?;
        writeln!(f, "max_queue_size: {}", self.max_queue_size)?;
        writeln!(f, "max_queue_bytes: {}", self.max_queue_bytes)?;
        writeln!(f, "max_retry_attempts: {}", self.max_retry_attempts)?;
        writeln!(f, "delivery_limit: {}", self.delivery_limit)?;
        writeln!(f, "base_retry_delay: {}", Seconds(self.base_retry_delay))?;
        writeln!(f, "max_retry_delay: {}", Seconds(self.max_retry_delay))?;
        writeln!(f, "patience:")?;
        for priority in Priority::ALL {
            let patience = Seconds(self.patience[priority.index()]);
            writeln!(f, "  {}: {patience}", priority.name().to_lowercase())?;
        }
        writeln!(f, "deadline_lead: {}", Seconds(self.deadline_lead))?;
        writeln!(f, "dedup_window: {}", Seconds(self.dedup_window))?;
        writeln!(f, "dedup_capacity: {}", self.dedup_capacity)?;
        let on_failure = self.ordering_on_failure.name();
        writeln!(f, "ordering_on_failure: {on_failure}")
    }

    fn write_events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "snapshot_interval: {}", self.snapshot_interval)?;
        writeln!(f, "event_retention_days: {}", Days(self.event_retention))?;
        let messages = Days(self.message_retention);
        writeln!(f, "message_retention_days: {messages}")?;
        let letters = Days(self.dead_letter_retention);
        writeln!(f, "dead_letter_retention_days: {letters}")?;
        writeln!(
            f,
            "compaction_interval: {}",
            Seconds(self.compaction_interval)
        )?;
        let expiry = Days(self.subscription_expiry);
        writeln!(f, "subscription_expiry_days: {expiry}")?;
        writeln!(f, "secret_overlap: {}", Seconds(self.secret_overlap))
    }

    fn write_services(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strategy = self.load_balancing_strategy.name();
        let failures = self.circuit_breaker_failure_threshold;
        let reset = Seconds(self.circuit_breaker_reset_timeout);
        let half_open = Seconds(self.circuit_breaker_half_open_timeout);
        writeln!(
            f,
            "service_check_interval: {}",
            Seconds(self.service_check_interval)
        )?;
        let least = Seconds(self.min_check_interval);
        writeln!(f, "min_check_interval: {least}")?;
        writeln!(f, "service_timeout: {}", Seconds(self.service_timeout))?;
        writeln!(f, "unhealthy_threshold: {}", self.unhealthy_threshold)?;
        writeln!(f, "healthy_threshold: {}", self.healthy_threshold)?;
        writeln!(f, "instance_expiry: {}", Seconds(self.instance_expiry))?;
        writeln!(f, "load_balancing_strategy: {strategy}")?;
        writeln!(f, "circuit_breaker_failure_threshold: {failures}")?;
        let rejections = self.circuit_breaker_rejection_threshold;
        writeln!(f, "circuit_breaker_rejection_threshold: {rejections}")?;
        writeln!(f, "circuit_breaker_reset_timeout: {reset}")?;
        writeln!(f, "circuit_breaker_half_open_timeout: {half_open}")
    }
}

/// Writes a duration of days as the configuration reads it.
struct Days(Duration);

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs_f64() / 86_400.0)
    }
}

/// Writes a duration as the configuration reads it.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs_f64())
    }
}
