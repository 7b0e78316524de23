//! The hub and its services at a glance, as an operator asks for them.

use serde_json::json;

use crate::support::{TestHub, eventually};

#[test]
fn an_overview_says_how_much_there_is_and_what_is_wrong() {
    let hub = TestHub::start();
    hub.register_puller("alpha");
    hub.register_puller("beta");
    for name in ["alpha", "alpha", "beta"] {
        hub.send(&json!({"destination": name, "payload": 1, "priority": "HIGH"}))
            .is(202);
    }
    hub.pause_queue(&json!({"service": "beta"})).is(200);
    hub.force_circuit("alpha", "OPEN");
    eventually("what is wrong is told", || {
        let told = hub.get("/v1/overview").is(200);
        told["attention"].as_array().unwrap().len() == 2
    });
    let told = hub.get("/v1/overview").is(200);
    let attention = &told["attention"];
    for (index, kind, subject, count) in [(0, "circuit_open", "alpha", 2), (1, "paused", "beta", 1)]
    {
        let item = &attention[index];
        assert_eq!(
            (&item["kind"], &item["subject"]),
            (&json!(kind), &json!(subject)),
            "{item}"
        );
        assert_eq!(item["count"], count, "{item}");
        assert_eq!(item["view"], format!("/services/{subject}"));
        assert!(item["since"].is_string(), "{item}");
    }
    assert_eq!(told["totals"]["accepted"], 3);
    let totals = told["totals"].as_object().unwrap();
    let sum: i64 = totals.values().map(|count| count.as_i64().unwrap()).sum();
    assert_eq!(sum, 6, "the states add up to what was accepted: {told}");
    assert_eq!(told["queues"]["HIGH"], 3);
    assert_eq!(told["counts"]["circuits"]["open"], 1);
    assert_eq!(told["counts"]["paused"], 1);
    assert_eq!(told["components"]["circuits"]["status"], "degraded");
    assert!(told["oldest_age"].is_number(), "{told}");
}

/// A hub for whose services one, three and no messages wait.
fn hub_with_three() -> TestHub {
    let hub = TestHub::start();
    for (name, count) in [("alpha", 1), ("beta", 3), ("gamma", 0)] {
        hub.register_puller(name);
        for _ in 0..count {
            hub.send(&json!({"destination": name, "payload": 1}))
                .is(202);
        }
    }
    hub.pause_queue(&json!({"service": "gamma"})).is(200);
    hub
}

#[test]
fn rows_of_services_are_sorted_and_chosen_by_the_hub() {
    let hub = hub_with_three();
    let names = |query: &str| {
        let page = hub.get(&format!("/v1/overview/services?{query}")).is(200);
        let rows = page["services"].as_array().unwrap().clone();
        let names: Vec<_> = rows
            .iter()
            .map(|row| row["service"].as_str().unwrap().to_owned())
            .collect();
        (
            names.join(" "),
            page["total"].as_u64().unwrap(),
            page["next_cursor"].clone(),
        )
    };
    eventually("all rows are there", || {
        names("").1 == 3 && names("sort=queued").0.starts_with("beta")
    });
    assert_eq!(names("").0, "alpha beta gamma");
    assert_eq!(names("order=desc").0, "gamma beta alpha");
    assert_eq!(names("sort=queued").0, "beta alpha gamma");
    assert_eq!(names("sort=queued&order=asc").0, "gamma alpha beta");
    assert_eq!(
        names("q=AM&queue=paused"),
        ("gamma".to_owned(), 1, json!(null))
    );
    assert_eq!(names("service=beta").0, "beta");
    assert_eq!(names("circuit=OPEN"), (String::new(), 0, json!(null)));
    assert_eq!(
        names("limit=2"),
        ("alpha beta".to_owned(), 3, json!("beta"))
    );
    assert_eq!(
        names("limit=2&cursor=beta"),
        ("gamma".to_owned(), 3, json!(null))
    );
    assert_eq!(
        names("limit=1&sort=queued"),
        ("beta".to_owned(), 3, json!(null))
    );
    hub.get("/v1/overview/services?sort=queued&cursor=beta")
        .refuses(400, "INVALID_REQUEST");
    let page = hub.get("/v1/overview/services?service=beta").is(200);
    let row = &page["services"][0];
    assert_eq!(
        (&row["queued"], &row["levels"]["NORMAL"]),
        (&json!(3), &json!(3)),
        "{row}"
    );
    assert_eq!(
        (&row["queue"], &row["dead_letters"]),
        (&json!("running"), &json!(0)),
        "{row}"
    );
}

#[test]
fn the_last_day_is_told_in_columns_of_one_length() {
    let hub = TestHub::start();
    eventually("there is a sample", || {
        let stats = hub.get("/v1/stats").is(200);
        !stats["series"]["rss"].as_array().unwrap().is_empty()
    });
    let stats = hub.get("/v1/stats?step=60").is(200);
    assert_eq!(stats["step"], 60);
    assert!(stats["from"].is_string(), "{stats}");
    let series = stats["series"].as_object().unwrap();
    assert_eq!(series.len(), 31);
    assert!(
        series
            .values()
            .all(|column| column.as_array().unwrap().len() == 1),
        "{stats}"
    );
    assert!(series["rss"][0].as_f64().unwrap() > 1e6, "{stats}");
    hub.get("/v1/stats?step=30").refuses(400, "INVALID_REQUEST");
    hub.get("/v1/stats?since=yesterday")
        .refuses(400, "INVALID_REQUEST");
}

#[test]
fn who_sees_everything_and_who_sees_itself() {
    let keys = "{shop: [s], eye: [e]}";
    let hub = TestHub::with(&[("service_keys", keys), ("viewers", "[eye]")]);
    let (shop, eye) = (hub.named("shop", "s"), hub.named("eye", "e"));
    for path in ["/v1/overview", "/v1/stats"] {
        eye.get(path).is(200);
        shop.get(path).refuses(403, "AUTH_FAILED");
    }
    eye.get("/v1/overview/services").is(200);
    shop.register_puller("shop");
    eventually("it sees its row", || {
        shop.get("/v1/overview/services").is(200)["total"] == 1
    });
    let others = shop.get("/v1/overview/services?service=eye").is(200);
    assert_eq!(others["total"], 0, "{others}");
}
