//! A way out of the history: by age, one by one, and many at once.

use serde_json::json;

use crate::support::postgres;
use crate::support::verbs::{id_of, text};
use crate::support::{FakeService, Reply, TestHub, eventually};

/// Messages are old at once, and looked for all the time.
const SHORT: [(&str, &str); 5] = [
    ("message_retention_days", "0.00001"),
    ("dedup_window", "0.01"),
    ("compaction_interval", "0.05"),
    ("wal_flush_interval", "0.05"),
    ("wal_segment_bytes", "65536"),
];

fn message(destination: &str) -> serde_json::Value {
    json!({"destination": destination, "source": "shop", "payload": "x".repeat(2000)})
}

/// Some are delivered, one is dead, one waits; then all that may go is gone.
fn goes_and_stays(settings: &[(&str, &str)]) {
    let hub = TestHub::with(settings);
    let service = FakeService::start();
    hub.register_at("pushed", &service.url());
    hub.register_puller("pulled");
    for _ in 0..30 {
        hub.send_waiting(20_000, &message("pushed")).is(200);
    }
    service.now_answers(Reply::Status(422));
    let dead = id_of(&hub.send(&message("pushed")).is(202));
    let waiting = id_of(&hub.send(&message("pulled")).is(202));
    eventually("it is dead", || hub.in_state("dead") == 1.0);
    let mut hub = hub;
    for _ in 0..2 {
        eventually("only what is not old is left", || {
            hub.messages("").is(200)["count"] == 2
        });
        assert_eq!(hub.state(&dead), "dead");
        assert_eq!(hub.message(&waiting)["status"], "pending");
        assert_eq!(hub.dead_letters("").len(), 1);
        // What was counted stays counted.
        assert_eq!(hub.in_state("delivered"), 30.0);
        assert_eq!(hub.get("/health").is(200)["message_stats"]["processed"], 30);
        hub.assert_conservation();
        // What is in the journal still comes to the archive again, and goes again.
        hub.kill9();
        hub = hub.restart();
    }
    service.now_answers(Reply::Status(200));
    hub.reprocess(&dead, &json!({})).is(202);
    eventually("it is delivered, and gone", || {
        hub.in_state("delivered") == 31.0 && hub.messages("").is(200)["count"] == 1
    });
    let hub = hub.restart_with(&[("message_retention_days", "0")]);
    hub.send_waiting(20_000, &message("pushed")).is(200);
    assert_eq!(hub.messages("").is(200)["count"], 2);
}

#[test]
fn settled_messages_go_and_what_is_owed_or_dead_stays() {
    goes_and_stays(&SHORT);
}

#[test]
fn settled_messages_go_from_postgresql() {
    let Some(url) = postgres::database() else {
        return;
    };
    let settings = [&SHORT[..], &[("database_url", url.as_str())]].concat();
    goes_and_stays(&settings);
}

#[test]
fn dead_letters_go_by_age_if_that_is_wanted() {
    let hub = TestHub::with(&[
        ("dead_letter_retention_days", "0.00001"),
        ("dedup_window", "0.01"),
        ("compaction_interval", "0.05"),
        ("ordering_on_failure", "hold"),
    ]);
    let service = FakeService::answering(Reply::Status(422));
    hub.register_at("pushed", &service.url());
    hub.send_waiting(20_000, &message("pushed")).is(502);
    let mut first = message("pushed");
    first["ordering_key"] = json!("k");
    hub.send_waiting(20_000, &first).is(502);
    service.now_answers(Reply::Status(200));
    // It waits for the dead letter before it, until that is gone.
    hub.send_waiting(20_000, &first).is(200);
    eventually("the letters are gone", || hub.dead_letters("").is_empty());
    assert_eq!(hub.in_state("dead"), 2.0);
    hub.assert_conservation();
}

#[test]
fn what_is_deleted_is_gone_and_still_counted() {
    let hub = TestHub::start();
    let service = FakeService::start();
    hub.register_at("pushed", &service.url());
    let chosen = "3f2b8c1e-0000-4000-8000-000000000001";
    let mut named = message("pushed");
    named["id"] = json!(chosen);
    hub.send_waiting(20_000, &named).is(200);
    service.now_answers(Reply::Status(422));
    let ids = [(); 2].map(|()| id_of(&hub.send(&message("pushed")).is(202)));
    eventually("they are dead", || hub.in_state("dead") == 2.0);
    hub.cancel(chosen).is(204);
    hub.cancel(&ids[0]).is(204);
    hub.delete_dead_letter(&ids[1]).is(204);
    for hub in [hub].into_iter().map(TestHub::restart) {
        for id in [chosen, &ids[0], &ids[1]] {
            hub.get(&format!("/v1/messages/{id}")).is(404);
            hub.cancel(id).refuses(404, "NOT_FOUND");
            hub.delete_dead_letter(id).refuses(404, "NOT_FOUND");
        }
        assert_eq!(hub.dead_letters("").len(), 0);
        assert_eq!(hub.in_state("dead"), 2.0);
        assert_eq!(hub.in_state("delivered"), 1.0);
        hub.assert_conservation();
        // Its id is known as long as any.
        let again = hub.send(&named).is(200);
        assert_eq!(again["duplicate"], true);
        assert_eq!(again["status"], "delivered");
    }
}

#[test]
fn many_dead_letters_are_deleted_by_a_job() {
    let hub = TestHub::with(&[
        ("wal_segment_bytes", "65536"),
        ("wal_flush_interval", "0.05"),
        // Else the circuit opens before all are dead.
        ("circuit_breaker_rejection_threshold", "0"),
    ]);
    let service = FakeService::answering(Reply::Status(422));
    hub.register_at("pushed", &service.url());
    hub.register_at("other", &service.url());
    let subscription = hub.subscribed("watcher", "tick", &service.url());
    hub.publish(&json!({"event_type": "tick", "payload": 1}))
        .is(201);
    let messages = vec![message("pushed"); 100];
    hub.batch(&json!(messages)).is(202);
    hub.batch(&json!(vec![message("other"); 3])).is(202);
    eventually("all are dead", || {
        hub.dead_letters("limit=1000").len() == 104
    });

    hub.post("/v1/dlq/delete", &json!({}))
        .refuses(400, "INVALID_REQUEST");
    hub.ask("POST", "/v1/dlq/delete", b"")
        .refuses(400, "INVALID_REQUEST");
    let asked = json!({"filter": {"destination": "pushed"}, "rate": 40, "dry_run": true});
    let dry = hub.post("/v1/dlq/delete", &asked).is(200);
    assert_eq!(dry["matched"], 100);
    let asked = json!({"filter": {"destination": "pushed"}, "rate": 40});
    let begun = hub.post("/v1/dlq/delete", &asked).is(202);
    assert_eq!(
        (&begun["kind"], &begun["matched"]),
        (&json!("delete"), &json!(100))
    );
    let job = text(&begun["job"]);
    eventually("some are deleted", || hub.redrive_job(&job)["deleted"] != 0);
    hub.switch_redrive(&job, "pause").is(200);
    let hub = hub.restart();
    assert_eq!(hub.redrive_job(&job)["status"], "paused");
    hub.switch_redrive(&job, "resume").is(200);
    eventually("it is done", || hub.redrive_job(&job)["status"] == "done");
    let view = hub.redrive_job(&job);
    assert_eq!(
        (&view["deleted"], &view["redriven"]),
        (&json!(100), &json!(0)),
        "{view}"
    );
    assert_eq!(hub.dead_letters("limit=1000").len(), 4);

    let events = json!({"filter": {"subscription_id": subscription}});
    let job = text(&hub.post("/v1/dlq/delete", &events).is(202)["job"]);
    eventually("it is done", || hub.redrive_job(&job)["status"] == "done");
    assert_eq!(hub.dead_letters("limit=1000").len(), 3);
    let job = text(&hub.post("/v1/dlq/delete", &json!({"filter": {}})).is(202)["job"]);
    eventually("it is done", || hub.redrive_job(&job)["status"] == "done");
    assert_eq!(hub.dead_letters("limit=1000").len(), 0);
    assert_eq!(hub.in_state("dead"), 103.0);
    assert_eq!(service.count(), 104);
    hub.assert_conservation();
}

#[test]
fn only_operators_delete_many() {
    let hub = TestHub::with(&[
        ("service_keys", "{shop: [s], boss: [m]}"),
        ("operators", "[boss]"),
    ]);
    let all = json!({"filter": {}});
    hub.named("shop", "s")
        .post("/v1/dlq/delete", &all)
        .refuses(403, "AUTH_FAILED");
    hub.named("boss", "m").post("/v1/dlq/delete", &all).is(202);
}
