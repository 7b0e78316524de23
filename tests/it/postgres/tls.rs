//! PostgreSQL with TLS: each `sslmode`, with a server that has it and one that has not.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use crate::support::authority::Authority;
use crate::support::place::Place;
use crate::support::postgres::{self, Server};
use crate::support::{PATIENCE, TestHub};

/// Lets everybody in, TLS or not; the certificate is for this address alone.
const OPEN: &str = "host all all 127.0.0.1/32 trust\n";
const ADDRESS: &str = "127.0.0.1";

/// Connections of hubs with TLS.
const SECURE: &str = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
    WHERE ssl AND application_name = 'message-hub' AND datname = current_database()";

/// The history of a hub with this `sslmode`: what it says, or why there is none.
#[track_caller]
fn history(url: &str, sslmode: &str, ca_file: &str) -> Result<(), String> {
    let url = match sslmode {
        "" => url.to_owned(),
        mode => format!("{url}?sslmode={mode}"),
    };
    let hub = TestHub::with(&[("database_url", &url), ("tls_ca_file", ca_file)]);
    let answer = hub.messages("");
    assert!(!hub.log().contains("secret-word"), "{}", hub.log());
    if answer.status == 200 {
        let secure = postgres::number(url.split('?').next().unwrap(), SECURE);
        let is_secure = sslmode != "disable";
        assert_eq!(secure > 0, is_secure, "{secure} with {sslmode:?}");
        return Ok(());
    }
    assert_eq!(answer.status, 503, "{}", answer.body);
    Err(answer.body)
}

#[test]
fn each_mode_asks_the_server_for_what_it_says() {
    let (authority, other) = (Authority::new(), Authority::named("another"));
    let identity = authority.identity(&[ADDRESS]);
    let Some(server) = Server::with_tls(&identity, OPEN) else {
        return;
    };
    // A database belongs to the first hub that comes.
    for mode in ["", "disable", "prefer", "require"] {
        let answered = history(&server.database(), mode, &other.file());
        assert_eq!(answered, Ok(()), "{mode}");
    }
    for mode in ["verify-ca", "verify-full"] {
        let answered = history(&server.database(), mode, &authority.file());
        assert_eq!(answered, Ok(()), "{mode}");
        let refused = history(&server.database(), mode, &other.file()).unwrap_err();
        assert!(refused.contains("unknown issuer"), "{mode}: {refused}");
    }
    // The server listens there as well, under a name that its certificate has not.
    let by_name = server.database().replace(ADDRESS, "localhost");
    assert_eq!(history(&by_name, "verify-ca", &authority.file()), Ok(()));
    let refused = history(&by_name, "verify-full", &authority.file()).unwrap_err();
    assert!(refused.contains("not for localhost"), "{refused}");
}

#[test]
fn a_certificate_of_version_1_will_do_where_nothing_has_to_be_proven() {
    let authority = Authority::new();
    let identity = authority.identity(&[ADDRESS]).in_version_1();
    let Some(server) = Server::with_tls(&identity, OPEN) else {
        return;
    };
    for mode in ["", "require", "prefer"] {
        let answered = history(&server.database(), mode, &authority.file());
        assert_eq!(answered, Ok(()), "{mode}");
    }
    for mode in ["verify-ca", "verify-full"] {
        let refused = history(&server.database(), mode, &authority.file()).unwrap_err();
        assert!(refused.contains("X.509 version 1"), "{mode}: {refused}");
    }
}

#[test]
fn a_server_without_tls_is_told_apart() {
    let Some(url) = postgres::database() else {
        return;
    };
    let authority = Authority::new();
    for mode in ["require", "verify-ca", "verify-full"] {
        let refused = history(&url, mode, &authority.file()).unwrap_err();
        for part in ["server does not support TLS", "set ssl = on"] {
            assert!(refused.contains(part), "{mode}: {refused}");
        }
    }
}

#[test]
fn a_server_that_wants_no_tls_gets_none_unless_it_has_to_be() {
    let authority = Authority::new();
    let rules = "hostnossl all all 127.0.0.1/32 trust\n";
    let Some(server) = Server::with_tls(&authority.identity(&[ADDRESS]), rules) else {
        return;
    };
    let url = server.database();
    let hub = TestHub::with(&[("database_url", &url)]);
    hub.messages("").is(200);
    assert_eq!(postgres::number(&url, SECURE), 0);
    let refused = history(&url, "require", &authority.file()).unwrap_err();
    assert!(refused.contains("pg_hba.conf"), "{refused}");
}

/// What a client asks for when it wants TLS, after the length of the request.
const WANTS_TLS: u32 = 80_877_103;

/// A server that says yes to TLS and then cannot. Tells what each connection asked for first.
fn unable() -> (String, mpsc::Receiver<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgresql://hub@{}/hub", listener.local_addr().unwrap());
    let (sender, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 8];
            if stream.read_exact(&mut request).is_ok() {
                let [_, _, _, _, code @ ..] = request;
                let _ = sender.send(u32::from_be_bytes(code));
                let _ = stream.write_all(b"S");
                // The rest, so that closing is no reset.
                let _ = stream.read(&mut [0; 4096]);
            }
        }
    });
    (url, asked)
}

#[test]
fn a_handshake_that_fails_is_done_without_only_where_it_may_be() {
    let (url, asked) = unable();
    let hub = TestHub::with(&[("database_url", &url)]);
    hub.messages("").refuses(503, "STORAGE_UNAVAILABLE");
    assert_eq!(asked.recv_timeout(PATIENCE).unwrap(), WANTS_TLS);
    assert_ne!(asked.recv_timeout(PATIENCE).unwrap(), WANTS_TLS);

    let (url, asked) = unable();
    let hub = TestHub::with(&[("database_url", &format!("{url}?sslmode=require"))]);
    let refused = hub.messages("");
    assert!(
        refused.body.contains("closed in the TLS handshake"),
        "{}",
        refused.body
    );
    drop(hub);
    let asked: Vec<_> = asked.try_iter().collect();
    assert!(!asked.is_empty() && asked.iter().all(|code| *code == WANTS_TLS));
}

#[test]
fn a_server_that_wants_tls_gets_it_unasked() {
    let authority = Authority::new();
    let rules = "hostssl all all 127.0.0.1/32 trust\n";
    let Some(server) = Server::with_tls(&authority.identity(&[ADDRESS]), rules) else {
        return;
    };
    let url = format!("{}/postgres", server.url());
    let hub = TestHub::with(&[("database_url", &url)]);
    hub.messages("").is(200);
}

#[test]
fn a_password_is_bound_to_the_connection() {
    let authority = Authority::new();
    let rules = "hostnossl all all 127.0.0.1/32 trust\n\
        hostssl all all 127.0.0.1/32 scram-sha-256\n";
    let Some(server) = Server::with_tls(&authority.identity(&[ADDRESS]), rules) else {
        return;
    };
    let url = server.database();
    postgres::execute(&url, "ALTER ROLE hub PASSWORD 'secret-word'");
    for mode in [
        "require&channel_binding=require",
        "verify-full&channel_binding=require",
    ] {
        let answered = history(&server.database(), mode, &authority.file());
        assert_eq!(answered, Ok(()), "{mode}");
    }
    let wrong = url.replace("secret-word", "another-secret-word");
    let refused = history(&wrong, "require", &authority.file()).unwrap_err();
    assert!(refused.contains("check user and password"), "{refused}");
}

#[test]
fn an_unknown_mode_ends_the_start_with_what_is_possible() {
    for (parameter, advice) in [
        ("sslmode=allow", "verify-full"),
        ("sslmode=require&sslmode=disable", "sslmode is given twice"),
        ("sslrootcert=x", "tls_ca_file"),
    ] {
        let url = format!("postgresql://hub:hush@localhost/hub?{parameter}");
        let failed = Place::new().fails_to_start(&[("database_url", &url)]);
        assert_eq!(failed.exit_code, Some(2), "{}", failed.stderr);
        assert!(failed.stderr.contains(advice), "{}", failed.stderr);
        assert!(!failed.stderr.contains("hush"), "{}", failed.stderr);
    }
}

#[test]
fn who_wants_the_server_verified_has_to_trust_somebody() {
    let place = Place::new();
    let settings = [
        (
            "MESSAGE_HUB_DATABASE_URL",
            "postgresql://hub:hush@localhost/hub?sslmode=verify-ca",
        ),
        ("SSL_CERT_FILE", "/nowhere.pem"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let output = place.command(&settings).output().unwrap();
    let log = place.log_text();
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(
        log.contains("in tls_ca_file") && !log.contains("hush"),
        "{log}"
    );
}
