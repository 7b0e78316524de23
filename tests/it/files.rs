//! Open files that run out: clients cannot take those the hub needs, and a want of them passes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;

use crate::support::place::Place;
use crate::support::wire::Connection;
use crate::support::{TestHub, eventually};

/// 64 KiB a segment: new ones are needed soon.
const SMALL: (&str, &str) = ("wal_segment_bytes", "65536");
const FILES: usize = 200;

fn send(connection: &mut Connection, number: usize) -> (u16, String) {
    let body = json!({
        "source": "shop", "destination": "billing", "id": id(number), "payload": "x".repeat(2000),
    });
    let answer = connection.ask("POST", "/v1/messages", &[], body.to_string().as_bytes());
    let answer = answer.unwrap();
    (answer.status, answer.body)
}

fn id(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

/// A connection from another address of this machine.
fn from(address: [u8; 4], hub: SocketAddr) -> TcpStream {
    let socket: OwnedFd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let own = SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address)), 0);
    bind(&socket, &own).unwrap();
    connect(&socket, &hub).unwrap();
    TcpStream::from(socket)
}

fn health(connection: TcpStream) -> u16 {
    let mut connection = Connection::over(connection);
    let answer = connection.ask("GET", "/health/ready", &[], b"");
    answer.map_or(0, |answer| answer.status)
}

#[test]
fn idle_connections_take_no_file_that_the_hub_needs() {
    let hub = TestHub::with_files(FILES, &[SMALL]);
    hub.register_puller("billing");
    let mut sender = hub.connect().unwrap();
    assert_eq!(send(&mut sender, 0).0, 202);
    let idle: Vec<_> = (0..260)
        .filter_map(|_| TcpStream::connect(hub.address).ok())
        .collect();
    // Who comes from elsewhere has room beside them.
    assert_eq!(health(from([127, 0, 0, 2], hub.address)), 200);
    for number in 1..500 {
        assert_eq!(send(&mut sender, number).0, 202, "{number}");
    }
    let answer = sender.ask("GET", "/health/details", &[], b"").unwrap();
    let connections = &answer.json()["components"]["connections"];
    assert_eq!(connections["most"], 100);
    assert!(connections["refused"].as_u64() > Some(100), "{connections}");
    let told = hub
        .log()
        .matches("has all the connections it may have")
        .count();
    assert_eq!(told, 1, "{}", hub.log());
    drop(idle);
    eventually("the address may connect again", || {
        TcpStream::connect(hub.address).is_ok_and(|connection| health(connection) == 200)
    });
    assert!(!hub.log().contains("open files left"), "{}", hub.log());
}

#[test]
fn a_connection_beyond_its_share_learns_why_and_nothing_it_asks_is_done() {
    let hub = TestHub::with_files(FILES, &[]);
    hub.register_puller("billing");
    // Those that have asked something stay open for a while.
    let hold = |_| {
        let mut connection = hub.connect().ok()?;
        connection.ask("GET", "/health/ready", &[], b"").ok()?;
        Some(connection)
    };
    let held: Vec<_> = (0..51).filter_map(hold).collect();
    let body = json!({"source": "shop", "destination": "billing", "id": id(1), "payload": 1});
    eventually("the share is used up", || {
        let asked = hub.try_ask("GET", "/health/ready", b"");
        asked.is_ok_and(|answer| answer.status == 503)
    });
    let mut refused = 0;
    eventually("some are told why", || {
        // Who sends while it is refused may lose the answer, but is never served.
        let Ok(answer) = hub.try_ask("POST", "/v1/messages", body.to_string().as_bytes()) else {
            return false;
        };
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(answer.json()["error"]["code"], "SERVICE_UNAVAILABLE");
        refused += 1;
        refused == 5
    });
    drop(held);
    eventually("there is room again", || {
        let asked = hub.try_ask("GET", &format!("/v1/messages/{}", id(1)), b"");
        asked.is_ok_and(|answer| answer.status == 404)
    });
}

#[test]
fn a_want_of_files_stops_intake_for_a_while_and_not_the_process() {
    let mut hub = TestHub::with(&[SMALL]);
    hub.register_puller("billing");
    let mut sender = hub.connect().unwrap();
    assert_eq!(send(&mut sender, 0).0, 202);
    // From now on the process gets no further file descriptor.
    let none = Rlimit {
        current: Some(3),
        ..getrlimit(Resource::Nofile)
    };
    let before = prlimit(Some(hub.pid()), Resource::Nofile, none).unwrap();
    let mut number = 1;
    let refusal = loop {
        let (status, body) = send(&mut sender, number);
        if status != 202 {
            assert_eq!(status, 507, "{body}");
            break body;
        }
        number += 1;
        assert!(number < 1000, "the journal needs a file every 30 messages");
    };
    assert!(refusal.contains("no open files left"), "{refusal}");
    let answer = sender.ask("GET", "/health/details", &[], b"").unwrap();
    let journal = &answer.json()["components"]["journal"];
    assert_eq!(journal["short_of"], "open files");
    assert_eq!(journal["status"], "degraded");
    for _ in 0..20 {
        assert_eq!(send(&mut sender, number).0, 507);
    }
    prlimit(Some(hub.pid()), Resource::Nofile, before).unwrap();
    eventually("intake goes on", || send(&mut sender, number).0 == 202);
    let log = hub.log();
    assert_eq!(log.matches("no open files left").count(), 1, "{log}");
    assert_eq!(log.matches("has open files again").count(), 1, "{log}");
    hub.kill9();
    let hub = hub.restart();
    for sent in [0, number / 2, number] {
        assert_eq!(hub.message(&id(sent))["status"], "pending", "{sent}");
    }
    assert!(
        hub.recovered
            .starts_with(&format!("{} open messages", number + 1)),
        "{}",
        hub.recovered
    );
}

#[test]
fn too_few_files_are_told_before_anything_is_opened_and_the_least_number_is_enough() {
    let place = Place::new();
    let output = place.command_with_files(24, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(74), "{}", place.log_text());
    assert!(!place.data().exists() && output.stdout.is_empty());
    let told = place.log_text();
    assert!(told.contains("too few open files"), "{told}");
    let least = told.trim_end().rsplit(' ').next().unwrap();
    let hub = TestHub::with_files(least.parse().unwrap(), &[SMALL]);
    hub.register_puller("billing");
    let mut sender = hub.connect().unwrap();
    // An address has few connections here, and those of before may not have gone yet.
    eventually("there is room for a sender", || {
        sender = hub.connect().unwrap();
        send(&mut sender, 0).0 == 202
    });
    let _idle: Vec<_> = (0..100)
        .filter_map(|_| TcpStream::connect(hub.address).ok())
        .collect();
    for number in 1..200 {
        assert_eq!(send(&mut sender, number).0, 202, "{number}");
    }
    assert!(!hub.log().contains("open files left"), "{}", hub.log());
}

#[test]
fn a_file_that_may_not_grow_is_a_full_disk_and_not_the_end() {
    // Half a MiB: one segment of the journal.
    let hub = TestHub::limited("-f 1024", &[]);
    hub.register_puller("billing");
    let mut sender = hub.connect().unwrap();
    let mut number = 0;
    let refused = loop {
        number += 1;
        let (status, body) = send(&mut sender, number);
        if status != 202 {
            break (status, body);
        }
        assert!(number < 1000, "as much as fits into the file");
    };
    assert_eq!(refused.0, 507, "{}", refused.1);
    assert!(refused.1.contains("ulimit -f"), "{}", refused.1);
    let answer = sender.ask("GET", "/health/details", &[], b"").unwrap();
    let short_of = &answer.json()["components"]["journal"]["short_of"];
    assert_eq!(short_of, "room in its files (ulimit -f)");
    // What was acknowledged is there.
    let hub = hub.restart();
    let held = hub.get("/v1/queue/status?service=billing").is(200);
    assert!(
        held.to_string().contains(&(number - 1).to_string()),
        "{held}"
    );
}
