//! Messages whose consumers are lost with them: counted, slowed down, given up.

use serde_json::{Value, json};

use crate::support::socket::{Frame, Socket};
use crate::support::{TestHub, eventually};

fn hub(limit: &str) -> TestHub {
    let hub = TestHub::with(&[
        ("base_retry_delay", "0.02"),
        ("max_retry_delay", "0.1"),
        ("delivery_limit", limit),
    ]);
    hub.register_puller("billing");
    hub
}

/// A consumer that has got a message.
fn consumer(hub: &TestHub) -> (Socket, Value) {
    let mut socket = hub.socket();
    socket.consume("billing", 1);
    let handed = socket.hears("message")["message"].clone();
    (socket, handed)
}

#[test]
fn a_message_that_ends_its_consumers_becomes_a_dead_letter_and_others_get_their_turn() {
    let hub = hub("4");
    let poison = hub.send_to("billing", "poison");
    let good = hub.send_to("billing", "good");
    let mut deaths = 0;
    let mut heard_good = 0;
    while hub.state(&poison) != "dead" {
        let (mut socket, handed) = consumer(&hub);
        assert_eq!(handed["attempt"], 1);
        if handed["id"] == json!(good) {
            heard_good += 1;
            // It goes in good order, without having settled what it had: that counts, too.
            socket.say_frame(0x88, b"").unwrap();
            assert!(heard_good < 4, "the good one is given up");
        } else {
            deaths += 1;
            assert_eq!(handed["hand_outs"], deaths);
            assert_eq!(hub.message(&poison)["hand_outs"], deaths);
        }
        let id = handed["id"].as_str().unwrap().to_owned();
        drop(socket);
        eventually("it is back", || hub.state(&id) != "delivering");
    }
    assert_eq!(deaths, 4);
    assert!(heard_good > 0, "the others did not get their turn");
    let dead_letter = hub.message(&poison);
    assert_eq!(dead_letter["reason"], "attempts_exhausted");
    let error = dead_letter["last_error"].as_str().unwrap();
    assert!(error.contains("4 times in a row"), "{error}");
    // Sent again, it begins anew.
    hub.post(&format!("/v1/dlq/{poison}/reprocess"), &json!({}))
        .is(202);
    hub.cancel(&good);
    let (_socket, handed) = consumer(&hub);
    assert_eq!(
        (&handed["id"], &handed["hand_outs"]),
        (&json!(poison), &json!(1))
    );
    hub.assert_conservation();
}

#[test]
fn from_the_second_time_on_it_waits_and_says_so() {
    let hub = TestHub::with(&[("base_retry_delay", "1000"), ("max_retry_delay", "1000")]);
    hub.register_puller("billing");
    let id = hub.send_to("billing", 1);
    for hand_outs in 1..=2 {
        let (socket, handed) = consumer(&hub);
        assert_eq!(handed["hand_outs"], hand_outs);
        drop(socket);
        eventually("it is back", || hub.state(&id) != "delivering");
    }
    let waiting = hub.message(&id);
    assert_eq!(waiting["state"], "retrying");
    assert_eq!(waiting["delivery_attempts"], 0);
    let words = waiting["waiting_for"].as_str().unwrap();
    assert!(
        words.starts_with("2 consumers were lost with it"),
        "{words}"
    );
    assert!(
        words.contains(waiting["next_attempt"].as_str().unwrap()),
        "{words}"
    );
    // Whoever wants may have it now.
    hub.retry_now(&id).is(202);
    let (_socket, handed) = consumer(&hub);
    assert_eq!(handed["hand_outs"], 3);
}

#[test]
fn an_attempt_begins_the_count_anew_and_stops_of_the_hub_do_not_count() {
    let mut hub = hub("2");
    let id = hub.send_to("billing", 1);
    let (socket, _) = consumer(&hub);
    drop(socket);
    let mut socket = hub.socket();
    socket.consume("billing", 1);
    let handed = socket.hears("message");
    assert_eq!(handed["message"]["hand_outs"], 2);
    let nack = json!({"type": "nack", "leases": [handed["lease"]], "delay": 0, "ref": 1});
    socket.ask(&nack);
    let handed = socket.hears("message")["message"].clone();
    assert_eq!(
        (&handed["attempt"], &handed["hand_outs"]),
        (&json!(2), &json!(1))
    );
    for _ in 0..3 {
        hub.terminate();
        assert!(matches!(socket.hear_frame(), Frame::Close(1001, _)));
        assert_eq!(hub.exit_code(), Some(0));
        hub = hub.restart();
        (socket, _) = consumer(&hub);
    }
    assert_eq!(hub.message(&id)["hand_outs"], 1);
}

#[test]
fn without_a_limit_it_is_handed_out_for_ever() {
    let hub = hub("0");
    let id = hub.send_to("billing", 1);
    for hand_outs in 1..=25 {
        let (socket, handed) = consumer(&hub);
        assert_eq!(handed["hand_outs"], hand_outs);
        drop(socket);
    }
    eventually("it waits again", || hub.state(&id) != "delivering");
    assert_ne!(hub.state(&id), "dead");
}
