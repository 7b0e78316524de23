//! `/v1/retry`: how the attempts of a message stand.

use serde_json::{Value, json};

use crate::support::{FakeService, Reply, TestHub, eventually};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[test]
fn a_waiting_message_can_be_retried_now() {
    let hub = TestHub::with(&[("base_retry_delay", "300")]);
    let service = FakeService::start().then([Reply::Status(503)]);
    hub.register_at("billing", &service.url());
    let id = hub.send_to("billing", 1);
    eventually("it waits", || hub.state(&id) == "retrying");
    let status = hub.retry_status(&id).is(200);
    assert_eq!(status["message_id"], json!(id));
    assert_eq!(status["status"], "retrying");
    assert_eq!(status["attempts"], 1);
    assert_eq!(status["max_attempts"], 5);
    assert!(status["next_retry_at"].is_string());
    assert_eq!(status["error"], "HTTP 503");
    hub.retry_now(&id).is(202);
    eventually("it is delivered", || hub.state(&id) == "delivered");
    let status = hub.retry_status(&id).is(200);
    assert_eq!(status["attempts"], 2);
    assert_eq!(status["next_retry_at"], Value::Null);
    hub.retry_now(&id).refuses(409, "CONFLICT");
}

#[test]
fn only_a_message_that_waits_can_be_retried() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let queued = hub.send_to("billing", 1);
    hub.retry_now(&queued).refuses(409, "CONFLICT");
    hub.retry_now(ID).refuses(404, "NOT_FOUND");
    hub.retry_now("x").refuses(400, "INVALID_REQUEST");
    hub.retry_status(ID).refuses(404, "NOT_FOUND");
    let details = hub
        .post("/v1/retry", &json!({}))
        .refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "message_id");
}
