//! `/v1/queue/status`: what waits, and how full it is.

use serde_json::json;

use crate::support::TestHub;
use crate::support::verbs::id_of;

#[test]
fn everything_waiting_is_counted_where_it_is() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    hub.register_puller("mail");
    let to_billing = |fields: &str| {
        let body = format!(r#"{{"destination":"billing","payload":1{fields}}}"#);
        id_of(&hub.ask("POST", "/message", body.as_bytes()).is(202))
    };
    to_billing("");
    to_billing("");
    to_billing(r#","priority":"LOW""#);
    to_billing(r#","delay":3600"#);
    let leased = hub.pull_one("billing");
    let nacked = hub.pull_one("billing");
    hub.nack(&[&nacked["lease"]], 300.0).is(200);
    hub.send_to("mail", 1);

    let status = hub.queue_status("service=billing").is(200);
    assert_eq!(status["queues"]["LOW"], 1);
    assert_eq!(status["queues"]["NORMAL"], 0);
    assert_eq!(status["queues"]["CRITICAL"], 0);
    assert_eq!(status["total_size"], 1);
    assert_eq!(status["total_messages"], 4);
    assert_eq!(status["in_flight"], 1);
    assert_eq!(status["retrying"], 1);
    assert_eq!(status["scheduled"], 1);
    assert_eq!(status["dead_letters"], 0);
    assert_eq!(status["statistics"]["messages_enqueued"], 4);
    assert_eq!(status["statistics"]["messages_dequeued"], 0);
    assert!(status["oldest_age"].as_f64().unwrap() >= 0.0);

    hub.ack(&[&leased["lease"]]).is(200);
    let all = hub.queue_status("").is(200);
    assert_eq!(all["status"], "active");
    assert_eq!(all["total_messages"], 4);
    assert_eq!(all["statistics"]["messages_dequeued"], 1);
    assert_eq!(all["services"]["mail"]["total_size"], 1);
    assert_eq!(all["services"]["billing"]["total_size"], 1);
    hub.queue_status("service=nobody")
        .refuses(404, "SERVICE_NOT_FOUND");
}

#[test]
fn the_status_tells_how_full_a_lane_is() {
    let hub = TestHub::with(&[("max_queue_size", "10")]);
    hub.register_puller("billing");
    let status = || {
        let status = hub.queue_status("service=billing").is(200);
        status["status"].as_str().unwrap().to_owned()
    };
    let send = || {
        hub.send(&json!({"destination": "billing", "payload": 1}))
            .status
    };
    for _ in 0..8 {
        assert_eq!(send(), 202);
    }
    assert_eq!(status(), "active");
    assert_eq!(send(), 202);
    assert_eq!(status(), "throttled");
    assert_eq!(send(), 202);
    assert_eq!(send(), 429);
    assert_eq!(status(), "overloaded");
    let all = hub.queue_status("").is(200);
    assert_eq!(all["statistics"]["queue_overflows"], 1);
    assert_eq!(all["statistics"]["messages_dropped"], 0);
}
