//! Which keys there are, and what each may be.

use std::time::Duration;

use super::settings::Settings;
use super::value::{self, Database, LogFormat, WalSync, duration, period, whole};
use super::{Config, ConfigError, limits, log_filter, quotas};

impl Config {
    /// Takes what is given from `settings`; what is not has its default.
    pub(super) fn read(settings: &mut Settings) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        config.read_edge(settings)?;
        config.read_storage(settings)?;
        config.read_queues(settings)?;
        config.read_events(settings)?;
        config.read_services(settings)?;
        config.read_unused(settings)?;
        Ok(config)
    }

    fn read_edge(&mut self, settings: &mut Settings) -> Result<(), ConfigError> {
        settings.text("host", &mut self.host, value::host)?;
        settings.value("port", &mut self.port, whole(0..=65_535))?;
        settings.value("allow_anonymous", &mut self.allow_anonymous, value::boolean)?;
        settings.value("service_keys", &mut self.service_keys, value::service_keys)?;
        settings.value("operators", &mut self.operators, value::service_names)?;
        settings.value(
            "allowed_hosts",
            &mut self.allowed_hosts,
            value::host_patterns,
        )?;
        settings.value("allowed_origins", &mut self.allowed_origins, value::origins)?;
        settings.value("auth_failures", &mut self.auth_failures, whole(0..=1000))?;
        settings.value("quotas", &mut self.quotas, quotas::read)?;
        settings.value("limits", &mut self.limits, limits::read)?;
        settings.renamed("callback_deny", "outgoing_deny")?;
        settings.value("outgoing_deny", &mut self.outgoing_deny, value::deny_list)?;
        settings.text("tls_ca_file", &mut self.tls_ca_file, |text| {
            value::path(text).map(Some)
        })?;
        settings.value("shutdown_timeout", &mut self.shutdown_timeout, period)?;
        settings.text("log", &mut self.log, log_filter::log_filter)?;
        settings.value(
            "metrics_max_services",
            &mut self.metrics_max_services,
            whole(1..=100_000),
        )?;
        settings.text("log_format", &mut self.log_format, LogFormat::parse)
    }

    fn read_storage(&mut self, settings: &mut Settings) -> Result<(), ConfigError> {
        settings.text("data_dir", &mut self.data_dir, value::path)?;
        self.database = Database::Sqlite(self.data_dir.join("hub.db"));
        settings.text("database_url", &mut self.database, |url| {
            value::database(url, &self.data_dir)
        })?;
        settings.text("wal_sync", &mut self.wal_sync, WalSync::parse)?;
        let segment_sizes = whole(65_536..=4_294_967_296);
        settings.value(
            "wal_segment_bytes",
            &mut self.wal_segment_bytes,
            segment_sizes,
        )?;
        settings.value("wal_flush_interval", &mut self.wal_flush_interval, period)?;
        settings.value("disk_reserve", &mut self.disk_reserve, whole(0..=u64::MAX))
    }

    fn read_queues(&mut self, settings: &mut Settings) -> Result<(), ConfigError> {
        settings.value("message_timeout", &mut self.message_timeout, period)?;
        settings.value(
            "max_queue_size",
            &mut self.max_queue_size,
            whole(1..=1_000_000_000),
        )?;
        settings.value(
            "max_queue_bytes",
            &mut self.max_queue_bytes,
            whole(1..=u64::MAX),
        )?;
        settings.value(
            "max_retry_attempts",
            &mut self.max_retry_attempts,
            whole(1..=1_000_000),
        )?;
        settings.value(
            "delivery_limit",
            &mut self.delivery_limit,
            whole(0..=1_000_000),
        )?;
        settings.value("base_retry_delay", &mut self.base_retry_delay, period)?;
        settings.value("max_retry_delay", &mut self.max_retry_delay, period)?;
        let usual = self.patience;
        settings.value("patience", &mut self.patience, |given| {
            value::patience(given, usual)
        })?;
        settings.value("deadline_lead", &mut self.deadline_lead, duration)?;
        settings.value("dedup_window", &mut self.dedup_window, period)?;
        settings.value(
            "dedup_capacity",
            &mut self.dedup_capacity,
            whole(1..=100_000_000),
        )?;
        settings.text(
            "ordering_on_failure",
            &mut self.ordering_on_failure,
            value::ordering_on_failure,
        )
    }

    fn read_events(&mut self, settings: &mut Settings) -> Result<(), ConfigError> {
        let intervals = whole(0..=1_000_000_000);
        settings.value("snapshot_interval", &mut self.snapshot_interval, intervals)?;
        settings.value(
            "event_retention_days",
            &mut self.event_retention,
            value::days,
        )?;
        settings.value(
            "message_retention_days",
            &mut self.message_retention,
            value::days,
        )?;
        settings.value(
            "dead_letter_retention_days",
            &mut self.dead_letter_retention,
            value::days,
        )?;
        settings.value("compaction_interval", &mut self.compaction_interval, period)?;
        settings.value("secret_overlap", &mut self.secret_overlap, duration)?;
        settings.value(
            "subscription_expiry_days",
            &mut self.subscription_expiry,
            |given| match value::days(given)? {
                Duration::ZERO => Err("must be at least a millisecond".to_owned()),
                expiry => Ok(expiry),
            },
        )
    }

    fn read_services(&mut self, settings: &mut Settings) -> Result<(), ConfigError> {
        settings.value(
            "service_check_interval",
            &mut self.service_check_interval,
            period,
        )?;
        settings.value("min_check_interval", &mut self.min_check_interval, period)?;
        settings.value("service_timeout", &mut self.service_timeout, period)?;
        settings.value(
            "unhealthy_threshold",
            &mut self.unhealthy_threshold,
            whole(1..=1000),
        )?;
        settings.value(
            "healthy_threshold",
            &mut self.healthy_threshold,
            whole(1..=1000),
        )?;
        settings.value("instance_expiry", &mut self.instance_expiry, period)?;
        settings.text(
            "load_balancing_strategy",
            &mut self.load_balancing_strategy,
            value::strategy,
        )?;
        let failures = whole(1..=1_000_000);
        settings.value(
            "circuit_breaker_failure_threshold",
            &mut self.circuit_breaker_failure_threshold,
            failures,
        )?;
        settings.value(
            "circuit_breaker_rejection_threshold",
            &mut self.circuit_breaker_rejection_threshold,
            whole(0..=1_000_000),
        )?;
        settings.value(
            "circuit_breaker_reset_timeout",
            &mut self.circuit_breaker_reset_timeout,
            period,
        )?;
        settings.value(
            "circuit_breaker_half_open_timeout",
            &mut self.circuit_breaker_half_open_timeout,
            period,
        )
    }

    fn read_unused(&mut self, settings: &mut Settings) -> Result<(), ConfigError> {
        settings.text("redis_url", &mut self.redis_url, value::redis_url)
    }
}
