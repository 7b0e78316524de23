//! Callbacks that fail: tried again, given up, left alone.

use serde_json::json;

use super::{hub, payloads, publish, state};
use crate::support::{FakeService, Reply, eventually};

#[test]
fn a_failing_event_is_tried_again_and_those_behind_it_wait() {
    let hub = hub();
    let service = FakeService::start().then([Reply::Status(500), Reply::Status(503)]);
    hub.subscribed("billing", "order.*", &service.url());
    publish(&hub, "order.paid", 1..=3);
    let received = service.wait_for(5);
    assert_eq!(payloads(&received), [1, 1, 1, 2, 3]);
    let attempts: Vec<_> = received
        .iter()
        .map(|one| one.json()["attempt"].clone())
        .collect();
    assert_eq!(attempts, [1, 2, 3, 1, 1]);
}

#[test]
fn what_is_not_taken_is_given_up_and_the_next_goes() {
    let hub = hub();
    let rejected = [Reply::Status(400)];
    let failed = std::iter::repeat_n(Reply::Status(500), 5);
    let service = FakeService::start().then(rejected.into_iter().chain(failed));
    let id = hub.subscribed("billing", "order.*", &service.url());
    publish(&hub, "order.paid", 1..=3);
    let received = service.wait_for(7);
    assert_eq!(payloads(&received), [1, 2, 2, 2, 2, 2, 3]);
    eventually("all are done", || hub.subscription(&id)["lag"] == 0);
    assert_eq!(
        hub.metric("message_hub_event_deliveries_total{outcome=\"dead\"}"),
        2.0
    );
}

#[test]
fn a_subscription_that_fails_is_told_of_once() {
    let hub = hub();
    let (bad, good) = (
        FakeService::answering(Reply::Status(400)),
        FakeService::start(),
    );
    let id = hub.subscribed("bad", "order.*", &bad.url());
    hub.subscribed("good", "subscription.*", &good.url());
    publish(&hub, "order.paid", 1..=3);
    bad.wait_for(3);
    eventually("all are done", || hub.subscription(&id)["in_flight"] == 0);
    let view = hub.subscription(&id);
    assert_eq!(
        (&view["failures"], &view["state"]),
        (&json!(3), &json!("active"))
    );
    let told = good.wait_for(1)[0].json();
    assert_eq!(told["event_type"], "subscription.failing");
    assert_eq!(told["source"], "message-hub");
    assert_eq!(told["payload"]["subscription_id"], id.as_str());
    assert_eq!(told["payload"]["callback"], bad.url());
    assert_eq!(told["payload"]["last_error"], "HTTP 400");
    publish(&hub, "subscription.end", [9]);
    assert_eq!(good.wait_for(2)[1].json()["event_type"], "subscription.end");
}

#[test]
fn a_dead_callback_delays_nobody_else() {
    let hub = hub();
    let (dead, well) = (FakeService::answering(Reply::Hang), FakeService::start());
    hub.subscribed("dead", "#", &dead.url());
    hub.subscribed("well", "order.*", &well.url());
    publish(&hub, "order.paid", 1..=50);
    assert_eq!(payloads(&well.wait_for(50)), (1..=50).collect::<Vec<_>>());
    assert_eq!(dead.count(), 1);
}

#[test]
fn who_answers_410_is_left_alone_until_resumed() {
    let hub = hub();
    let service = FakeService::start().then([Reply::Status(410)]);
    let id = hub.subscribed("billing", "order.*", &service.url());
    publish(&hub, "order.paid", 1..=2);
    eventually("it is paused", || state(&hub, &id) == "gone");
    assert_eq!(service.count(), 1);
    let hub = hub.restart();
    assert_eq!(state(&hub, &id), "gone");
    assert_eq!(
        hub.switch_subscription(&id, "resume")["paused_at"],
        json!(null)
    );
    assert_eq!(payloads(&service.wait_for(3)), [1, 1, 2]);
}
