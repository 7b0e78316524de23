//! Messages that are owed are listed from memory while the archive is away, as they are otherwise.

use serde_json::{Value, json};

use crate::support::postgres::Server;
use crate::support::verbs::{array, id_of, text};
use crate::support::{Client, FakeService, Reply, TestHub, eventually};

const KEYS: &str = "{shop: [s], billing: [b], other: [o], boss: [m]}";

/// Those of lists that mean only what is owed, for each of whom something is missing.
const PENDING: [&str; 9] = [
    "status=pending",
    "state=parked",
    "state=queued",
    "state=scheduled",
    "status=pending&state=delivering",
    "status=pending&source=shop",
    "status=pending&destination=shop",
    "state=parked&correlation_id=talk",
    "state=scheduled&until=2020-01-01T00:00:00Z",
];

/// All pages of a list, with their cursors.
fn pages(client: &Client, query: &str) -> Vec<Value> {
    pages_from(client, query, "")
}

/// As [`pages`], from the one that `cursor` leads to.
fn pages_from(client: &Client, query: &str, cursor: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut cursor = cursor.to_owned();
    loop {
        let page = client.get(&format!("/v1/messages?limit=3&{query}{cursor}"));
        let page = page.is(200);
        let next = page["next_cursor"].clone();
        pages.push(page);
        match next {
            Value::Null => return pages,
            next => cursor = format!("&cursor={}", text(&next)),
        }
    }
}

fn all(clients: &[Client]) -> Vec<Vec<Value>> {
    let each = |client: &Client| PENDING.map(|query| pages(client, query));
    clients.iter().flat_map(each).collect()
}

fn clients(hub: &TestHub) -> [Client; 4] {
    [
        ("boss", "m"),
        ("shop", "s"),
        ("billing", "b"),
        ("other", "o"),
    ]
    .map(|(name, key)| hub.named(name, key))
}

fn message(from: &str, to: &str, more: &Value) -> Value {
    let mut message = json!({"source": from, "destination": to, "payload": {"n": 1}});
    for (field, value) in more.as_object().unwrap() {
        message[field] = value.clone();
    }
    message
}

/// Some of each kind, of several services: the one that was sent again stands among the oldest.
fn fill(boss: &Client) -> String {
    let service = FakeService::answering(Reply::Status(422));
    boss.register_at("printer", &service.url());
    for name in ["billing", "shop", "other"] {
        boss.register_puller(name);
    }
    let plain = json!({});
    let again = id_of(&boss.send(&message("shop", "printer", &plain)).is(202));
    eventually("it is dead", || boss.state(&again) == "dead");
    boss.force_circuit("printer", "OPEN");
    for _ in 0..4 {
        boss.send(&message(
            "shop",
            "printer",
            &json!({"correlation_id": "talk"}),
        ))
        .is(202);
        boss.send(&message("shop", "billing", &plain)).is(202);
        boss.send(&message("billing", "shop", &json!({"delay": 600})))
            .is(202);
        boss.send(&message("other", "other", &plain)).is(202);
    }
    boss.reprocess(&again, &plain).is(202);
    let leased = boss.receive("billing", &json!({"max": 1, "lease": 600}));
    assert_eq!(array(&leased.is(200)["messages"]).len(), 1);
    again
}

#[test]
fn they_are_listed_as_ever_and_what_may_be_settled_is_not() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database();
    let hub = TestHub::with(&[
        ("database_url", &url),
        ("service_keys", KEYS),
        ("operators", "[boss]"),
    ]);
    let [boss, ..] = clients(&hub);
    let again = fill(&boss);
    let before = all(&clients(&hub));
    let lists: Vec<_> = before.iter().flatten().collect();
    assert!(lists.iter().any(|page| page["next_cursor"] != Value::Null));
    let oldest = array(&pages(&boss, "status=pending").last().unwrap()["messages"]);
    assert_eq!(id_of(oldest.last().unwrap()), again);
    let first = boss.get("/v1/messages?status=pending&limit=2").is(200);

    server.crash();
    assert_eq!(all(&clients(&hub)), before);
    // Who began before goes on.
    let cursor = format!("&cursor={}", text(&first["next_cursor"]));
    let rest = pages_from(&boss, "status=pending", &cursor);
    let whole: Vec<_> = rest
        .iter()
        .flat_map(|page| array(&page["messages"]))
        .collect();
    let mut expected: Vec<_> = before[0]
        .iter()
        .flat_map(|page| array(&page["messages"]))
        .collect();
    expected.drain(..2);
    assert_eq!(whole, expected);
    assert_eq!(boss.message(&again)["state"], "parked");
    assert_eq!(
        boss.get("/v1/messages?status=pending&state=dead").is(200)["count"],
        0
    );
    for query in ["", "state=delivered", "status=failed", "source=shop"] {
        let answer = boss.get(&format!("/v1/messages?{query}"));
        answer.refuses(503, "STORAGE_UNAVAILABLE");
    }

    let hub = hub.restart();
    let waiting = |page: &Value| page["count"].as_u64().unwrap();
    let count = |pages: &[Vec<Value>]| pages.iter().flatten().map(waiting).sum::<u64>();
    let found = all(&clients(&hub));
    // Of what was leased nothing is left but that it waits.
    assert_eq!(found[0].len(), before[0].len());
    assert!(count(&found) > 20);
    server.go_on();
    let hub_again = clients(&hub);
    eventually("the archive is back", || {
        hub_again[0].get("/v1/messages").status == 200
    });
    assert_eq!(all(&hub_again), found);
}
