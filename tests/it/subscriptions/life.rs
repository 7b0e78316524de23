//! Subscriptions over time: made, changed, paused, ended, and over the death of the hub.

use serde_json::{Value, json};

use super::{QUICK, hub, payloads, publish};
use crate::support::verbs::text;
use crate::support::{FakeService, TestHub, eventually};

#[test]
fn the_same_again_is_the_same_subscription() {
    let hub = hub();
    let asked = json!({
        "service": "billing", "event_types": ["a", "b"], "callback_url": "http://127.0.0.1:9/x",
    });
    let made = hub.subscribe(&asked).is(201);
    let again = hub.post("/subscribe", &asked).is(200);
    assert_eq!(again["subscription_id"], made["subscription_id"]);
    assert!(made["secret"].is_string() && again.get("secret").is_none());
    let mut other = asked;
    other["event_types"] = json!(["a"]);
    let other = hub.subscribe(&other).is(201);
    assert_ne!(other["subscription_id"], made["subscription_id"]);
    let list = hub.get("/v1/subscriptions?limit=1").is(200);
    assert_eq!(
        list["subscriptions"][0]["subscription_id"],
        made["subscription_id"]
    );
    let next = format!("/v1/subscriptions?cursor={}", text(&list["next_cursor"]));
    assert_eq!(hub.get(&next).is(200)["count"], 1);
}

#[test]
fn what_is_published_while_it_is_paused_waits() {
    let hub = hub();
    let service = FakeService::start();
    let id = hub.subscribed("billing", "order.*", &service.url());
    publish(&hub, "order.paid", [1]);
    service.wait_for(1);
    assert_eq!(hub.switch_subscription(&id, "pause")["state"], "paused");
    publish(&hub, "order.paid", 2..=3);
    let hub = hub.restart();
    assert_eq!(hub.subscription(&id)["state"], "paused");
    assert_eq!(service.count(), 1);
    hub.switch_subscription(&id, "resume");
    assert_eq!(payloads(&service.wait_for(3)), [1, 2, 3]);
}

#[test]
fn a_change_holds_from_then_on() {
    let hub = hub();
    let (old, new) = (FakeService::start(), FakeService::start());
    let id = hub.subscribed("billing", "order.*", &old.url());
    publish(&hub, "order.paid", [1]);
    old.wait_for(1);
    let changes = json!({
        "event_types": ["invoice.*"], "callback_url": new.url(), "max_in_flight": 5,
    });
    let view = hub
        .patch(&format!("/v1/subscriptions/{id}"), &changes)
        .is(200);
    assert_eq!(view["event_types"], json!(["invoice.*"]));
    assert_eq!(view["max_in_flight"], 5);
    publish(&hub, "order.paid", [2]);
    publish(&hub, "invoice.sent", [3]);
    assert_eq!(payloads(&new.wait_for(1)), [3]);
    assert_eq!(payloads(&old.received()), [1]);
}

#[test]
fn the_same_with_other_particulars_is_refused() {
    let hub = hub();
    let mut asked = json!({
        "service": "billing", "event_types": ["a"], "callback_url": "http://127.0.0.1:9/x",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "max_in_flight": 3, "durable": true,
    });
    let made = hub.subscribe(&asked).is(201);
    let id = hub.subscribe(&asked).is(200)["subscription_id"].clone();
    assert_eq!(id, made["subscription_id"]);
    for (field, value) in [
        ("secret", json!("whsec_AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
        ("max_in_flight", json!(1)),
        ("durable", json!(false)),
    ] {
        let mut other = asked.clone();
        other[field] = value;
        let details = hub.subscribe(&other).refuses(409, "CONFLICT");
        assert_eq!(details["field"], field);
        asked.as_object_mut().unwrap().remove(field);
        hub.subscribe(&asked).is(200);
    }
}

#[test]
fn no_change_makes_two_that_are_the_same() {
    let hub = hub();
    let first = hub.subscribed("billing", "a", "http://127.0.0.1:9/x");
    let second = hub.subscribed("billing", "b", "http://127.0.0.1:9/y");
    let alien = hub.subscribed("mail", "b", "http://127.0.0.1:9/z");
    let change = |id: &str, changes| hub.patch(&format!("/v1/subscriptions/{id}"), &changes);
    let same = json!({"event_types": ["b"], "callback_url": "http://127.0.0.1:9/y"});
    change(&first, same.clone()).refuses(409, "CONFLICT");
    assert_eq!(hub.subscription(&first)["event_types"], json!(["a"]));
    change(&first, json!({"event_types": ["b"]})).is(200);
    change(&first, json!({"callback_url": "http://127.0.0.1:9/y"})).refuses(409, "CONFLICT");
    change(&second, same.clone()).is(200);
    change(&alien, same).is(200);
}

#[test]
fn one_that_ended_gets_nothing() {
    let hub = hub();
    let service = FakeService::start();
    let first = hub.subscribed("billing", "order.*", &service.url());
    let second = hub.subscribed("billing", "#", &service.url());
    hub.delete(&format!("/v1/subscriptions/{first}")).is(204);
    let ended = hub
        .post("/unsubscribe", &json!({"subscription_id": second}))
        .is(200);
    assert_eq!(ended["status"], "unsubscribed");
    publish(&hub, "order.paid", [1]);
    let hub = hub.restart();
    assert_eq!(hub.get("/v1/subscriptions").is(200)["count"], 0);
    assert_eq!(service.count(), 0);
}

#[test]
fn one_that_is_not_durable_goes_with_the_hub() {
    let hub = hub();
    let service = FakeService::start();
    let asked = json!({
        "service": "billing", "event_types": ["#"], "callback_url": service.url(), "durable": false,
    });
    hub.subscribe(&asked).is(201);
    publish(&hub, "order.paid", [1]);
    service.wait_for(1);
    let hub = hub.restart();
    assert_eq!(hub.get("/v1/subscriptions").is(200)["count"], 0);
}

#[test]
fn after_a_clean_stop_nothing_is_sent_again() {
    let hub = hub();
    let service = FakeService::start();
    let id = hub.subscribed("billing", "order.*", &service.url());
    publish(&hub, "order.paid", 1..=10);
    service.wait_for(10);
    eventually("all are done", || hub.subscription(&id)["lag"] == 0);
    let hub = hub.restart();
    publish(&hub, "order.paid", [11]);
    assert_eq!(
        payloads(&service.wait_for(11)),
        (1..=11).collect::<Vec<_>>()
    );
}

#[test]
fn a_kill_leaves_no_gap() {
    let mut hub = hub();
    let service = FakeService::start();
    hub.subscribed("billing", "order.*", &service.url());
    for round in 0..3 {
        publish(&hub, "order.paid", round * 50..(round + 1) * 50);
        hub.kill9();
        hub = hub.restart();
    }
    let is_there = |number: &u64| payloads(&service.received()).contains(number);
    eventually("everything arrives", || {
        (0..150).all(|number| is_there(&number))
    });
    let mut newest = 0;
    for number in payloads(&service.received()) {
        // Repeats begin with something older; what is new is the next.
        assert!(number <= newest + 1, "{number} after {newest}");
        newest = newest.max(number);
    }
}

#[test]
fn with_keys_everybody_sees_only_what_is_his() {
    let hub = guarded_hub();
    let (shop, billing) = (hub.named("shop", "s"), hub.named("billing", "b"));
    let id = billing.subscribed("billing", "#", "http://127.0.0.1:9/");
    let asked = json!({
        "service": "billing", "event_types": ["#"], "callback_url": "http://127.0.0.1:9/x",
    });
    shop.subscribe(&asked).refuses(403, "AUTH_FAILED");
    let one = format!("/v1/subscriptions/{id}");
    shop.get(&one).refuses(404, "NOT_FOUND");
    assert_eq!(shop.get("/v1/subscriptions").is(200)["count"], 0);
    assert_eq!(billing.get("/v1/subscriptions").is(200)["count"], 1);
    hub.named("boss", "o").get(&one).is(200);
}

fn guarded_hub() -> TestHub {
    let mut settings = QUICK.to_vec();
    settings.push(("service_keys", "{shop: [s], billing: [b], boss: [o]}"));
    settings.push(("operators", "[boss]"));
    TestHub::with(&settings)
}

#[test]
fn with_keys_nobody_touches_what_is_anothers() {
    let hub = guarded_hub();
    let (shop, billing) = (hub.named("shop", "s"), hub.named("billing", "b"));
    let id = billing.subscribed("billing", "#", "http://127.0.0.1:9/");
    let one = format!("/v1/subscriptions/{id}");
    let by_id = json!({"subscription_id": id});
    let replay = json!({"mode": "from_beginning", "deliver_to": id});
    let by_query = format!("/v1/events/replay?mode=from_beginning&deliver_to={id}");
    for refused in [
        shop.delete(&one),
        shop.patch(&one, &json!({})),
        shop.post(&format!("{one}/pause"), &json!({})),
        shop.post(&format!("{one}/resume"), &json!({})),
        shop.post("/unsubscribe", &by_id),
        shop.post("/v1/events/replay", &replay),
    ] {
        refused.refuses(403, "AUTH_FAILED");
    }
    // A GET changes nothing, whoever asks.
    for client in [&shop, &billing] {
        client.get(&by_query).refuses(400, "INVALID_REQUEST");
    }
    let nobody = "/v1/subscriptions/00000000-0000-7000-8000-000000000000";
    shop.delete(nobody).refuses(404, "NOT_FOUND");
    assert_eq!(billing.get(&one).is(200)["state"], "active");
    billing.post("/v1/events/replay", &replay).is(202);
    hub.named("boss", "o").delete(&one).is(204);
}

/// How many signatures a callback has.
fn signatures(service: &FakeService, count: usize) -> usize {
    let received = &service.wait_for(count)[count - 1];
    let signature = received.header("webhook-signature").unwrap();
    signature.split(' ').count()
}

#[test]
fn a_changed_secret_leaves_the_old_one_valid_for_a_while() {
    let hub = TestHub::with(&[("secret_overlap", "3600")]);
    let service = FakeService::start();
    let asked = json!({"service": "billing", "event_types": ["#"], "callback_url": service.url()});
    let made = hub.subscribe(&asked).is(201);
    assert_eq!(made["previous_secret_until"], Value::Null);
    let target = format!("/v1/subscriptions/{}", text(&made["subscription_id"]));
    let changed = json!({"secret": "whsec_AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    hub.client().patch(&target, &changed).is(200);
    let shown = hub.client().get(&target).is(200);
    let until: jiff::Timestamp = text(&shown["previous_secret_until"]).parse().unwrap();
    let left = until.as_second() - jiff::Timestamp::now().as_second();
    assert!((3590..=3600).contains(&left), "{left} s");
    assert!(!shown.to_string().contains("whsec_"), "{shown}");
    publish(&hub, "order.paid", [1]);
    assert_eq!(signatures(&service, 1), 2);

    // It survives a restart, and without an overlap the change holds at once.
    let hub = hub.restart_with(&[("secret_overlap", "0")]);
    publish(&hub, "order.paid", [2]);
    assert_eq!(signatures(&service, 2), 2);
    let again = json!({"secret": "whsec_BfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    let shown = hub.client().patch(&target, &again).is(200);
    assert_eq!(shown["previous_secret_until"], Value::Null);
    publish(&hub, "order.paid", [3]);
    assert_eq!(signatures(&service, 3), 1);
}
