mod quotas;
mod secrets;
mod summary;

use std::fs;
use std::time::Duration;

use super::*;
use crate::domain::deny_list::DenyList;
use crate::domain::ids::ServiceName;

/// The YAML of the first README, which must keep loading.
const README_YAML: &str = r#"# Message Queue Settings
redis_url: "redis://localhost:6379"
message_timeout: 30
max_queue_size: 10000

# Retry Settings
max_retry_attempts: 5
base_retry_delay: 1
max_retry_delay: 300

# Service Discovery
service_check_interval: 30
service_timeout: 10
unhealthy_threshold: 3
healthy_threshold: 2

# Event Store
database_url: "postgresql://msg_hub_user:password@localhost:5432/msg_hub"
event_retention_days: 30
wal_flush_interval: 1
compaction_interval: 3600

# Circuit Breaker
circuit_breaker_failure_threshold: 5
circuit_breaker_reset_timeout: 60
"#;

fn load_yaml(yaml: &str, environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.yaml");
    fs::write(&file, yaml).unwrap();
    Config::load(Some(&file), environment.iter().copied())
}

fn default() -> Config {
    load(&[]).unwrap().config
}

fn load(environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    Config::load(None, environment.iter().copied())
}

fn refusal(yaml: &str) -> String {
    let error = load_yaml(yaml, &[]).unwrap_err().to_string();
    let start = error.find("hub.yaml").unwrap_or(0);
    error[start..].to_owned()
}

fn shipped_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/config.yaml")
}

fn name(text: &str) -> ServiceName {
    ServiceName::parse(text).unwrap()
}

#[test]
fn the_shipped_file_holds_the_defaults() {
    let loaded = Config::load::<&str, &str>(Some(&shipped_file()), []).unwrap();
    assert_eq!(loaded.config, default());
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn the_shipped_file_names_every_key_once_and_sets_those_with_a_default() {
    let manual = fs::read_to_string(shipped_file()).unwrap();
    let ConfigError::UnknownKey { advice, .. } = load_yaml("x: 1", &[]).unwrap_err() else {
        panic!("x should be unknown");
    };
    let known = advice.strip_prefix("the keys are: ").unwrap();
    let in_force = default().to_string();
    for key in known.split(", ") {
        let (set, left_out) = (format!("{key}:"), format!("# {key}:"));
        let starts = |start: &str| {
            manual
                .lines()
                .filter(|line| line.starts_with(start))
                .count()
        };
        let has_default = in_force.lines().any(|line| line.starts_with(&set));
        let expected = if has_default { (1, 0) } else { (0, 1) };
        assert_eq!((starts(&set), starts(&left_out)), expected, "{key}");
    }
}

#[test]
fn nothing_given_means_the_defaults() {
    assert_eq!(load_yaml("# empty\n", &[]).unwrap().config, default());
    assert_eq!(load_yaml("port:\n", &[]).unwrap().config, default());
}

#[test]
fn the_readme_yaml_loads() {
    let config = load_yaml(README_YAML, &[]).unwrap().config;
    let url = "postgresql://msg_hub_user:password@localhost:5432/msg_hub";
    assert_eq!(
        config.storage.database_url,
        Database::Postgres(url.to_owned())
    );
    assert_eq!(config.unused(), ["redis_url"]);
}

#[test]
fn the_environment_wins_over_the_file() {
    let environment = [
        ("MESSAGE_HUB_PORT", "9000"),
        ("MESSAGE_HUB_PATIENCE", "{high: 2.5}"),
        (
            "MESSAGE_HUB_SERVICE_KEYS",
            "{billing: [billing-0123456789, billing-9876543210], shop: shop-0123456789ab}",
        ),
        ("MESSAGE_HUB_HEALTHY_THRESHOLD", ""),
        ("PATH", "/bin"),
    ];
    let loaded = load_yaml("port: 8000\nhealthy_threshold: 7", &environment).unwrap();
    assert_eq!(loaded.config.server.port, 9000);
    assert_eq!(
        loaded.config.delivery.patience,
        [0, 2500, 60_000, 300_000, 1_800_000].map(Duration::from_millis)
    );
    assert_eq!(
        loaded.config.security.service_keys[&name("billing")].len(),
        2
    );
    assert_eq!(
        loaded.config.security.service_keys[&name("shop")],
        [Secret::new("shop-0123456789ab")]
    );
    assert_eq!(loaded.config.services.healthy_threshold, 7);
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn texts_in_the_environment_need_no_quotes() {
    let environment = [("MESSAGE_HUB_DATA_DIR", "007"), ("MESSAGE_HUB_HOST", "::1")];
    let config = load(&environment).unwrap().config;
    assert_eq!(config.storage.data_dir, PathBuf::from("007"));
    assert_eq!(config.server.host, "::1");
}

#[test]
fn the_database_follows_the_data_directory() {
    let config = load(&[("MESSAGE_HUB_DATA_DIR", "/var/hub")])
        .unwrap()
        .config;
    assert_eq!(
        config.storage.database_url,
        Database::Sqlite("/var/hub/hub.db".into())
    );
    let environment = [
        ("MESSAGE_HUB_DATA_DIR", "/var/hub"),
        ("MESSAGE_HUB_DATABASE_URL", "sqlite://{data_dir}/x.db"),
    ];
    let config = load(&environment).unwrap().config;
    assert_eq!(
        config.storage.database_url,
        Database::Sqlite("/var/hub/x.db".into())
    );
}

#[test]
fn unknown_variables_only_warn() {
    let loaded = load(&[("MESSAGE_HUB_PROT", "1"), ("MESSAGE_HUB_port", "1")]).unwrap();
    assert_eq!(loaded.config, default());
    assert_eq!(loaded.warnings.len(), 2);
    assert!(
        loaded
            .warnings
            .iter()
            .any(|w| w.contains("MESSAGE_HUB_PROT"))
    );
}

#[test]
fn the_port_that_kubernetes_sets_is_ignored() {
    let loaded = load(&[("MESSAGE_HUB_PORT", "tcp://10.0.0.1:8200")]).unwrap();
    assert_eq!(loaded.config.server.port, 8200);
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn an_error_names_the_place_the_key_and_what_is_allowed() {
    assert_eq!(
        refusal("host: localhost\nport: 70000"),
        "hub.yaml:2: port: must be a whole number from 0 to 65535, but is 70000"
    );
    assert_eq!(
        load(&[("MESSAGE_HUB_WAL_SYNC", "never")])
            .unwrap_err()
            .to_string(),
        "environment variable MESSAGE_HUB_WAL_SYNC: wal_sync: must be one of disk, os, but is \"never\""
    );
    assert!(
        refusal("\nprot: 1").starts_with("hub.yaml:2: unknown key `prot`; did you mean `port`?")
    );
}

#[test]
fn values_out_of_range_are_refused() {
    for yaml in [
        "port: -1",
        "port: '8200'",
        "port: 1.5",
        "host: 1.2.3.4.5",
        "host: 'a b'",
        "host: 127",
        "unhealthy_threshold: 0",
        "healthy_threshold: 0",
        "instance_expiry: 0",
        "max_retry_attempts: 0",
        "delivery_limit: -1",
        "max_queue_size: 0",
        "message_timeout: 0",
        "message_timeout: -1",
        "message_timeout: 30s",
        "wal_flush_interval: .nan",
        "wal_segment_bytes: 1024",
        "database_url: mysql://x",
        "database_url: sqlite://",
        "database_url: 'sqlite://:memory:'",
        "redis_url: http://x",
        "patience: {urgent: 1}",
        "patience: 5",
        "allow_anonymous: maybe",
        "load_balancing_strategy: fastest",
        "ordering_on_failure: stop",
        "data_dir: ''",
        "operators: root",
        "service_keys: {'a b': k}",
        "service_keys: {a: []}",
        "service_keys: {a: ''}",
        "service_keys: {a: 12}",
        "event_retention_days: -1",
        "event_retention_days: 36501",
        "event_retention_days: month",
        "message_retention_days: -1",
        "dead_letter_retention_days: never",
        "subscription_expiry_days: 0",
        "snapshot_interval: -1",
        "snapshot_interval: 1.5",
        "compaction_interval: 0",
    ] {
        let key = yaml.split(':').next().unwrap();
        assert!(
            refusal(yaml).starts_with(&format!("hub.yaml:1: {key}: ")),
            "{}",
            refusal(yaml)
        );
    }
}

#[test]
fn broken_yaml_is_refused_with_its_line() {
    assert!(refusal("port: 1\nhost: ]\n").contains("line 2"));
    assert!(refusal("port: 1\nport: 2").contains("duplicate"));
    assert!(refusal("[1, 2]").contains("key: value"));
    assert!(refusal("1: 2").contains("key: value"));
    assert!(Config::load::<&str, &str>(Some(Path::new("/no/such.yaml")), []).is_err());
}

#[test]
fn other_machines_are_let_in_only_on_purpose() {
    for host in ["0.0.0.0", "192.168.1.5", "'::'", "hub.example.com"] {
        let open = format!("host: {host}");
        assert!(
            matches!(load_yaml(&open, &[]), Err(ConfigError::OpenToAll { .. })),
            "{host}"
        );
        let keys = [("MESSAGE_HUB_SERVICE_KEYS", "{a: 0123456789abcdef}")];
        let warnings = load_yaml(&open, &keys).unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("in clear text"), "{warnings:?}");
        let anonymous = format!("{open}\nallow_anonymous: true");
        assert_eq!(load_yaml(&anonymous, &[]).unwrap().warnings.len(), 1);
    }
    for host in ["127.0.0.1", "127.9.9.9", "'::1'", "localhost"] {
        load_yaml(&format!("host: {host}"), &[]).unwrap();
    }
}

#[test]
fn contradictions_are_refused() {
    let error = load_yaml("base_retry_delay: 400", &[]).unwrap_err();
    assert!(matches!(error, ConfigError::RetryDelays { .. }));
    for list in ["operators", "viewers"] {
        let error = load_yaml(&format!("{list}: [root]"), &[]).unwrap_err();
        let told = format!("{list}: `root` has no key under service_keys");
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn an_old_name_is_read_but_not_beside_the_new_one() {
    let denied = |yaml: &str| load_yaml(yaml, &[]).unwrap().config.security.outgoing_deny;
    let expected = DenyList::parse(["10.0.0.0/8"]).unwrap();
    for key in ["outgoing_deny", "callback_deny"] {
        assert_eq!(denied(&format!("{key}: [10.0.0.0/8]")), expected, "{key}");
    }
    let by_variable = load(&[("MESSAGE_HUB_CALLBACK_DENY", "[10.0.0.0/8]")]).unwrap();
    assert_eq!(by_variable.config.security.outgoing_deny, expected);
    let both = "outgoing_deny: []\ncallback_deny: [10.0.0.0/8]";
    let told = "hub.yaml:2: callback_deny: is the old name of outgoing_deny, which is given too";
    assert!(refusal(both).starts_with(told), "{}", refusal(both));
    let other_way_round = "callback_deny: []\n\noutgoing_deny: [10.0.0.0/8]";
    let told = "hub.yaml:1: callback_deny: is the old name of outgoing_deny, which is given too";
    assert!(refusal(other_way_round).starts_with(told));
    let yaml = "outgoing_deny: []";
    let variable = [("MESSAGE_HUB_CALLBACK_DENY", "[]")];
    assert!(load_yaml(yaml, &variable).is_err());
    // Without a value it is not given.
    assert_eq!(
        denied("outgoing_deny:\ncallback_deny: [10.0.0.0/8]"),
        expected
    );
}

#[test]
fn a_key_that_is_near_none_lists_them_all() {
    assert!(refusal("colour: 1").contains("unknown key `colour`; the keys are: host, port"));
}

#[test]
fn a_variable_near_a_key_is_told_what_was_meant() {
    let warnings = |name| load(&[(name, "1")]).unwrap().warnings.join(" ");
    let meant = warnings("MESSAGE_HUB_PROT");
    assert!(
        meant.ends_with("ignored; did you mean MESSAGE_HUB_PORT?"),
        "{meant}"
    );
    let spelt = warnings("MESSAGE_HUB_log_format");
    assert!(
        spelt.ends_with("did you mean MESSAGE_HUB_LOG_FORMAT?"),
        "{spelt}"
    );
    assert!(warnings("MESSAGE_HUB_COLOUR").ends_with("ignored"));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_key() {
    assert_eq!(
        load_yaml("\u{feff}port: 1", &[])
            .unwrap()
            .config
            .server
            .port,
        1
    );
}

#[test]
fn a_log_that_nobody_could_read_is_refused() {
    let refusal = refusal("port: 1\nlog: information");
    assert!(
        refusal.starts_with("hub.yaml:2: log: \"information\" is no level"),
        "{refusal}"
    );
    assert!(refusal.contains("did you mean info?"), "{refusal}");
    let config = load_yaml("log: message-hub=Warning", &[]).unwrap().config;
    assert_eq!(config.log.log, "message_hub=warn,info");
}
