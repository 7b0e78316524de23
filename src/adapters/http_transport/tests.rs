//! What an exchange is with servers as they occur.

mod support;

use std::time::Duration;

use super::*;
use support::{Script, Server};
use tokio::time::Instant as Moment;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const NO: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";
const PATIENCE: Duration = Duration::from_secs(5);

fn transport() -> HttpTransport {
    let deny = DenyList::parse([]).unwrap();
    HttpTransport::new(deny, Trust::default())
}

fn request(url: &str) -> PushRequest {
    PushRequest {
        url: url.to_owned(),
        headers: vec![("x-message-id", "7".to_owned())],
        body: Bytes::from_static(b"{}"),
        timeout: PATIENCE,
        is_hurried: false,
    }
}

fn status(code: u16, excerpt: &str) -> PushResponse {
    PushResponse::Status {
        code,
        retry_after: None,
        excerpt: excerpt.to_owned(),
    }
}

#[actix::test]
async fn a_request_says_where_it_goes_and_what_it_carries() {
    let server = Server::start([Script::answering(&[OK])]).await;
    let url = format!("{}/in?a=b", server.url());
    assert_eq!(transport().push(request(&url)).await, status(200, ""));
    let head = server.heads().remove(0);
    let (first, rest) = head.split_once("\r\n").unwrap();
    assert_eq!(first, "POST /in?a=b HTTP/1.1");
    for line in [
        &format!("host: {}", &server.url()["http://".len()..]),
        "content-length: 2",
        "content-type: application/json",
        "x-message-id: 7",
        concat!("user-agent: message-hub/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(rest.contains(line), "{line} in {rest}");
    }
}

#[actix::test]
async fn an_odd_head_is_heard_as_long_as_it_is_clear() {
    let odd =
        b"HTTP/1.1 200 OK\r\nServer : odd\r\nX-Folded: one\r\n two\r\nContent-Length: 2\r\n\r\nok";
    let server = Server::start([Script::answering(&[odd])]).await;
    let transport = transport();
    for _ in 0..2 {
        let answer = transport.push(request(&server.url())).await;
        assert_eq!(answer, status(200, ""));
    }
    assert_eq!(server.connections(), 1);
}

#[actix::test]
async fn what_is_wrong_with_a_head_is_said() {
    let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n";
    let server = Server::start([Script::answering(&[huge])]).await;
    let answer = transport().push(request(&server.url())).await;
    let PushResponse::NoAnswer { error } = answer else {
        panic!("{answer:?}");
    };
    assert!(
        error.ends_with("or says a length that is too large"),
        "{error}"
    );
}

#[actix::test]
async fn interim_answers_are_read_past_however_they_come() {
    let hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    let pieces: &[&[u8]] = &[
        b"HTTP/1.1 100 Conti",
        b"nue\r\n\r",
        b"\nHTTP/1.1 102 Processing\r\n\r\n",
        hint,
        hint,
        OK,
    ];
    let together = [hint.as_slice(), hint, OK].concat();
    let server = Server::start([
        Script::answering(&[hint, OK]).slowly(),
        Script::answering(pieces).slowly(),
        Script::answering(&[&together]),
        Script::answering(&[hint, NO]).slowly(),
    ])
    .await;
    let transport = transport();
    for _ in 0..3 {
        assert_eq!(
            transport.push(request(&server.url())).await,
            status(200, "")
        );
    }
    assert_eq!(
        transport.push(request(&server.url())).await,
        status(503, "busy")
    );
    assert_eq!(server.connections(), 1);
}

#[actix::test]
async fn interim_answers_do_not_prolong_the_time() {
    let hint = b"HTTP/1.1 102 Processing\r\n\r\n";
    let server = Server::start([Script::answering(&[hint.as_slice(); 100]).slowly()]).await;
    let mut hurried = request(&server.url());
    hurried.timeout = Duration::from_millis(200);
    let answer = transport().push(hurried).await;
    assert!(
        matches!(&answer, PushResponse::NoAnswer { error } if error == "no answer within 200ms"),
        "{answer:?}"
    );
}

#[actix::test]
async fn another_protocol_is_no_answer_and_ends_the_connection() {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    let server = Server::start([Script::answering(&[switch]), Script::answering(&[OK])]).await;
    let transport = transport();
    let answer = transport.push(request(&server.url())).await;
    assert!(
        matches!(&answer, PushResponse::NoAnswer { error } if error.contains("101")),
        "{answer:?}"
    );
    assert_eq!(
        transport.push(request(&server.url())).await,
        status(200, "")
    );
    assert_eq!(server.connections(), 2);
}

#[actix::test]
async fn a_connection_that_was_closed_meanwhile_is_no_failure() {
    let (good, unasked) = (Script::answering(&[OK]), Script::closing_unasked(OK));
    for scripts in [
        vec![unasked],
        vec![good.clone(), Script::closing_when_asked(), good],
    ] {
        let server = Server::start(scripts).await;
        let transport = transport();
        for _ in 0..3 {
            let answer = transport.push(request(&server.url())).await;
            assert_eq!(answer, status(200, ""));
        }
    }
}

#[actix::test]
async fn a_fresh_connection_that_is_closed_without_an_answer_is_a_failure() {
    let server = Server::start([Script::closing_when_asked()]).await;
    let answer = transport().push(request(&server.url())).await;
    let error = "connection closed before an answer".to_owned();
    assert_eq!(answer, PushResponse::NoAnswer { error });
    assert_eq!(server.connections(), 1);
}

#[actix::test]
async fn half_an_answer_is_asked_for_once_only() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Le";
    let server = Server::start([
        Script::answering(&[OK]),
        Script::answering(&[half]).and_closing(),
    ])
    .await;
    let transport = transport();
    assert_eq!(
        transport.push(request(&server.url())).await,
        status(200, "")
    );
    let answer = transport.push(request(&server.url())).await;
    assert!(
        matches!(answer, PushResponse::NoAnswer { .. }),
        "{answer:?}"
    );
    assert_eq!(server.heads().len(), 2);
}

#[actix::test]
async fn who_gives_up_an_idle_connection_may_say_so() {
    let timeout = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start([
        Script::answering(&[OK]),
        Script::answering(&[timeout]).and_closing(),
        Script::answering(&[OK]),
        Script::answering(&[timeout]).and_closing(),
        Script::answering(&[timeout]).and_closing(),
    ])
    .await;
    let transport = transport();
    for code in [200, 200, 408] {
        let answer = transport.push(request(&server.url())).await;
        assert_eq!(answer, status(code, ""));
    }
}

#[actix::test]
async fn the_status_is_enough() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n";
    let bodiless = b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n";
    let endless = b"HTTP/1.1 200 OK\r\n\r\nok";
    for open in [chunked.as_slice(), bodiless, endless] {
        let server = Server::start([Script::answering(&[open])]).await;
        let transport = transport();
        let began = Moment::now();
        for _ in 0..3 {
            let answer = transport.push(request(&server.url())).await;
            assert!(matches!(
                answer,
                PushResponse::Status {
                    code: 200 | 204,
                    ..
                }
            ));
            let probed = transport.probe(server.url(), PATIENCE).await;
            assert_eq!(probed, ProbeResponse::Well);
        }
        assert!(began.elapsed() < Duration::from_secs(1));
        assert_eq!(server.connections(), 6, "none of them can be used again");
    }
}

#[actix::test]
async fn an_error_without_an_end_is_told_with_what_came_of_it() {
    let open = b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhy?\r\n";
    let server = Server::start([Script::answering(&[open])]).await;
    let began = Moment::now();
    let answer = transport().push(request(&server.url())).await;
    assert_eq!(answer, status(500, "why?"));
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[actix::test]
async fn what_comes_unasked_belongs_to_no_request() {
    // The second answer to one request would be the first to the next.
    let twice = [OK, NO].concat();
    for script in [
        Script::answering(&[&twice]),
        Script::answering(&[OK, NO]).slowly(),
        Script::answering(&[b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\noops"]),
    ] {
        let server = Server::start([script, Script::answering(&[OK])]).await;
        let transport = transport();
        let first = transport.push(request(&server.url())).await;
        assert!(matches!(
            first,
            PushResponse::Status {
                code: 200 | 204,
                ..
            }
        ));
        // Until then all has arrived.
        sleep(Duration::from_millis(50)).await;
        let answer = transport.push(request(&server.url())).await;
        assert_eq!(answer, status(200, ""));
        assert_eq!(server.connections(), 2);
    }
}

#[actix::test]
async fn a_body_that_comes_late_keeps_the_connection() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    let server = Server::start([Script::answering(&[head, b"ok"])]).await;
    let transport = transport();
    for _ in 0..20 {
        assert_eq!(
            transport.push(request(&server.url())).await,
            status(200, "")
        );
        sleep(Duration::from_millis(20)).await;
    }
    // On a machine that is slow enough it may come too late now and then.
    assert!(server.connections() < 20, "{}", server.connections());
}

#[actix::test]
async fn a_head_may_have_many_lines() {
    let many = |lines| {
        let lines = "Set-Cookie: a=b; Path=/\r\n".repeat(lines);
        format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok")
    };
    let (many, too_many) = (many(999), many(1000));
    let server = Server::start([
        Script::answering(&[many.as_bytes()]),
        Script::answering(&[too_many.as_bytes()]),
    ])
    .await;
    let transport = transport();
    let answer = transport.push(request(&server.url())).await;
    assert_eq!(answer, status(200, ""));
    let PushResponse::NoAnswer { error } = transport.push(request(&server.url())).await else {
        panic!("it has more lines than there may be");
    };
    assert!(error.contains("1,000 lines"), "{error}");
}

#[actix::test]
async fn heads_are_bounded() {
    let huge = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let server = Server::start([Script::answering(&[huge.as_bytes()])]).await;
    let answer = transport().push(request(&server.url())).await;
    assert!(
        matches!(&answer, PushResponse::NoAnswer { error } if error.starts_with("not an HTTP answer")),
        "{answer:?}"
    );
}

#[actix::test]
async fn a_message_in_a_hurry_is_cut_short_and_others_are_not_answered() {
    for (is_hurried, expected) in [(true, "CutShort"), (false, "NoAnswer")] {
        let server = Server::start([Script::answering(&[])]).await;
        let mut hurried = request(&server.url());
        hurried.timeout = Duration::from_millis(50);
        hurried.is_hurried = is_hurried;
        let answer = format!("{:?}", transport().push(hurried).await);
        assert_eq!(
            answer,
            format!("{expected} {{ error: \"no answer within 50ms\" }}")
        );
    }
    // Nobody is there, whatever the hurry.
    let mut refused = request("http://127.0.0.1:9");
    refused.is_hurried = true;
    let answer = transport().push(refused).await;
    assert!(
        matches!(answer, PushResponse::NoAnswer { .. }),
        "{answer:?}"
    );
}

#[actix::test]
async fn want_of_files_is_nobodys_failure_and_may_pass() {
    use rustix::io::Errno;
    let calls = Rc::new(Cell::new(0));
    let server = Server::start([Script::answering(&[OK])]).await;
    let port = server.port();
    let counted = calls.clone();
    let resolve: Rc<dial::Resolve> = Rc::new(move |host, _| {
        counted.set(counted.get() + 1);
        let found = match (&*host, counted.get()) {
            ("passing", 2..) => Ok(vec![([127, 0, 0, 1], port).into()]),
            _ => Err(Errno::MFILE.into()),
        };
        async { found }.boxed_local()
    });
    let deny = DenyList::parse([]).unwrap();
    let transport = HttpTransport::with(Dialer::new(deny, Trust::default(), resolve));
    let answer = transport.push(request("http://passing")).await;
    assert_eq!(answer, status(200, ""));
    let answer = transport.push(request("http://lasting")).await;
    assert!(
        matches!(answer, PushResponse::NotTried { .. }),
        "{answer:?}"
    );
    let probed = transport.probe("http://lasting".to_owned(), PATIENCE).await;
    assert!(matches!(probed, ProbeResponse::NotTried(_)), "{probed:?}");
    // Also if its time is over before.
    let mut hurried = request("http://lasting");
    hurried.timeout = Duration::from_millis(20);
    let answer = transport.push(hurried).await;
    assert!(
        matches!(answer, PushResponse::NotTried { .. }),
        "{answer:?}"
    );
}

#[actix::test]
async fn a_name_that_leads_somewhere_else_the_next_time_is_looked_at_again() {
    let server = Server::start([Script::answering(&[OK]).and_closing()]).await;
    let port = server.port();
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    let resolve: Rc<dial::Resolve> = Rc::new(move |_, _| {
        counted.set(counted.get() + 1);
        let allowed = ([127, 0, 0, 1], port).into();
        let denied = ([127, 0, 0, 2], port).into();
        let found = if counted.get() == 1 { allowed } else { denied };
        async move { Ok(vec![found]) }.boxed_local()
    });
    let deny = DenyList::parse(["127.0.0.2", "forbidden"]).unwrap();
    let transport = HttpTransport::with(Dialer::new(deny, Trust::default(), resolve));
    let url = format!("http://rebinding:{port}");
    assert_eq!(transport.push(request(&url)).await, status(200, ""));
    sleep(Duration::from_millis(20)).await;
    let denied = PushResponse::NoAnswer {
        error: DENIED.to_owned(),
    };
    assert_eq!(transport.push(request(&url)).await, denied);
    let probed = transport.probe(url, PATIENCE).await;
    assert_eq!(probed, ProbeResponse::NotWell(DENIED.to_owned()));
    for url in [
        "http://127.0.0.2",
        "http://[::ffff:127.0.0.2]:9",
        "http://Forbidden",
    ] {
        assert_eq!(transport.push(request(url)).await, denied, "{url}");
    }
    assert_eq!(calls.get(), 3, "a denied host is not even resolved");
    assert_eq!(server.connections(), 1);
}

#[actix::test]
async fn one_place_is_probed_at_even_distances_and_no_probe_pays_for_that() {
    let server = Server::start([Script::answering(&[OK])]).await;
    let transport = transport();
    let began = Moment::now();
    // Their patience is much shorter than their turn is away.
    let probes = (0..10).map(|_| transport.probe(server.url(), Duration::from_millis(200)));
    let answers = futures_util::future::join_all(probes).await;
    assert!(answers.iter().all(|answer| *answer == ProbeResponse::Well));
    assert!(
        began.elapsed() >= PROBE_DISTANCE * 9,
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn excerpts_are_printable() {
    assert_eq!(excerpt(b"  no\nroom\0 "), "no room");
    assert_eq!(excerpt("a\u{202e}b\u{2028}c".as_bytes()), "a b c");
    assert_eq!(excerpt(&[0xff, b'a']), "\u{fffd}a");
}
