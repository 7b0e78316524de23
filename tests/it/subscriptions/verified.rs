//! What receivers run to check a signature: the public library, in another language.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{hub, publish};
use crate::support::FakeService;
use crate::support::verbs::text;

/// Names a Python that has the package `standardwebhooks`; `scripts/test` makes one.
const PYTHON: &str = "HUB_TEST_PYTHON";

const VERIFY: &str = "
import json, sys
from standardwebhooks import Webhook, WebhookVerificationError
case = json.load(sys.stdin)
try:
    Webhook(case['secret']).verify(case['body'], case['headers'])
    print('verified')
except WebhookVerificationError:
    print('refused')
";

/// What the library says.
fn says(python: &str, case: &Value) -> String {
    let mut process = Command::new(python)
        .args(["-c", VERIFY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(case.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
#[expect(clippy::print_stderr, reason = "nobody should think it was checked")]
fn the_public_library_takes_the_signature_and_no_other() {
    let Ok(python) = env::var(PYTHON) else {
        return eprintln!("skipped: {PYTHON} names no Python with standardwebhooks");
    };
    let hub = hub();
    let service = FakeService::start();
    let asked = json!({"service": "billing", "event_types": ["#"], "callback_url": service.url()});
    let made = hub.subscribe(&asked).is(201);
    publish(&hub, "order.paid", [1]);
    let received = &service.wait_for(1)[0];
    let mut case = json!({"secret": made["secret"], "body": received.body, "headers": {}});
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        case["headers"][name] = json!(received.header(name));
    }
    assert_eq!(says(&python, &case), "verified");
    // Whoever knows the old secret only, or the new one only, can verify after a change as well.
    let target = format!("/v1/subscriptions/{}", text(&made["subscription_id"]));
    let new = "whsec_AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    hub.client().patch(&target, &json!({"secret": new})).is(200);
    let hub = hub.restart();
    publish(&hub, "order.paid", [1]);
    let both = &service.wait_for(2)[1];
    let mut after = case.clone();
    after["body"] = json!(both.body);
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        after["headers"][name] = json!(both.header(name));
    }
    for secret in [&made["secret"], &json!(new)] {
        after["secret"] = secret.clone();
        assert_eq!(says(&python, &after), "verified");
    }
    hub.ask("POST", &format!("{target}/test"), b"").is(200);
    let tested = &service.wait_for(3)[2];
    after["body"] = json!(tested.body);
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        after["headers"][name] = json!(tested.header(name));
    }
    assert_eq!(says(&python, &after), "verified");
    case["body"] = json!(received.body.replace("order.paid", "order.lost"));
    assert_eq!(says(&python, &case), "refused");
}
