//! Who did what: one line for each act, in the same words.

use serde_json::{Value, json};

use super::{JSON, lines_with};
use crate::support::verbs::text;
use crate::support::{Client, FakeService, Reply, TestHub, eventually};

/// A client whose requests have this id.
fn asking(client: &Client, id: &str) -> Client {
    client.with_header(&format!("x-request-id: {id}"))
}

/// The one line of this act.
#[track_caller]
fn act(hub: &TestHub, action: &str) -> Value {
    let acts_now = || {
        let mut acts = lines_with(&hub.log(), "act");
        acts.retain(|line| line["action"] == action);
        acts
    };
    eventually("it is told", || !acts_now().is_empty());
    let mut acts = acts_now();
    assert_eq!(acts.len(), 1, "{action} in\n{}", hub.log());
    acts.remove(0)
}

#[test]
fn what_is_done_to_queues_circuits_and_services_is_told_with_who_did_it() {
    let hub = TestHub::with(&[
        JSON,
        ("service_keys", "{shop: [s], boss: [m]}"),
        ("operators", "[boss]"),
    ]);
    let boss = hub.named("boss", "m");
    boss.register(&json!({"service": "mail", "instance_id": "a"}))
        .is(201);
    boss.send(&json!({"source": "shop", "destination": "mail", "type": "t", "payload": 1}))
        .is(202);
    let one = json!({"service": "mail"});
    asking(&boss, "r1").post("/v1/queue/pause", &one).is(200);
    let paused = boss.queue_status("service=mail").is(200);
    assert_eq!(paused["paused_by"], "boss");
    boss.post("/v1/queue/resume", &one).is(200);
    assert_eq!(boss.queue_status("").is(200)["paused_by"], Value::Null);
    boss.clear_queue("service=mail").is(200);
    boss.force_circuit("mail", "OPEN");
    let strategy = json!({"load_balancing_strategy": "random"});
    boss.put("/v1/services/mail", &strategy).is(200);
    boss.set_quota("shop", &json!({"max_waiting_bytes": 5}))
        .is(200);
    boss.delete_quota("shop").is(204);
    boss.post("/v1/services/mail/instances/a/drain", &json!({}))
        .is(200);
    boss.register(&json!({"service": "mail", "instance_id": "a"}))
        .is(200);
    boss.delete("/v1/services/mail").is(204);

    let line = act(&hub, "pause_queue");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["on"], "queue mail");
    assert_eq!(line["by"], "boss");
    assert_eq!(line["request_id"], "r1");
    assert!(text(&line["peer"]).starts_with("127.0.0.1:"), "{line}");
    let outcome = |action: &str| text(&act(&hub, action)["outcome"]);
    assert_eq!(act(&hub, "resume_queue")["on"], "queue mail");
    assert_eq!(
        outcome("clear_queue"),
        "1 messages of all priorities cancelled"
    );
    let forced = act(&hub, "force_circuit");
    assert_eq!(forced["on"], "circuit of mail");
    assert_eq!(forced["outcome"], "OPEN");
    assert_eq!(forced["reason"], "maintenance");
    assert_eq!(outcome("choose_strategy"), "random");
    assert_eq!(outcome("set_quota"), "max_waiting_bytes 5");
    assert_eq!(act(&hub, "delete_quota")["on"], "quota of shop");
    assert_eq!(act(&hub, "drain_instance")["on"], "instance a of mail");
    assert_eq!(act(&hub, "deregister_service")["on"], "service mail");
}

#[test]
fn what_is_done_to_messages_and_dead_letters_is_told() {
    let hub = TestHub::with(&[JSON, ("max_retry_attempts", "1")]);
    let service = FakeService::answering(Reply::Status(422));
    hub.register_at("printer", &service.url());
    // More than both jobs have tried by the time they are looked at.
    let dead_letters: Vec<String> = (0..6)
        .map(|n| {
            let id = hub.send_to("printer", json!(n));
            eventually("it is dead", || hub.state(&id) == "dead");
            id
        })
        .collect();
    hub.register_puller("mail");
    let waiting = hub.send_to("mail", json!(1));
    hub.cancel(&waiting).is(200);
    hub.delete_dead_letter(&dead_letters[0]).is(204);
    service.now_answers(Reply::Status(200));
    hub.reprocess(&dead_letters[1], &json!({})).is(202);
    let job = hub.start_redrive(&json!({"rate": 1.0}));
    let deletion = json!({"filter": {"destination": "printer"}, "rate": 0.001});
    let deletion = hub.post("/v1/dlq/delete", &deletion).is(202);
    let cancel = hub.switch_redrive(&text(&deletion["job"]), "cancel");
    let so_far = format!("{} deleted so far", cancel.is(200)["deleted"]);

    assert_eq!(
        act(&hub, "cancel_message")["on"],
        format!("message {waiting}")
    );
    let deleted = act(&hub, "delete_dead_letter");
    assert_eq!(deleted["on"], format!("dead letter {}", dead_letters[0]));
    assert_eq!(
        act(&hub, "reprocess_dead_letter")["outcome"],
        "sent again as before"
    );
    let started = act(&hub, "start_redrive");
    assert_eq!(started["on"], format!("redrive job {job}"));
    assert_eq!(started["by"], "shop");
    let cancelled = act(&hub, "cancel_redrive");
    assert_eq!(cancelled["outcome"], so_far);
}

#[test]
fn what_is_done_to_subscriptions_is_told() {
    let hub = TestHub::with(&[JSON]);
    let service = FakeService::answering(Reply::Status(503));
    let id = hub.subscribed("printer", "a.*", &service.url());
    hub.switch_subscription(&id, "pause");
    hub.switch_subscription(&id, "resume");
    let target = format!("/v1/subscriptions/{id}");
    hub.ask("POST", &format!("{target}/test"), b"").is(200);
    hub.patch(&target, &json!({"max_in_flight": 3})).is(200);
    hub.delete(&target).is(204);
    assert_eq!(act(&hub, "test_subscription")["outcome"], "HTTP 503");
    assert_eq!(
        act(&hub, "change_subscription")["outcome"],
        "max_in_flight 3"
    );
    let on = format!("subscription {id}");
    for action in [
        "subscribe",
        "pause_subscription",
        "resume_subscription",
        "test_subscription",
        "change_subscription",
        "delete_subscription",
    ] {
        assert_eq!(act(&hub, action)["on"], on, "{action}");
    }
}

#[test]
fn who_registers_an_instance_anew_is_told_and_who_repeats_it_is_not() {
    let hub = TestHub::with(&[JSON]);
    let mail = |changes: Value| {
        let mut registration = json!({"service": "mail", "instance_id": "a"});
        for (name, value) in changes.as_object().unwrap() {
            registration[name] = value.clone();
        }
        registration
    };
    let here = json!({"url": "http://127.0.0.1:9", "weight": 2});
    let there = json!({"url": "http://127.0.0.1:8", "weight": 2});
    asking(&hub, "r1").register(&mail(here.clone())).is(201);
    hub.register(&mail(here)).is(200);
    asking(&hub, "r2").register(&mail(there.clone())).is(200);
    hub.register(&mail(there.clone())).is(200);
    let drain = "/v1/services/mail/instances/a/drain";
    hub.post(drain, &json!({})).is(200);
    hub.register(&mail(there)).is(200);
    hub.register(&mail(json!({}))).is(200);
    hub.delete("/v1/services/mail").is(204);
    act(&hub, "deregister_service");
    let mut acts = lines_with(&hub.log(), "act");
    acts.retain(|line| line["action"] == "register_instance");
    let told: Vec<_> = acts.iter().map(|line| text(&line["outcome"])).collect();
    assert_eq!(
        told,
        [
            "new; sent its messages at http://127.0.0.1:9/messages",
            "changed: url; sent its messages at http://127.0.0.1:8/messages",
            "it was draining and takes messages again",
            "changed: url, message_endpoint, weight; asks for its messages",
        ]
    );
    for (line, id) in acts.iter().zip(["r1", "r2"]) {
        assert_eq!(line["on"], "instance a of mail");
        assert_eq!(line["by"], "shop");
        assert_eq!(line["request_id"], id);
        assert!(text(&line["peer"]).starts_with("127.0.0.1:"), "{line}");
    }
}

#[test]
fn who_paused_is_still_known_after_a_restart() {
    let hub = TestHub::with(&[JSON]);
    hub.register_puller("mail");
    hub.nameless().pause_queue(&json!({})).is(200);
    assert_eq!(act(&hub, "pause_queue")["by"], "anonymous");
    let hub = hub.restart();
    let status = hub.queue_status("").is(200);
    assert_eq!(status["status"], "paused");
    assert_eq!(status["paused_by"], "anonymous (127.0.0.1)");
    let id = hub.send_to("mail", json!(1));
    let words = hub.waiting_for(&id);
    assert!(words.contains("by anonymous (127.0.0.1)"), "{words}");
}

#[test]
fn what_is_done_over_sockets_and_by_jobs_that_delete_is_told() {
    let hub = TestHub::with(&[JSON]);
    let subscribe = |types: &[&str]| {
        json!({"type": "subscribe", "service": "shop", "subscription": "mine",
               "event_types": types, "ref": 1})
    };
    for _ in 0..2 {
        let mut socket = hub.socket();
        assert_eq!(socket.ask(&subscribe(&["a.*"]))["type"], "subscribed");
    }
    let mut socket = hub.socket();
    socket.ask(&subscribe(&["a.*", "b.*"]));
    socket.ask(&json!({"type": "unsubscribe", "ref": 2}));
    let job = text(&hub.post("/v1/dlq/delete", &json!({"filter": {}})).is(202)["job"]);
    hub.switch_redrive(&job, "cancel");

    let made = act(&hub, "subscribe");
    assert_eq!(made["outcome"], "mine of shop");
    assert!(text(&made["on"]).starts_with("subscription "), "{made}");
    assert!(text(&made["request_id"]).starts_with("socket "), "{made}");
    assert!(text(&made["peer"]).starts_with("127.0.0.1:"), "{made}");
    assert_eq!(act(&hub, "change_subscription")["on"], made["on"]);
    let left = act(&hub, "unsubscribe");
    assert_eq!(left["on"], made["on"]);
    assert_eq!(left["outcome"], "mine of shop, which stays");
    let started = act(&hub, "delete_dead_letters");
    assert_eq!(started["on"], format!("redrive job {job}"));
    assert_eq!(started["outcome"], "0 dead letters match");
}

#[test]
fn what_somebody_may_not_change_is_told_once_for_each_way() {
    let hub = TestHub::with(&[
        JSON,
        ("service_keys", "{shop: [s], boss: [m]}"),
        ("operators", "[boss]"),
    ]);
    let (shop, boss) = (hub.named("shop", "s"), hub.named("boss", "m"));
    boss.register(&json!({"service": "mail", "instance_id": "a"}))
        .is(201);
    let subscription = json!({"service": "mail", "event_types": ["a.*"],
                              "callback_url": "http://127.0.0.1:9/"});
    let subscription = boss.subscribe(&subscription).is(201);
    let subscription = format!(
        "/v1/subscriptions/{}",
        text(&subscription["subscription_id"])
    );
    for _ in 0..3 {
        shop.post("/v1/queue/pause", &json!({"service": "mail"}))
            .refuses(403, "AUTH_FAILED");
        shop.post("/v1/services/mail/instances/a/drain", &json!({}))
            .refuses(403, "AUTH_FAILED");
        shop.get("/v1/dlq/redrive").refuses(403, "AUTH_FAILED");
        // What belongs to another, what goes out in another's name, and what is the hub's own.
        shop.patch(&subscription, &json!({"event_types": ["b.*"]}))
            .refuses(403, "AUTH_FAILED");
        let foreign = json!({"source": "mail", "event_type": "a.b", "payload": 1});
        shop.publish_batch(&json!([foreign]))
            .refuses(403, "AUTH_FAILED");
        shop.publish(&json!({"event_type": "service.registered", "payload": 1}))
            .refuses(403, "AUTH_FAILED");
    }
    let refused = || lines_with(&hub.log(), "refused: who asks may not do this");
    eventually("the last is told", || refused().len() >= 5);
    let refused = refused();
    assert_eq!(refused.len(), 5, "{refused:?}");
    for (line, what) in refused.iter().zip([
        "POST /v1/queue/pause",
        "POST /v1/services/{service}/instances/{instance}/drain",
        "PATCH /v1/subscriptions/{id}",
        "POST /v1/events/batch",
        "POST /v1/events",
    ]) {
        assert_eq!(line["what"], what, "{line}");
        assert_eq!(
            (&line["level"], &line["service"], &line["count"]),
            (&json!("WARN"), &json!("shop"), &json!(1)),
            "{line}"
        );
        assert_eq!(line["peer"], "127.0.0.1");
    }
}
