//! `/health`, `/metrics`, and what holds for every route.

use serde_json::json;

use crate::support::verbs::{array, text};
use crate::support::{FakeService, Reply, TestHub, eventually};

#[test]
fn health_tells_how_the_hub_is() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    hub.send_to("billing", 1);
    let health = hub.get("/health").is(200);
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["message_stats"]["pending"], 1);
    assert_eq!(health["message_stats"]["processed"], 0);
    assert!(health["services"]["billing"].is_string());
    let counts = json!({"healthy": 0, "degraded": 0, "unhealthy": 1});
    assert_eq!(health["service_counts"], counts);
    assert!(health["uptime"].is_number());
    hub.get("/health/live").is(200);
    assert_eq!(hub.get("/health/ready").is(200)["phase"], "open");
    let details = hub.get("/health/details").is(200);
    for component in [
        "message_queue",
        "event_store",
        "service_registry",
        "journal",
        "archive",
        "disk",
    ] {
        let status = &details["components"][component]["status"];
        assert_eq!(status, "healthy", "{component}");
    }
}

#[test]
fn settings_without_effect_are_told() {
    let hub = TestHub::with(&[("redis_url", "redis://localhost:6379")]);
    let details = hub.get("/health/details").is(200);
    let unused: Vec<_> = array(&details["set_but_unused"]).iter().map(text).collect();
    assert_eq!(unused, ["redis_url"]);
    assert!(hub.log().contains("redis_url"), "{}", hub.log());
}

#[test]
fn what_was_accepted_is_all_somewhere() {
    let mut hub = TestHub::with(&[("base_retry_delay", "300")]);
    let service = FakeService::start().then([
        Reply::Status(200),
        Reply::Status(400),
        Reply::Status(500),
        Reply::Hang,
    ]);
    hub.register_at("billing", &service.url());
    for count in 1..=4 {
        hub.send_to("billing", 1);
        service.wait_for(count);
    }
    hub.register_puller("mail");
    let to_mail = |fields: &str| {
        let body = format!(r#"{{"destination":"mail","payload":1{fields}}}"#);
        text(&hub.ask("POST", "/message", body.as_bytes()).is(202)["id"])
    };
    to_mail("");
    to_mail(r#","delay":3600"#);
    to_mail(r#","ttl":0.05"#);
    hub.cancel(&to_mail("")).is(200);
    let count = |state: &str| hub.in_state(state);
    eventually("each is where it should be", || {
        let once = [
            "delivered",
            "dead",
            "retrying",
            "scheduled",
            "expired",
            "cancelled",
        ];
        once.iter().all(|state| count(state) == 1.0)
    });
    assert_eq!(hub.metric("message_hub_messages_accepted_total"), 8.0);
    hub.assert_conservation();
    // A stop would wait for the push that hangs.
    hub.kill9();
    let hub = hub.restart();
    assert_eq!(hub.metric("message_hub_messages_accepted_total"), 8.0);
    hub.assert_conservation();
}

#[test]
fn series_exist_from_the_start() {
    let hub = TestHub::start();
    for series in [
        "message_hub_messages_accepted_total",
        "message_hub_retries_total",
        "message_hub_dead_letters",
        "message_hub_dead_letters_total{reason=\"rejected\"}",
        "message_hub_queue_size{priority=\"CRITICAL\"}",
        "message_hub_messages_by_state{state=\"parked\"}",
        "message_hub_disk_guard",
        "message_hub_journal_sync_seconds_count",
    ] {
        assert!(hub.metric(series) >= 0.0);
    }
    // How far the archive is has to be measured first.
    eventually("the archive's lag is known", || {
        let text = hub.get("/metrics").body;
        text.lines()
            .any(|line| line == "message_hub_archive_lag_records 0")
    });
}

#[test]
fn a_label_has_a_bounded_number_of_values() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let messages: Vec<_> = (0..80)
        .map(|n| json!({"destination": "billing", "payload": 1, "type": format!("type-{n}")}))
        .collect();
    hub.batch(&json!(messages)).is(202);
    let text = hub.get("/metrics").body;
    let series = text
        .lines()
        .filter(|line| line.starts_with("message_hub_messages_total{"));
    assert!(series.count() <= 51);
    assert_eq!(
        hub.metric("message_hub_messages_total{type=\"other\"}"),
        30.0
    );
}

#[test]
fn unknown_routes_and_methods_are_told_in_the_envelope() {
    let hub = TestHub::start();
    hub.get("/nowhere").refuses(404, "NOT_FOUND");
    hub.get("/v1/messages/").refuses(404, "NOT_FOUND");
    for (method, path) in [
        ("GET", "/v1/messages/send"),
        ("PUT", "/v1/messages"),
        ("DELETE", "/health"),
        ("PATCH", "/v1/dlq"),
    ] {
        let answer = hub.ask(method, path, b"");
        assert!(answer.header("allow").is_some(), "{method} {path}");
        answer.refuses(405, "METHOD_NOT_ALLOWED");
    }
}

#[test]
fn monitors_ask_with_head() {
    let hub = TestHub::start();
    let client = hub.nameless();
    let mut connection = client.connect().unwrap();
    let mut ask = |method, path| connection.ask(method, path, &[], b"").unwrap();
    for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
        let head = ask("HEAD", path);
        // Were there a body, this would read it.
        let get = ask("GET", path);
        assert_eq!((head.status, get.status), (200, 200), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        let refused = ask("PUT", path);
        assert_eq!(refused.header("allow"), Some("GET, HEAD"), "{path}");
    }
    assert_eq!(ask("HEAD", "/v1/messages").status, 405);
}

#[test]
fn a_queue_that_refuses_is_not_well_and_whoever_polls_is_a_consumer() {
    let hub = TestHub::with(&[("max_queue_size", "2")]);
    hub.register_puller("billing");
    let queue = || hub.get("/health/details").is(200)["components"]["message_queue"].clone();
    assert_eq!(queue()["status"], "healthy");
    for n in 0..2 {
        hub.send_to("billing", n);
    }
    let message = json!({"destination": "billing", "payload": 3});
    hub.send(&message).refuses(429, "QUEUE_FULL");
    eventually("it is told", || queue()["status"] == "degraded");
    assert_eq!(hub.get("/health").is(200)["status"], "degraded");
    assert_eq!(hub.get("/health/ready").is(200)["status"], "healthy");
    let mut socket = hub.socket();
    socket.consume("listened", 1);
    eventually("they are counted", || queue()["consumers"] == 2);
    let journal = hub.get("/health/details").is(200)["components"]["journal"].clone();
    assert!(journal["last_sync_ms"].as_f64() > Some(0.0), "{journal}");
    for leased in hub.pull("billing", 2) {
        hub.ack(&[&leased["lease"]]).is(200);
    }
    eventually("it is well", || {
        hub.get("/health").is(200)["status"] == "healthy"
    });
}
