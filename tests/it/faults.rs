//! Disks that are full and archives that do not answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};

use crate::support::place::Place;
use crate::support::verbs::id_of;
use crate::support::{FakeService, Reply, TestHub, eventually};

fn message(destination: &str) -> Value {
    json!({"destination": destination, "payload": {"text": "x".repeat(1000)}})
}

#[test]
fn below_the_reserve_only_intake_stops() {
    let hub = TestHub::start();
    let service = FakeService::answering(Reply::Status(503));
    hub.register_at("pushed", &service.url());
    hub.register_puller("pulled");
    let pulled = hub.send_to("pulled", 1);
    let pushed = hub.send_to("pushed", 1);
    service.wait_for(1);

    let hub = hub.restart_with(&[("disk_reserve", "18446744073709551615")]);
    eventually("intake stops", || {
        hub.send(&message("pulled")).status == 507
    });
    let refused = hub.send(&message("pulled"));
    for told in [
        "/wal: ",
        "B are free",
        "the disk_reserve of 16.0 EiB",
        "free some space",
    ] {
        assert!(refused.body.contains(told), "{}", refused.body);
    }
    refused.refuses(507, "STORAGE_FULL");
    hub.batch(&json!([message("pulled"), message("pushed")]))
        .refuses(507, "STORAGE_FULL");
    service.now_answers(Reply::Status(200));
    let leased = hub.pull_one("pulled");
    hub.ack(&[&leased["lease"]]).is(200);
    eventually("what was owed is delivered", || {
        hub.state(&pushed) == "delivered" && hub.state(&pulled) == "delivered"
    });
    let health = hub.get("/health").is(200);
    assert_eq!(health["status"], "degraded");
    let words = health["attention"].to_string();
    assert!(words.contains("disk_reserve of 16.0 EiB"), "{words}");
    assert_eq!(hub.get("/health/ready").is(200)["status"], "degraded");
    assert_eq!(hub.metric("message_hub_disk_guard"), 1.0);
    hub.assert_conservation();

    let hub = hub.restart_with(&[("disk_reserve", "0")]);
    hub.send(&message("pulled")).is(202);
    assert_eq!(hub.get("/health").is(200)["status"], "healthy");
}

/// A small disk in memory; it goes with this.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    /// Nothing if this user may not mount.
    fn of(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        let mounted = mount.arg(directory.path()).status();
        let mounted = mounted.is_ok_and(|status| status.success());
        mounted.then_some(Self { directory })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes all the space there is but `left` bytes.
    fn fill(&self, left: u64) -> PathBuf {
        let free = rustix::fs::statvfs(self.path()).unwrap();
        let bytes = (free.f_bavail * free.f_frsize).saturating_sub(left);
        let file = self.path().join("filling");
        fs::write(&file, vec![1; bytes as usize]).unwrap();
        file
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut unmount = Command::new("umount");
        let _ = unmount.arg("--lazy").arg(self.path()).status();
    }
}

/// Needs the right to mount a disk; `below_the_reserve_only_intake_stops` is the part without.
#[test]
fn a_disk_that_is_really_full_stops_only_intake() {
    let Some(disk) = SmallDisk::of("24m") else {
        println!("not run: mounting needs root");
        return;
    };
    let settings = [("disk_reserve", "0"), ("wal_segment_bytes", "65536")];
    let hub = TestHub::at(Place::at(disk.path().join("data")), &settings);
    hub.register_puller("pulled");
    let before: Vec<_> = (0..5).map(|n| hub.send_to("pulled", n)).collect();
    let filling = disk.fill(256 * 1024);
    let mut accepted = before.len();
    eventually("the disk is full", || {
        let status = hub.send(&message("pulled")).status;
        assert!([202, 507].contains(&status), "{status}");
        accepted += usize::from(status == 202);
        status == 507
    });
    hub.send(&message("pulled")).refuses(507, "STORAGE_FULL");
    let leased = hub.pull("pulled", 1);
    assert_eq!(id_of(&leased[0]), before[0]);
    hub.get("/health/ready").is(200);

    fs::remove_file(filling).unwrap();
    eventually("intake resumes", || {
        let status = hub.send(&message("pulled")).status;
        accepted += usize::from(status == 202);
        status == 202
    });
    hub.ack(&[&leased[0]["lease"]]).is(200);
    let mut settled = 1;
    while settled < accepted {
        let leased = hub.pull("pulled", 1000);
        let leases: Vec<_> = leased.iter().map(|one| &one["lease"]).collect();
        hub.ack(&leases).is(200);
        settled += leased.len();
    }
    assert_eq!(hub.in_state("delivered"), accepted as f64);
    hub.assert_conservation();
    let hub = hub.restart();
    assert_eq!(hub.in_state("delivered"), accepted as f64);
    drop(hub);
}

/// Holds the archive of a hub for itself.
pub(crate) fn lock_archive(hub: &TestHub) -> SqliteConnection {
    let path = hub.data().join("hub.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    eventually("the archive is ours", || {
        connection.batch_execute("BEGIN EXCLUSIVE").is_ok()
    });
    connection
}

#[test]
fn a_locked_archive_costs_only_history() {
    let hub = TestHub::start();
    let service = FakeService::start();
    hub.register_at("pushed", &service.url());
    hub.register_puller("pulled");
    let old = id_of(&hub.send_waiting(20_000, &message("pushed")).is(200));
    hub.message(&old);

    let mut lock = lock_archive(&hub);
    let pushed = id_of(&hub.send_waiting(20_000, &message("pushed")).is(200));
    let waiting = hub.send_to("pulled", 1);
    let pulled = hub.send_to("pulled", 2);
    assert_eq!(hub.message(&waiting)["status"], "pending");
    let leased = hub.pull("pulled", 2);
    hub.ack(&[&leased[1]["lease"]]).is(200);
    for path in [
        "/v1/messages".to_owned(),
        "/v1/dlq".to_owned(),
        format!("/v1/messages/{old}"),
        format!("/v1/messages/{pushed}"),
    ] {
        hub.get(&path).refuses(503, "STORAGE_UNAVAILABLE");
    }
    hub.queue_status("").is(200);
    assert_eq!(hub.get("/health").is(200)["status"], "degraded");

    lock.batch_execute("ROLLBACK").unwrap();
    eventually("history answers", || hub.messages("").status == 200);
    eventually("the hub is well again", || {
        hub.get("/health").is(200)["status"] == "healthy"
    });
    assert_eq!(hub.messages("").is(200)["count"], 4);
    for id in [&old, &pushed, &pulled] {
        assert_eq!(hub.state(id), "delivered");
    }
    assert_eq!(hub.state(&waiting), "delivering");
    hub.assert_conservation();
}

/// Less than what is published in the meantime and an idle hub together.
const MOST_MEMORY: u64 = 192 << 20;

#[test]
fn catching_up_and_starting_take_bounded_memory_however_large_the_records() {
    let hub = TestHub::start();
    let mut lock = lock_archive(&hub);
    let event = json!({"event_type": "large", "payload": "x".repeat(1_000_000)});
    for _ in 0..200 {
        hub.publish(&event).is(201);
    }
    lock.batch_execute("ROLLBACK").unwrap();
    eventually("the archive has caught up", || {
        hub.metric("message_hub_archive_lag_records") == 0.0
    });
    assert!(hub.peak_memory() < MOST_MEMORY, "{}", hub.peak_memory());

    let hub = hub.restart();
    let last = hub.get("/v1/events?order=desc&limit=1").is(200);
    assert_eq!(last["events"][0]["sequence"], 200);
    assert!(hub.peak_memory() < MOST_MEMORY, "{}", hub.peak_memory());
}

#[test]
fn without_its_archive_a_hub_still_knows_what_it_owes() {
    let mut hub = TestHub::start();
    hub.register_puller("billing");
    let ids: Vec<_> = (0..20).map(|n| hub.send_to("billing", n)).collect();
    let leased = hub.pull("billing", 5);
    let leases: Vec<_> = leased.iter().map(|one| &one["lease"]).collect();
    hub.ack(&leases).is(200);
    hub.messages("").is(200);
    hub.kill9();
    for entry in fs::read_dir(hub.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.to_str().unwrap().contains("hub.db") {
            fs::remove_file(path).unwrap();
        }
    }
    let hub = hub.restart();
    let owed: Vec<_> = hub.pull("billing", 100).iter().map(id_of).collect();
    assert_eq!(owed, ids[5..]);
    assert_eq!(hub.in_state("delivered"), 5.0);
    hub.assert_conservation();
}
