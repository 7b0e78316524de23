//! Where requests end, and what is wrong with them.

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: hub\r\n\r\n";

fn post(body: &str) -> String {
    let length = body.len();
    format!("POST / HTTP/1.1\r\nHost: hub\r\ncontent-LENGTH: {length} \r\n\r\n{body}")
}

fn chunked(body: &str) -> String {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: Chunked\r\n\r\n\
         {length:x};a=b\r\n{body}\r\n0\r\nx: y\r\n\r\n"
    )
}

fn heads() -> Heads {
    Heads::with_sockets(&["/events"])
}

fn first_fault(heads: &mut Heads, bytes: &[u8]) -> Option<LineFault> {
    let mut at = 0;
    while at < bytes.len() {
        match heads.see(&mut bytes[at..].to_vec()) {
            Extent::Part => return None,
            Extent::Whole(count) => at += count,
            Extent::Wrong(LineFault::InHead(here)) => {
                return Some(LineFault::InHead(at + here));
            }
            Extent::Wrong(LineFault::InBody(here)) => {
                return Some(LineFault::InBody(at + here));
            }
        }
    }
    None
}

#[test]
fn each_request_ends_where_the_next_begins() {
    for request in [GET.to_owned(), post("a\nb"), post(""), chunked("a\nb")] {
        let mut heads = Heads::default();
        let text = format!("{request}{GET}");
        for _ in 0..2 {
            assert_eq!(
                heads.see(&mut text.clone().into_bytes()),
                Extent::Whole(request.len())
            );
        }
        let (begun, rest) = request.as_bytes().split_at(request.len() - 1);
        assert!(!heads.is_in_head() && !heads.is_in_body());
        assert_eq!(heads.see(&mut begun.to_vec()), Extent::Part);
        assert_eq!(heads.is_in_head(), request == GET || request == post(""));
        assert_ne!(heads.is_in_head(), heads.is_in_body());
        assert_eq!(heads.see(&mut rest.to_vec()), Extent::Whole(1));
    }
}

/// Whatever pieces it comes in.
fn seen(text: &str) -> Option<LineFault> {
    let all = first_fault(&mut heads(), text.as_bytes());
    for size in 1..=7 {
        let (mut heads, mut before) = (heads(), 0);
        let found = text.as_bytes().chunks(size).find_map(|piece| {
            let found = first_fault(&mut heads, piece).map(|fault| match fault {
                LineFault::InHead(at) => LineFault::InHead(before + at),
                LineFault::InBody(at) => LineFault::InBody(before + at),
            });
            before += piece.len();
            found
        });
        assert_eq!(found, all, "{size} bytes at a time: {text:?}");
    }
    all
}

#[test]
fn what_is_in_order_is_let_be() {
    let body = "{\n\"a\": 1\n}\n\nGET / HTTP/1.1\n\n";
    for text in [
        GET.repeat(3),
        format!("\r\n\r\n{GET}"),
        [
            post(body),
            GET.to_owned(),
            chunked(body),
            post(""),
            post(body),
        ]
        .concat(),
        format!("{GET}GET /events HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\n\n\n"),
        "CONNECT hub HTTP/1.1\r\n\r\n\n\n".to_owned(),
    ] {
        assert_eq!(seen(&text), None, "{text:?}");
    }
}

#[test]
fn a_bare_lf_is_found_in_every_head() {
    for bad in [
        "\nGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: hub\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: hub\n\r\n",
        "GET / HTTP/1.1\r\nHost: hub\r\n\n",
    ] {
        for before in [
            String::new(),
            GET.repeat(2),
            post("a\nb"),
            chunked("a\nb\n"),
        ] {
            let text = format!("{before}{bad}");
            let Some(LineFault::InHead(at)) = seen(&text) else {
                panic!("{text:?}");
            };
            assert!(at >= before.len(), "{text:?}");
            assert_eq!(text.as_bytes()[at], b'\n');
            assert_ne!(at.checked_sub(1).map(|at| text.as_bytes()[at]), Some(b'\r'));
        }
    }
}

#[test]
fn what_has_a_body_begins_no_other_protocol() {
    let body = "1\r\nx\r\n0\r\n\r\n";
    for first in [
        format!(
            "POST / HTTP/1.1\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        ),
        format!("CONNECT hub HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}"),
        "CONNECT hub HTTP/1.1\r\nContent-Length: 1\r\n\r\nx".to_owned(),
    ] {
        let text = format!("{first}GET / HTTP/1.1\nHost: hub\r\n\r\n");
        let lf = LineFault::InHead(first.len() + 14);
        assert_eq!(seen(&text), Some(lf), "{text:?}");
    }
}

#[test]
fn a_body_ends_before_what_is_no_chunk() {
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (good, bad) in [
        ("", "zz\r\n"),
        ("", " 1\r\n"),
        ("", ";a\r\n"),
        ("1", "z\r\n"),
        ("1", "\rx\r\n"),
        ("1 ", "x\r\n"),
        ("1;a", "\rb\r\n"),
        ("0000000000000001", "1\r\n"),
        ("1\r\nx", "xx\r\n"),
        ("1\r\nx", "\rx"),
        ("1\r\nx\r\n", "-1\r\n"),
    ] {
        let text = format!("{head}{good}{bad}");
        let Some(LineFault::InBody(at)) = first_fault(&mut heads(), text.as_bytes()) else {
            panic!("{text:?}");
        };
        assert!(at <= head.len() + good.len(), "{at}: {text:?}");
        // Byte by byte it is the first that is wrong.
        let mut heads = heads();
        let found = text
            .bytes()
            .position(|byte| heads.see(&mut [byte]) != Extent::Part);
        let wrong = head.len() + good.len() + usize::from(bad.starts_with("\r"));
        assert_eq!(found, Some(wrong), "{text:?}");
    }
}

#[test]
fn the_size_of_a_chunk_is_read_as_the_server_reads_it() {
    for (line, size) in [
        ("0", 0),
        ("1aF", 0x1af),
        ("10 ;b=20", 0x10),
        ("0000000000000001", 1),
        ("ffffffffffffffff", u64::MAX),
    ] {
        assert_eq!(chunk_size(line.as_bytes()), size, "{line}");
    }
}

#[test]
fn a_body_ends_before_a_bare_lf() {
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for begun in ["1", "1;a=b", "1\r\nx\r\n0", "0\r\nx: y", "0\r\nx: y\r\n"] {
        let text = format!("{head}{begun}\n\r\n");
        let lf = LineFault::InBody(head.len() + begun.len());
        assert_eq!(seen(&text), Some(lf), "{text:?}");
    }
    for line in ["1;", "0\r\nx: "] {
        let mut heads = Heads::default();
        assert_eq!(
            heads.see(&mut format!("{head}{line}").into_bytes()),
            Extent::Part
        );
        let found = (0..20).find_map(|_| first_fault(&mut heads, &[b'x'; 10_000]));
        assert_eq!(found, Some(LineFault::InBody(0)));
    }
}

#[test]
fn a_line_without_end_takes_no_room_without_end() {
    let mut heads = Heads::default();
    for _ in 0..100 {
        assert_eq!(heads.see(&mut [b'x'; 10_000]), Extent::Part);
    }
    assert!(heads.line.capacity() <= 2 * LONGEST);
}

/// What is passed on, whatever pieces it comes in.
fn passed(text: &str) -> String {
    let see = |size: usize| {
        let mut heads = heads();
        let pieces = text.as_bytes().chunks(size).map(|piece| {
            let mut piece = piece.to_vec();
            heads.see(&mut piece);
            piece
        });
        pieces.flatten().collect::<Vec<u8>>()
    };
    let all = see(text.len());
    for size in 1..=9 {
        let pieces = see(size);
        let (pieces, all) = (
            String::from_utf8_lossy(&pieces),
            String::from_utf8_lossy(&all),
        );
        assert_eq!(pieces, all, "{size} bytes at a time");
    }
    String::from_utf8(all).unwrap()
}

#[test]
fn an_offer_of_another_protocol_is_read_only_where_there_are_sockets() {
    let offer = "Host: hub\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n";
    let socket =
        "upgrade:WebSocket\r\nCONNECTION: keep-alive,upgrade \r\nContent-Length: 3\r\n\r\n";
    for first in ["GET /events", "GET /events?a=b", "GET http://hub:1/events"] {
        for headers in [offer, socket] {
            let text = format!("{first} HTTP/1.1\r\n{headers}");
            assert_eq!(passed(&text), text);
        }
    }
    for first in [
        "POST /events",
        "GET /events/a",
        "GET /v1/events",
        "GET /",
        "GET http://events",
    ] {
        let text = format!("{first} HTTP/1.1\r\n{offer}");
        assert_eq!(passed(&text), text.replace("Upgrade,", "Upgrad-,"));
        let text = format!("{first} HTTP/1.1\r\n{socket}");
        let spoilt = text.replace("WebSocket", "WebSocke-");
        assert_eq!(
            passed(&text),
            spoilt.replace("keep-alive,upgrade", "keep-alive,upgrad-")
        );
        // It has a body as any other, and another request may come behind it.
        let text = format!("{text}a\nbGET / HTTP/1.1\nHost: hub\r\n\r\n");
        let Some(LineFault::InHead(at)) = seen(&text) else {
            panic!("{text:?}");
        };
        assert!(text[..at].ends_with("bGET / HTTP/1.1"), "{at}");
    }
    let other = "POST / HTTP/1.1\r\nX-Connection: upgrade\r\nUpgrade-Insecure-Requests: 1\r\n\r\n";
    assert_eq!(passed(other), other);
}
