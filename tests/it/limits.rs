//! What one client may use of the hub, and that it keeps nobody else out.

use serde_json::{Value, json};

use crate::support::{TestHub, eventually};

const LIMITED: &str = "{metadata_bytes: 100, registration_bytes: 1024, instances_per_service: 3, \
                       subscriptions_per_service: 2, patterns_per_service: 5, \
                       replays_per_subscription: 1, sockets_per_service: 2, redrive_jobs: 1, quotas: 1}";

fn limited() -> TestHub {
    TestHub::with(&[("limits", LIMITED)])
}

fn limit<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let limits = answer["limits"].as_array().unwrap();
    let found = limits.iter().find(|one| one["limit"] == name);
    found.unwrap_or_else(|| panic!("{name} in {answer}"))
}

#[test]
fn a_registration_has_a_size_and_a_service_a_number_of_them() {
    let hub = limited();
    let register = |body: Value| {
        let text = body.to_string();
        hub.ask("POST", "/v1/services/register", text.as_bytes())
    };
    let large = json!({"service": "beta", "metadata": {"a": "x".repeat(100)}});
    let details = register(large).refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "metadata");
    let endpoints = json!([{"path": "x".repeat(1024), "methods": ["GET"]}]);
    let larger = json!({"service": "beta", "endpoints": endpoints});
    register(larger).refuses(413, "PAYLOAD_TOO_LARGE");
    for n in 0..3 {
        register(json!({"service": "beta", "instance_id": format!("i{n}")})).is(201);
    }
    let fourth = register(json!({"service": "beta", "instance_id": "i3"}));
    let details = fourth.refuses(429, "LIMIT_REACHED");
    assert_eq!(details["limit"], "instances_per_service");
    assert_eq!(details["most"], 3);
    register(json!({"service": "beta", "instance_id": "i0"})).is(200);
    register(json!({"service": "alpha"})).is(201);
    let shown = hub.ask("GET", "/v1/limits", b"").is(200);
    let instances = limit(&shown, "instances_per_service");
    assert_eq!(instances["most"], 3);
    assert_eq!(instances["largest"][0], json!({"peer": "beta", "used": 3}));
    assert_eq!(limit(&shown, "body_bytes")["used"], 0);
}

#[test]
fn subscriptions_patterns_and_replays_are_counted() {
    let hub = limited();
    let subscribe = |path: &str, types: &[&str]| {
        let body = json!({
            "service": "beta", "event_types": types,
            "callback_url": format!("http://127.0.0.1:9/{path}"),
        });
        hub.ask("POST", "/v1/subscriptions", body.to_string().as_bytes())
    };
    let first = subscribe("a", &["a.*", "b.*", "c.*"]).is(201);
    let too_many = subscribe("b", &["a", "b", "c"]).refuses(429, "LIMIT_REACHED");
    assert_eq!(too_many["limit"], "patterns_per_service");
    subscribe("b", &["a"]).is(201);
    let third = subscribe("c", &["a"]).refuses(429, "LIMIT_REACHED");
    assert_eq!(
        (&third["limit"], &third["most"]),
        (&json!("subscriptions_per_service"), &json!(2))
    );
    let id = first["subscription_id"].as_str().unwrap();
    let path = format!("/v1/subscriptions/{id}");
    let more = json!({"event_types": ["a", "b", "c", "d", "e"]}).to_string();
    hub.ask("PATCH", &path, more.as_bytes())
        .refuses(429, "LIMIT_REACHED");
    let less = json!({"event_types": ["a", "b"]}).to_string();
    hub.ask("PATCH", &path, less.as_bytes()).is(200);
    // Nobody answers at the callback, so the first one stays.
    hub.ask(
        "POST",
        "/v1/events",
        br#"{"event_type": "a", "payload": 1}"#,
    )
    .is(201);
    let replay = json!({"mode": "from_beginning", "deliver_to": id}).to_string();
    let replay = || hub.ask("POST", "/v1/events/replay", replay.as_bytes());
    replay().is(202);
    let details = replay().refuses(429, "LIMIT_REACHED");
    assert_eq!(details["limit"], "replays_per_subscription");
    hub.ask("DELETE", &path, b"");
    subscribe("c", &["a"]).is(201);
}

#[test]
fn a_socket_is_no_instance_that_is_registered() {
    let hub = limited();
    let beta = hub.named("beta", "");
    let mut socket = beta.socket();
    socket.consume("beta", 5);
    let consumes = || hub.get("/v1/services/beta").is(200)["instances"].clone();
    eventually("the socket is an instance that takes messages", || {
        consumes().as_array().is_some_and(|all| all.len() == 1)
    });
    let shown = hub.get("/v1/limits").is(200);
    let instances = limit(&shown, "instances_per_service");
    assert_eq!(instances["largest"], json!([]));
    let sockets = limit(&shown, "sockets_per_service");
    assert_eq!(sockets["largest"][0]["used"], 1);
    for n in 0..3 {
        let one = json!({"service": "beta", "instance_id": format!("i{n}")}).to_string();
        hub.ask("POST", "/v1/services/register", one.as_bytes())
            .is(201);
    }
}

#[test]
fn quotas_and_redrive_jobs_of_the_hub_are_counted() {
    let hub = limited();
    let set = |service: &str| {
        let quota = json!({"send_rate": 5}).to_string();
        hub.ask("PUT", &format!("/v1/quotas/{service}"), quota.as_bytes())
    };
    set("beta").is(200);
    let details = set("alpha").refuses(429, "LIMIT_REACHED");
    assert_eq!(
        (&details["limit"], &details["most"]),
        (&json!("quotas"), &json!(1))
    );
    set("beta").is(200);
    let used = |name: &str| {
        let shown = hub.get("/v1/limits").is(200);
        limit(&shown, name)["used"].clone()
    };
    assert_eq!(used("quotas"), 1);
    hub.ask("DELETE", "/v1/quotas/beta", b"").is(204);
    set("alpha").is(200);
    let redrive = || hub.ask("POST", "/v1/dlq/redrive", b"{}");
    // One without dead letters is over soon, and then there may be another.
    let mut jobs = 0;
    eventually("two jobs had their turn", || {
        let answer = redrive();
        match answer.status {
            429 => drop(answer.refuses(429, "LIMIT_REACHED")),
            _ => jobs += u32::from(answer.status == 202),
        }
        jobs >= 2
    });
    eventually("they are over", || used("redrive_jobs") == 0);
}

#[test]
fn requests_are_counted_where_a_quota_says_so() {
    let hub = limited();
    let quota = json!({"request_rate": 0.01, "request_burst": 3}).to_string();
    hub.ask("PUT", "/v1/quotas/beta", quota.as_bytes()).is(200);
    let ask = |name: &str| hub.named(name, "").get("/v1/services");
    for _ in 0..3 {
        ask("beta").is(200);
    }
    // The workers learn of a quota a moment after it is in the journal.
    let mut refused = ask("beta");
    eventually("it asked too often", || {
        refused = ask("beta");
        refused.status == 429
    });
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.refuses(429, "RATE_LIMITED")["service"], "beta");
    ask("alpha").is(200);
    hub.ask("DELETE", "/v1/quotas/beta", b"").is(204);
    eventually("it may ask again", || ask("beta").status == 200);
}

#[test]
fn who_waits_for_a_delivery_holds_no_room_for_bodies() {
    const WAITING: usize = 8;
    let hub = TestHub::start();
    hub.register_puller("beta");
    let message = json!({"destination": "beta", "payload": "x".repeat(300_000)}).to_string();
    let path = "/v1/messages/send?wait_ms=60000";
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\ncontent-length: {}\r\n\r\n",
        message.len()
    );
    let connections: Vec<_> = (0..WAITING)
        .map(|_| {
            let mut connection = hub.connect().unwrap();
            connection.say(head.as_bytes()).unwrap();
            connection.say(message.as_bytes()).unwrap();
            connection
        })
        .collect();
    eventually("all are accepted", || {
        hub.metric("message_hub_messages_accepted_total") == WAITING as f64
    });
    eventually("what is in the queue is no body any more", || {
        let shown = hub.get("/v1/limits").is(200);
        limit(&shown, "body_bytes")["used"] == 0
    });
    drop(connections);
}

#[test]
fn what_waits_for_one_service_leaves_room_for_others() {
    let hub = TestHub::with(&[("max_queue_bytes", "4000000")]);
    for service in ["beta", "gamma"] {
        hub.register_puller(service);
    }
    let send = |to: &str, bytes: usize| {
        hub.send(&json!({"destination": to, "payload": "x".repeat(bytes)}))
    };
    let mut sent = 0;
    while send("gamma", 400_000).status == 202 {
        sent += 1;
        assert!(sent < 20);
    }
    send("gamma", 400_000).refuses(429, "QUEUE_FULL");
    send("beta", 1).is(202);
    send("beta", 400_000).is(202);
    let quota = json!({"max_waiting_bytes": 1000}).to_string();
    hub.register_puller("delta");
    hub.ask("PUT", "/v1/quotas/delta", quota.as_bytes()).is(200);
    send("delta", 300).is(202);
    send("delta", 900).refuses(429, "QUEUE_FULL");
}
