//! A hub with its history in PostgreSQL, which comes and goes.

mod tls;

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::load::Load;
use crate::support::place::Place;
use crate::support::postgres::{self, Server};
use crate::support::verbs::id_of;
use crate::support::{FakeService, Reply, TestHub, eventually};

/// Everything the hub ever accepted is in the database, and nothing twice.
#[track_caller]
fn assert_history_is_whole(hub: &TestHub, url: &str) {
    hub.messages("").is(200);
    let accepted = hub.metric("message_hub_messages_accepted_total");
    let archived = postgres::number(url, "SELECT count(*) FROM messages");
    assert_eq!(archived as f64, accepted);
    let delivered = "SELECT count(*) FROM messages WHERE state = 'delivered'";
    assert_eq!(
        postgres::number(url, delivered) as f64,
        hub.in_state("delivered")
    );
}

#[test]
fn messages_go_through_and_stay_in_the_history() {
    let Some(url) = postgres::database() else {
        return;
    };
    let hub = TestHub::with(&[("database_url", &url)]);
    let service = FakeService::start();
    hub.register_at("pushed", &service.url());
    let message = json!({"destination": "pushed", "payload": {"text": "\u{0}ä"}});
    let delivered = id_of(&hub.send_waiting(20_000, &message).is(200));
    service.now_answers(Reply::Status(400));
    let dead = id_of(&hub.send(&message).is(202));
    eventually("it is dead", || hub.in_state("dead") == 1.0);
    for hub in [hub].into_iter().map(TestHub::restart) {
        assert_eq!(hub.message(&delivered)["payload"], message["payload"]);
        assert_eq!(hub.state(&dead), "dead");
        assert_eq!(hub.messages("").is(200)["count"], 2);
        let dead_letters = hub.get("/v1/dlq").is(200);
        assert_eq!(dead_letters["count"], 1, "{dead_letters}");
        service.now_answers(Reply::Status(200));
        hub.post(&format!("/v1/dlq/{dead}/reprocess"), &json!({}))
            .is(202);
        eventually("it is delivered", || hub.state(&dead) == "delivered");
        assert_eq!(hub.get("/v1/dlq").is(200)["count"], 0);
        assert_eq!(hub.get("/health").is(200)["status"], "healthy");
        hub.assert_conservation();
        assert!(!hub.log().contains("secret-word"));
    }
}

#[test]
fn a_server_that_crashes_under_load_costs_only_history() {
    let settings = [
        ("wal_flush_interval", "0.05"),
        ("max_retry_attempts", "100"),
    ];
    let Some((server, url, hub)) = Server::with_hub(&settings) else {
        return;
    };
    let load = Load::start(&hub, Some(10));
    for _ in 0..3 {
        let before = load.acked();
        eventually("the load goes on", || load.acked() > before + 50);
        server.crash();
        let before = load.acked();
        eventually("the load goes on", || load.acked() > before + 50);
        hub.messages("").refuses(503, "STORAGE_UNAVAILABLE");
        assert_eq!(hub.get("/health").is(200)["status"], "degraded");
        server.go_on();
        eventually("history answers", || hub.messages("").status == 200);
    }
    load.judge(&hub);
    assert_history_is_whole(&hub, &url);
    assert!(!hub.log().contains("secret-word"));
}

#[test]
fn connections_that_were_closed_while_idle_are_nobodys_failure() {
    let Some(url) = postgres::database() else {
        return;
    };
    let hub = TestHub::with(&[("database_url", &url)]);
    hub.messages("").is(200);
    // Not those that are being made, which are idle between two words: that they fail says something
    // of the database.
    let idle = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle' \
        AND greatest(backend_start, state_change) < now() - interval '0.2 s'";
    for _ in 0..20 {
        eventually("one is closed", || postgres::number(&url, idle) > 0);
        // At once: what the server says last may be on its way still.
        hub.messages("").is(200);
    }
    assert!(!hub.log().contains("archive down"), "{}", hub.log());
}

#[test]
fn a_hub_starts_without_its_server_and_catches_up() {
    let Some(server) = Server::start() else {
        return;
    };
    let url = server.database();
    server.crash();
    let hub = TestHub::with(&[("database_url", &url)]);
    hub.register_puller("pulled");
    let waiting = hub.send_to("pulled", 1);
    let leased = hub.pull_one("pulled");
    hub.ack(&[&leased["lease"]]).is(200);
    hub.messages("").refuses(503, "STORAGE_UNAVAILABLE");
    hub.get("/health/ready").is(200);
    assert_eq!(hub.get("/health").is(200)["status"], "degraded");
    let hub = hub.restart();
    assert!(hub.log().contains("archive down"), "{}", hub.log());

    server.go_on();
    eventually("history answers", || hub.messages("").status == 200);
    assert_eq!(hub.state(&waiting), "delivered");
    assert_eq!(hub.get("/health").is(200)["status"], "healthy");
    assert_history_is_whole(&hub, &url);
}

#[test]
fn nothing_is_lost_when_the_hub_is_killed() {
    let Some(url) = postgres::database() else {
        return;
    };
    let settings = [
        ("database_url", url.as_str()),
        ("wal_flush_interval", "0.02"),
        ("wal_segment_bytes", "1048576"),
        ("max_retry_attempts", "100"),
    ];
    let mut hub = TestHub::with(&settings);
    let load = Load::start(&hub, Some(10));
    for _ in 0..5 {
        let before = load.acked();
        eventually("the load goes on", || load.acked() > before + 50);
        hub.kill9();
        hub = hub.restart();
        load.move_to(&hub);
    }
    load.judge(&hub);
    assert_history_is_whole(&hub, &url);
}

#[test]
fn the_history_of_another_hub_is_left_alone() {
    let Some((server, url, other)) = Server::with_hub(&[]) else {
        return;
    };
    other.register_puller("pulled");
    for number in 0..10 {
        other.send_to("pulled", number);
    }
    other.messages("").is(200);
    let other = other.stop();
    let own = TestHub::start();
    own.register_puller("pulled");
    let place = own.stop();
    let refused = place.fails_to_start(&[("database_url", &url)]);
    assert_eq!(refused.exit_code, Some(2), "{}", refused.stderr);
    for word in ["belongs to another hub", "database_url", "SET hub = NULL"] {
        assert!(refused.stderr.contains(word), "{}", refused.stderr);
    }

    server.crash();
    let hub = TestHub::at(place, &[("database_url", &url)]);
    // More than the other hub had: the position alone does not tell.
    for number in 0..30 {
        hub.send_to("pulled", number);
    }
    server.go_on();
    eventually("it is found out", || {
        let refused = hub.messages("");
        assert_eq!(refused.status, 503, "{}", refused.body);
        refused.body.contains("belongs to another hub")
    });
    hub.send_to("pulled", 31);
    hub.messages("").refuses(503, "STORAGE_UNAVAILABLE");
    let told = hub.log().matches("belongs to another hub").count();
    // Once by the start that failed, once by this one.
    assert_eq!(told, 2, "{}", hub.log());
    let archived = postgres::number(&url, "SELECT count(*) FROM messages");
    assert_eq!(archived, 10);
    let other = TestHub::at(other, &[("database_url", &url)]);
    assert_eq!(other.messages("").is(200)["count"], 10);
}

#[test]
fn of_two_new_hubs_on_one_database_the_second_is_refused() {
    let Some(url) = postgres::database() else {
        return;
    };
    let settings = [("database_url", url.as_str())];
    let hub = TestHub::with(&settings);
    // Nothing was written yet but whose it is.
    hub.messages("").is(200);
    let refused = Place::new().fails_to_start(&settings);
    assert_eq!(refused.exit_code, Some(2), "{}", refused.stderr);
    hub.register_puller("pulled");
    hub.send_to("pulled", 1);
    assert_eq!(hub.messages("").is(200)["count"], 1);
    let hub = hub.restart();
    assert_eq!(hub.messages("").is(200)["count"], 1);
}

#[test]
fn without_its_data_a_hub_is_another_and_may_be_let_in_on_purpose() {
    let Some(url) = postgres::database() else {
        return;
    };
    let settings = [("database_url", url.as_str())];
    let hub = TestHub::with(&settings);
    hub.register_puller("pulled");
    hub.send_to("pulled", 1);
    hub.messages("").is(200);
    let place = hub.stop();
    fs::remove_file(place.data().join("wal/identity")).unwrap();
    let refused = place.fails_to_start(&settings);
    assert_eq!(refused.exit_code, Some(2), "{}", refused.stderr);
    postgres::execute(&url, "UPDATE checkpoint SET hub = NULL");
    let hub = TestHub::at(place, &settings);
    assert_eq!(hub.messages("").is(200)["count"], 1);

    let place = hub.stop();
    fs::remove_dir_all(place.data()).unwrap();
    let refused = place.fails_to_start(&settings);
    assert_eq!(refused.exit_code, Some(2), "{}", refused.stderr);
    postgres::execute(&url, "UPDATE checkpoint SET hub = NULL");
    // Its journal begins anew, so that there is nothing to go on with.
    let refused = place.fails_to_start(&settings);
    assert_eq!(refused.exit_code, Some(74), "{}", refused.stderr);
    assert!(refused.stderr.contains("ahead of the journal"));
}

/// What is said of an archive that a copy of the hub wrote.
const FOREIGN: &str = "history that this journal does not have";

/// A copy of the journal of a hub.
fn copied(data: &Path) -> Place {
    let copy = Place::new();
    fs::create_dir_all(copy.data().join("wal")).unwrap();
    for entry in fs::read_dir(data.join("wal")).unwrap() {
        let entry = entry.unwrap();
        let to = copy.data().join("wal").join(entry.file_name());
        fs::copy(entry.path(), to).unwrap();
    }
    copy
}

/// A message whose payload is its number, and whether the history has it.
fn send_and_look(hub: &TestHub, number: u32) -> bool {
    hub.send_to("pulled", number);
    let answer = hub.messages("");
    let is_denied = answer.body.contains(FOREIGN);
    assert_eq!(answer.status == 200, !is_denied, "{}", answer.body);
    answer.status == 200
}

#[test]
fn the_history_that_a_copy_of_a_hub_wrote_is_not_mixed_with_its_own() {
    let Some(url) = postgres::database() else {
        return;
    };
    let settings = [("database_url", url.as_str())];
    let hub = TestHub::with(&settings);
    hub.register_puller("pulled");
    hub.send_to("pulled", 1);
    let place = hub.stop();
    let copy = TestHub::at(copied(place.data()), &settings);
    for number in 14..=16 {
        assert!(send_and_look(&copy, number));
    }
    copy.stop();

    let refused = place.fails_to_start(&settings);
    assert_eq!(refused.exit_code, Some(2), "{}", refused.stderr);
    for word in ["a copy of this data_dir", "restore", "SET hub = NULL"] {
        assert!(refused.stderr.contains(word), "{}", refused.stderr);
    }
    let history = "SELECT count(*) FROM messages";
    assert_eq!(postgres::number(&url, history), 4);
    let Some(other) = postgres::database() else {
        return;
    };
    let hub = TestHub::at(place, &[("database_url", &other)]);
    assert!(send_and_look(&hub, 2));
    // Longer than the copy's journal, so that the archive is not ahead.
    for number in 3..=12 {
        assert!(send_and_look(&hub, number));
    }
    let place = hub.stop();
    place.fails_to_start(&settings);
    postgres::execute(&url, "UPDATE checkpoint SET hub = NULL");
    let hub = TestHub::at(place, &settings);
    assert!(send_and_look(&hub, 13));
    assert!(send_and_look(&hub.restart(), 17));
}

#[test]
fn a_hub_that_its_copy_drove_out_stays_out_when_the_copy_ends() {
    let Some(url) = postgres::database() else {
        return;
    };
    let settings = [("database_url", url.as_str())];
    let hub = TestHub::with(&settings);
    hub.register_puller("pulled");
    assert!(send_and_look(&hub, 1));
    let copy = TestHub::at(copied(hub.data()), &settings);
    assert!(send_and_look(&copy, 14));
    hub.send_to("pulled", 15);
    eventually("the hub finds out", || {
        let refused = hub.messages("");
        assert_eq!(refused.status, 503, "{}", refused.body);
        refused.body.contains(FOREIGN)
    });
    assert!(!send_and_look(&hub, 16));
    let copy = copy.stop();
    let place = hub.stop();
    let refused = place.fails_to_start(&settings);
    assert_eq!(refused.exit_code, Some(2), "{}", refused.stderr);
    let own = "SELECT count(*) FROM messages WHERE payload IN ('15', '16')";
    assert_eq!(postgres::number(&url, own), 0);
    let copy = TestHub::at(copy, &settings);
    assert_eq!(copy.messages("").is(200)["count"], 2);
}

#[test]
fn a_database_that_is_not_there_is_told_with_what_to_do() {
    let Some(url) = postgres::database() else {
        return;
    };
    let nowhere = format!("{url}_not");
    let hub = TestHub::with(&[("database_url", &nowhere)]);
    let refused = hub.messages("");
    assert_eq!(refused.status, 503, "{}", refused.body);
    for text in [hub.log(), refused.body] {
        assert!(text.contains("create it"), "{text}");
        assert!(!text.contains("secret-word"), "{text}");
    }
}

#[test]
fn an_address_that_is_none_ends_the_start() {
    let failed = Place::new().fails_to_start(&[("database_url", "postgresql://u:hush@h:port/db")]);
    assert_eq!(failed.exit_code, Some(2), "{}", failed.stderr);
    assert!(failed.stderr.contains("database_url"), "{}", failed.stderr);
    assert!(!failed.stderr.contains("hush"), "{}", failed.stderr);
}

#[test]
fn a_file_may_name_the_server() {
    let place = Place::new();
    fs::create_dir_all(place.data()).unwrap();
    let file = place.data().join("config.yaml");
    let yaml = "database_url: \"postgresql://msg_hub_user:hush@localhost:5432/msg_hub\"\n";
    fs::write(&file, yaml).unwrap();
    let mut command = place.command(&[]);
    let output = command.arg("check-config").arg("--config").arg(&file);
    let output = output.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}{}", place.log_text());
    assert!(
        text.contains("postgresql://***@localhost:5432/msg_hub"),
        "{text}"
    );
}
