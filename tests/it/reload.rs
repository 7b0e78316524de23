//! SIGHUP: the configuration is read again while the hub runs.

use serde_json::json;

use crate::support::place::Place;
use crate::support::{TestHub, eventually};

/// A hub with this file, which it finds by itself.
fn hub(yaml: &str) -> TestHub {
    let place = Place::new();
    place.configure(yaml);
    TestHub::at(place, &[])
}

/// Has the hub read this file; says what it then logged.
fn reload(hub: &TestHub, yaml: &str) -> String {
    hub.configure(yaml);
    let before = hub.log().len();
    hub.hang_up();
    let since = || hub.log()[before..].to_owned();
    eventually("the file was read", || since().contains("SIGHUP"));
    since()
}

#[test]
fn keys_quotas_room_and_the_log_change_while_the_hub_runs() {
    let before = "service_keys: {shop: old}\nmax_queue_size: 1\nlog: info\n";
    let hub = hub(before);
    let (old, new) = (
        hub.client().named("shop", "old"),
        hub.client().named("shop", "new"),
    );
    old.register_puller("shop");
    old.send_to("shop", 1);
    assert_eq!(
        old.send(&json!({"destination": "shop", "payload": 1}))
            .status,
        429
    );

    let after = "service_keys: {shop: new, boss: b}\noperators: [boss]\nmax_queue_size: 3\nlog: debug\n\
        quotas: {shop: {send_rate: 0.001}}\nmessage_timeout: 5\n";
    let said = reload(&hub, after);
    for words in [
        "INFO",
        "log, max_queue_size, operators, quotas, service_keys",
        "needs_a_restart=\"message_timeout\"",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("new"), "no key is logged: {said}");
    assert_eq!(
        old.send(&json!({"destination": "shop", "payload": 1}))
            .status,
        401
    );
    new.send_to("shop", 2);
    let limited = new.send(&json!({"destination": "shop", "payload": 1}));
    assert_eq!(limited.status, 429);
    assert!(limited.body.contains("RATE_LIMITED"), "{}", limited.body);
    hub.client().named("boss", "b").get("/v1/circuits").is(200);
    eventually("it logs more", || hub.log().contains("DEBUG"));
}

#[test]
fn a_file_that_does_not_load_leaves_all_as_it_was() {
    let mut hub = hub("service_keys: {shop: old}\n");
    let shop = hub.client().named("shop", "old");
    for (yaml, named) in [
        (
            "service_keys: {shop: new}\nprot: 1\n",
            "did you mean `port`?",
        ),
        (
            "service_keys: {shop: new}\nlog: inf0\n",
            "did you mean info?",
        ),
        ("service_keys: ]\n", "not valid YAML"),
    ] {
        let said = reload(&hub, yaml);
        assert!(said.contains("ERROR") && said.contains(named), "{said}");
        shop.get("/v1/services").is(200);
    }
    // Nobody's door opens by the way.
    let said = reload(&hub, "log: info\n");
    assert!(
        said.contains("service_keys: to let everybody in needs a restart"),
        "{said}"
    );
    assert_eq!(hub.client().get("/v1/services").status, 401);
    shop.get("/v1/services").is(200);
    hub.terminate();
    assert_eq!(hub.exit_code(), Some(0));
}

#[test]
fn without_a_file_nothing_happens_but_that_it_is_said() {
    let hub = TestHub::start();
    let before = hub.log().len();
    hub.hang_up();
    eventually("it is said", || {
        hub.log()[before..].contains("no configuration file")
    });
    hub.client().get("/health/ready").is(200);
}
