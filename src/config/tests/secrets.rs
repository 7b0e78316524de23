//! What is never shown, nor repeated.

use std::time::Duration;

use super::*;

#[test]
fn the_summary_and_debug_show_no_secret() {
    let yaml = "{service_keys: {a: [hush]}, database_url: 'postgres://u:hush@db/hub', \
                redis_url: 'redis://:hush@cache'}";
    let config = load_yaml(yaml, &[]).unwrap().config;
    for shown in [config.to_string(), format!("{config:?}")] {
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("postgres://***@db/hub"), "{shown}");
    }
}

#[test]
fn no_part_of_a_database_url_shows_a_secret() {
    for (url, shown) in [
        (
            "postgres://u:hush@db/hub?sslmode=require",
            "postgres://***@db/hub?sslmode=require",
        ),
        (
            "postgres://db/hub?password=hush",
            "postgres://db/hub?password=***",
        ),
        (
            "postgres://db/hub?user=u&password=hush&sslmode=disable&sslkey=hush",
            "postgres://db/hub?user=***&password=***&sslmode=disable&sslkey=***",
        ),
        ("postgres://u:hu?sh@db/hub", "postgres://***"),
        ("postgres://u:x@db/hub?password=hush@db", "postgres://***"),
        ("postgres://db/hub?hush", "postgres://db/hub?***"),
    ] {
        let database = Database::Postgres(url.to_owned());
        assert_eq!(database.to_string(), shown);
        assert!(!format!("{database:?}").contains("hush"));
    }
}

#[test]
fn a_refused_secret_is_not_repeated() {
    assert!(!refusal("service_keys: {a: [hush, 1]}").contains("hush"));
    assert!(!refusal("database_url: mysql://u:hush@x").contains("hush"));
}

#[test]
fn an_old_secret_may_stay_valid_for_a_while_or_not_at_all() {
    let overlap = |yaml| load_yaml(yaml, &[]).unwrap().config.history.secret_overlap;
    assert_eq!(overlap(""), Duration::from_secs(86_400));
    assert_eq!(overlap("secret_overlap: 0"), Duration::ZERO);
    assert!(refusal("secret_overlap: -1").starts_with("hub.yaml:1: secret_overlap: "));
}
