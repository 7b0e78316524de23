//! One message, or one event, can be followed by its id at `debug`, over its whole life.

use serde_json::{Value, json};

use super::{JSON, lines};
use crate::support::verbs::text;
use crate::support::{FakeService, Reply, TestHub, eventually};

const DEBUG: (&str, &str) = ("log", "message_hub=debug");

/// The texts of the lines about this, in order; each with its correlation id.
fn story(hub: &TestHub, field: &str, id: &str, correlation_id: &str) -> Vec<String> {
    let lines = lines(&hub.log());
    let about = lines.iter().filter(|line| line[field] == id);
    about
        .map(|line| {
            assert_eq!(line["correlation_id"], correlation_id, "{line}");
            text(&line["message"])
        })
        .collect()
}

#[test]
fn a_pushed_message_can_be_followed() {
    let hub = TestHub::with(&[JSON, DEBUG, ("base_retry_delay", "0.05")]);
    let id = {
        hub.register_puller("printer");
        let message = json!({"source": "shop", "destination": "printer", "type": "page",
            "payload": 1, "correlation_id": "order-7"});
        let asking = hub.with_header("x-request-id: r7");
        text(&asking.send(&message).is(202)["id"])
    };
    eventually("it is parked", || hub.state(&id) == "parked");
    let service = FakeService::answering(Reply::Status(503));
    service.now_answers(Reply::Status(503));
    hub.register_at("printer", &service.url());
    service.wait_for(1);
    service.now_answers(Reply::Status(200));
    eventually("it is delivered", || hub.state(&id) == "delivered");
    eventually("its end is told", || {
        let story = story(&hub, "id", &id, "order-7");
        story.iter().any(|line| line == "message delivered")
    });
    let story = story(&hub, "id", &id, "order-7");
    let in_order = [
        "message accepted",
        "message in line",
        "message no longer parked",
        "message handed out",
        "message: attempt failed",
        "message handed out",
        "message delivered",
    ];
    let mut steps = story.iter();
    for step in in_order {
        // The answer to the client and the actors are not in step with each other.
        let is_there = step == "message accepted" && story.iter().any(|line| line == step);
        assert!(
            is_there || steps.any(|line| line == step),
            "{step} in {story:#?}"
        );
    }
    let accepted = lines(&hub.log())
        .into_iter()
        .find(|line| line["id"] == json!(id) && line["message"] == "message accepted");
    assert_eq!(accepted.unwrap()["request_id"], "r7");
}

#[test]
fn a_pulled_message_a_repeat_and_a_cancelled_one_can_be_followed() {
    let hub = TestHub::with(&[JSON, DEBUG]);
    hub.register_puller("mail");
    let id = "018f0000-0000-7000-8000-000000000001";
    let message =
        json!({"id": id, "source": "shop", "destination": "mail", "type": "t", "payload": 1});
    hub.send(&message).is(202);
    hub.send(&message).is(200);
    let leased = hub.pull_one("mail");
    hub.ack(&[&leased["lease"]]).is(200);
    let cancelled = hub.send_to("mail", json!(2));
    hub.cancel(&cancelled).is(200);
    eventually("its end is told", || {
        let of_second = story(&hub, "id", &cancelled, &cancelled);
        of_second.iter().any(|line| line == "message cancelled")
    });
    let of_first = story(&hub, "id", id, id);
    for step in [
        "message accepted",
        "message duplicate",
        "message handed out to a consumer",
        "message delivered",
    ] {
        assert!(of_first.iter().any(|line| line == step), "{of_first:?}");
    }
}

#[test]
fn an_event_can_be_followed() {
    let hub = TestHub::with(&[JSON, DEBUG]);
    let service = FakeService::start();
    hub.register_puller("mail");
    hub.subscribed("mail", "order.*", &service.url());
    let event = json!({"event_type": "order.paid", "source": "shop", "payload": 1});
    let id: Value = hub.publish(&event).is(201)["id"].clone();
    let id = text(&id);
    service.wait_for(1);
    eventually("it is told", || {
        story(&hub, "event", &id, &id).last().map(String::as_str) == Some("event: delivered")
    });
    let story = story(&hub, "event", &id, &id);
    for step in ["event published", "event handed to a callback"] {
        assert!(story.iter().any(|line| line == step), "{story:?}");
    }
}

#[test]
fn at_info_none_of_this_is_told() {
    let hub = TestHub::with(&[JSON]);
    hub.register_puller("mail");
    let id = hub.send_to("mail", json!(1));
    let leased = hub.pull_one("mail");
    hub.ack(&[&leased["lease"]]).is(200);
    assert!(!hub.log().contains(&id), "{}", hub.log());
}
