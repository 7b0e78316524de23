//! Who may do what when there are keys.

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of};
use crate::support::{Client, TestHub, eventually};

fn guarded_hub() -> TestHub {
    TestHub::with(&[
        (
            "service_keys",
            "{shop: [old, new], billing: [b], boss: [m]}",
        ),
        ("operators", "[boss]"),
    ])
}

fn shop(hub: &TestHub) -> Client {
    hub.named("shop", "new")
}

fn billing(hub: &TestHub) -> Client {
    hub.named("billing", "b")
}

#[test]
fn every_route_but_the_public_ones_needs_a_key() {
    let hub = guarded_hub();
    for path in [
        "/v1/messages",
        "/v1/services",
        "/v1/dlq",
        "/v1/circuits",
        "/nowhere",
    ] {
        for client in [
            hub.nameless(),
            hub.named("shop", ""),
            hub.named("shop", "wrong"),
            hub.named("nobody", "new"),
            hub.named("billing", "new"),
        ] {
            client.get(path).refuses(401, "AUTH_FAILED");
        }
    }
    for key in ["old", "new"] {
        hub.named("shop", key).get("/v1/services").is(200);
    }
    for path in [
        "/health",
        "/health/live",
        "/health/ready",
        "/health/details",
    ] {
        hub.nameless().get(path).is(200);
    }
    assert_eq!(hub.nameless().get("/metrics").status, 200);
}

/// Nobody with a key, on another machine: what a proxy on this one passes on.
fn stranger(hub: &TestHub) -> Client {
    hub.nameless().with_header("x-forwarded-for: 203.0.113.7")
}

/// `sees`: also who uses it, and with what `reason` a circuit was forced.
fn shows_how_the_hub_is(client: &Client, sees: bool, reason: &Value) {
    let names = ["alpha", "beta", "order.secret"];
    let health = client.get("/health").is(200);
    assert_eq!(health["services"]["alpha"].is_string(), sees, "{health}");
    let words = health["attention"].to_string();
    assert_eq!(words.contains("alpha"), sees, "{words}");
    assert!(words.contains("is open"), "{words}");
    assert_eq!(health["message_stats"]["pending"], 2);
    assert_eq!(health["service_counts"]["unhealthy"], 2);
    let metrics = client.get("/metrics").body;
    for series in ["service=\"alpha\"", "type=\"order.secret\""] {
        assert_eq!(metrics.contains(series), sees, "{metrics}");
    }
    for line in [
        "message_hub_messages_accepted_total 2",
        "message_hub_queue_size{priority=\"NORMAL\"} 2",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    let details = client.get("/health/details").is(200);
    let circuits = &details["components"]["circuits"];
    assert_eq!(
        (&circuits["status"], &circuits["open"]),
        (&json!("degraded"), &json!(1))
    );
    assert_eq!(&circuits["not_closed"][0]["reason"], reason, "{circuits}");
    let paused = &details["components"]["message_queue"]["paused"];
    assert_eq!(paused["count"], 1);
    for answer in [health.to_string(), metrics, details.to_string()] {
        let told = names.iter().any(|name| answer.contains(name));
        assert_eq!(told, sees, "{answer}");
    }
}

#[test]
fn strangers_see_how_the_hub_is_and_not_who_uses_it() {
    let hub = guarded_hub();
    let boss = hub.named("boss", "m");
    for name in ["alpha", "beta"] {
        boss.register_puller(name);
        let message = json!({"destination": name, "payload": 1, "type": "order.secret"});
        boss.send(&message).is(202);
    }
    boss.force_circuit("alpha", "OPEN");
    boss.pause_queue(&json!({"service": "beta"})).is(200);
    let near = hub.nameless().with_header("host: localhost:8200");
    let is_told = || array(&near.get("/health").is(200)["attention"]).len() == 2;
    eventually("all is told", is_told);
    let key = "x-service-key: wrong";
    let guessing = stranger(&hub).with_header("x-service-name: shop");
    let (all, one, nothing) = (json!("maintenance"), json!(null), json!(null));
    for (client, sees, reason) in [
        (
            shop(&hub).with_header("x-forwarded-for: 203.0.113.7"),
            true,
            &one,
        ),
        (near, true, &all),
        (stranger(&hub), false, &nothing),
        (
            hub.nameless().with_header("host: hub.example.org"),
            false,
            &nothing,
        ),
        (guessing.with_header(key), false, &nothing),
    ] {
        shows_how_the_hub_is(&client, sees, reason);
    }
    let metrics = stranger(&hub).get("/metrics").body;
    for line in [
        "message_hub_messages_total 2",
        "message_hub_circuit_transitions_total{to=\"OPEN\"} 1",
    ] {
        assert!(
            metrics.lines().any(|has| has == line),
            "{line} in\n{metrics}"
        );
    }
    // Whoever tries keys there is seen, as everywhere.
    let log = hub.log();
    assert!(log.contains("wrong name or key"), "{log}");
}

#[test]
fn who_tries_keys_is_counted_told_of_and_put_off() {
    let hub = TestHub::with(&[
        ("service_keys", "{shop: [right], billing: [b]}"),
        ("auth_failures", "5"),
    ]);
    for _ in 0..3 {
        hub.nameless()
            .get("/v1/services")
            .refuses(401, "AUTH_FAILED");
        hub.named("shop", "")
            .get("/v1/services")
            .refuses(401, "AUTH_FAILED");
    }
    for n in 0..5 {
        let answer = hub.named("shop", &format!("wrong{n}")).get("/v1/services");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("X-Service-Key"), "{challenge}");
        answer.refuses(401, "AUTH_FAILED");
    }
    for client in [hub.named("shop", "wrong"), hub.named("nobody", "wrong")] {
        let answer = client.get("/v1/services");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=10).contains(&seconds));
        answer.refuses(429, "RATE_LIMITED");
        hub.named("shop", "right").get("/v1/services").is(200);
    }
    let Err(answer) = hub.nameless().try_socket("/events?name=shop&key=x") else {
        panic!("a wrong key opened a socket");
    };
    answer.refuses(429, "RATE_LIMITED");
    hub.nameless()
        .get("/v1/services")
        .refuses(401, "AUTH_FAILED");
    let metrics = hub.get("/metrics").body;
    for (reason, count) in [("wrong_key", 5), ("put_off", 3), ("malformed", 0)] {
        let line = format!("message_hub_auth_failures_total{{reason=\"{reason}\"}} {count}");
        assert!(metrics.contains(&line), "{metrics}");
    }
    let log = hub.log();
    let told: Vec<_> = log
        .lines()
        .filter(|line| line.contains("wrong name or key"))
        .collect();
    assert_eq!(told.len(), 2, "{log}");
    assert!(told[0].contains("WARN") && told[0].contains("shop") && told[0].contains("127.0.0.1"));
    assert!(!log.contains("wrong0"), "{log}");
}

#[test]
fn a_name_or_key_given_twice_is_nobodys() {
    let hub = guarded_hub();
    for line in ["x-service-name: shop", "x-service-key: new"] {
        let twice = shop(&hub).with_header(line);
        twice.get("/v1/services").refuses(401, "AUTH_FAILED");
    }
    let open = TestHub::start();
    let twice = open.with_header("x-service-name: billing");
    twice.get("/v1/services").refuses(401, "AUTH_FAILED");
}

#[test]
fn nobody_speaks_for_another() {
    let hub = guarded_hub();
    billing(&hub).register_puller("billing");
    let forged = json!({"destination": "billing", "payload": 1, "source": "billing"});
    shop(&hub).send(&forged).refuses(403, "AUTH_FAILED");
    let details = shop(&hub).batch(&json!([forged]));
    details.refuses(403, "AUTH_FAILED");
    shop(&hub)
        .receive("billing", &json!({}))
        .refuses(403, "AUTH_FAILED");
    shop(&hub)
        .register(&json!({"service": "billing"}))
        .refuses(403, "AUTH_FAILED");
    shop(&hub)
        .delete("/v1/services/billing")
        .refuses(403, "AUTH_FAILED");
    let boss = hub.named("boss", "m");
    boss.send(&forged).is(202);
    assert_eq!(boss.pull("billing", 1).len(), 1);
}

#[test]
fn a_service_sees_its_own_messages_only() {
    let hub = guarded_hub();
    let boss = hub.named("boss", "m");
    for service in ["billing", "mail", "shop"] {
        boss.register_puller(service);
    }
    let own = shop(&hub).send_to("billing", 1);
    let foreign = id_of(
        &boss
            .send(&json!({"destination": "mail", "payload": 1}))
            .is(202),
    );
    for client in [shop(&hub), billing(&hub)] {
        assert_eq!(client.message(&own)["status"], "pending");
        client
            .get(&format!("/v1/messages/{foreign}"))
            .refuses(404, "NOT_FOUND");
        client.cancel(&foreign).refuses(404, "NOT_FOUND");
        let list = client.messages("").is(200);
        let ids: Vec<_> = array(&list["messages"]).iter().map(id_of).collect();
        assert_eq!(ids, std::slice::from_ref(&own));
    }
    assert_eq!(boss.messages("").is(200)["count"], 2);
}

#[test]
fn a_duplicate_does_not_tell_on_another_sender() {
    let hub = guarded_hub();
    let boss = hub.named("boss", "m");
    boss.register_puller("mail");
    let secret = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "destination": "mail", "payload": 1,
    });
    boss.send(&secret).is(202);
    shop(&hub).send(&secret).refuses(409, "CONFLICT");
}

#[test]
fn leases_are_settled_by_their_service_only() {
    let hub = guarded_hub();
    billing(&hub).register_puller("billing");
    shop(&hub)
        .send(&json!({"destination": "billing", "payload": 1}))
        .is(202);
    let lease = billing(&hub).pull_one("billing")["lease"].clone();
    shop(&hub).ack(&[&lease]).refuses(409, "CONFLICT");
    shop(&hub).extend(&[&lease], 60.0).refuses(409, "CONFLICT");
    billing(&hub).ack(&[&lease]).is(200);
}

#[test]
fn a_receiver_cannot_reprocess_in_the_name_of_the_sender() {
    let hub = guarded_hub();
    billing(&hub).register_puller("billing");
    let message = json!({"destination": "billing", "payload": 1, "ttl": 0.05});
    let id = id_of(&shop(&hub).send(&message).is(202));
    eventually("it is a dead letter", || {
        shop(&hub).dead_letter(&id).status == 200
    });
    let changed = json!({"payload": "forged"});
    billing(&hub)
        .reprocess(&id, &changed)
        .refuses(403, "AUTH_FAILED");
    shop(&hub).reprocess(&id, &changed).is(202);
}

#[test]
fn only_operators_say_what_a_stream_adds_up_to() {
    let hub = guarded_hub();
    let event = json!({"event_type": "e", "stream_id": "s", "payload": {"a": 1}});
    billing(&hub).post("/v1/events", &event).is(201);
    let snapshots = "/v1/streams/s/snapshots";
    let invented = json!({"state": {"a": 1_000_000}});
    shop(&hub)
        .post(snapshots, &invented)
        .refuses(403, "AUTH_FAILED");
    let built = shop(&hub).post(snapshots, &json!({})).is(201);
    assert_eq!(built["state"], json!({"a": 1}));
    let boss = hub.named("boss", "m");
    let given = boss.post(snapshots, &invented).is(201);
    assert_eq!(given["state"], invented["state"]);
}

#[test]
fn without_keys_everybody_may_do_everything() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let message = json!({"destination": "billing", "payload": 1, "source": "anybody"});
    hub.send(&message).is(202);
    assert_eq!(hub.pull("billing", 1).len(), 1);
}
