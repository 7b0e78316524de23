//! The configuration, in the terms of the logic.

use std::sync::Arc;

use crate::actors::historian;
use crate::config::Config;
use crate::domain::ordering::OrderingOnFailure;
use crate::logic::admission::Admission;
use crate::logic::backoff::RetryPolicy;
use crate::logic::breaker::BreakerPolicy;
use crate::logic::dedup::DedupWindow;
use crate::logic::health::Thresholds;
use crate::logic::lanes::RankPolicy;
use crate::logic::queues::QueuePolicy;
use crate::logic::retention::RetentionPolicy;
use crate::logic::retention::messages::MessageRetentionPolicy;

pub(super) fn admission(config: &Config) -> Admission {
    let delivery = &config.delivery;
    Admission::new(delivery.max_queue_size, delivery.max_queue_bytes)
}

pub(super) fn dedup_window(config: &Config) -> DedupWindow {
    let delivery = &config.delivery;
    DedupWindow::new(delivery.dedup_capacity, delivery.dedup_window)
}

pub(super) fn retry_policy(config: &Config) -> RetryPolicy {
    RetryPolicy {
        base_delay: config.delivery.base_retry_delay,
        max_delay: config.delivery.max_retry_delay,
        max_attempts: config.delivery.max_retry_attempts,
        delivery_limit: config.delivery.delivery_limit,
        hold_keys: config.delivery.ordering_on_failure == OrderingOnFailure::Hold,
    }
}

pub(super) fn queue_policy(config: &Config) -> QueuePolicy {
    QueuePolicy {
        ranks: RankPolicy {
            patience: config.delivery.patience,
            deadline_lead: config.delivery.deadline_lead,
        },
        retries: retry_policy(config),
        quotas: Arc::new(config.shares.quotas.clone()),
    }
}

pub(super) fn history(config: &Config) -> historian::Settings {
    historian::Settings {
        snapshot_interval: config.history.snapshot_interval,
        retention: RetentionPolicy {
            keep: config.history.event_retention,
            subscription_expiry: config.history.subscription_expiry,
        },
        messages: MessageRetentionPolicy {
            keep: config.history.message_retention,
            keep_dead_letters: config.history.dead_letter_retention,
            dedup_window: config.delivery.dedup_window,
        },
        compaction_interval: config.history.compaction_interval,
    }
}

pub(super) fn breaker_policy(config: &Config) -> BreakerPolicy {
    BreakerPolicy {
        failure_threshold: config.circuits.circuit_breaker_failure_threshold,
        rejection_threshold: config.circuits.circuit_breaker_rejection_threshold,
        reset_timeout: config.circuits.circuit_breaker_reset_timeout,
        half_open_timeout: config.circuits.circuit_breaker_half_open_timeout,
        ..BreakerPolicy::default()
    }
}

pub(super) fn thresholds(config: &Config) -> Thresholds {
    Thresholds {
        unhealthy: config.services.unhealthy_threshold,
        healthy: config.services.healthy_threshold,
    }
}
