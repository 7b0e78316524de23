//! Malformed input of every kind: refused with a 4xx and the envelope, never a 5xx, and in
//! bounded memory. What the log says is checked when the hub ends.

mod routes;

use std::io;

use serde_json::{Value, json};

use crate::support::wire::Answer;
use crate::support::{Client, TestHub, eventually};

#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    let status = answer.status;
    assert!(
        (400..500).contains(&status),
        "{what}: {status} {}",
        answer.body
    );
    let error = &answer.json()["error"];
    assert!(error["code"].is_string(), "{what}: {}", answer.body);
    assert!(
        error["details"]["request_id"].is_string(),
        "{what}: {}",
        answer.body
    );
}

#[test]
fn depth_is_bounded_where_it_is_said() {
    let hub = TestHub::with_puller("billing");
    let send = |depth: usize, open: &str, close: &str| {
        let payload = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let body = format!(r#"{{"destination":"billing","payload":{payload}}}"#);
        hub.ask("POST", "/message", body.as_bytes())
    };
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        assert_eq!(send(64, open, close).status, 202);
        for depth in [65, 1000, 100_000] {
            assert_refused(&send(depth, open, close), &format!("{depth} {open}"));
        }
    }
    let unclosed = format!(
        r#"{{"destination":"billing","payload":{}"#,
        "[".repeat(500_000)
    );
    assert_refused(
        &hub.ask("POST", "/message", unclosed.as_bytes()),
        "unclosed",
    );
}

#[test]
fn known_fields_are_strict_and_payloads_are_not() {
    let hub = TestHub::with_puller("billing");
    let with = |fields: &str| {
        let body = format!(r#"{{"destination":"billing","payload":1,{fields}}}"#);
        hub.ask("POST", "/message", body.as_bytes())
    };
    for (fields, field) in [
        (r#""ttl":1,"ttl":2"#, "ttl"),
        (r#""destination":"mail""#, "destination"),
        (r#""payload":2"#, "payload"),
        (r#""ttl":1e400"#, "ttl"),
        (r#""ttl":-1e400"#, "ttl"),
        (r#""ttl":1e-400"#, "ttl"),
        (r#""ttl":99999999999999999999999999"#, "ttl"),
        (r#""priority":18446744073709551617"#, "priority"),
        (r#""priority":-1"#, "priority"),
        (r#""type":"\ud800""#, "type"),
        (r#""correlation_id":"\udc00\ud800""#, "correlation_id"),
        (r#""ordering_key":"\u0000""#, "ordering_key"),
        (r#""headers":{"a":"1","a":"2"}"#, "headers"),
        (r#""headers":[["a","b"]]"#, "headers"),
        (r#""deadline":"2026-13-01T00:00:00Z""#, "deadline"),
        (r#""deadline":"+999999-01-01T00:00:00Z""#, "deadline"),
        (r#""deliver_at":"-009999-01-02T01:59:59Z""#, "deliver_at"),
    ] {
        let answer = with(fields);
        if field == "deliver_at" && answer.status == 202 {
            // A time long past means now.
            continue;
        }
        let details = answer.refuses(400, "INVALID_MESSAGE");
        assert_eq!(details["field"], field, "{fields}");
    }
    for payload in [r#"{"a":1,"a":2}"#, "1e400", r#""\ud800""#, "-0", "1E+5"] {
        let body = format!(r#"{{"destination":"billing","payload":{payload}}}"#);
        assert_eq!(hub.ask("POST", "/message", body.as_bytes()).status, 202);
        let pulled = hub.receive("billing", &json!({"wait_ms": 20_000}));
        assert!(pulled.body.contains(payload), "{}", pulled.body);
    }
    let long = "x".repeat(100_000);
    for field in [
        "type",
        "correlation_id",
        "ordering_key",
        "source",
        "reply_to",
    ] {
        assert_refused(&with(&format!(r#""{field}":"{long}""#)), field);
    }
}

#[test]
fn bodies_that_are_too_large_are_refused_early() {
    let hub = TestHub::with_puller("billing");
    let before = hub.memory();
    for (path, bytes) in [
        ("/message", (1 << 20) + 1),
        ("/v1/messages/batch", (16 << 20) + 1),
    ] {
        let answer = announce(&hub, path, bytes, b"x");
        answer.refuses(413, "PAYLOAD_TOO_LARGE");
    }
    for _ in 0..8 {
        let giant = announce(&hub, "/v1/messages/batch", 64 << 20, &vec![b'x'; 1 << 20]);
        giant.refuses(413, "PAYLOAD_TOO_LARGE");
    }
    let grown = hub.memory().saturating_sub(before);
    assert!(grown < 256 << 20, "{grown} bytes more");
    let most = "x".repeat((1 << 20) - 100);
    let body = json!({"destination": "billing", "payload": most});
    hub.send(&body).is(202);
}

#[test]
fn a_body_that_is_announced_as_too_large_is_refused_before_it_comes() {
    let hub = TestHub::start();
    for (path, bytes) in [
        ("/message", (1 << 20) + 1),
        ("/v1/leases/ack", 10 << 30),
        ("/v1/events/batch", (16 << 20) + 1),
    ] {
        announce(&hub, path, bytes, &[]).refuses(413, "PAYLOAD_TOO_LARGE");
    }
}

/// Announces a body of so many bytes and sends it piece by piece until the hub has had enough.
fn announce(hub: &TestHub, path: &str, bytes: usize, piece: &[u8]) -> Answer {
    let mut connection = hub.connect().unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: hub\r\ncontent-length: {bytes}\r\n\r\n");
    connection.say(head.as_bytes()).unwrap();
    if piece.len() > 1 {
        for _ in 0..bytes / piece.len() {
            if connection.say(piece).is_err() {
                break;
            }
        }
    } else {
        let _ = connection.say(&piece.repeat(bytes));
    }
    connection.hear().unwrap()
}

/// Says something raw; gives the answer, if there is one before the hub hangs up.
fn say(client: &Client, bytes: &[u8]) -> io::Result<Answer> {
    let mut connection = client.connect()?;
    connection.say(bytes)?;
    connection.hear()
}

#[test]
fn broken_http_never_reaches_a_handler() {
    let hub = TestHub::with_puller("billing");
    let many = "x: y\r\n".repeat(5000);
    let huge = format!("x: {}\r\n", "y".repeat(1 << 20));
    let send = "POST /message HTTP/1.1\r\nhost: hub\r\n";
    for request in [
        "\r\n\r\n\r\n".to_owned(),
        "NONSENSE\r\n\r\n".to_owned(),
        "GET /health HTTP/9.9\r\n\r\n".to_owned(),
        "GET /health\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nhost: hub\r\n\r\n", "x".repeat(200_000)),
        format!("GET /v1/services HTTP/1.1\r\n{many}\r\n"),
        format!("GET /v1/services HTTP/1.1\r\n{huge}\r\n"),
        format!("{send}content-length: -1\r\n\r\n"),
        format!("{send}content-length: x\r\n\r\n"),
        format!("{send}content-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
        format!("{send}content-length: 99999999999999999999999\r\n\r\n"),
        format!("{send}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"),
        format!("{send}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nx\r\n"),
        format!("{send}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"),
        format!("{send}bad header\r\n\r\n"),
        format!("{send}x: \0\r\n\r\n"),
    ] {
        let mut connection = hub.connect().unwrap();
        // The hub may hang up before it has read everything.
        let _ = connection.say(request.as_bytes());
        let what = &request[..request.len().min(120)];
        if let Ok(answer) = connection.finish() {
            assert!(
                answer.status < 500,
                "{what}: {} {}",
                answer.status,
                answer.body
            );
        }
        hub.get("/health").is(200);
    }
}

#[test]
fn what_is_no_request_is_refused_as_everything_else() {
    let hub = TestHub::with_puller("billing");
    let huge = format!(
        "GET / HTTP/1.1\r\nhost: hub\r\nx: {}\r\n\r\n",
        "y".repeat(200_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nhost: hub\r\n{}\r\n",
        "x: y\r\n".repeat(200)
    );
    for (request, status) in [
        ("NONSENSE\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\n\r\n", 400),
        (
            "GET /health HTTP/1.1\r\nhost: hub\r\nbad header\r\n\r\n",
            400,
        ),
        ("GET /health HTTP/1.1\nhost: hub\n\n", 400),
        ("GET /health HTTP/1.1\r\nhost: hub\r\nx: y\n\r\n", 400),
        (&huge, 431),
        (&many, 431),
    ] {
        let what = &request[..request.len().min(60)];
        let mut connection = hub.connect().unwrap();
        connection.say(request.as_bytes()).unwrap();
        let answer = connection.hear().unwrap();
        assert_eq!(answer.header("connection"), Some("close"), "{what}");
        let details = answer.refuses(status, "INVALID_REQUEST");
        assert_eq!(details["field"], "request", "{what}");
        assert!(connection.hear().is_err(), "{what}: it ends with that");
    }
}

/// Whoever passes requests on may take a bare LF for a character like others, so that what is a
/// request of its own to the hub would be none to it.
#[test]
fn a_bare_lf_hides_no_request() {
    let hub = TestHub::with_puller("billing");
    let body = "{\n\"destination\": \"billing\",\n\n\"payload\": 1\n}\n";
    let length = body.len();
    let send = format!(
        "POST /message HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let in_chunks = format!(
        "POST /message HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\ntransfer-encoding: chunked\r\n\r\n\
         {length:x}\r\n{body}\r\n0\r\n\r\n"
    );
    let hidden = send.replace("host: hub\r\n", "host: hub\n");
    let mut connection = hub.connect().unwrap();
    for request in [&send, &in_chunks, &send] {
        connection.say(request.as_bytes()).unwrap();
        connection.hear().unwrap().is(202);
    }
    let together = format!("{send}{in_chunks}{hidden}");
    connection.say(together.as_bytes()).unwrap();
    for _ in 0..2 {
        connection.hear().unwrap().is(202);
    }
    connection.hear().unwrap().refuses(400, "INVALID_REQUEST");
    assert!(connection.hear().is_err());
    assert_eq!(hub.metric("message_hub_messages_accepted_total"), 5.0);
}

#[test]
fn bodies_that_stop_early_change_nothing() {
    let hub = TestHub::with_puller("billing");
    let body = r#"{"destination":"billing","payload":1}"#;
    for length in [body.len() + 1, body.len() + 100_000] {
        let request = format!(
            "POST /message HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let mut connection = hub.connect().unwrap();
        connection.say(request.as_bytes()).unwrap();
        if let Ok(answer) = connection.finish() {
            assert!((400..500).contains(&answer.status), "{}", answer.body);
        }
    }
    assert_eq!(hub.metric("message_hub_messages_accepted_total"), 0.0);
}

#[test]
fn chunked_bodies_are_read_as_others() {
    let hub = TestHub::with_puller("billing");
    let head = "POST /message HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\ntransfer-encoding: chunked\r\n\r\n";
    let good =
        format!("{head}10\r\n{{\"destination\":\"\r\n15\r\nbilling\",\"payload\":1}}\r\n0\r\n\r\n");
    assert_eq!(say(&hub, good.as_bytes()).unwrap().status, 202);
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let endless = format!("{head}{}", piece.repeat(20));
    let answer = say(&hub, endless.as_bytes()).unwrap();
    answer.refuses(413, "PAYLOAD_TOO_LARGE");
}

#[test]
#[ignore = "a body may take 30 seconds; nightly"]
fn slow_bodies_are_refused() {
    let hub = TestHub::with_puller("billing");
    let head = b"POST /message HTTP/1.1\r\nhost: hub\r\ncontent-length: 100\r\n\r\n{";
    let answer = say(&hub, head).unwrap();
    answer.refuses(400, "INVALID_MESSAGE");
}

#[test]
fn odd_paths_and_queries_are_refused() {
    let hub = TestHub::with_puller("billing");
    for path in [
        "/v1/messages/%00",
        "/v1/messages/%ff",
        "/v1/messages/%2e%2e",
        "/v1/messages/..%2f..%2fetc",
        "/v1/messages/not-a-uuid",
        "/v1/messages/%zz",
        "/v1/services/%20",
        "/v1/services/%ff",
        "/v1/services/a%2fb",
        "/v1/dlq/%F0%9F%98%80",
        "/v1/retry/status/x",
        "/v1/messages?limit=0",
        "/v1/messages?limit=1001",
        "/v1/messages?limit=-1",
        "/v1/messages?limit=99999999999999999999",
        "/v1/messages?limit=1&limit=2",
        "/v1/messages?cursor=x",
        "/v1/messages?cursor=-1",
        "/v1/messages?cursor=9223372036854775808",
        "/v1/dlq?cursor=18446744073709551615",
        "/v1/messages?cursor=99999999999999999999999",
        "/v1/messages?status=bored",
        "/v1/messages?state=QUEUED",
        "/v1/messages?since=yesterday",
        "/v1/messages?source=%00",
        "/v1/messages?source=%ff",
        "/v1/queue/status?service=a%20b",
        "/v1/dlq?reason=%27%20OR%201=1",
        "//",
        "/v1//messages",
        "/%",
    ] {
        assert_refused(&hub.get(path), path);
    }
    let quoted = "/v1/messages?correlation_id=%27%3B%20DROP%20TABLE%20messages%3B--";
    assert_eq!(hub.get(quoted).is(200)["count"], 0);
    // What SQL cannot hold matches nothing.
    let answer = hub.get("/v1/messages?correlation_id=%00");
    assert!(answer.status < 500, "{}", answer.body);
    for since in [
        "-009999-01-02T01:59:59Z",
        "9999-12-30T22:00:00Z",
        "0001-01-01T00:00:00Z",
    ] {
        let answer = hub.messages(&format!("since={since}"));
        assert!(answer.status < 500, "{since}: {}", answer.body);
    }
}

#[test]
fn extreme_but_valid_values_are_taken() {
    let hub = TestHub::with_puller("billing");
    for fields in [
        json!({"ttl": 1e9}),
        json!({"ttl": 1e-9}),
        json!({"delay": 1e9}),
        json!({"deadline": "9999-12-30T00:00:00Z"}),
        json!({"deadline": "0001-01-01T00:00:00Z"}),
        json!({"deliver_at": "9999-12-30T00:00:00Z"}),
        json!({"timestamp": "9999-12-30T00:00:00Z"}),
        json!({"type": "ü😀".repeat(40)}),
        json!({"id": "00000000-0000-0000-0000-000000000000"}),
        json!({"id": "ffffffff-ffff-ffff-ffff-ffffffffffff"}),
    ] {
        let mut message = json!({"destination": "billing", "payload": {}});
        for (name, value) in fields.as_object().unwrap() {
            message[name] = value.clone();
        }
        let answer = hub.send(&message);
        assert!(
            [202, 400].contains(&answer.status),
            "{fields}: {}",
            answer.body
        );
        if answer.status == 202 {
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            assert!(
                hub.get(&format!("/v1/messages/{id}")).status == 200,
                "{fields}"
            );
        }
    }
    hub.messages("").is(200);
    hub.assert_conservation();
    let hub = hub.restart();
    hub.messages("").is(200);
    hub.assert_conservation();
}

#[test]
fn many_large_requests_at_once_stay_in_bounds() {
    let hub = TestHub::with_puller("billing");
    let body: Value = json!({"destination": "billing", "payload": "x".repeat(500_000)});
    let threads: Vec<_> = (0..32)
        .map(|_| {
            let (client, body) = (hub.client(), body.clone());
            std::thread::spawn(move || client.send(&body).status)
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 202);
    }
    let wanted = 32.0;
    eventually("all are counted", || {
        hub.metric("message_hub_messages_accepted_total") == wanted
    });
    assert!(hub.memory() < 256 << 20, "{}", hub.memory());
}
