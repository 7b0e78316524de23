//! What was published can be read again, from any point on and in every way.

mod conversations;
mod retention;

use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::faults::lock_archive;
use crate::support::verbs::{array, text};
use crate::support::{Client, FakeService, TestHub, eventually};

/// Five events of three services, in two streams and none.
fn publish_five(hub: &Client) -> Vec<Value> {
    let events = [
        json!({"event_type": "order.created", "source": "shop", "stream_id": "order-1",
               "correlation_id": "talk", "payload": {"n": 1}}),
        json!({"event_type": "order.paid", "source": "billing", "stream_id": "order-1",
               "correlation_id": "talk", "payload": {"n": 2}}),
        json!({"event_type": "order.created", "source": "shop", "stream_id": "order-2",
               "payload": {"n": 3}}),
        json!({"event_type": "order.item.added", "source": "shop", "payload": {"n": 4}}),
        json!({"event_type": "health", "source": "monitor", "payload": {"n": 5}}),
    ];
    let publish = |event| hub.publish(event).is(201);
    events.iter().map(publish).collect()
}

/// Publishes numbered events.
fn publish_some(hub: &Client, numbers: std::ops::RangeInclusive<u64>) {
    for n in numbers {
        hub.publish(&json!({"event_type": "tick", "payload": {"n": n}}))
            .is(201);
    }
}

/// The numbers in the payloads of a page.
fn numbers(page: &Value) -> Vec<u64> {
    let events = array(&page["events"]);
    assert_eq!(page["count"], events.len());
    let number = |event: &Value| event["payload"]["n"].as_u64().unwrap();
    events.iter().map(number).collect()
}

#[test]
fn events_are_found_by_everything_that_describes_them() {
    let hub = TestHub::start();
    let published = publish_five(&hub);
    let third =
        text(&hub.get("/v1/events?from_sequence=3&limit=1").is(200)["events"][0]["published_at"]);
    let own_id = text(&published[3]["id"]);
    for (query, expected) in [
        ("", &[1, 2, 3, 4, 5][..]),
        ("event_type=order.created", &[1, 3]),
        ("event_type=order.*", &[1, 2, 3]),
        ("event_type=order.%23", &[1, 2, 3, 4]),
        ("event_type=*", &[5]),
        ("event_type=health,order.paid", &[2, 5]),
        ("event_type=nothing", &[]),
        ("source=shop", &[1, 3, 4]),
        ("stream_id=order-1", &[1, 2]),
        ("correlation_id=talk", &[1, 2]),
        (&format!("correlation_id={own_id}"), &[4]),
        ("from_sequence=0&to_sequence=2", &[1, 2]),
        ("from_sequence=4", &[4, 5]),
        ("to_sequence=2", &[1, 2]),
        ("from_sequence=2&to_sequence=3&order=desc", &[3, 2]),
        ("order=desc&limit=2", &[5, 4]),
        ("order=asc&limit=2", &[1, 2]),
        ("from_sequence=9", &[]),
        (
            "source=shop&event_type=order.created&stream_id=order-2",
            &[3],
        ),
        ("from_timestamp=2999-01-01T00:00:00Z", &[]),
        ("to_timestamp=2000-01-01T00:00:00Z", &[]),
        ("from_timestamp=2000-01-01T00:00:00Z&source=monitor", &[5]),
    ] {
        let page = hub.get(&format!("/v1/events?{query}")).is(200);
        assert_eq!(numbers(&page), expected, "{query}");
    }
    let since = hub
        .get(&format!("/v1/events?from_timestamp={third}"))
        .is(200);
    assert!(numbers(&since).ends_with(&[3, 4, 5]));
    let until = hub.get(&format!("/v1/events?to_timestamp={third}")).is(200);
    assert!(numbers(&until).starts_with(&[1, 2, 3]));

    let event = hub.get(&format!("/v1/events/{own_id}")).is(200);
    assert_eq!(
        (&event["sequence"], &event["payload"]),
        (&json!(4), &json!({"n": 4}))
    );
    assert_eq!(event["type"], "event");
    hub.get("/v1/events/01890a5d-ac96-774b-bcce-b302099a8057")
        .refuses(404, "NOT_FOUND");
}

#[test]
fn pages_are_stable_while_a_writer_appends() {
    let hub = TestHub::start();
    publish_some(&hub, 1..=30);
    let writer = hub.client();
    let writing = std::thread::spawn(move || publish_some(&writer, 31..=60));
    for (order, first) in [("asc", 1), ("desc", 30)] {
        let mut found = Vec::new();
        let mut query = format!("order={order}&limit=7");
        if order == "desc" {
            query += "&to_sequence=30";
        }
        let filters = query.clone();
        loop {
            let page = hub.get(&format!("/v1/events?{query}")).is(200);
            found.extend(numbers(&page));
            match &page["next_cursor"] {
                Value::Null => break,
                cursor => query = format!("{filters}&cursor={}", text(cursor)),
            }
        }
        assert_eq!(found[0], first);
        let step = |pair: &[u64]| pair[0].abs_diff(pair[1]) == 1;
        assert!(
            found.len() >= 30 && found.windows(2).all(step),
            "{order}: {found:?}"
        );
    }
    writing.join().unwrap();
    let all = hub.get("/v1/events?limit=1000").is(200);
    assert_eq!(numbers(&all), (1..=60).collect::<Vec<_>>());
    assert_eq!(all["next_cursor"], Value::Null);
}

#[test]
fn a_replay_begins_where_it_is_told() {
    let hub = TestHub::start();
    publish_five(&hub);
    for (asked, expected) in [
        (json!({"mode": "from_beginning"}), &[1, 2, 3, 4, 5][..]),
        (
            json!({"mode": "from_sequence", "from_sequence": 4}),
            &[4, 5],
        ),
        (
            json!({"mode": "from_sequence", "from_sequence": 2, "to_sequence": 3}),
            &[2, 3],
        ),
        (json!({"mode": "from_sequence", "from_sequence": 9}), &[]),
        (
            json!({"mode": "from_timestamp", "from_timestamp": "2000-01-01T00:00:00Z"}),
            &[1, 2, 3, 4, 5],
        ),
        (
            json!({"mode": "from_timestamp", "from_timestamp": "2999-01-01T00:00:00Z"}),
            &[],
        ),
        (json!({"mode": "last_n_events", "last_n": 2}), &[4, 5]),
        (
            json!({"mode": "last_n_events", "last_n": 1000}),
            &[1, 2, 3, 4, 5],
        ),
        (
            json!({"mode": "last_n_events", "last_n": 2, "source": "shop"}),
            &[3, 4],
        ),
        (
            json!({"mode": "last_n_events", "last_n": 2, "to_sequence": 3}),
            &[2, 3],
        ),
        (
            json!({"mode": "from_beginning", "event_types": ["order.*", "health"]}),
            &[1, 2, 3, 5],
        ),
        (
            json!({"mode": "from_beginning", "event_types": []}),
            &[1, 2, 3, 4, 5],
        ),
        (
            json!({"mode": "from_beginning", "stream_id": "order-1"}),
            &[1, 2],
        ),
        (
            json!({"mode": "from_beginning", "correlation_id": "talk", "limit": 1}),
            &[1],
        ),
    ] {
        let answer = hub.post("/v1/events/replay", &asked).is(200);
        assert_eq!(numbers(&answer), expected, "{asked}");
        let query = as_query(&asked);
        let answer = hub.get(&format!("/v1/events/replay?{query}")).is(200);
        assert_eq!(numbers(&answer), expected, "{query}");
    }
}

/// The same question in a query string.
fn as_query(asked: &Value) -> String {
    let fields = asked.as_object().unwrap().iter();
    let pairs = fields.map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
        Value::Array(texts) => {
            let texts: Vec<_> = texts.iter().map(text).collect();
            format!("{name}={}", texts.join(","))
        }
        other => format!("{name}={other}"),
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[test]
fn the_last_events_stay_the_same_from_page_to_page() {
    let hub = TestHub::start();
    publish_some(&hub, 1..=10);
    let mut asked = json!({"mode": "last_n_events", "last_n": 5, "limit": 2});
    let mut found = Vec::new();
    for n in 11.. {
        let page = hub.post("/v1/events/replay", &asked).is(200);
        found.extend(numbers(&page));
        publish_some(&hub, n..=n);
        match &page["next_cursor"] {
            Value::Null => break,
            cursor => asked["cursor"] = cursor.clone(),
        }
    }
    assert_eq!(found, [6, 7, 8, 9, 10]);
}

#[test]
fn a_wrong_question_is_refused_with_its_field() {
    let hub = TestHub::start();
    for (query, field) in [
        ("event_type=a.b*", "event_type"),
        ("event_type=a,,b", "event_type"),
        ("source=a%20b", "source"),
        ("stream_id=%0A", "stream_id"),
        ("correlation_id=%07", "correlation_id"),
        ("from_sequence=-1", "from_sequence"),
        ("from_sequence=1.5", "from_sequence"),
        ("to_sequence=9223372036854775808", "to_sequence"),
        ("from_timestamp=yesterday", "from_timestamp"),
        ("to_timestamp=1", "to_timestamp"),
        ("order=up", "order"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("cursor=0", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=1-2", "cursor"),
        ("source=a&source=b", "source"),
    ] {
        let details = hub.get(&format!("/v1/events?{query}"));
        assert_eq!(
            details.refuses(400, "INVALID_REQUEST")["field"],
            field,
            "{query}"
        );
    }
    let details = hub.get("/v1/events/x").refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "id");
    let answer = hub.ask("POST", "/v1/events/replay", b"");
    assert_eq!(answer.refuses(400, "INVALID_REQUEST")["field"], "body");
    let deliver = "01890a5d-ac96-774b-bcce-b302099a8057";
    let asked = json!({"mode": "from_beginning", "deliver_to": deliver});
    hub.post("/v1/events/replay", &asked)
        .refuses(404, "NOT_FOUND");
}

#[test]
fn without_the_archive_memory_answers_what_it_knows_whole() {
    let hub = TestHub::start();
    publish_five(&hub);
    let hub = hub.restart();
    publish_some(&hub, 6..=8);
    let mut lock = lock_archive(&hub);
    for (query, expected) in [
        ("from_sequence=7", &[7, 8][..]),
        ("order=desc&limit=2", &[8, 7]),
        ("event_type=tick&order=desc&limit=1", &[8]),
    ] {
        let page = hub.get(&format!("/v1/events?{query}")).is(200);
        assert_eq!(numbers(&page), expected, "{query}");
    }
    assert_eq!(hub.get("/v1/streams/order-1").is(200)["version"], 2);
    hub.get("/v1/streams/nobody").refuses(404, "NOT_FOUND");
    hub.get("/v1/correlations/talk")
        .refuses(503, "STORAGE_UNAVAILABLE");
    hub.get("/v1/streams/order-1/state")
        .refuses(503, "STORAGE_UNAVAILABLE");
    lock.batch_execute("ROLLBACK").unwrap();
    eventually("history answers", || {
        hub.get("/v1/streams/order-1/state").status == 200
    });
}

#[test]
fn a_replay_goes_to_one_subscription_beside_its_live_events() {
    let hub = TestHub::start();
    publish_five(&hub);
    let receiver = FakeService::start();
    let subscription = hub.post(
        "/v1/subscriptions",
        &json!({"service": "watcher", "event_types": ["order.#"], "callback_url": receiver.url()}),
    );
    let id = text(&subscription.is(201)["subscription_id"]);
    let numbers = |from: usize, count: usize| {
        let mut numbers = Vec::new();
        for push in receiver.wait_for(from + count)[from..].iter() {
            assert_eq!(push.header("x-hub-replay"), Some("true"));
            numbers.push(push.json()["payload"]["n"].as_u64().unwrap());
        }
        numbers
    };
    let mut sent = 0;
    for (asked, expected) in [
        (json!({"mode": "last_n_events", "last_n": 2}), &[3, 4][..]),
        (json!({"mode": "from_beginning", "limit": 1}), &[1]),
        (
            json!({"mode": "from_sequence", "from_sequence": 2, "to_sequence": 3}),
            &[2, 3],
        ),
        (
            json!({"mode": "from_timestamp", "from_timestamp": "2000-01-01T00:00:00Z",
                   "event_types": ["health"], "rate": 1000}),
            &[5],
        ),
    ] {
        let mut asked = asked;
        asked["deliver_to"] = json!(id);
        let started = hub.post("/v1/events/replay", &asked).is(202);
        assert!(started["replay_id"].is_string());
        assert_eq!(numbers(sent, expected.len()), expected, "{asked}");
        sent += expected.len();
    }
}

#[test]
fn what_begins_a_replay_in_another_mode_is_refused() {
    let hub = TestHub::start();
    let starts = [
        (
            "from_timestamp",
            "from_timestamp",
            json!("2000-01-01T00:00:00Z"),
        ),
        ("from_sequence", "from_sequence", json!(0)),
        ("last_n_events", "last_n", json!(5)),
    ];
    for (mode, own, value) in &starts {
        for (_, field, other) in starts.iter().filter(|(other, ..)| other != mode) {
            let asked = json!({"mode": mode, *own: value, *field: other});
            let details = hub.post("/v1/events/replay", &asked);
            assert_eq!(details.refuses(400, "INVALID_REQUEST")["field"], *field);
        }
        let asked = json!({"mode": "from_beginning", *own: value});
        let details = hub.post("/v1/events/replay", &asked);
        assert_eq!(details.refuses(400, "INVALID_REQUEST")["field"], *own);
    }
    let by_query = "/v1/events/replay?mode=from_beginning&last_n=3";
    let details = hub.get(by_query).refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "last_n");
}
