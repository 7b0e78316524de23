//! Web pages: those of strangers are kept out, those that are configured are let in.

use serde_json::json;

use crate::support::{Client, TestHub, eventually};

const EVIL: &str = "origin: https://evil.example";

/// A client in a browser that shows a page of another site.
fn page(client: &Client) -> Client {
    client
        .with_header(EVIL)
        .with_header("sec-fetch-site: cross-site")
        .with_header("content-type: text/plain")
}

#[test]
fn a_page_of_another_site_does_nothing_and_reads_nothing() {
    for settings in [&[][..], &[("service_keys", "{shop: [s]}")]] {
        let hub = TestHub::with(settings);
        let shop = hub.named("shop", "s");
        shop.register_puller("shop");
        let evil = page(&shop);
        let message = json!({"destination": "shop", "payload": "transfer"});
        for answer in [
            evil.send(&message),
            evil.register(&json!({"service": "shop", "url": "http://127.0.0.1:9"})),
            evil.post("/v1/queue/pause", &json!({})),
            evil.get("/v1/messages"),
            evil.get("/openapi.json"),
            evil.get("/nowhere"),
            evil.ask("OPTIONS", "/v1/messages", b""),
            shop.with_header("origin: null").send(&message),
            shop.with_header("sec-fetch-site: same-site")
                .get("/v1/messages"),
        ] {
            let details = answer.refuses(403, "AUTH_FAILED");
            assert_eq!(details["field"], "Origin");
        }
        for path in ["/events", "/v1/events/stream", "/events?name=shop&key=s"] {
            let opened = shop.with_header(EVIL).try_socket(path);
            let Err(answer) = opened else {
                panic!("a page of another site opened {path}");
            };
            answer.refuses(403, "AUTH_FAILED");
        }
        assert_eq!(shop.messages("").is(200)["count"], 0);
        evil.get("/health").is(200);
        assert_eq!(evil.get("/metrics").status, 200);
        let link = evil.with_header("sec-fetch-mode: navigate");
        assert_eq!(link.get("/docs/").status, 200);
        let own = shop.with_header("host: localhost:8200");
        own.with_header("origin: http://localhost:8200")
            .send(&message)
            .is(202);
        own.with_header("origin: http://localhost:8200")
            .socket()
            .hears_nothing();
    }
}

#[test]
fn the_body_of_a_strangers_page_is_not_waited_for() {
    let hub = TestHub::start();
    let mut connection = hub.connect().unwrap();
    let head =
        format!("POST /v1/messages HTTP/1.1\r\nhost: hub\r\n{EVIL}\r\ncontent-length: 50\r\n\r\n");
    connection.say(head.as_bytes()).unwrap();
    connection.hear().unwrap().refuses(403, "AUTH_FAILED");
}

#[test]
fn a_name_that_was_made_to_lead_here_is_not_the_hubs() {
    let hub = TestHub::with(&[("allowed_hosts", "[hub.example.org]")]);
    for (host, passes) in [
        ("evil.example:8200", false),
        ("127.0.0.1:8200", true),
        ("localhost", true),
        ("hub.example.org", true),
        ("HUB.example.org.:80", true),
        ("a.hub.example.org", false),
    ] {
        let client = hub.with_header(&format!("host: {host}"));
        if passes {
            client.get("/v1/messages").is(200);
        } else {
            let details = client.get("/v1/messages").refuses(403, "AUTH_FAILED");
            assert_eq!(details["field"], "Host", "{host}");
            client
                .with_header("origin: http://evil.example:8200")
                .get("/v1/messages")
                .refuses(403, "AUTH_FAILED");
        }
        client.get("/health/live").is(200);
    }
    let twice = hub.with_header("host: hub").with_header("host: hub");
    assert_eq!(twice.get("/v1/messages").status, 400);
}

#[test]
fn a_listed_origin_is_told_that_it_may() {
    let app = "origin: https://app.example.org";
    let hub = TestHub::with(&[
        ("allowed_origins", "['https://app.example.org']"),
        ("service_keys", "{shop: [s]}"),
    ]);
    let asked = hub
        .nameless()
        .with_header(app)
        .with_header("sec-fetch-site: cross-site");
    let preflight = asked
        .with_header("access-control-request-method: POST")
        .with_header("access-control-request-headers: x-service-key,content-type");
    let answer = preflight.ask("OPTIONS", "/v1/messages", b"");
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example.org")
    );
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for header in [
        "Content-Type",
        "X-Service-Name",
        "X-Service-Key",
        "X-Request-ID",
        "X-Correlation-ID",
        "traceparent",
    ] {
        assert!(allowed.contains(header), "{allowed}");
    }
    assert!(
        answer
            .header("access-control-allow-methods")
            .unwrap()
            .contains("PATCH")
    );
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    // The page may read why it is refused, too.
    let refused = asked.get("/v1/messages");
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("https://app.example.org")
    );
    refused.refuses(401, "AUTH_FAILED");
    let shop = hub.named("shop", "s");
    shop.with_header(app).get("/v1/messages").is(200);
    shop.with_header(app).socket().hears_nothing();
    let evil = page(&shop).with_header("access-control-request-method: POST");
    let answer = evil.ask("OPTIONS", "/v1/messages", b"");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("vary"), Some("Origin"));
    answer.refuses(403, "AUTH_FAILED");
    let program = shop.get("/v1/messages");
    assert_eq!(program.header("access-control-allow-origin"), None);
    assert_eq!(program.header("vary"), Some("Origin"));
}

#[test]
fn a_star_lets_every_page_in_and_is_warned_about() {
    let hub = TestHub::with(&[("allowed_origins", "['*']")]);
    let answer = page(&hub).get("/v1/messages");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    answer.is(200);
    assert!(hub.log().contains("WARN") && hub.log().contains("allowed_origins"));
    let wrong = crate::support::place::Place::new().fails_to_start(&[("allowed_origins", "[hub]")]);
    assert_eq!(wrong.exit_code, Some(2));
}

#[test]
fn no_answer_is_shown_or_run_in_a_page() {
    let hub = TestHub::start();
    for answer in [
        hub.get("/v1/messages"),
        hub.get("/nowhere"),
        hub.get("/health"),
        hub.post("/v1/messages", &json!({})),
        page(&hub).get("/v1/messages"),
        hub.get("/docs/"),
    ] {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("script-src 'self' 'unsafe"), "{policy}");
    }
    assert_eq!(
        hub.get("/v1/messages").header("cache-control"),
        Some("no-store")
    );
    assert_eq!(hub.get("/docs/").header("cache-control"), None);
    let page = hub.get("/docs/").body;
    assert!(!page.contains("<script>"), "{page}");
}

#[test]
fn the_page_of_the_hub_is_for_everybody_and_runs_its_own_files_alone() {
    let hub = TestHub::with(&[
        ("service_keys", "{shop: [s]}"),
        ("allowed_origins", "['https://app.example.org']"),
    ]);
    let anybody = hub.nameless();
    let link = page(&anybody)
        .with_header("sec-fetch-mode: navigate")
        .with_header("accept: text/html,*/*;q=0.8");
    let index = link.get("/");
    assert_eq!(index.status, 200);
    assert!(index.body.starts_with("<!doctype html>"), "{}", index.body);
    let script = anybody.get("/app.js");
    assert_eq!(script.status, 200);
    for answer in [&index, &script] {
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        for rule in [
            "default-src 'none'; script-src 'self'; style-src 'self';",
            "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        ] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    let known = format!("if-none-match: {}", script.header("etag").unwrap());
    let again = anybody.with_header(&known).get("/app.js");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let head = anybody.ask("HEAD", "/app.js", b"");
    let length = script.body.len().to_string();
    assert_eq!(head.header("content-length"), Some(length.as_str()));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    // A page of a stranger loads nothing of it, and nothing is asked for by changing it.
    page(&anybody).get("/app.js").refuses(403, "AUTH_FAILED");
    let shop = hub.named("shop", "s");
    shop.post("/app.js", &json!({}))
        .refuses(405, "METHOD_NOT_ALLOWED");
    let gone = shop.get("/lib/no-such-file.js");
    assert_eq!(gone.header("cache-control"), Some("no-store"));
    gone.refuses(404, "NOT_FOUND");
}

#[test]
fn pages_that_were_kept_out_are_told_in_the_log_once() {
    let hub = TestHub::start();
    for _ in 0..5 {
        page(&hub).get("/v1/messages").refuses(403, "AUTH_FAILED");
    }
    hub.with_header("host: evil.example")
        .get("/v1/messages")
        .refuses(403, "AUTH_FAILED");
    eventually("both are told", || hub.log().contains("allowed_hosts"));
    assert_eq!(
        hub.log().matches("https://evil.example").count(),
        1,
        "{}",
        hub.log()
    );
}
