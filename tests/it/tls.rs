//! TLS to the outside: instances and callbacks with `https`, and who is believed.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::authority::{Authority, own_identity};
use crate::support::place::Place;
use crate::support::{FakeService, Reply, TestHub, eventually};

/// A hub that believes what the authority says, and does not wait long.
fn hub_of(authority: &Authority, settings: &[(&str, &str)]) -> TestHub {
    let file = authority.file();
    let mut all = vec![
        ("tls_ca_file", file.as_str()),
        ("base_retry_delay", "0.01"),
        ("max_retry_delay", "0.05"),
        ("circuit_breaker_failure_threshold", "1000"),
    ];
    all.extend_from_slice(settings);
    TestHub::with(&all)
}

#[track_caller]
fn instance_of(hub: &TestHub, service: &str) -> Value {
    hub.service(service).is(200)["instances"][0].clone()
}

#[test]
fn an_instance_with_https_is_checked_and_pushed_to_over_one_connection() {
    let authority = Authority::new();
    let service = FakeService::with_tls(&authority.identity(&["localhost"]));
    let hub = hub_of(&authority, &[("healthy_threshold", "1")]);
    let url = service.secure_url("LocalHost");
    let registered = hub.register(&json!({
        "service": "billing", "url": url, "health_check": {"endpoint": "/well", "interval": 0.1},
    }));
    let id = registered.is(201)["instance_id"].clone();
    assert_eq!(id, url.to_lowercase().replace("https://", "https:"));
    eventually("it is well", || {
        instance_of(&hub, "billing")["status"] == "healthy"
    });
    let message = json!({"destination": "billing", "payload": {"order": 1}});
    for _ in 0..3 {
        hub.send_waiting(20_000, &message).is(200);
    }
    let received = service.received();
    let pushed: Vec<_> = received
        .iter()
        .filter(|one| one.head.first_line == "POST /messages HTTP/1.1")
        .collect();
    assert_eq!(pushed.len(), 3);
    assert_eq!(pushed[0].json()["payload"], message["payload"]);
    assert!(
        received
            .iter()
            .any(|one| one.head.first_line == "GET /well HTTP/1.1")
    );
    // A check may be under way while a message goes.
    assert!(service.connections() <= 2, "{}", service.connections());
}

#[test]
fn what_an_instance_with_https_answers_is_bounded_and_counts() {
    let authority = Authority::new();
    let service = FakeService::with_tls(&authority.identity(&["127.0.0.1"]));
    let service = service.then([Reply::Status(503), Reply::Body(10_000_000), Reply::Hang]);
    let hub = hub_of(
        &authority,
        &[("message_timeout", "2"), ("max_retry_attempts", "2")],
    );
    hub.register_at("billing", &service.secure_url("127.0.0.1"));
    let message = json!({"destination": "billing", "payload": 1});
    let delivered = hub.send_waiting(20_000, &message).is(200);
    assert_eq!(service.count(), 2, "{delivered}");
    let id = hub.send_to("billing", 2);
    eventually("it is tried again", || hub.state(&id) == "delivered");
    let attempts = hub.message(&id)["attempts"].clone();
    assert_eq!(attempts[0]["error"], "no answer within 2s", "{attempts}");
}

#[test]
fn the_issuers_of_the_operating_system_are_trusted() {
    let authority = Authority::new();
    let service = FakeService::with_tls(&authority.identity(&["localhost"]));
    let hub = TestHub::seeing(&[("SSL_CERT_FILE", &authority.file())], &[]);
    hub.register_at("billing", &service.secure_url("localhost"));
    let message = json!({"destination": "billing", "payload": 1});
    hub.send_waiting(20_000, &message).is(200);
}

#[test]
fn a_callback_with_https_gets_signed_events() {
    let authority = Authority::new();
    let service = FakeService::with_tls(&authority.identity(&["localhost"]));
    let hub = hub_of(&authority, &[]);
    let url = format!("{}/events?a=b", service.secure_url("localhost"));
    let id = hub.subscribed("billing", "order.*", &url);
    for number in 1..=5 {
        let event = json!({"event_type": "order.paid", "payload": number});
        hub.publish(&event).is(201);
    }
    let received = service.wait_for(5);
    for (number, one) in (1..).zip(&received) {
        assert_eq!(one.head.first_line, "POST /events?a=b HTTP/1.1");
        assert_eq!(one.json()["payload"], number);
        let signature = one.header("webhook-signature").unwrap_or_default();
        assert!(signature.starts_with("v1,"), "{signature}");
    }
    assert_eq!(service.connections(), 1);
    eventually("all are done", || hub.subscription(&id)["lag"] == 0);
    let circuit = format!("callback:{}", service.secure_url("localhost"));
    assert_eq!(hub.circuit(&circuit)["state"], "CLOSED");
}

#[test]
fn https_and_http_to_one_port_have_circuits_of_their_own() {
    let authority = Authority::new();
    let service = FakeService::with_tls(&authority.identity(&["localhost"]));
    let hub = hub_of(&authority, &[]);
    let secure = service.secure_url("localhost");
    let plain = secure.replace("https:", "http:");
    for url in [&secure, &plain] {
        hub.subscribed("billing", "order.*", url);
    }
    let name = |url: &str| format!("callback:{url}");
    let encoded = name(&plain).replace(':', "%3A").replace('/', "%2F");
    hub.force_circuit(&encoded, "OPEN");
    hub.publish(&json!({"event_type": "order.paid", "payload": 1}))
        .is(201);
    service.wait_for(1);
    assert_eq!(hub.circuit(&name(&secure))["state"], "CLOSED");
    assert_eq!(hub.circuit(&name(&plain))["state"], "OPEN");
    let default_port = "https://shop.example/events";
    hub.subscribed("shop", "other.*", default_port);
    hub.circuit("callback:https://shop.example:443");
}

#[test]
fn a_certificate_that_is_signed_by_itself_can_be_trusted_but_not_as_an_issuers() {
    let place = Place::new();
    fs::create_dir_all(place.data()).unwrap();
    let file = place.data().join("own.pem");
    let plain = own_identity(&["localhost"], false);
    let issuer = own_identity(&["localhost"], true);
    let both = format!("{}{}", plain.certificate, issuer.certificate);
    fs::write(&file, both).unwrap();
    let file = file.display().to_string();
    let hub = TestHub::with(&[("tls_ca_file", &file), ("max_retry_attempts", "1")]);
    for (name, identity) in [("plain", plain), ("issuer", issuer)] {
        let service = FakeService::with_tls(&identity);
        hub.register_at(name, &service.secure_url("localhost"));
        let id = hub.send_to(name, 1);
        eventually("it is settled", || {
            ["delivered", "dead"].contains(&hub.state(&id).as_str())
        });
        let message = hub.message(&id);
        let is_trusted = name == "plain";
        assert_eq!(message["state"] == "delivered", is_trusted, "{message}");
        assert_eq!(service.count(), usize::from(is_trusted));
        if !is_trusted {
            let last_error = message["last_error"].to_string();
            assert!(
                last_error.contains("is marked as an issuer's"),
                "{last_error}"
            );
        }
    }
}

/// What is sent there is given up, and who is there is not well.
fn is_refused(hub: &TestHub, (name, url): (&str, &str), cause: &str) {
    hub.register(&json!({
        "service": name, "url": url, "health_check": {"endpoint": "/well", "interval": 0.1},
    }))
    .is(201);
    let id = hub.send_to(name, "for nobody else");
    eventually("it is given up", || hub.state(&id) == "dead");
    // That a certificate is missing is said behind the handshake.
    let stage = match name {
        "curious" => "connection lost",
        _ => "cannot connect",
    };
    let last_error = format!("{stage}: {cause}");
    assert_eq!(hub.message(&id)["last_error"], last_error, "{name}");
    eventually("it is not well", || {
        instance_of(hub, name)["status"] == "unhealthy"
    });
}

const STRANGE: &str = "its certificate is of an unknown issuer, which tls_ca_file may name";
const NAMELESS: &str = "its certificate is not for localhost; it has no subjectAltName with a name \
                        or an address (its CN does not count)";
const OLD: &str = "its certificate is of X.509 version 1; it has to be of version 3, with its names \
                   as subjectAltName";

#[test]
fn who_does_not_prove_its_name_gets_nothing() {
    let authority = Authority::new();
    let hub = hub_of(&authority, &[("max_retry_attempts", "2")]);
    for (name, identity, cause) in [
        (
            "strange",
            Authority::named("somebody").identity(&["localhost"]),
            STRANGE,
        ),
        (
            "namesake",
            Authority::new().identity(&["localhost"]),
            STRANGE,
        ),
        (
            "elsewhere",
            authority.identity(&["shop.example", "10.0.0.5"]),
            "its certificate is not for localhost; it is for shop.example, 10.0.0.5",
        ),
        ("nameless", authority.identity(&[]), NAMELESS),
        (
            "old",
            authority.identity(&["localhost"]).in_version_1(),
            OLD,
        ),
        (
            "expired",
            authority.expired_identity(&["localhost"]),
            "its certificate has expired",
        ),
    ] {
        let service = FakeService::with_tls(&identity);
        let url = service.secure_url("localhost");
        is_refused(&hub, (name, &url), cause);
        got_nothing(&service);
    }
}

#[test]
fn who_speaks_no_tls_or_asks_for_a_certificate_gets_nothing() {
    let authority = Authority::new();
    let hub = hub_of(&authority, &[("max_retry_attempts", "2")]);
    let plain = format!("https://localhost:{}", answering_in_plain());
    let cause = "what answers there speaks no TLS";
    is_refused(&hub, ("plain", &plain), cause);
    let closing = FakeService::start();
    let url = closing.secure_url("localhost");
    let cause = "connection closed in the TLS handshake";
    is_refused(&hub, ("closing", &url), cause);
    got_nothing(&closing);
    let identity = authority.identity(&["localhost"]);
    let curious = FakeService::speaking(identity.server_for_clients_of(&authority));
    let url = curious.secure_url("localhost");
    let cause = "it asks for a certificate of its clients, and the hub shows none";
    is_refused(&hub, ("curious", &url), cause);
    got_nothing(&curious);
    let url = curious.secure_url("2130706433");
    let cause = "its host is nothing that a certificate can be for: write its name, or its address \
                 as four numbers";
    is_refused(&hub, ("numeric", &url), cause);
}

/// That it was asked for something, but told nothing.
#[track_caller]
fn got_nothing(service: &FakeService) {
    assert!(service.connections() > 0);
    assert_eq!(service.count(), 0);
}

/// The port of a server that answers whatever it hears as if it were HTTP.
fn answering_in_plain() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            // What is unread when it closes would take the answer back.
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    port
}

#[test]
fn callbacks_stay_away_from_denied_addresses_with_https_too() {
    let authority = Authority::new();
    let service = FakeService::with_tls(&authority.identity(&["localhost"]));
    let denied = [
        // Its old name.
        ("callback_deny", "[127.0.0.0/8, '::1']"),
        ("max_retry_attempts", "1"),
    ];
    let hub = hub_of(&authority, &denied);
    let asked =
        |url: &str| json!({"service": "a", "event_types": ["order.*"], "callback_url": url});
    let by_address = asked(&service.secure_url("127.0.0.1"));
    hub.subscribe(&by_address)
        .refuses(400, "INVALID_SUBSCRIPTION");
    // What the name leads to shows when it is resolved.
    let by_name = asked(&service.secure_url("localhost"));
    let id = hub.subscribe(&by_name).is(201)["subscription_id"].clone();
    hub.publish(&json!({"event_type": "order.paid", "payload": 1}))
        .is(201);
    let id = id.as_str().unwrap();
    eventually("it is given up", || hub.subscription(id)["failures"] == 1);
    let last_error = hub.subscription(id)["last_error"].to_string();
    assert!(last_error.contains("outgoing_deny"), "{last_error}");
    assert_eq!(service.connections(), 0);
}

#[test]
fn an_issuer_that_cannot_be_read_ends_the_start_and_the_check() {
    let place = Place::new();
    fs::create_dir_all(place.data()).unwrap();
    let key = Authority::new().identity(&["localhost"]).key;
    let broken = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n";
    for (name, content, problem) in [
        ("missing.pem", None, "cannot be read"),
        ("empty.pem", Some(""), "holds no certificate"),
        ("key.pem", Some(key.as_str()), "holds no certificate"),
        (
            "broken.pem",
            Some(broken),
            "certificate 1 cannot be used: it cannot be read",
        ),
        (
            "cut.pem",
            Some(&broken[..40]),
            "is broken: a certificate in it has no end",
        ),
    ] {
        let file = place.data().join(name);
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let said = start_and_check(&place, &file);
        for part in ["tls_ca_file: ", name, problem, "in PEM"] {
            assert_eq!(said.matches(part).count(), 2, "{part}: {said}");
        }
    }
}

/// What a start and a `check-config` with this file of issuers say before they end.
#[track_caller]
fn start_and_check(place: &Place, file: &Path) -> String {
    let variable = "MESSAGE_HUB_TLS_CA_FILE".to_owned();
    let settings = [(variable, file.display().to_string())];
    let before = place.log_text().len();
    for command in ["serve", "check-config"] {
        let output = place.command(&settings).arg(command).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", place.log_text());
    }
    place.log_text()[before..].to_owned()
}
