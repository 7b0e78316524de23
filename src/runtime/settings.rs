//! The configuration, in the terms of the logic.

use std::sync::Arc;

use crate::actors::historian;
use crate::config::Config;
use crate::domain::ordering::OrderingOnFailure;
use crate::logic::backoff::RetryPolicy;
use crate::logic::breaker::BreakerPolicy;
use crate::logic::health::Thresholds;
use crate::logic::lanes::RankPolicy;
use crate::logic::queues::QueuePolicy;
use crate::logic::retention::RetentionPolicy;
use crate::logic::retention::messages::MessageRetentionPolicy;

pub(super) fn retry_policy(config: &Config) -> RetryPolicy {
    RetryPolicy {
        base_delay: config.base_retry_delay,
        max_delay: config.max_retry_delay,
        max_attempts: config.max_retry_attempts,
        delivery_limit: config.delivery_limit,
        hold_keys: config.ordering_on_failure == OrderingOnFailure::Hold,
    }
}

pub(super) fn queue_policy(config: &Config) -> QueuePolicy {
    QueuePolicy {
        ranks: RankPolicy {
            patience: config.patience,
            deadline_lead: config.deadline_lead,
        },
        retries: retry_policy(config),
        quotas: Arc::new(config.quotas.clone()),
    }
}

pub(super) fn history(config: &Config) -> historian::Settings {
    historian::Settings {
        snapshot_interval: config.snapshot_interval,
        retention: RetentionPolicy {
            keep: config.event_retention,
            subscription_expiry: config.subscription_expiry,
        },
        messages: MessageRetentionPolicy {
            keep: config.message_retention,
            keep_letters: config.dead_letter_retention,
            dedup_window: config.dedup_window,
        },
        compaction_interval: config.compaction_interval,
    }
}

pub(super) fn breaker_policy(config: &Config) -> BreakerPolicy {
    BreakerPolicy {
        failure_threshold: config.circuit_breaker_failure_threshold,
        rejection_threshold: config.circuit_breaker_rejection_threshold,
        reset_timeout: config.circuit_breaker_reset_timeout,
        half_open_timeout: config.circuit_breaker_half_open_timeout,
        ..BreakerPolicy::default()
    }
}

pub(super) fn thresholds(config: &Config) -> Thresholds {
    Thresholds {
        unhealthy: config.unhealthy_threshold,
        healthy: config.healthy_threshold,
    }
}
