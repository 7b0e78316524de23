//! Watching over a socket: whoever looks at the hub is told what changes, and asks for nothing again.

use serde_json::{Value, json};

use crate::support::TestHub;
use crate::support::socket::Socket;

/// The next frame of this type that fits.
fn hears(socket: &mut Socket, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let mut told = Vec::new();
    for _ in 0..100 {
        let frame = socket.hear();
        if frame["type"] == kind && fits(&frame) {
            return frame;
        }
        told.push(frame);
    }
    panic!("no {kind} among {told:?}");
}

#[test]
fn what_changes_is_told_as_it_changes_and_nothing_else() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let mut socket = hub.socket();
    let watch = json!({"type": "watch", "overview": true, "stats": true, "jobs": true,
        "services": ["billing", "nobody"], "ref": 1});
    socket.say(&watch);
    assert_eq!(socket.hear(), json!({"type": "watching", "ref": 1}));
    let first = hears(&mut socket, "overview_changed", |_| true);
    assert_eq!(first["totals"]["accepted"], 0, "{first}");
    assert!(
        first["at"].is_string() && first.get("sample").is_none(),
        "{first}"
    );
    let row = hears(&mut socket, "service_changed", |_| true);
    assert_eq!(
        (&row["service"], &row["queued"]),
        (&json!("billing"), &json!(0)),
        "{row}"
    );
    assert!(row.get("oldest_age").is_none(), "{row}");
    hub.send(&json!({"destination": "billing", "payload": 1}))
        .is(202);
    // A row is looked at by itself, so it may be told before the whole.
    let (mut overview, mut row) = (None, None);
    while overview.is_none() || row.is_none() {
        let frame = socket.hear();
        if frame.get("totals").is_some() {
            overview = Some(frame);
        } else if frame.get("queued").is_some() {
            row = Some(frame);
        }
    }
    let (overview, row) = (overview.unwrap(), row.unwrap());
    assert_eq!(overview["totals"]["accepted"], 1, "{overview}");
    assert_eq!(
        (&row["service"], &row["queued"]),
        (&json!("billing"), &json!(1)),
        "{row}"
    );
    assert!(
        row.get("circuit").is_none(),
        "what did not change is not told: {row}"
    );
    let stats = hears(&mut socket, "stats", |_| true);
    assert_eq!(stats["sample"]["depth_normal"], 1.0, "{stats}");
}

#[test]
fn a_watch_replaces_the_one_before_and_can_be_ended() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    socket.say(&json!({"type": "watch", "stats": true}));
    hears(&mut socket, "stats", |_| true);
    socket.say(&json!({"type": "watch", "overview": true, "ref": 2}));
    hears(&mut socket, "watching", |frame| frame["ref"] == 2);
    hears(&mut socket, "overview_changed", |_| true);
    socket.say(&json!({"type": "unwatch", "ref": 3}));
    hears(&mut socket, "ok", |frame| frame["ref"] == 3);
    // A look that was under way is forgotten, and what comes is the answer.
    socket.say(&json!({"type": "ping", "ref": 4}));
    assert_eq!(socket.hear(), json!({"type": "pong", "ref": 4}));
}

#[test]
fn a_service_watches_itself_alone() {
    let hub = TestHub::with(&[("service_keys", "{shop: [s], billing: [b]}")]);
    let (shop, billing) = (hub.named("shop", "s"), hub.named("billing", "b"));
    shop.register_puller("shop");
    billing.register_puller("billing");
    let mut socket = shop.socket();
    let all = json!({"type": "watch", "overview": true, "stats": true, "jobs": true,
        "services": ["billing", "shop"], "ref": 1});
    socket.say(&all);
    assert_eq!(socket.hear(), json!({"type": "watching", "ref": 1}));
    let told = socket.hear();
    assert_eq!(
        (&told["type"], &told["service"]),
        (&json!("service_changed"), &json!("shop"))
    );
    socket.say(&json!({"type": "ping", "ref": 2}));
    assert_eq!(socket.hear(), json!({"type": "pong", "ref": 2}));
}

#[test]
fn a_redrive_is_seen_to_get_on() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    socket.say(&json!({"type": "watch", "jobs": true, "stats": true}));
    // With the first stats all that was there has been told.
    hears(&mut socket, "stats", |_| true);
    let job = hub.post("/v1/dlq/redrive", &json!({})).is(202);
    let told = hears(&mut socket, "job_changed", |frame| {
        frame["job"]["status"] == "done"
    });
    assert_eq!(told["job"]["job"], job["job"], "{told}");
}
