//! Signing in from a browser: who has a session is who it proved to be, for as long as it lasts.

use serde_json::{Value, json};

use crate::support::place::Place;
use crate::support::socket::Frame;
use crate::support::{Client, TestHub, eventually};

const KEYS: &str = "service_keys: {shop: s, eye: e, boss: b}\noperators: [boss]\nviewers: [eye]\n";

fn hub() -> TestHub {
    let place = Place::new();
    place.configure(KEYS);
    TestHub::at(place, &[])
}

/// The cookie that signing in gives, as a browser sends it back.
fn sign_in(client: &Client, name: &str, key: &str) -> String {
    let answer = client.post("/v1/session", &json!({"name": name, "key": key}));
    assert_eq!(answer.status, 204, "{}", answer.body);
    let cookie = answer.head.header("set-cookie").unwrap().to_owned();
    let (cookie, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
    assert_eq!(cookie.len(), "message_hub=".len() + 43);
    cookie.to_owned()
}

fn with_session(hub: &TestHub, name: &str, key: &str) -> Client {
    let cookie = sign_in(&hub.nameless(), name, key);
    hub.nameless()
        .with_header(&format!("cookie: a=b; {cookie}"))
}

#[test]
fn a_session_is_who_signed_in_and_sees_and_does_no_more() {
    let hub = hub();
    hub.nameless()
        .get("/v1/session")
        .refuses(401, "AUTH_FAILED");
    let eye = with_session(&hub, "eye", "e");
    let told = eye.get("/v1/session").is(200);
    for (member, value) in [
        ("name", json!("eye")),
        ("role", json!("viewer")),
        ("keys_required", json!(true)),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(told[member], value, "{told}");
    }
    let features = told["features"].as_array().unwrap();
    assert!(features.contains(&json!("subscription_test")), "{told}");
    assert!(told["expires_at"].as_str() > told["now"].as_str(), "{told}");
    assert!(told["started_at"].as_str() < told["now"].as_str(), "{told}");
    eye.get("/v1/circuits").is(200);
    eye.get("/v1/dlq/redrive").is(200);
    let pause = json!({"service": "shop"});
    eye.post("/v1/queue/pause", &pause)
        .refuses(403, "AUTH_FAILED");
    eye.post("/v1/dlq/redrive", &json!({}))
        .refuses(403, "AUTH_FAILED");
    // Headers win, whatever the browser sends besides.
    let shop = hub.named("shop", "s");
    let cookie = sign_in(&hub.nameless(), "boss", "b");
    let both = shop.with_header(&format!("cookie: {cookie}"));
    let told = both.get("/v1/session").is(200);
    assert_eq!(
        (&told["name"], &told["role"]),
        (&json!("shop"), &json!("service"))
    );
    assert_eq!(told["expires_at"], Value::Null);
    both.get("/v1/circuits").refuses(403, "AUTH_FAILED");
}

#[test]
fn a_session_that_is_signed_out_closes_its_sockets_and_opens_nothing() {
    let hub = hub();
    let boss = with_session(&hub, "boss", "b");
    let other = with_session(&hub, "boss", "b");
    let (mut socket, mut others) = (boss.socket(), other.socket());
    socket.say(&json!({"type": "ping", "ref": 1}));
    assert_eq!(socket.hear(), json!({"type": "pong", "ref": 1}));
    let answer = boss.delete("/v1/session");
    assert_eq!(answer.status, 204);
    let taken = answer.head.header("set-cookie").unwrap();
    assert!(
        taken.starts_with("message_hub=; ") && taken.ends_with("Max-Age=0"),
        "{taken}"
    );
    let closed = Frame::Close(1008, "the session has ended".to_owned());
    assert_eq!(socket.hear_frame(), closed);
    let refused = boss.get("/v1/session");
    assert!(refused.body.contains("sign in again"), "{}", refused.body);
    refused.refuses(401, "AUTH_FAILED");
    assert_eq!(boss.try_socket("/events").err().unwrap().status, 401);
    assert_eq!(boss.delete("/v1/session").status, 204);
    others.say(&json!({"type": "ping", "ref": 2}));
    assert_eq!(others.hear(), json!({"type": "pong", "ref": 2}));
}

#[test]
fn a_session_ends_with_its_key_and_follows_its_name() {
    let hub = hub();
    let (boss, eye) = (
        with_session(&hub, "boss", "b"),
        with_session(&hub, "eye", "e"),
    );
    let mut socket = boss.socket();
    let after = "service_keys: {shop: s, eye: e, boss: other}\noperators: [boss, eye]\n";
    hub.configure(after);
    hub.hang_up();
    assert_eq!(
        socket.hear_frame(),
        Frame::Close(1008, "the session has ended".to_owned())
    );
    boss.get("/v1/session").refuses(401, "AUTH_FAILED");
    assert_eq!(eye.get("/v1/session").is(200)["role"], "operator");
}

#[test]
fn after_ten_wrong_keys_nobody_signs_in_from_there_for_a_while() {
    let hub = hub();
    let guess = |key: &str| {
        let client = hub.nameless();
        client.post("/v1/session", &json!({"name": "boss", "key": key}))
    };
    for n in 0..10 {
        let wrong = guess(&format!("wrong{n}"));
        let told = &wrong.body;
        assert!(told.contains("key: wrong for this name"), "{told}");
        wrong.refuses(401, "AUTH_FAILED");
    }
    for key in ["wrong", "b"] {
        let answer = guess(key);
        assert!(answer.head.header("retry-after").is_some());
        answer.refuses(429, "RATE_LIMITED");
    }
    let mut socket = hub.nameless().socket_at("/events?auth=frame");
    socket.say(&json!({"type": "auth", "name": "boss", "key": "b"}));
    assert_eq!(socket.hear()["error"]["code"], "RATE_LIMITED");
    // Programs, which show their key each time, are not held up.
    hub.named("boss", "b").get("/v1/circuits").is(200);
    let metrics = hub.nameless().get("/metrics").body;
    for line in [
        "message_hub_auth_failures_total{reason=\"wrong_key\"} 10",
        "message_hub_auth_failures_total{reason=\"put_off\"} 3",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[test]
fn without_keys_everybody_is_anonymous_and_nobody_signs_in() {
    let hub = TestHub::start();
    let body = json!({"name": "boss", "key": "b"});
    hub.client()
        .post("/v1/session", &body)
        .refuses(409, "CONFLICT");
    // What another hub at this address gave is nothing here.
    let client = hub.client().with_header("cookie: message_hub=abc");
    let told = client.get("/v1/session").is(200);
    assert_eq!(told["role"], "anonymous");
    assert_eq!(
        (&told["keys_required"], &told["expires_at"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(hub.client().delete("/v1/session").status, 204);
}

#[test]
fn a_page_that_came_over_tls_has_its_cookie_sent_over_tls_only() {
    let hub = hub();
    let page = hub.nameless().with_header("origin: https://hub");
    let page = page.with_header("sec-fetch-site: same-origin");
    let answer = page.post("/v1/session", &json!({"name": "boss", "key": "b"}));
    let cookie = answer.head.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    let foreign = hub.nameless().with_header("origin: https://elsewhere");
    let answer = foreign.post("/v1/session", &json!({"name": "boss", "key": "b"}));
    assert!(answer.head.header("set-cookie").is_none());
    answer.refuses(403, "AUTH_FAILED");
}

#[test]
fn a_first_frame_says_who_a_socket_is() {
    let hub = hub();
    let client = hub.nameless();
    let mut socket = client.socket_at("/events?auth=frame");
    let auth = json!({"type": "auth", "name": "shop", "key": "s", "ref": "a"});
    socket.say(&auth);
    assert_eq!(socket.hear(), json!({"type": "ok", "ref": "a"}));
    socket.say(&json!({"type": "consume", "service": "eye", "ref": "b"}));
    assert_eq!(socket.hear()["error"]["code"], "AUTH_FAILED");
    socket.say(&auth);
    assert_eq!(socket.hear()["error"]["details"]["field"], "type");
    let listed = hub.named("boss", "b").get("/v1/sockets").is(200);
    assert_eq!(listed["sockets"][0]["service"], "shop", "{listed}");
    assert!(!hub.log().contains("\"s\""), "no key is logged");
}

#[test]
fn a_socket_that_does_not_say_who_it_is_has_to_go() {
    let hub = hub();
    let client = hub.nameless();
    for first in [
        json!({"type": "ping", "ref": 1}),
        json!([{"type": "auth", "name": "shop", "key": "s"}]),
        json!({"type": "auth", "name": "shop"}),
        json!({"type": "auth", "name": "shop", "key": "wrong"}),
        json!({"type": "auth", "name": "no name", "key": "s"}),
        json!("auth"),
    ] {
        let mut socket = client.socket_at("/events?auth=frame");
        socket.say(&first);
        assert_eq!(socket.hear()["type"], "error", "{first}");
        let why = "the first frame is no auth that holds".to_owned();
        assert_eq!(socket.hear_frame(), Frame::Close(1008, why), "{first}");
    }
    let mut silent = client.socket_at("/events?auth=frame");
    let why = "no auth came within 5 seconds".to_owned();
    assert_eq!(silent.hear_frame(), Frame::Close(1008, why));
    for query in ["auth=frame&name=shop&key=s", "auth=later"] {
        let refused = client
            .try_socket(&format!("/events?{query}"))
            .err()
            .unwrap();
        assert_eq!(refused.status, 400, "{query}: {}", refused.body);
    }
}

#[test]
fn few_sockets_wait_to_say_who_they_are() {
    let hub = hub();
    let client = hub.nameless();
    let mut waiting: Vec<_> = (0..100)
        .map(|_| client.socket_at("/events?auth=frame"))
        .collect();
    let refused = client.try_socket("/events?auth=frame").err().unwrap();
    assert_eq!(refused.status, 429, "{}", refused.body);
    waiting[0].say(&json!({"type": "auth", "name": "shop", "key": "s", "ref": 1}));
    assert_eq!(waiting[0].hear()["type"], "ok");
    eventually("there is room again", || {
        client.try_socket("/events?auth=frame").is_ok()
    });
}
