//! `/metrics`: which series there are, of whom, and when they go.

use serde_json::json;

use crate::support::{FakeService, Reply, TestHub, eventually};

fn text(hub: &TestHub) -> String {
    hub.get("/metrics").body
}

#[test]
fn each_service_has_its_own_series() {
    let hub = TestHub::with(&[("max_queue_size", "2")]);
    hub.register_puller("mail");
    let service = FakeService::answering(Reply::Status(422));
    hub.register_at("printer", &service.url());
    for _ in 0..2 {
        hub.send_to("mail", json!(1));
    }
    let message = json!({"source": "shop", "destination": "mail", "type": "t", "payload": 1});
    hub.send(&message).refuses(429, "QUEUE_FULL");
    let dead = hub.send_to("printer", json!(1));
    eventually("it is dead", || hub.state(&dead) == "dead");
    hub.pause_queue(&json!({"service": "printer"})).is(200);
    for (series, value) in [
        ("message_hub_queue_depth{service=\"mail\"}", 2.0),
        ("message_hub_queue_in_flight{service=\"mail\"}", 0.0),
        (
            "message_hub_refusals_total{reason=\"lane_full\",service=\"mail\"}",
            1.0,
        ),
        ("message_hub_queue_paused{service=\"mail\"}", 0.0),
        ("message_hub_queue_paused{service=\"printer\"}", 1.0),
        ("message_hub_all_queues_paused", 0.0),
        ("message_hub_service_dead_letters{service=\"printer\"}", 1.0),
        ("message_hub_service_dead_letters{service=\"mail\"}", 0.0),
        ("message_hub_circuit_state{service=\"printer\"}", 0.0),
        ("message_hub_service_health{service=\"printer\"}", 2.0),
    ] {
        assert_eq!(hub.metric(series), value, "{series}");
    }
    assert!(hub.metric("message_hub_queue_oldest_age_seconds{service=\"mail\"}") > 0.0);
    let build = format!("version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    assert!(text(&hub).contains(&build));
}

#[test]
fn who_is_gone_has_no_series_and_a_late_comer_gets_one() {
    let hub = TestHub::with(&[("metrics_max_services", "5")]);
    for n in 0..12 {
        let name = format!("tmp{n}");
        hub.register_puller(&name);
        hub.delete(&format!("/v1/services/{name}")).is(204);
    }
    let service = FakeService::start();
    hub.register_at("real", &service.url());
    hub.force_circuit("real", "OPEN");
    hub.register_puller("real2");
    let open = |hub: &TestHub| hub.metric("message_hub_circuit_state{service=\"real\"}");
    assert_eq!(open(&hub), 2.0);
    assert!(!text(&hub).contains("tmp"), "{}", text(&hub));
    let hub = hub.restart();
    assert_eq!(open(&hub), 2.0);
    assert!(!text(&hub).contains("tmp"), "{}", text(&hub));
    assert!(!text(&hub).contains("_state{service=\"other\"}"));
}

#[test]
fn what_is_left_for_a_service_keeps_its_series() {
    let hub = TestHub::start();
    hub.register_puller("mail");
    let id = hub.send_to("mail", json!(1));
    hub.delete("/v1/services/mail").is(204);
    let depth = "message_hub_queue_depth{service=\"mail\"}";
    assert_eq!(hub.metric(depth), 1.0);
    assert!(!text(&hub).contains("service_health{service=\"mail\"}"));
    hub.cancel(&id).is(200);
    eventually("its series go", || !text(&hub).contains("mail"));
}

#[test]
fn requests_are_counted_by_route_and_status() {
    let hub = TestHub::start();
    hub.register_puller("mail");
    let id = hub.send_to("mail", json!(1));
    hub.message(&id);
    hub.get("/v1/messages/nonsense").is(400);
    hub.get("/nowhere").is(404);
    let count = |method: &str, route: &str, status: u16| {
        hub.metric(&format!(
            "message_hub_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
        ))
    };
    assert_eq!(count("POST", "/v1/messages/send", 202), 1.0);
    assert_eq!(count("GET", "/v1/messages/{id}", 200), 1.0);
    assert_eq!(count("GET", "/v1/messages/{id}", 400), 1.0);
    assert_eq!(count("GET", "none", 404), 1.0);
    let seconds = "message_hub_http_request_seconds_count{route=\"/v1/messages/send\"}";
    assert_eq!(hub.metric(seconds), 1.0);
}

#[test]
fn health_says_in_words_what_is_wrong_now() {
    let hub = TestHub::with(&[("max_queue_size", "1")]);
    hub.register_puller("mail");
    let attention = || hub.get("/health").is(200)["attention"].clone();
    assert_eq!(attention(), json!([]));
    hub.send_to("mail", json!(1));
    let full = json!(["the queue of mail is full and refuses messages"]);
    eventually("it is told", || attention() == full);
    hub.pause_queue(&json!({})).is(200);
    eventually("that, too", || attention()[1] != json!(null));
    let words = attention();
    let last = words[1].as_str().unwrap();
    assert!(last.starts_with("all queues are paused since "), "{words}");
    assert!(last.ends_with(" by shop"), "{words}");
}

#[test]
fn details_say_which_queues_are_paused_since_when_and_by_whom() {
    let hub = TestHub::start();
    let paused = || {
        let details = hub.get("/health/details").is(200);
        details["components"]["message_queue"]["paused"].clone()
    };
    assert_eq!(paused(), json!({"all": null, "count": 0, "queues": []}));
    for service in ["post", "mail"] {
        hub.register_puller(service);
        hub.pause_queue(&json!({"service": service})).is(200);
    }
    hub.pause_queue(&json!({})).is(200);
    eventually("all is told", || !paused()["all"].is_null());
    let told = paused();
    assert_eq!(told["count"], 2);
    assert_eq!(told["all"]["by"], "shop");
    for (queue, service) in [(0, "mail"), (1, "post")] {
        let queue = &told["queues"][queue];
        assert_eq!(
            (&queue["service"], &queue["by"]),
            (&json!(service), &json!("shop"))
        );
        assert!(queue["since"].is_string(), "{told}");
    }
    hub.post("/v1/queue/resume", &json!({})).is(200);
    eventually("those stay that were paused by name", || {
        paused()["all"].is_null() && paused()["count"] == 2
    });
}
