//! Offers to go on in another protocol: they mean nothing but where there are WebSockets.

use serde_json::json;

use crate::support::{TestHub, eventually};

#[test]
fn who_offers_another_protocol_is_answered_as_everybody() {
    let hub = TestHub::with_puller("billing");
    let h2c =
        "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAI\r\n";
    let socket = "connection: upgrade\r\nupgrade: websocket\r\n";
    let mut connection = hub.connect().unwrap();
    for offer in [
        "",
        h2c,
        socket,
        "upgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\n",
        "connection: upgrade\r\n",
        "upgrade: websocket\r\n",
        "connection: upgrade\r\nupgrade: h2c, websocket, IRC/6.9\r\n",
    ] {
        let body = json!({"destination": "billing", "payload": offer}).to_string();
        let length = body.len();
        let send = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\n{offer}\
             content-length: {length}\r\n"
        );
        for request in [
            format!("{send}\r\n{body}"),
            format!("GET /health HTTP/1.1\r\nhost: hub\r\n{offer}\r\n"),
            format!("GET /v1/events HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\n{offer}\r\n"),
            format!("{send}expect: 100-continue\r\n\r\n{body}"),
        ] {
            connection.say(request.as_bytes()).unwrap();
            if request.contains("expect") {
                let interim = connection.hear_head().unwrap().first_line;
                assert_eq!(interim, "HTTP/1.1 100 Continue");
            }
            let answer = connection.hear().unwrap();
            assert!(
                [200, 202].contains(&answer.status),
                "{request}: {}",
                answer.body
            );
            assert_eq!(answer.header("connection"), None, "{request}");
        }
    }
    eventually("all are counted", || {
        hub.metric("message_hub_messages_accepted_total") == 14.0
    });
}

#[test]
fn a_socket_that_is_refused_ends_with_that() {
    let hub = TestHub::start();
    for offer in ["upgrade: h2c\r\n", "upgrade: websocket\r\n", ""] {
        let mut connection = hub.connect().unwrap();
        let request =
            format!("GET /events HTTP/1.1\r\nhost: hub\r\nconnection: upgrade\r\n{offer}\r\n");
        connection.say(request.as_bytes()).unwrap();
        let answer = connection.hear().unwrap();
        let said = answer.header("connection").unwrap_or_default();
        assert!(said.starts_with("close"), "{said}");
        answer.refuses(426, "UPGRADE_REQUIRED");
        assert!(connection.hear().is_err());
    }
}
