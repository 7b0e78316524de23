//! Whose fault it is that an attempt came to nothing.

use super::*;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::MessageFact;
use crate::ports::transport::PushResponse;

/// What the transport says of an attempt that it did not make, or not to its end.
fn not_tried() -> Push {
    Push::Answer(PushResponse::NotTried {
        error: "cannot connect: Too many open files".to_owned(),
    })
}

fn cut_short() -> Push {
    Push::Answer(PushResponse::CutShort {
        error: "no answer within 100ms".to_owned(),
    })
}

#[actix::test]
async fn what_the_hub_could_not_send_is_no_attempt_and_counts_for_nobody() {
    let mut circuit = circuit(ScriptedTransport::new((0..6).map(|_| not_tried())));
    circuit.address.do_send(instances(&["a", "b"]));
    for number in 1..=6 {
        circuit.deliver([number]);
        assert_eq!(circuit.given_back.recv().await.ids, [id(number)]);
    }
    assert_eq!(circuit.facts().await, []);
    assert!(circuit.seen.drain().await.is_empty());
    let view = circuit.view().await;
    assert_eq!((view.state, view.failure_count), (CircuitState::Closed, 0));
    assert_eq!((view.recent_attempts, view.in_flight), (0, 0));
}

#[actix::test]
async fn an_attempt_that_one_instance_saw_is_one_even_if_the_next_was_not_reached() {
    let mut circuit = circuit(ScriptedTransport::new([status(503), not_tried()]));
    circuit.address.do_send(instances(&["a", "b"]));
    circuit.deliver([1]);
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::AttemptFailed(_))
    ));
    assert!(circuit.given_back.drain().await.is_empty());
    let view = circuit.view().await;
    assert_eq!(view.failure_count, 0, "not every instance failed");
}

#[actix::test]
async fn whoever_asked_to_be_left_alone_is_whatever_the_next_one_answers() {
    let busy = |seconds: Option<u64>| {
        Push::Answer(PushResponse::Status {
            code: 503,
            retry_after: seconds.map(Duration::from_secs),
            excerpt: String::new(),
        })
    };
    let refused = || {
        Push::Answer(PushResponse::NoAnswer {
            error: "connection refused".to_owned(),
        })
    };
    for (second, wait) in [
        (status(500), 60),
        (refused(), 60),
        (status(410), 60),
        (not_tried(), 60),
        (cut_short(), 60),
        (busy(None), 60),
        (busy(Some(20)), 60),
        (busy(Some(90)), 90),
    ] {
        let mut circuit = circuit(ScriptedTransport::new([busy(Some(60)), second]));
        circuit.address.do_send(instances(&["a", "b"]));
        circuit.deliver([1]);
        let Fact::Message(MessageFact::AttemptFailed(failed)) = circuit.only_fact().await else {
            panic!("it is to be tried again");
        };
        let waits = failed.retry_at.since(circuit.clock.wall());
        assert_eq!(waits.as_secs(), wait);
        tokio::time::resume();
    }
}

#[actix::test]
async fn a_message_in_a_hurry_says_nothing_of_the_service() {
    let mut circuit = circuit(ScriptedTransport::new((0..6).map(|_| cut_short())));
    circuit.address.do_send(instances(&["a", "b"]));
    for number in 1..=6 {
        circuit.deliver([number]);
        assert!(matches!(
            circuit.only_fact().await,
            Fact::Message(MessageFact::AttemptFailed(_))
        ));
    }
    assert_eq!(
        circuit.transport.pushed_to().len(),
        6,
        "nor is another asked"
    );
    assert!(circuit.seen.drain().await.is_empty());
    let view = circuit.view().await;
    assert_eq!((view.failure_count, view.recent_attempts), (0, 0));
}

#[actix::test]
async fn a_trial_that_was_cut_short_or_not_made_gives_its_place_to_the_next() {
    let mut circuit = open_circuit().await;
    tokio::time::advance(AFTER_RESET).await;
    circuit.windows.drain().await;
    for push in [cut_short(), not_tried(), status(200), status(200)] {
        circuit.transport.then(push);
        circuit.deliver([1]);
        settle().await;
    }
    let view = circuit.view().await;
    assert_eq!(view.state, CircuitState::Closed);
}

#[actix::test]
async fn rejections_show_nobody_healthy_and_in_a_row_they_open_the_circuit() {
    let mut circuit = circuit(ScriptedTransport::new((0..20).map(|_| status(422))));
    circuit.address.do_send(instances(&["a"]));
    for number in 1..=20 {
        circuit.deliver([number]);
        settle().await;
    }
    assert!(circuit.seen.drain().await.is_empty());
    let view = circuit.view().await;
    assert_eq!(view.state, CircuitState::Open);
    let changed = circuit
        .facts()
        .await
        .into_iter()
        .find_map(|fact| match fact {
            Fact::Control(ControlFact::CircuitChanged(changed)) => Some(changed.reason.clone()),
            _ => None,
        });
    let reason = "20 rejections without a success, the last: HTTP 422";
    assert_eq!(changed.as_deref(), Some(reason));
}

#[actix::test]
async fn what_speaks_of_the_address_is_a_failure_of_the_instance() {
    for code in [401, 403, 404, 405] {
        let mut circuit = circuit(ScriptedTransport::new((0..5).map(|_| status(code))));
        circuit.address.do_send(instances(&["a"]));
        circuit.deliver(1..=5);
        let dead = circuit.facts().await;
        let dead = dead
            .iter()
            .filter(|fact| matches!(fact, Fact::Message(MessageFact::DeadLettered(_))));
        assert_eq!(dead.count(), 5);
        let seen = circuit.seen.drain().await;
        assert!(seen.iter().all(|seen| !seen.good) && seen.len() == 5);
        let view = circuit.view().await;
        assert_eq!(view.state, CircuitState::Open, "{code}");
        tokio::time::resume();
    }
}
