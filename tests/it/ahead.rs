//! Requests that are sent ahead of the answers to those before them: each gets its own answer, as
//! if it had come alone.

use std::io;

use serde_json::{Value, json};

use crate::support::TestHub;
use crate::support::wire::Connection;

fn head(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\n{headers}\r\n")
}

fn post(headers: &str, body: &Value) -> String {
    let body = body.to_string();
    let headers = format!("{headers}content-length: {}\r\n", body.len());
    head("POST", "/v1/messages", &headers) + &body
}

fn message(id: u128) -> Value {
    let id = uuid::Uuid::from_u128(id);
    json!({"id": id, "destination": "billing", "payload": "a\r\n\r\nGET"})
}

fn say(hub: &TestHub, requests: &str) -> Connection {
    let mut connection = hub.connect().unwrap();
    connection.say(requests.as_bytes()).unwrap();
    connection
}

#[test]
fn an_answer_is_made_for_its_request_and_not_for_the_next() {
    let hub = TestHub::with_puller("billing");
    let chunked = "transfer-encoding: chunked\r\n";
    let requests = [
        post("", &message(1)),
        head("HEAD", "/health", ""),
        head("GET", "/health", ""),
        head("POST", "/v1/messages", chunked) + "2\r\n{}\r\n0\r\n\r\n",
        head("HEAD", "/metrics", ""),
        post("", &message(2)),
    ];
    let mut connection = say(&hub, &requests.concat());
    assert_eq!(connection.hear().unwrap().json()["status"], "accepted");
    assert_eq!(
        connection.hear_head().unwrap().first_line,
        "HTTP/1.1 200 OK"
    );
    assert_eq!(connection.hear().unwrap().json()["status"], "healthy");
    assert_eq!(connection.hear().unwrap().status, 400);
    assert_eq!(
        connection.hear_head().unwrap().first_line,
        "HTTP/1.1 200 OK"
    );
    assert_eq!(connection.hear().unwrap().json()["status"], "accepted");
}

#[test]
fn any_number_is_answered_also_to_who_says_no_more() {
    let hub = TestHub::with_puller("billing");
    let requests: String = (1..=500).map(|id| post("", &message(id))).collect();
    let mut connection = say(&hub, &requests);
    connection.end().unwrap();
    for id in 1..=500 {
        let answer = connection.hear().unwrap().is(202);
        assert_eq!(answer["id"], message(id)["id"]);
    }
    assert!(connection.hear().is_err());
}

#[test]
fn behind_the_last_request_nothing_is_done() {
    let hub = TestHub::with_puller("billing");
    let requests = head("GET", "/health", "connection: close\r\n") + &post("", &message(1));
    let mut connection = say(&hub, &requests);
    let answer = connection.hear().unwrap();
    assert_eq!(answer.header("connection"), Some("close"));
    let end = connection.hear().map(|answer| answer.status);
    assert_eq!(
        end.map_err(|error| error.kind()),
        Err(io::ErrorKind::UnexpectedEof)
    );
    hub.get(&format!("/v1/messages/{}", uuid::Uuid::from_u128(1)))
        .refuses(404, "NOT_FOUND");
}
