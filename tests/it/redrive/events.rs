//! Jobs among whose dead letters are events: each goes to the subscription that did not get it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{matched, send_until_dead, wait_until};
use crate::support::fake_service::Received;
use crate::support::verbs::text;
use crate::support::{FakeService, Reply, TestHub, eventually};

/// Events that each of the two subscriptions did not get.
const EVENTS: usize = 150;
/// Messages that `stock` refused.
const MESSAGES: usize = 20;
const ALL: usize = 2 * EVENTS + MESSAGES;

/// A hub with dead letters of two subscriptions and of a service, which all take what they are
/// sent by now.
struct Outage {
    hub: TestHub,
    billing: Subscriber,
    mail: Subscriber,
    stock: FakeService,
}

struct Subscriber {
    id: String,
    service: FakeService,
    /// How often it was sent something before the job.
    before: usize,
}

impl Subscriber {
    fn new(hub: &TestHub, name: &str) -> Self {
        let service = FakeService::answering(Reply::Status(400));
        let asked = json!({
            "service": name, "event_types": [format!("{name}.*")], "callback_url": service.url(),
            "max_in_flight": 16,
        });
        Self {
            id: text(&hub.subscribe(&asked).is(201)["subscription_id"]),
            service,
            before: 0,
        }
    }

    /// How often each event arrived since the outage was over.
    fn arrivals(&self) -> BTreeMap<String, usize> {
        let mut arrivals = BTreeMap::new();
        for received in &self.service.received()[self.before..] {
            *arrivals.entry(event_id(received)).or_default() += 1;
        }
        arrivals
    }

    #[track_caller]
    fn assert_each_arrived_once(&self) {
        eventually("all arrive", || self.arrivals().len() == EVENTS);
        assert_eq!(self.service.count(), self.before + EVENTS);
    }
}

fn event_id(received: &Received) -> String {
    text(&received.json()["id"])
}

fn outage(events: usize, messages: usize, settings: &[(&str, &str)]) -> Outage {
    let rejecting = [("circuit_breaker_rejection_threshold", "0")];
    let hub = TestHub::with(&[settings, &rejecting].concat());
    let stock = FakeService::answering(Reply::Status(400));
    hub.register_at("stock", &stock.url());
    let (mut billing, mut mail) = (
        Subscriber::new(&hub, "billing"),
        Subscriber::new(&hub, "mail"),
    );
    for event_type in ["billing.due", "mail.due"] {
        let event = |n| json!({"event_type": event_type, "payload": n});
        let batch: Vec<_> = (0..events).map(event).collect();
        assert_eq!(hub.publish_batch(&json!(batch)).is(202)["accepted"], events);
    }
    if messages > 0 {
        send_until_dead(&hub, "stock", messages);
    }
    eventually("all are dead", || {
        matched(&hub, &Value::Null) == 2 * events + messages
    });
    for service in [&billing.service, &mail.service, &stock] {
        service.now_answers(Reply::Status(200));
    }
    for subscriber in [&mut billing, &mut mail] {
        subscriber.before = subscriber.service.count();
    }
    Outage {
        hub,
        billing,
        mail,
        stock,
    }
}

impl Outage {
    fn listed(&self) -> usize {
        self.hub.dead_letters("limit=1000").len()
    }

    /// What the list shows of the dead letters a filter means.
    fn shown(&self, filter: &Value) -> usize {
        let parameters = filter.as_object().unwrap().iter();
        let parameters = parameters.map(|(name, value)| format!("{name}={}", text(value)));
        let query = parameters.collect::<Vec<_>>().join("&");
        self.hub.dead_letters(&format!("limit=1000&{query}")).len()
    }

    fn restart(self) -> Self {
        let hub = self.hub.restart();
        Self { hub, ..self }
    }

    fn newest_segment(&self) -> PathBuf {
        let files = std::fs::read_dir(self.hub.data().join("wal")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let segments = paths.filter(|path| path.extension().is_some_and(|name| name == "wal"));
        segments.max().expect("a journal has a newest segment")
    }

    /// Sends messages until everything that is in the journal now was compacted.
    fn compact(&self) {
        let newest = self.newest_segment();
        let busy = FakeService::start();
        self.hub.register_at("busy", &busy.url());
        let many = json!(vec![json!({"destination": "busy", "payload": 1}); 500]);
        eventually("the segment is given back", || {
            self.hub.batch(&many);
            !newest.exists()
        });
    }
}

#[test]
fn a_job_means_just_what_the_list_shows() {
    let outage = outage(20, 5, &[]);
    let (hub, id) = (&outage.hub, &outage.billing.id);
    let dead_letters = hub.dead_letters("limit=1000");
    let time = text(&dead_letters[dead_letters.len() / 2]["settled_at"]);
    let event = hub
        .dead_letters(&format!("subscription_id={id}&limit=1"))
        .remove(0);
    assert_eq!(event["subscription_id"], *id);
    for (filter, expected) in [
        (json!({}), Some(45)),
        (json!({"destination": "billing"}), Some(20)),
        (json!({"destination": "stock"}), Some(5)),
        (json!({"subscription_id": id}), Some(20)),
        (
            json!({"subscription_id": id, "destination": "mail"}),
            Some(0),
        ),
        (json!({"subscription_id": id, "reason": "expired"}), Some(0)),
        (
            json!({"subscription_id": "01890a5d-ac96-774b-bcce-b302099a8057"}),
            Some(0),
        ),
        (json!({"source": "shop", "reason": "rejected"}), Some(45)),
        (json!({"correlation_id": event["event_id"]}), Some(1)),
        (json!({"since": time}), None),
        (json!({"until": time}), None),
        (json!({"subscription_id": id, "until": time}), None),
    ] {
        let shown = outage.shown(&filter);
        assert_eq!(matched(hub, &filter), shown, "{filter}");
        assert_eq!(shown, expected.unwrap_or(shown), "{filter}");
    }
    let [since, until] = ["since", "until"].map(|name| outage.shown(&json!({name: time})));
    assert_eq!(since + until, 45);
}

#[test]
fn every_event_goes_to_its_own_subscription_once() {
    let outage = outage(EVENTS, MESSAGES, &[]);
    let hub = &outage.hub;
    let asked = json!({"rate": 500, "filter": {"subscription_id": outage.billing.id}});
    let begun = std::time::Instant::now();
    let job = hub.start_redrive(&asked);
    let done = wait_until(hub, &job, "done");
    let took = begun.elapsed().as_secs_f64();
    // All but the first burst of a tenth of a second had to wait for their turn.
    assert!(took >= 0.15, "{took}");
    assert_eq!(done["filter"], asked["filter"]);
    assert_eq!(
        (&done["matched"], &done["redriven"], &done["skipped"]),
        (&json!(EVENTS), &json!(EVENTS), &json!(0))
    );
    outage.billing.assert_each_arrived_once();
    assert_eq!(outage.mail.service.count(), outage.mail.before);
    assert_eq!(outage.listed(), EVENTS + MESSAGES);

    let rest = hub.start_redrive(&json!({"rate": 10_000}));
    let done = wait_until(hub, &rest, "done");
    assert_eq!(done["redriven"], EVENTS + MESSAGES);
    outage.mail.assert_each_arrived_once();
    eventually("all messages are delivered", || {
        hub.in_state("delivered") == MESSAGES as f64
    });
    assert_eq!(outage.stock.count(), 2 * MESSAGES);
    assert_eq!(outage.listed(), 0);
    outage.billing.assert_each_arrived_once();
    assert_eq!(hub.redrive_job(&rest)["failed"], 0);
    let redriven = "message_hub_redrive_messages_total{outcome=\"redriven\"}";
    assert_eq!(hub.metric(redriven), ALL as f64);
    hub.assert_conservation();
}

#[test]
fn a_job_goes_on_after_kills_and_a_compaction() {
    let mut outage = outage(EVENTS, MESSAGES, &[("wal_segment_bytes", "65536")]);
    // What is sent to it again stays owed.
    outage.hub.switch_subscription(&outage.mail.id, "pause");
    let job = outage.hub.start_redrive(&json!({"rate": 200}));
    for share in [ALL / 4, ALL / 2, 3 * ALL / 4] {
        eventually("a part is sent", || {
            outage.hub.redrive_job(&job)["redriven"].as_u64() > Some(share as u64)
        });
        if share == ALL / 2 {
            outage.hub.switch_redrive(&job, "pause").is(200);
            outage.compact();
            outage.hub.switch_redrive(&job, "resume").is(200);
        }
        outage.hub.kill9();
        outage = outage.restart();
    }
    let done = wait_until(&outage.hub, &job, "done");
    assert_eq!(
        (&done["matched"], &done["redriven"], &done["skipped"]),
        (&json!(ALL), &json!(ALL), &json!(0))
    );
    assert_eq!(outage.listed(), 0);
    assert_eq!(outage.mail.service.count(), outage.mail.before);
    outage.hub.switch_subscription(&outage.mail.id, "resume");
    outage.mail.assert_each_arrived_once();
    // What was under way at a kill may come once more.
    let all_arrived = || outage.billing.arrivals().len() == EVENTS;
    eventually("all arrive", all_arrived);
    outage.hub.assert_conservation();
}

#[test]
fn each_dead_letter_is_redriven_once_however_often_the_hub_is_killed() {
    let mut outage = outage(EVENTS, MESSAGES, &[]);
    let job = outage.hub.start_redrive(&json!({"rate": 300}));
    for share in [ALL / 3, 2 * ALL / 3] {
        eventually("a part is sent", || {
            outage.hub.redrive_job(&job)["redriven"].as_u64() > Some(share as u64)
        });
        outage.hub.kill9();
        outage = outage.restart();
    }
    wait_until(&outage.hub, &job, "done");
    let journal = outage.hub.journal();
    let redriven = journal
        .iter()
        .filter(|record| record["kind"] == "event_redriven");
    let ids: Vec<_> = redriven.map(|record| text(&record["fact"]["id"])).collect();
    assert_eq!(ids.len(), 2 * EVENTS);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 2 * EVENTS);
}

#[test]
fn a_job_over_events_is_paused_resumed_and_cancelled() {
    let outage = outage(EVENTS, 0, &[]);
    let hub = &outage.hub;
    let job = hub.start_redrive(&json!({"rate": 100}));
    let redriven = || hub.redrive_job(&job)["redriven"].as_u64().unwrap() as usize;
    eventually("some are sent", || redriven() > 0);
    hub.switch_redrive(&job, "pause").is(200);
    eventually("what was on its way is off the list", || {
        outage.listed() + redriven() == 2 * EVENTS
    });
    let sent = redriven();
    let outage = outage.restart();
    let hub = &outage.hub;
    let view = hub.redrive_job(&job);
    assert_eq!(
        (&view["status"], &view["redriven"]),
        (&json!("paused"), &json!(sent))
    );
    assert_eq!(outage.listed(), 2 * EVENTS - sent);
    hub.switch_redrive(&job, "resume").is(200);
    eventually("more are sent", || {
        hub.redrive_job(&job)["redriven"] != sent
    });
    hub.switch_redrive(&job, "cancel").is(200);
    assert_ne!(hub.redrive_job(&job)["redriven"], json!(2 * EVENTS));
    let rest = hub.start_redrive(&json!({"rate": 10_000}));
    wait_until(hub, &rest, "done");
    outage.billing.assert_each_arrived_once();
    outage.mail.assert_each_arrived_once();
}

#[test]
fn a_job_stops_when_the_callback_still_refuses() {
    let outage = outage(EVENTS, 0, &[]);
    let hub = &outage.hub;
    for subscriber in [&outage.billing, &outage.mail] {
        subscriber.service.now_answers(Reply::Status(400));
    }
    let job = hub.start_redrive(&json!({"rate": 50}));
    let stopped = wait_until(hub, &job, "stopped");
    assert!(text(&stopped["cause"]).contains("10 letters in a row"));
    eventually("all that was sent has died again", || {
        let view = hub.redrive_job(&job);
        view["failed"] == view["redriven"] && outage.listed() == 2 * EVENTS
    });
    let failed = hub.redrive_job(&job)["failed"].as_u64().unwrap() as usize;
    assert!((10..100).contains(&failed), "{failed}");
    let dead_letters = hub.dead_letters("limit=1000");
    let again = dead_letters
        .iter()
        .filter(|dead_letter| dead_letter["redriven"] == 1);
    assert_eq!(again.count(), failed);
}

#[test]
fn events_that_die_again_are_not_sent_a_second_time() {
    let Outage { hub, billing, .. } = outage(30, 0, &[]);
    // Every other is refused again.
    let replies = (0..30).map(|n| Reply::Status(if n % 2 == 0 { 400 } else { 200 }));
    let service = billing.service.then(replies);
    let asked = json!({"rate": 20, "filter": {"destination": "billing"}});
    let job = hub.start_redrive(&asked);
    wait_until(&hub, &job, "done");
    eventually("the failures are counted", || {
        hub.redrive_job(&job)["failed"] == 15
    });
    assert_eq!(hub.redrive_job(&job)["redriven"], 30);
    assert_eq!(service.count(), billing.before + 30);
    let dead_letters = hub.dead_letters("destination=billing");
    assert_eq!(dead_letters.len(), 15);
    assert!(
        dead_letters
            .iter()
            .all(|dead_letter| dead_letter["redriven"] == 1)
    );
}

#[test]
fn dead_letters_of_a_subscription_that_is_no_more_are_skipped() {
    let outage = outage(20, 5, &[]);
    let hub = &outage.hub;
    hub.delete(&format!("/v1/subscriptions/{}", outage.mail.id))
        .is(204);
    let job = hub.start_redrive(&json!({"rate": 10_000}));
    let done = wait_until(hub, &job, "done");
    assert_eq!(
        (&done["matched"], &done["redriven"], &done["skipped"]),
        (&json!(45), &json!(25), &json!(20))
    );
    assert_eq!(hub.redrive_job(&job)["failed"], 0);
    assert_eq!(
        outage.shown(&json!({"subscription_id": outage.mail.id})),
        20
    );
}

#[test]
fn a_subscription_that_ends_gives_its_dead_letters_back_and_fails_no_job() {
    let outage = outage(30, 0, &[]);
    let hub = &outage.hub;
    hub.switch_subscription(&outage.mail.id, "pause");
    let asked = json!({"rate": 10_000, "filter": {"destination": "mail"}});
    let job = hub.start_redrive(&asked);
    wait_until(hub, &job, "done");
    assert_eq!(outage.listed(), 30);
    hub.delete(&format!("/v1/subscriptions/{}", outage.mail.id))
        .is(204);
    eventually("they are back", || outage.listed() == 60);
    let view = hub.redrive_job(&job);
    assert_eq!(
        (&view["redriven"], &view["failed"]),
        (&json!(30), &json!(0))
    );
}
