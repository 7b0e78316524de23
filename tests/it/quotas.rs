//! `/v1/quotas` and `quotas` of the configuration: how much a service may send.

use std::thread;

use serde_json::{Value, json};

use crate::support::verbs::{array, text};
use crate::support::{Client, TestHub};

/// So slow that no message more is allowed while a test runs.
const SLOW: f64 = 0.001;

fn hub_with_billing(settings: &[(&str, &str)]) -> TestHub {
    let hub = TestHub::with(settings);
    hub.register_puller("billing");
    hub
}

fn message(payload: impl Into<Value>) -> Value {
    json!({"destination": "billing", "payload": payload.into()})
}

fn burst(messages: u32) -> Value {
    json!({"send_rate": SLOW, "send_burst": messages})
}

#[test]
fn over_the_quota_is_429_with_the_time_to_come_again() {
    let hub = hub_with_billing(&[]);
    hub.set_quota("shop", &burst(2)).is(200);
    hub.send(&message(1)).is(202);
    hub.send(&message(2)).is(202);
    let refused = hub.send(&message(3));
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((900..=1000).contains(&seconds), "{seconds}");
    assert_eq!(refused.refuses(429, "RATE_LIMITED")["service"], "shop");
    hub.named("mail", "").send(&message(4)).is(202);
    let series = "message_hub_quota_refusals_total{service=\"shop\"}";
    assert_eq!(hub.metric(series), 1.0);
    hub.assert_conservation();
}

#[test]
fn a_batch_is_accepted_as_far_as_the_quota_goes() {
    let hub = hub_with_billing(&[]);
    hub.set_quota("shop", &burst(3)).is(200);
    let unknown = json!({"destination": "nobody", "payload": 0});
    let other = json!({"destination": "billing", "payload": 0, "source": "mail"});
    let items = json!([
        message(1),
        unknown,
        message(2),
        message(3),
        message(4),
        other
    ]);
    let answer = hub.batch(&items).is(202);
    assert_eq!(
        (&answer["accepted"], &answer["rejected"]),
        (&json!(4), &json!(2))
    );
    let results = array(&answer["results"]);
    assert_eq!(results[1]["error"]["code"], "SERVICE_NOT_FOUND");
    assert_eq!(results[4]["error"]["code"], "RATE_LIMITED");
    let refused = hub.batch(&json!([message(5), message(6)]));
    assert!(refused.header("retry-after").is_some());
    let details = refused.refuses(429, "RATE_LIMITED");
    assert_eq!(array(&details["results"]).len(), 2);
    hub.assert_conservation();
}

#[test]
fn a_refused_message_costs_nothing() {
    let hub = hub_with_billing(&[("max_queue_size", "1")]);
    hub.register_puller("mail");
    hub.set_quota("shop", &burst(2)).is(200);
    let named = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "destination": "billing", "payload": 1,
    });
    hub.send(&named).is(202);
    for _ in 0..3 {
        hub.send(&message(2)).refuses(429, "QUEUE_FULL");
        hub.send(&json!({"destination": "nobody", "payload": 1}))
            .refuses(404, "SERVICE_NOT_FOUND");
        hub.send(&named).is(200);
        let mut other_content = named.clone();
        other_content["payload"] = json!(2);
        other_content["destination"] = json!("mail");
        hub.send(&other_content).refuses(409, "CONFLICT");
    }
    let to_mail = json!({"destination": "mail", "payload": 1});
    hub.send(&to_mail).is(202);
    hub.send(&json!({"destination": "mail", "payload": 1, "priority": "HIGH"}))
        .refuses(429, "RATE_LIMITED");
}

#[test]
fn repeats_are_answered_as_such_when_the_quota_is_used_up() {
    let hub = hub_with_billing(&[]);
    hub.set_quota("shop", &burst(1)).is(200);
    let named = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "destination": "billing", "payload": 1,
    });
    hub.send(&named).is(202);
    for _ in 0..3 {
        assert_eq!(hub.send(&named).is(200)["duplicate"], true);
    }
    hub.send(&message(2)).refuses(429, "RATE_LIMITED");
}

#[test]
fn thirty_two_clients_at_once_get_exactly_the_burst() {
    const BURST: usize = 50;
    let hub = hub_with_billing(&[]);
    hub.set_quota("shop", &burst(50)).is(200);
    let knock = |client: Client| {
        let mut accepted = 0;
        for number in 0..5 {
            let answer = client.send(&message(number));
            match answer.status {
                202 => accepted += 1,
                _ => drop(answer.refuses(429, "RATE_LIMITED")),
            }
        }
        accepted
    };
    let accepted: usize = thread::scope(|scope| {
        let clients: Vec<_> = (0..32)
            .map(|_| {
                let client = hub.client();
                scope.spawn(move || knock(client))
            })
            .collect();
        let counts = clients.into_iter().map(|client| client.join().unwrap());
        counts.sum()
    });
    assert_eq!(accepted, BURST);
    assert_eq!(hub.metric("message_hub_messages_accepted_total"), 50.0);
    hub.assert_conservation();
}

#[test]
fn a_quota_is_replaced_as_a_whole_and_shown_as_it_is() {
    let hub = TestHub::start();
    let set = hub.set_quota("shop", &json!({"send_rate": 2.5, "max_in_flight": 4}));
    let expected = json!({
        "service": "shop", "send_rate": 2.5, "send_burst": 3, "deliver_rate": null,
        "max_in_flight": 4, "max_waiting_bytes": null, "request_rate": null,
        "request_burst": null, "source": "api",
    });
    assert_eq!(set.is(200), expected);
    assert_eq!(hub.quota("shop").is(200), expected);
    let unknown = hub.set_quota("shop", &json!({"deliver_rate": 1, "send_rat": 1}));
    assert_eq!(unknown.refuses(400, "INVALID_REQUEST")["field"], "send_rat");
    hub.set_quota("shop", &json!({"deliver_rate": 1})).is(200);
    let replaced = hub.quota("shop").is(200);
    assert_eq!(replaced["send_rate"], Value::Null);
    assert_eq!(replaced["send_burst"], Value::Null);
    assert_eq!(replaced["deliver_rate"], 1.0);
    hub.set_quota("billing", &burst(1)).is(200);
    let all = hub.get("/v1/quotas").is(200);
    assert_eq!(
        (&all["count"], &all["next_cursor"]),
        (&json!(2), &Value::Null)
    );
    let names: Vec<_> = array(&all["items"])
        .iter()
        .map(|item| text(&item["service"]))
        .collect();
    assert_eq!(names, ["billing", "shop"]);
}

#[test]
fn quotas_survive_a_restart_and_a_kill() {
    let hub = hub_with_billing(&[]);
    hub.set_quota("shop", &burst(7)).is(200);
    hub.set_quota("shop", &burst(2)).is(200);
    hub.set_quota("mail", &burst(3)).is(200);
    hub.delete_quota("mail").is(204);
    let mut hub = hub.restart();
    assert_eq!(hub.quota("shop").is(200)["send_burst"], 2);
    hub.quota("mail").refuses(404, "NOT_FOUND");
    hub.set_quota("mail", &burst(1)).is(200);
    hub.kill9();
    let hub = hub.restart();
    assert_eq!(hub.quota("mail").is(200)["send_burst"], 1);
    hub.send(&message(1)).is(202);
    hub.send(&message(2)).is(202);
    hub.send(&message(3)).refuses(429, "RATE_LIMITED");
}

#[test]
fn the_configuration_holds_until_a_quota_is_set_and_after_it_is_deleted() {
    let hub = hub_with_billing(&[("quotas", "{shop: {send_rate: 0.001, send_burst: 1}}")]);
    let configured = hub.quota("shop").is(200);
    assert_eq!(configured["source"], "configuration");
    hub.delete_quota("shop").refuses(404, "NOT_FOUND");
    hub.send(&message(1)).is(202);
    hub.send(&message(2)).refuses(429, "RATE_LIMITED");
    let wider = json!({"deliver_rate": 1000});
    assert_eq!(hub.set_quota("shop", &wider).is(200)["source"], "api");
    hub.send(&message(3)).is(202);
    hub.delete_quota("shop").is(204);
    hub.delete_quota("shop").refuses(404, "NOT_FOUND");
    assert_eq!(hub.quota("shop").is(200), configured);
    hub.send(&message(4)).is(202);
    hub.send(&message(5)).refuses(429, "RATE_LIMITED");
}

#[test]
fn an_unset_quota_is_not_found() {
    let hub = TestHub::start();
    hub.quota("shop").refuses(404, "NOT_FOUND");
    hub.delete_quota("shop").refuses(404, "NOT_FOUND");
    assert_eq!(hub.get("/v1/quotas").is(200)["count"], 0);
}

#[test]
fn wrong_quotas_are_refused_with_their_field() {
    let hub = TestHub::start();
    for (body, field) in [
        (json!([]), "body"),
        (json!({}), "body"),
        (json!({"send_rate": null}), "body"),
        (json!({"send_rate": 0}), "send_rate"),
        (json!({"send_rate": -1}), "send_rate"),
        (json!({"send_rate": "5"}), "send_rate"),
        (json!({"send_rate": 1_000_001}), "send_rate"),
        (json!({"send_burst": 5}), "send_burst"),
        (json!({"send_burst": 5, "max_in_flight": 1}), "send_burst"),
        (json!({"send_rate": 1, "send_burst": 0}), "send_burst"),
        (json!({"send_rate": 1, "send_burst": 1.5}), "send_burst"),
        (
            json!({"send_rate": 1, "send_burst": 1_000_001}),
            "send_burst",
        ),
        (json!({"deliver_rate": 0}), "deliver_rate"),
        (json!({"deliver_rate": {}}), "deliver_rate"),
        (json!({"max_in_flight": 0}), "max_in_flight"),
        (json!({"max_in_flight": -3}), "max_in_flight"),
        (json!({"max_in_flight": true}), "max_in_flight"),
    ] {
        let details = hub.set_quota("shop", &body).refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{body}");
    }
    for (body, field) in [
        ("", "body"),
        ("{\"send_rate\": 1e400}", "send_rate"),
        ("{\"send_rate\": 1, \"send_rate\": 2}", "send_rate"),
    ] {
        let details = hub.ask("PUT", "/v1/quotas/shop", body.as_bytes());
        let details = details.refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{body}");
    }
    let details = hub.set_quota("a%20b", &burst(1));
    assert_eq!(details.refuses(400, "INVALID_REQUEST")["field"], "service");
    hub.quota("shop").refuses(404, "NOT_FOUND");
}

#[test]
fn only_operators_see_and_change_quotas() {
    let hub = TestHub::with(&[
        ("service_keys", "{shop: [s], boss: [m]}"),
        ("operators", "[boss]"),
    ]);
    let (shop, boss) = (hub.named("shop", "s"), hub.named("boss", "m"));
    boss.register_puller("billing");
    for refused in [
        shop.set_quota("shop", &burst(100)),
        shop.quota("shop"),
        shop.delete_quota("shop"),
        shop.get("/v1/quotas"),
    ] {
        refused.refuses(403, "AUTH_FAILED");
    }
    boss.set_quota("shop", &burst(1)).is(200);
    shop.send(&message(1)).is(202);
    shop.send(&message(2)).refuses(429, "RATE_LIMITED");
    boss.send(&message(3)).is(202);
}
