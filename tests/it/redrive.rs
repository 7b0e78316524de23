//! `/v1/dlq/redrive`: many dead letters sent again by one job.

mod events;
mod room;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::verbs::{array, text};
use crate::support::{FakeService, Reply, TestHub, eventually};

/// More than a page of them, which is 256.
const MANY: usize = 300;
const LETTERS: usize = 60;

/// A hub whose dead letter list holds so many rejected messages to `billing`, which has its doors
/// open again.
fn hub_with_dead_letters(count: usize) -> (TestHub, FakeService) {
    // Rejections are what dead letters are made of here.
    let hub = TestHub::with(&[("circuit_breaker_rejection_threshold", "0")]);
    let service = FakeService::answering(Reply::Status(400));
    hub.register_at("billing", &service.url());
    send_until_dead(&hub, "billing", count);
    service.now_answers(Reply::Status(200));
    (hub, service)
}

fn send_until_dead(hub: &TestHub, destination: &str, count: usize) {
    let before = hub.in_state("dead");
    let messages: Vec<_> = (0..count)
        .map(|n| json!({"destination": destination, "payload": n}))
        .collect();
    hub.batch(&json!(messages)).is(202);
    eventually("all are rejected", || {
        hub.in_state("dead") == before + count as f64
    });
}

fn matched(hub: &TestHub, filter: &Value) -> Value {
    let mut asked = json!({"dry_run": true});
    if !filter.is_null() {
        asked["filter"] = filter.clone();
    }
    hub.redrive(&asked).is(200)["matched"].clone()
}

#[track_caller]
fn wait_until(hub: &TestHub, job: &str, status: &str) -> Value {
    let mut view = Value::Null;
    eventually(&format!("the job is {status}"), || {
        view = hub.redrive_job(job);
        view["status"] == status
    });
    view
}

/// How often each message arrived at the service since it answers well.
fn arrivals(service: &FakeService, after: usize) -> BTreeMap<String, usize> {
    let mut arrivals = BTreeMap::new();
    for received in &service.received()[after..] {
        *arrivals.entry(text(&received.json()["id"])).or_default() += 1;
    }
    arrivals
}

#[track_caller]
fn assert_each_redriven_once(hub: &TestHub, count: usize) {
    let found = hub.messages("limit=1000").is(200);
    let found = array(&found["messages"]);
    assert_eq!(found.len(), count);
    for message in found {
        assert_eq!(message["redriven"], 1, "{message}");
        assert_eq!(message["state"], "delivered", "{message}");
    }
}

#[test]
fn a_dry_run_counts_and_a_job_delivers_each_dead_letter_once() {
    let (hub, service) = hub_with_dead_letters(LETTERS);
    assert_eq!(
        hub.redrive(&json!({"dry_run": true})).is(200),
        json!({"matched": LETTERS})
    );
    assert_eq!(hub.dead_letters("limit=1000").len(), LETTERS);
    let begun = std::time::Instant::now();
    let asked = json!({"rate": 120, "filter": {"destination": "billing"}});
    let started = hub.redrive(&asked).is(202);
    assert_eq!(started["status"], "running");
    assert_eq!(started["matched"], LETTERS);
    assert_eq!(started["rate"], 120.0);
    assert_eq!(started["filter"], json!({"destination": "billing"}));
    assert_eq!(started["started_by"], "shop");
    assert!(started["started_at"].is_string());
    let job = text(&started["job"]);
    let done = wait_until(&hub, &job, "done");
    // All but the first burst of a tenth of a second had to wait for their turn.
    assert!(
        begun.elapsed().as_secs_f64() >= 0.4,
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(done["redriven"], LETTERS);
    assert_eq!((&done["failed"], &done["skipped"]), (&json!(0), &json!(0)));
    eventually("all are delivered", || {
        hub.in_state("delivered") == LETTERS as f64
    });
    let arrivals = arrivals(&service, LETTERS);
    assert_eq!(arrivals.len(), LETTERS);
    assert!(arrivals.values().all(|times| *times == 1));
    assert_each_redriven_once(&hub, LETTERS);
    assert_eq!(hub.dead_letters("").len(), 0);
    let redriven = "message_hub_redrive_messages_total{outcome=\"redriven\"}";
    assert_eq!(hub.metric(redriven), LETTERS as f64);
    hub.assert_conservation();
}

#[test]
fn a_job_is_paused_resumed_and_cancelled() {
    let (hub, _service) = hub_with_dead_letters(LETTERS);
    let job = hub.start_redrive(&json!({"rate": 20}));
    eventually("some are sent", || hub.redrive_job(&job)["redriven"] != 0);
    assert_eq!(
        hub.switch_redrive(&job, "pause").is(200)["status"],
        "paused"
    );
    let paused = "message_hub_redrive_jobs{status=\"paused\"}";
    eventually("it is counted", || hub.metric(paused) == 1.0);
    hub.switch_redrive(&job, "pause").is(200);
    // What was on its way arrives; then the list stays as it is, also over a restart.
    eventually("what was sent is delivered", || {
        let sent = hub.redrive_job(&job)["redriven"].as_f64();
        sent == Some(hub.in_state("delivered"))
            && sent.map(|sent| LETTERS as f64 - sent) == Some(hub.in_state("dead"))
    });
    let sent = hub.redrive_job(&job)["redriven"].clone();
    let hub = hub.restart();
    let view = hub.redrive_job(&job);
    assert_eq!(
        (&view["status"], &view["redriven"]),
        (&json!("paused"), &sent)
    );
    assert_eq!(
        hub.switch_redrive(&job, "resume").is(200)["status"],
        "running"
    );
    eventually("more are sent", || {
        hub.redrive_job(&job)["redriven"] != sent
    });
    assert_eq!(
        hub.switch_redrive(&job, "cancel").is(200)["status"],
        "cancelled"
    );
    for switch in ["pause", "resume"] {
        let details = hub.switch_redrive(&job, switch).refuses(409, "CONFLICT");
        assert_eq!(details["status"], "cancelled");
    }
    assert_ne!(hub.redrive_job(&job)["redriven"], json!(LETTERS));
    let rest = hub.start_redrive(&json!({"rate": 10_000}));
    wait_until(&hub, &rest, "done");
    eventually("all are delivered", || {
        hub.in_state("delivered") == LETTERS as f64
    });
    assert_each_redriven_once(&hub, LETTERS);
    let list = hub.get("/v1/dlq/redrive").is(200);
    let jobs: Vec<_> = array(&list["items"])
        .iter()
        .map(|one| text(&one["job"]))
        .collect();
    assert_eq!(jobs, [rest, job]);
    assert_eq!(
        (&list["count"], &list["next_cursor"]),
        (&json!(2), &Value::Null)
    );
}

#[test]
fn a_job_goes_on_after_a_kill() {
    let (mut hub, service) = hub_with_dead_letters(MANY);
    let job = hub.start_redrive(&json!({"rate": 150}));
    for share in [MANY / 4, MANY / 2] {
        eventually("a part is sent", || {
            hub.redrive_job(&job)["redriven"].as_u64() > Some(share as u64)
        });
        hub.kill9();
        hub = hub.restart();
    }
    let done = wait_until(&hub, &job, "done");
    assert_eq!(done["redriven"], MANY);
    assert_eq!(done["matched"], MANY);
    assert_eq!(done["skipped"], 0);
    eventually("all are delivered", || {
        hub.in_state("delivered") == MANY as f64
    });
    // A delivery may be repeated by a kill, a redrive may not.
    assert_eq!(arrivals(&service, MANY).len(), MANY);
    assert_each_redriven_once(&hub, MANY);
    hub.assert_conservation();
}

#[test]
fn chosen_dead_letters_go_elsewhere_or_for_good_although_the_hub_is_killed() {
    const CHOSEN: usize = 120;
    let (mut hub, billing) = hub_with_dead_letters(MANY);
    let mail = FakeService::start();
    hub.register_at("mail", &mail.url());
    let ids: Vec<_> = hub
        .dead_letters("limit=1000")
        .iter()
        .map(|one| text(&one["id"]))
        .collect();
    let (sent, others) = ids.split_at(CHOSEN);
    let (deleted, left) = others.split_at(CHOSEN);
    let redrive = hub.start_redrive(&json!({"ids": sent, "destination": "mail", "rate": 60}));
    let delete = json!({"ids": deleted, "rate": 60});
    let delete = text(&hub.post("/v1/dlq/delete", &delete).is(202)["job"]);
    for share in [CHOSEN / 4, CHOSEN / 2] {
        eventually("a part of each is done", || {
            hub.redrive_job(&redrive)["redriven"].as_u64() > Some(share as u64)
                && hub.redrive_job(&delete)["deleted"].as_u64() > Some(share as u64)
        });
        hub.kill9();
        hub = hub.restart();
    }
    let done = wait_until(&hub, &redrive, "done");
    assert_eq!(
        (&done["redriven"], &done["skipped"]),
        (&json!(CHOSEN), &json!(0))
    );
    assert_eq!(
        (&done["chosen"], &done["destination"]),
        (&json!(CHOSEN), &json!("mail"))
    );
    assert_eq!(done["filter"], json!({}));
    let gone = wait_until(&hub, &delete, "done");
    assert_eq!(
        (&gone["deleted"], &gone["skipped"]),
        (&json!(CHOSEN), &json!(0))
    );
    assert_eq!(
        (&gone["chosen"], &gone["destination"]),
        (&json!(CHOSEN), &Value::Null)
    );
    eventually("all that were sent are delivered", || {
        hub.in_state("delivered") == CHOSEN as f64
    });
    let arrivals: Vec<_> = arrivals(&mail, 0).into_keys().collect();
    let mut expected = sent.to_vec();
    expected.sort();
    assert_eq!(arrivals, expected);
    assert!(sent.iter().all(|id| hub.message(id)["redriven"] == 1));
    assert_eq!(billing.received().len(), MANY);
    let listed: Vec<_> = hub
        .dead_letters("limit=1000")
        .iter()
        .map(|one| text(&one["id"]))
        .collect();
    assert_eq!(listed, left);
    hub.assert_conservation();
}

/// What is wrong with each field of a body is told by `refusals::wording`.
#[test]
fn who_asks_wrongly_starts_nothing() {
    let (hub, _service) = hub_with_dead_letters(1);
    let answer = hub.ask("POST", "/v1/dlq/redrive", br#"{"rate": 0}"#);
    let details = answer.refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "rate");
    let long = "x".repeat(201);
    let listed = hub.get(&format!("/v1/dlq?correlation_id={long}"));
    let details = listed.refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "correlation_id");
    assert_eq!(hub.get("/v1/dlq/redrive").is(200)["count"], 0);
    hub.get("/v1/dlq/redrive/7").refuses(400, "INVALID_REQUEST");
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    hub.get(&format!("/v1/dlq/redrive/{unknown}"))
        .refuses(404, "NOT_FOUND");
    for switch in ["pause", "resume", "cancel"] {
        hub.switch_redrive(unknown, switch)
            .refuses(404, "NOT_FOUND");
        hub.switch_redrive("7", switch)
            .refuses(400, "INVALID_REQUEST");
    }
    // No body at all means every dead letter.
    hub.ask("POST", "/v1/dlq/redrive", b"").is(202);
    eventually("it is delivered", || hub.in_state("delivered") == 1.0);
}

#[test]
fn only_operators_redrive() {
    let hub = TestHub::with(&[
        ("service_keys", "{shop: [s], boss: [m]}"),
        ("operators", "[boss]"),
    ]);
    let (shop, boss) = (hub.named("shop", "s"), hub.named("boss", "m"));
    let job = boss.start_redrive(&json!({}));
    shop.redrive(&json!({})).refuses(403, "AUTH_FAILED");
    shop.redrive(&json!({"dry_run": true}))
        .refuses(403, "AUTH_FAILED");
    shop.get("/v1/dlq/redrive").refuses(403, "AUTH_FAILED");
    shop.get(&format!("/v1/dlq/redrive/{job}"))
        .refuses(403, "AUTH_FAILED");
    for switch in ["pause", "resume", "cancel"] {
        shop.switch_redrive(&job, switch)
            .refuses(403, "AUTH_FAILED");
    }
    eventually("it is done, as there is no dead letter", || {
        boss.redrive_job(&job)["status"] == "done"
    });
}
