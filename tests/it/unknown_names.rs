//! Names that mean nothing: refused where they could have narrowed something, told where not.

use serde_json::{Value, json};

use crate::support::{FakeService, Reply, TestHub, eventually};

/// Data, of which what is not known is let through and told of.
const DATA: [&str; 4] = [
    "send_message",
    "publish_event",
    "register_service",
    "register_instance",
];

/// Every operation that is described: its method, a path that it may have, and what is said of it.
fn operations(hub: &TestHub) -> Vec<(String, String, Value)> {
    let document = hub.get("/openapi.json").is(200);
    let paths = document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (pattern, item) in paths {
        let id = "00000000-0000-7000-8000-000000000000";
        let path = pattern
            .replace("{service}", "shop")
            .replace("{instance}", "one");
        let path: Vec<_> = path
            .split('/')
            .map(|part| if part.starts_with('{') { id } else { part })
            .collect();
        for (method, operation) in item.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.join("/"), operation.clone()));
        }
    }
    assert!(operations.len() > 80, "{}", operations.len());
    operations
}

#[test]
fn a_parameter_that_no_route_knows_is_refused_by_all() {
    let hub = TestHub::start();
    for (method, path, _) in operations(&hub) {
        let answer = hub.ask(&method, &format!("{path}?limit_of=3"), b"");
        if method == "HEAD" {
            assert_eq!(answer.status, 400, "{path}");
            continue;
        }
        assert_eq!(answer.status, 400, "{method} {path}: {}", answer.body);
        let details = answer.refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], "limit_of", "{method} {path}");
    }
    for (path, field) in [
        ("/v1/messages?service=%zz", "service"),
        ("/v1/messages/%zz", "path"),
    ] {
        let details = hub.get(path).refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field);
    }
    hub.get("/nowhere?x=1").refuses(404, "NOT_FOUND");
}

/// The parameter with something that it may be.
fn with_a_value(parameter: &&Value) -> String {
    match parameter["name"].as_str().unwrap() {
        "mode" => "&mode=from_beginning".to_owned(),
        name => format!("&{name}=shop"),
    }
}

#[test]
fn a_parameter_that_is_described_is_read() {
    let hub = TestHub::start();
    for (method, path, operation) in operations(&hub) {
        let parameters = operation["parameters"].as_array().unwrap();
        let of_query: Vec<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .collect();
        for parameter in &of_query {
            let name = parameter["name"].as_str().unwrap();
            // Of the socket, and read with the keys only.
            if ["name", "key"].contains(&name) {
                continue;
            }
            let others = of_query
                .iter()
                .filter(|other| other["required"] == true && other["name"] != name);
            let others: String = others.map(with_a_value).collect();
            // Longer than any text that a query may hold, and of what no word or number has.
            let value = "%01".repeat(1100);
            let answer = hub.ask(&method, &format!("{path}?{name}={value}{others}"), b"");
            assert_eq!(
                answer.status, 400,
                "{method} {path} {name}: {}",
                answer.body
            );
            assert_eq!(
                answer.json()["error"]["details"]["field"],
                name,
                "{method} {path}: {}",
                answer.body
            );
        }
    }
}

#[test]
fn a_field_that_a_command_does_not_know_is_refused() {
    let hub = TestHub::start();
    let (mut refused, mut no_body) = (0, 0);
    for (method, path, operation) in operations(&hub) {
        let name = operation["operationId"].as_str().unwrap();
        let is_data = DATA
            .iter()
            .any(|data| name == *data || name.starts_with(&format!("{data}_")));
        // What takes no body takes no part of one either.
        let only_reads = ["GET", "HEAD"].contains(&method.as_str());
        if only_reads || is_data {
            continue;
        }
        let answer = hub.ask(&method, &path, br#"{"no_such_field": 1}"#);
        assert_eq!(answer.status, 400, "{method} {path}: {}", answer.body);
        assert_eq!(
            answer.json()["error"]["details"]["field"],
            "no_such_field",
            "{method} {path}"
        );
        if operation["requestBody"].is_null() {
            for no_object in ["x", "[]", "7", "\"one\""] {
                let answer = hub.ask(&method, &path, no_object.as_bytes());
                assert_eq!(answer.status, 400, "{method} {path}: {}", answer.body);
            }
            let huge = "x".repeat(2 << 20);
            let answer = hub.ask(&method, &path, huge.as_bytes());
            assert_eq!(answer.status, 413, "{method} {path}: {}", answer.body);
            no_body += 1;
        }
        refused += 1;
    }
    assert!(refused >= 30, "{refused}");
    assert!(no_body >= 15, "{no_body}");
}

#[test]
fn a_body_that_nobody_reads_destroys_nothing() {
    let hub = TestHub::start();
    for instance in ["one", "two"] {
        hub.register(&json!({"service": "billing", "instance_id": instance}))
            .is(201);
    }
    let path = "/v1/services/billing";
    for (path, body) in [
        (path.to_owned(), json!({"instance_id": "one"})),
        (
            "/registry/billing".to_owned(),
            json!({"instance_id": "one"}),
        ),
        (
            format!("{path}/instances/one"),
            json!({"only_if_idle": true}),
        ),
    ] {
        let answer = hub.ask("DELETE", &path, body.to_string().as_bytes());
        let details = answer.refuses(400, "INVALID_REQUEST");
        assert_eq!(
            &details["field"],
            body.as_object().unwrap().keys().next().unwrap()
        );
    }
    assert_eq!(
        hub.get(path).is(200)["instances"].as_array().unwrap().len(),
        2
    );
    let beat = format!("{path}/instances/one/heartbeat");
    hub.post(&beat, &json!({"status": "unhealthy"}))
        .refuses(400, "INVALID_REQUEST");
    hub.post(&beat, &json!({})).is(200);
    hub.ask("DELETE", &format!("{path}/instances/one"), b"{}")
        .is(204);
}

#[test]
fn a_null_does_not_widen_a_command() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    for (path, body, field) in [
        ("/v1/dlq/delete", r#"{"filter": null}"#, "filter"),
        (
            "/v1/dlq/redrive",
            r#"{"filter": {"since": null}}"#,
            "filter.since",
        ),
        ("/v1/queue/pause", r#"{"service": null}"#, "service"),
        ("/v1/queue/resume", r#"{"service": null}"#, "service"),
        (
            "/v1/events/replay",
            r#"{"mode": "from_beginning", "event_types": null}"#,
            "event_types",
        ),
        (
            "/v1/events/replay",
            r#"{"mode": "from_beginning", "to_sequence": null}"#,
            "to_sequence",
        ),
        (
            "/v1/events/batch",
            r#"{"events": [], "atomic": null}"#,
            "atomic",
        ),
    ] {
        let answer = hub.ask("POST", path, body.as_bytes());
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.body);
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{body}");
    }
    let mut socket = hub.socket();
    socket.say(&json!({"type": "unsubscribe", "event_types": null}));
    assert_eq!(socket.hear()["error"]["details"]["field"], "event_types");
}

#[test]
fn a_field_that_data_does_not_know_is_left_out_and_told() {
    let hub = TestHub::start();
    let registration = json!({
        "service": "billing", "host": "a", "health_check": {"endpoint": "/h", "every": 3},
        "url": "http://127.0.0.1:9", "dependencies": [{"service": "shop", "min": 3}],
        "endpoints": [{"path": "/a", "methods": ["GET"]}, {"path": "/b", "verb": "GET"}],
    });
    let answer = hub.register(&registration).is(201);
    assert_eq!(
        answer["ignored"],
        json!([
            "host",
            "health_check.every",
            "endpoints[1].verb",
            "dependencies[0].min"
        ])
    );
    let message =
        json!({"destination": "billing", "payload": 1, "time_to_live": 5, "correlationId": 1});
    assert_eq!(
        hub.send(&message).is(202)["ignored"],
        json!(["correlationId", "time_to_live"])
    );
    let plain = json!({"destination": "billing", "payload": {"any": 1}, "headers": {"x": "y"}});
    assert_eq!(hub.send(&plain).is(202)["ignored"], Value::Null);
    let batch = hub.batch(&json!([plain, message])).is(202);
    assert_eq!(batch["results"][0]["ignored"], Value::Null);
    assert_eq!(
        batch["results"][1]["ignored"],
        json!(["correlationId", "time_to_live"])
    );
    let event = json!({"event_type": "a", "payload": 1, "data": 1});
    assert_eq!(
        hub.post("/v1/events", &event).is(201)["ignored"],
        json!(["data"])
    );
    let events = hub.post("/v1/events/batch", &json!([event])).is(202);
    assert_eq!(events["results"][0]["ignored"], json!(["data"]));
    let mut socket = hub.socket();
    socket.say(&json!({"type": "send", "message": message, "ref": 1}));
    assert_eq!(
        socket.hear()["ignored"],
        json!(["correlationId", "time_to_live"])
    );
    socket.say(&json!({"type": "publish", "event": event, "ref": 2}));
    assert_eq!(socket.hear()["ignored"], json!(["data"]));
    socket.say(&json!({"type": "publish", "event": {"event_type": "a", "payload": 1}, "ref": 2}));
    assert_eq!(socket.hear()["ignored"], Value::Null);
}

#[test]
fn what_a_later_version_promises_is_not_taken_silently() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    for field in [
        "topic",
        "transaction_id",
        "timeout",
        "reply_mode",
        "sensitive",
        "max_attempts",
    ] {
        let mut message = json!({"destination": "billing", "payload": 1});
        message[field] = json!("x");
        let details = hub.send(&message).refuses(400, "INVALID_MESSAGE");
        assert_eq!(details["field"], field);
    }
    let event = json!({"event_type": "a", "payload": 1, "transaction_id": "x"});
    hub.post("/v1/events", &event)
        .refuses(400, "INVALID_MESSAGE");
    let held = hub.with_header("x-transaction-id: 1");
    held.send(&json!({"destination": "billing", "payload": 1}))
        .refuses(400, "INVALID_MESSAGE");
    hub.register(&json!({"service": "a", "mailbox": true}))
        .refuses(400, "INVALID_REQUEST");
}

#[test]
fn a_frame_takes_the_fields_of_its_type_only() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    for (frame, field) in [
        (
            json!({"type": "subscribe", "event_types": ["#"], "durable": true}),
            "durable",
        ),
        (
            json!({"type": "subscribe", "event_types": ["#"], "from_seq": 1}),
            "from_seq",
        ),
        (
            json!({"type": "subscribe", "event_types": ["#"], "prefetch": 1}),
            "prefetch",
        ),
        (json!({"type": "consume", "prefech": 1}), "prefech"),
        (json!({"type": "ack", "leases": [], "delay": 1}), "delay"),
        (json!({"type": "ping", "event_types": ["#"]}), "event_types"),
    ] {
        socket.say(&frame);
        let answer = socket.hear();
        assert_eq!(answer["type"], "error", "{frame}");
        assert_eq!(answer["error"]["details"]["field"], field, "{frame}");
    }
    socket.say(&json!({"type": "ping"}));
    assert_eq!(socket.hear()["type"], "pong");
}

#[test]
fn a_misspelt_word_destroys_nothing() {
    let hub = TestHub::start();
    let refuses = FakeService::answering(Reply::Status(422));
    hub.register_puller("billing");
    hub.register(&json!({"service": "printer", "url": refuses.url()}))
        .is(201);
    for priority in ["LOW", "HIGH", "NORMAL"] {
        hub.send(&json!({"destination": "billing", "priority": priority, "payload": 1}))
            .is(202);
    }
    hub.send(&json!({"destination": "printer", "payload": 1}))
        .is(202);
    eventually("it is a dead letter", || {
        hub.get("/v1/dlq").is(200)["count"] == 1
    });
    let details = hub
        .delete("/v1/queue?service=billing&priorty=LOW")
        .refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "priorty");
    for (body, field) in [
        (
            json!({"dry_run": true, "filters": {"destination": "nobody"}}),
            "filters",
        ),
        (
            json!({"dry_run": true, "filter": {"dest": "nobody"}}),
            "filter.dest",
        ),
        (
            json!({"dryRun": true, "filter": {"destination": "printer"}}),
            "dryRun",
        ),
    ] {
        let details = hub
            .post("/v1/dlq/redrive", &body)
            .refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field);
    }
    for body in [r#"{"priority": "LOW"}"#, "x"] {
        let answer = hub.ask("DELETE", "/v1/queue?service=billing", body.as_bytes());
        answer.refuses(400, "INVALID_REQUEST");
    }
    for path in [
        "/v1/services/billing/instances/one/drain",
        "/v1/dlq/redrive/00000000-0000-7000-8000-000000000000/cancel",
    ] {
        let details = hub
            .post(path, &json!({"timeout": 5}))
            .refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], "timeout");
    }
    assert_eq!(
        hub.messages("destination=billing&status=pending").is(200)["count"],
        3
    );
    assert_eq!(hub.get("/v1/dlq").is(200)["count"], 1);
}
