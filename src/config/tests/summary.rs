//! What is printed of the configuration in force.

use super::*;

#[test]
fn the_summary_loads_again() {
    let yaml = "{port: 0, base_retry_delay: 0.5, patience: {low: 1.25}, log_format: json, metrics_max_services: 7, \
                ordering_on_failure: hold, tls_ca_file: /etc/ca.pem, \
                snapshot_interval: 0, event_retention_days: 0.0001, message_retention_days: 0.5, \
                dead_letter_retention_days: 90, compaction_interval: 0.5, \
                subscription_expiry_days: 1.7, limits: {sockets_per_service: 7, body_bytes: 67108864}, \
                quotas: {a: {send_rate: 0.25, send_burst: 9}, '1': {max_in_flight: 3, deliver_rate: 7, max_waiting_bytes: 9, request_rate: 0.5, request_burst: 2}}}";
    for config in [default(), load_yaml(yaml, &[]).unwrap().config] {
        assert_eq!(load_yaml(&config.to_string(), &[]).unwrap().config, config);
    }
}

#[test]
fn the_summary_has_a_line_for_each_key() {
    let yaml = "{host: hub.example.org, max_queue_size: 7, message_timeout: 2.5, database_url: \
                'postgres://u:p@db/hub', service_keys: {shop: [one, two]}, quotas: {'1': {send_rate: 50}}, \
                allowed_origins: ['*', 'https://hub.example.org'], allow_anonymous: true}";
    let summary = load_yaml(yaml, &[]).unwrap().config.to_string();
    for line in [
        "host: \"hub.example.org\"",
        "allow_anonymous: true",
        "service_keys: {shop: [\"***\", \"***\"]}",
        "allowed_origins: [\"https://hub.example.org\", \"*\"]",
        "quotas: {\"1\": {send_rate: 50}}",
        "database_url: \"postgres://***@db/hub\"",
        "wal_sync: disk",
        "message_timeout: 2.5",
        "max_queue_size: 7",
        "patience: {critical: 0, high: 10, normal: 60, low: 300, deferred: 1800}",
        "event_retention_days: 30",
    ] {
        assert!(
            summary.lines().any(|shown| shown == line),
            "{line}: {summary}"
        );
    }
    assert!(!summary.contains("null"), "{summary}");
}
