//! Whatever is read, however large it is and by however many at once: it comes in pages that
//! memory has room for.

use std::thread;

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of, text};
use crate::support::wire::Connection;
use crate::support::{Client, TestHub, eventually};

const COUNT: usize = 64;
const LARGE: usize = 500 << 10;
/// Four mebibytes of large ones, and the one that goes beyond.
const MOST_ON_A_PAGE: usize = (4 << 20) / LARGE + 1;
/// An idle hub, the newest events, sixteen pages and their texts; a fraction of what is asked for.
const MOST_MEMORY: u64 = 384 << 20;

fn large(number: usize) -> Value {
    json!({"number": number, "text": "x".repeat(LARGE)})
}

/// The numbers of what the pages of a list hold, in its order; several pages, none of them large.
#[track_caller]
fn read_all(hub: &Client, path: &str, items: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut cursor = String::new();
    for _ in 0..COUNT {
        let page = hub.get(&format!("{path}limit=1000{cursor}")).is(200);
        let found = array(&page[items]);
        assert_eq!(page["count"], found.len(), "{path}");
        assert!((1..=MOST_ON_A_PAGE).contains(&found.len()), "{path}");
        numbers.extend(found.iter().map(number));
        match &page["next_cursor"] {
            Value::Null => return numbers,
            next => cursor = format!("&cursor={}", text(next)),
        }
    }
    panic!("{path}: the pages have no end");
}

fn number(item: &Value) -> u64 {
    let inner = ["event", "message"].iter().find_map(|kind| item.get(*kind));
    let item = inner.unwrap_or(item);
    let data = item.get("data").or(item.get("payload"));
    data.unwrap()["number"].as_u64().unwrap()
}

fn ascending() -> Vec<u64> {
    (0..COUNT as u64).collect()
}

fn descending() -> Vec<u64> {
    ascending().into_iter().rev().collect()
}

/// What each of `clients` gets at once.
fn at_once<T: Send>(clients: usize, ask: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let asking: Vec<_> = (0..clients).map(|_| scope.spawn(&ask)).collect();
        let answers = asking.into_iter().map(|asked| asked.join().unwrap());
        answers.collect()
    })
}

#[test]
fn large_events_come_in_small_pages_each_event_once() {
    let hub = TestHub::start();
    for number in 0..COUNT {
        let event = json!({
            "event_type": "large", "payload": large(number), "stream_id": "s",
            "correlation_id": "talk",
        });
        hub.publish(&event).is(201);
    }
    for (path, items, expected) in [
        ("/v1/events?", "events", ascending()),
        ("/v1/events?order=desc&", "events", descending()),
        ("/v1/events?event_type=%23.large&", "events", ascending()),
        ("/v1/streams/s/events?", "events", ascending()),
        ("/v1/correlations/talk?", "items", ascending()),
        (
            "/v1/events/replay?mode=last_n_events&last_n=60&",
            "events",
            ascending().split_off(4),
        ),
    ] {
        assert_eq!(read_all(&hub, path, items), expected, "{path}");
    }
    for page in at_once(24, || hub.get("/v1/events?limit=1000").is(200)) {
        assert!(array(&page["events"]).len() <= MOST_ON_A_PAGE);
    }
    assert!(hub.peak_memory() < MOST_MEMORY, "{}", hub.peak_memory());
}

#[test]
fn large_messages_come_in_small_pages_each_message_once() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    for number in 0..COUNT {
        let message = json!({
            "destination": "billing", "payload": large(number), "correlation_id": "talk",
        });
        hub.send(&message).is(202);
    }
    assert_eq!(read_all(&hub, "/v1/messages?", "messages"), descending());
    let conversation = read_all(&hub, "/v1/correlations/talk?", "items");
    assert_eq!(conversation, ascending());

    let mut numbers = Vec::new();
    while numbers.len() < COUNT {
        let pulled = hub.pull("billing", 1000);
        assert!((1..=MOST_ON_A_PAGE).contains(&pulled.len()));
        numbers.extend(pulled.iter().map(number));
        let leases: Vec<_> = pulled.iter().map(|message| &message["lease"]).collect();
        hub.post("/v1/leases/ack", &json!({"leases": leases}))
            .is(200);
    }
    assert_eq!(numbers, ascending());
    at_once(24, || hub.messages("limit=1000").is(200));
    assert!(hub.peak_memory() < MOST_MEMORY, "{}", hub.peak_memory());
}

#[test]
fn a_page_may_end_by_bytes_among_small_ones_of_another_list() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let mut expected = Vec::new();
    for number in 0..24 {
        let payload = if number % 2 == 0 {
            large(number)
        } else {
            json!({"number": number})
        };
        if number % 3 == 0 {
            let message = json!({
                "destination": "billing", "payload": payload, "correlation_id": "talk",
            });
            id_of(&hub.send(&message).is(202));
        } else {
            let event = json!({
                "event_type": "large", "payload": payload, "correlation_id": "talk",
            });
            hub.publish(&event).is(201);
        }
        expected.push(number as u64);
    }
    let mut found = Vec::new();
    let mut path = "/v1/correlations/talk?limit=1000".to_owned();
    loop {
        let page = hub.get(&path).is(200);
        let items = array(&page["items"]);
        let large = items
            .iter()
            .filter(|item| number(item).is_multiple_of(2))
            .count();
        assert!(large <= MOST_ON_A_PAGE, "{large}");
        found.extend(items.iter().map(number));
        let Value::String(cursor) = &page["next_cursor"] else {
            break;
        };
        path = format!("/v1/correlations/talk?limit=1000&cursor={cursor}");
    }
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn states_are_built_few_at_a_time() {
    let hub = TestHub::start();
    for number in 0..8 {
        let payload = json!({format!("v{number}"): "x".repeat(1_000_000)});
        let event = json!({"event_type": "large", "payload": payload, "stream_id": "s"});
        hub.publish(&event).is(201);
    }
    let lengths = at_once(40, || {
        let answer = hub.get("/v1/streams/s/state").is(200);
        answer["state"].as_object().unwrap().len()
    });
    assert_eq!(lengths, [8; 40]);
    assert!(hub.peak_memory() < MOST_MEMORY, "{}", hub.peak_memory());
}

#[test]
fn who_does_not_read_takes_no_room_from_others() {
    let keys = ("service_keys", "{idle: [k], other: [k], boss: [k]}");
    let hub = TestHub::with(&[keys, ("operators", "[boss]")]);
    let [idle, other, boss] = ["idle", "other", "boss"].map(|name| hub.named(name, "k"));
    for number in 0..12 {
        let payload = json!({format!("v{number}"): "x".repeat(1_000_000)});
        let event = json!({"event_type": "large", "payload": payload, "stream_id": "s"});
        boss.publish(&event).is(201);
    }
    let event = json!({"event_type": "small", "payload": {}, "stream_id": "t"});
    boss.publish(&event).is(201);

    // Half of the room, and three times more than that.
    let unread: Vec<_> = (0..14).map(|_| ask_for_state(&idle)).collect();
    let mut unread: Vec<_> = unread
        .into_iter()
        .map(|mut asked| (status(&mut asked), asked))
        .collect();
    assert_eq!(
        unread.iter().filter(|(status, _)| *status == 200).count(),
        11
    );

    idle.get("/v1/streams/s/state").refuses(429, "QUEUE_FULL");
    // What is small needs none.
    idle.get("/v1/streams/t/state").is(200);
    idle.get("/v1/events?order=desc&limit=1").is(200);
    // Nothing is done for whom there is no room.
    let snapshots = "/v1/streams/s/snapshots";
    idle.post(snapshots, &json!({})).refuses(429, "QUEUE_FULL");
    let latest = format!("{snapshots}/latest");
    other.get(&latest).refuses(404, "NOT_FOUND");
    other.post(snapshots, &json!({})).is(201);
    for path in [&latest, "/v1/streams/s/state", "/v1/events?limit=1000"] {
        other.get(path).is(200);
    }
    unread.clear();
    eventually("the room is free again", || {
        idle.get("/v1/streams/s/state").status == 200
    });
}

/// Asks, and does not wait for the answer.
fn ask_for_state(client: &Client) -> Connection {
    let mut connection = client.connect().unwrap();
    let headers: Vec<_> = client.header_lines().collect();
    let headers = headers.join("\r\n");
    let request = format!("GET /v1/streams/s/state HTTP/1.1\r\nhost: hub\r\n{headers}\r\n\r\n");
    connection.say(request.as_bytes()).unwrap();
    connection
}

fn status(connection: &mut Connection) -> u16 {
    let head = connection.hear_head().unwrap();
    let status = head.first_line.split(' ').nth(1).unwrap();
    status.parse().unwrap()
}
