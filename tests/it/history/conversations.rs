use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::verbs::{array, text};
use crate::support::{Client, TestHub, eventually};

/// Kinds and payloads of a conversation, `limit` at a time.
fn told(client: &Client, id: &str, limit: usize) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut times = Vec::new();
    let mut query = format!("limit={limit}");
    loop {
        let page = client
            .get(&format!("/v1/correlations/{id}?{query}"))
            .is(200);
        let items = array(&page["items"]);
        assert!(items.len() <= limit && page["count"] == items.len());
        for item in &items {
            let kind = text(&item["kind"]);
            times.push(text(&item["at"]));
            let payload = item[kind.as_str()]["payload"].clone();
            found.push((kind, payload));
        }
        match &page["next_cursor"] {
            Value::Null => break,
            cursor => query = format!("limit={limit}&cursor={}", text(cursor)),
        }
    }
    assert!(times.is_sorted(), "{times:?}");
    found
}

/// So that what comes next is later also by the hub's clock.
fn next_millisecond() {
    let begun = Instant::now();
    eventually("two milliseconds pass", || {
        begun.elapsed() >= Duration::from_millis(2)
    });
}

#[test]
fn a_conversation_is_its_messages_and_events_in_the_order_of_time() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let mut expected = Vec::new();
    for n in 0..6 {
        let body = json!({"destination": "billing", "event_type": "step", "payload": n,
                          "correlation_id": "talk"});
        if n % 3 == 0 {
            hub.send(&body).is(202);
            expected.push(("message".to_owned(), json!(n)));
        } else {
            hub.publish(&body).is(201);
            expected.push(("event".to_owned(), json!(n)));
        }
        next_millisecond();
    }
    hub.publish(&json!({"event_type": "step", "payload": "other"}))
        .is(201);
    for limit in [1, 2, 4, 100] {
        assert_eq!(told(&hub, "talk", limit), expected, "{limit}");
    }
    let all = hub.get("/v1/correlations/talk").is(200);
    assert_eq!(all["items"][0]["message"]["status"], "pending");
    assert_eq!(told(&hub, "unheard-of", 9), []);
    for (query, field) in [("limit=0", "limit"), ("cursor=1", "cursor")] {
        let answer = hub.get(&format!("/v1/correlations/talk?{query}"));
        assert_eq!(answer.refuses(400, "INVALID_REQUEST")["field"], field);
    }
}

#[test]
fn who_is_no_operator_sees_only_own_messages_and_all_events() {
    let hub = TestHub::with(&[
        (
            "service_keys",
            "{shop: [s], billing: [b], other: [o], boss: [m]}",
        ),
        ("operators", "[boss]"),
    ]);
    let (shop, boss) = (hub.named("shop", "s"), hub.named("boss", "m"));
    let (billing, other) = (hub.named("billing", "b"), hub.named("other", "o"));
    billing.register_puller("billing");
    let body = json!({"destination": "billing", "event_type": "step", "payload": 1,
                      "correlation_id": "talk", "stream_id": "s"});
    shop.send(&body).is(202);
    shop.publish(&body).is(201);
    for (client, messages) in [(&shop, 1), (&billing, 1), (&boss, 1), (&other, 0)] {
        let kinds = told(client, "talk", 1);
        let found = kinds.iter().filter(|(kind, _)| kind == "message").count();
        assert_eq!((found, kinds.len() - found), (messages, 1));
        assert_eq!(client.get("/v1/events?source=shop").is(200)["count"], 1);
        client.get("/v1/streams/s/state").is(200);
    }
    hub.nameless().get("/v1/events").refuses(401, "AUTH_FAILED");
}
