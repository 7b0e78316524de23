//! Lists that the hub has in memory come in pages.

use serde_json::{Value, json};

use crate::support::verbs::{array, text};
use crate::support::{Client, TestHub};

/// The keys of all items, fetched two by two.
fn pages(hub: &Client, path: &str, items: &str, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut query = "limit=2".to_owned();
    loop {
        let page = hub.get(&format!("{path}?{query}")).is(200);
        let keys: Vec<_> = array(&page[items])
            .iter()
            .map(|item| text(&item[key]))
            .collect();
        assert!(keys.len() <= 2 && page["count"] == keys.len());
        found.extend(keys);
        match &page["next_cursor"] {
            Value::Null => return found,
            cursor => query = format!("limit=2&cursor={}", text(cursor)),
        }
    }
}

#[test]
fn every_list_comes_in_pages() {
    let hub = TestHub::start();
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        hub.register_puller(name);
        hub.put(&format!("/v1/quotas/{name}"), &json!({"send_rate": 5}))
            .is(200);
    }
    assert_eq!(pages(&hub, "/v1/services", "services", "service"), names);
    assert_eq!(pages(&hub, "/v1/circuits", "circuits", "service"), names);
    assert_eq!(pages(&hub, "/circuit", "circuits", "service"), names);
    assert_eq!(pages(&hub, "/v1/quotas", "items", "service"), names);
    let start = || text(&hub.post("/v1/dlq/redrive", &json!({})).is(202)["job"]);
    let mut jobs: Vec<_> = (0..3).map(|_| start()).collect();
    jobs.sort();
    jobs.reverse();
    assert_eq!(pages(&hub, "/v1/dlq/redrive", "items", "job"), jobs);
    for path in ["/v1/services", "/circuit", "/v1/quotas", "/v1/dlq/redrive"] {
        for (query, field) in [("limit=1001", "limit"), ("cursor=%20", "cursor")] {
            let answer = hub.get(&format!("{path}?{query}"));
            let details = answer.refuses(400, "INVALID_REQUEST");
            assert_eq!(details["field"], field, "{path}");
        }
    }
}
