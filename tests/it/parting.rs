//! How the hub parts with a client that it refuses: the client hears the whole answer, and those
//! before it, also when it goes on writing meanwhile.

use std::io::ErrorKind;

use serde_json::json;

use crate::support::TestHub;
use crate::support::wire::Connection;

/// More than a connection takes that nobody reads.
const MUCH: usize = 16 << 20;

/// Says it, and then much that nobody waits for.
fn say_and_go_on(hub: &TestHub, request: &str) -> Connection {
    let mut connection = hub.connect().unwrap();
    connection.say(request.as_bytes()).unwrap();
    let piece = vec![b'z'; MUCH / 64];
    for _ in 0..64 {
        connection.say(&piece).unwrap();
    }
    connection
}

#[track_caller]
fn assert_over(connection: &mut Connection) {
    let end = connection.hear().map(|answer| answer.status);
    let end = end.map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::UnexpectedEof));
}

#[test]
fn what_is_no_request_is_refused_in_good_order() {
    let hub = TestHub::with_puller("billing");
    let body = json!({"destination": "billing", "payload": 1}).to_string();
    let length = body.len();
    let head = "POST /message HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\n";
    let send = format!("{head}content-length: {length}\r\n\r\n{body}");
    let large = "GET /openapi.json HTTP/1.1\r\nhost: hub\r\n\r\n".to_owned();
    let long = "y".repeat(200_000);
    for (before, request, status) in [
        (&[][..], "NONSENSE\r\n\r\n".to_owned(), 400),
        (&[], "GET / HTTP/1.1\nhost: hub\r\n\r\n".to_owned(), 400),
        (&[], format!("GET / HTTP/1.1\r\nx: {long}"), 431),
        (
            &[(&send, 202), (&large, 200)],
            "NONSENSE\r\n\r\n".to_owned(),
            400,
        ),
    ] {
        let requests: String = before.iter().map(|(request, _)| request.as_str()).collect();
        let mut connection = say_and_go_on(&hub, &(requests + &request));
        for (_, status) in before {
            assert_eq!(connection.hear().unwrap().status, *status);
        }
        let refusal = connection.hear().unwrap();
        assert_eq!(refusal.header("connection"), Some("close"));
        refusal.refuses(status, "INVALID_REQUEST");
        assert_over(&mut connection);
    }
}

/// Of a body that nobody reads, too.
#[test]
fn what_is_refused_early_is_refused_in_good_order() {
    let hub = TestHub::start();
    for (first, headers, status) in [
        (
            "POST /v1/messages",
            "host: hub\r\ncontent-length: 10000000\r\n",
            413,
        ),
        (
            "POST /nowhere",
            "host: hub\r\ncontent-length: 10000000\r\n",
            404,
        ),
        // What comes is no chunk.
        (
            "POST /v1/messages",
            "host: hub\r\ntransfer-encoding: chunked\r\n",
            400,
        ),
        ("GET /health", "host: hub\r\nconnection: close\r\n", 200),
        (
            "GET /events",
            "host: hub\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
            426,
        ),
        ("CONNECT hub:1", "host: hub\r\n", 404),
    ] {
        let request = format!("{first} HTTP/1.1\r\n{headers}\r\n");
        let mut connection = say_and_go_on(&hub, &request);
        assert_eq!(connection.hear().unwrap().status, status, "{first}");
        assert_over(&mut connection);
    }
}

/// The first of a connection, and one behind others.
#[test]
fn a_head_that_does_not_end_is_refused() {
    let hub = TestHub::start();
    let request = "GET /health/live HTTP/1.1\r\nhost: hub\r\n\r\n";
    let (begun, _) = request.split_at(request.len() - 1);
    let (mut first, mut behind) = (hub.connect().unwrap(), hub.connect().unwrap());
    behind.say(request.as_bytes()).unwrap();
    behind.hear().unwrap().is(200);
    for connection in [&mut first, &mut behind] {
        connection.say(begun.as_bytes()).unwrap();
    }
    for mut connection in [first, behind] {
        let refusal = connection.hear().unwrap();
        assert_eq!(refusal.header("connection"), Some("close"));
        refusal.refuses(408, "INVALID_REQUEST");
        assert_over(&mut connection);
    }
}
