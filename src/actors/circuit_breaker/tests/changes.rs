//! What changes the state of a circuit, and what is written down about it.

use super::*;
use crate::domain::circuit::{CircuitChanged, CircuitName};
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::MessageFact;
use crate::logic::circuit::ForcedSince;
use CircuitState::{Closed, HalfOpen, Open};

/// The changes of the circuit among what was recorded since last asked.
async fn changes(circuit: &mut Circuit) -> Vec<Arc<CircuitChanged>> {
    let facts = circuit.facts().await.into_iter();
    let changes = facts.filter_map(|fact| match fact {
        Fact::Control(ControlFact::CircuitChanged(changed)) => Some(changed),
        _ => None,
    });
    changes.collect()
}

/// States and reason of the only change that was recorded since last asked.
async fn only_change(circuit: &mut Circuit) -> (CircuitState, CircuitState, String) {
    let changes = changes(circuit).await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].circuit.service(), Some(&service("billing")));
    assert_eq!(changes[0].forced, None);
    (changes[0].from, changes[0].to, changes[0].reason.clone())
}

type Answer = oneshot::Receiver<Result<CircuitView, Refusal>>;

fn force(circuit: &Circuit, state: CircuitState, reset_timeout: Option<Duration>) -> Answer {
    let (reply, answer) = oneshot::channel();
    circuit.address.do_send(ForceCircuit {
        circuit: CircuitName::Service(service("billing")),
        state,
        reason: "maintenance".to_owned(),
        reset_timeout,
        by: Some(service("boss")),
        reply,
    });
    answer
}

/// Since it was stamped.
const CLOCK_SET_BY: Duration = Duration::from_secs(86_400);

/// What a forced change looks like that was made so long ago.
fn forced(circuit: &Circuit, to: CircuitState, age: Duration) -> ForcedSince {
    let since = circuit.clock.now().minus(age);
    let changed = Arc::new(CircuitChanged {
        circuit: CircuitName::Service(service("billing")),
        at: since.minus(CLOCK_SET_BY),
        from: Closed,
        to,
        reason: "maintenance".to_owned(),
        forced: Some(Forced {
            by: None,
            reset_timeout_ms: Some(600_000),
        }),
    });
    ForcedSince { changed, since }
}

/// A breaker that begins with that.
fn resumed(to: CircuitState, age: Duration) -> Circuit {
    let circuit = circuit(ScriptedTransport::new([]));
    circuit.address.do_send(ServiceChanged {
        forced: Some(forced(&circuit, to, age)),
        ..instances(&["a"])
    });
    circuit
}

#[actix::test]
async fn every_change_is_recorded_with_its_reason() {
    let mut circuit = circuit(ScriptedTransport::new((0..5).map(|_| status(503))));
    circuit.address.do_send(instances(&["a"]));
    circuit.deliver(1..=5);
    let reason = "5 failed attempts in a row, the last: HTTP 503".to_owned();
    assert_eq!(circuit.view().await.reason, None);
    assert_eq!(
        only_change(&mut circuit).await,
        (Closed, Open, reason.clone())
    );
    assert_eq!(circuit.view().await.reason, Some(reason));
    let trial = [
        (status(503), HalfOpen, Open, "trial failed: HTTP 503"),
        (
            Push::Hang,
            HalfOpen,
            Open,
            "no verdict within half_open_timeout",
        ),
    ];
    for (answer, from, to, reason) in trial {
        tokio::time::advance(AFTER_RESET).await;
        let over = (Open, HalfOpen, "reset_timeout is over".to_owned());
        assert_eq!(only_change(&mut circuit).await, over);
        circuit.transport.then(answer);
        circuit.deliver([6]);
        settle().await;
        if from == HalfOpen && reason.starts_with("no verdict") {
            tokio::time::advance(Duration::from_secs(31)).await;
        }
        assert_eq!(
            only_change(&mut circuit).await,
            (from, to, reason.to_owned())
        );
    }
    tokio::time::advance(AFTER_RESET).await;
    changes(&mut circuit).await;
    for number in [7, 8] {
        circuit.transport.then(status(200));
        circuit.deliver([number]);
        settle().await;
    }
    let good = (HalfOpen, Closed, "2 trials succeeded".to_owned());
    assert_eq!(only_change(&mut circuit).await, good);
}

#[actix::test]
async fn opens_when_half_of_the_last_minutes_attempts_failed() {
    let answers = (0..20).map(|n| status(if n % 2 == 0 { 500 } else { 200 }));
    let mut circuit = circuit(ScriptedTransport::new(answers));
    circuit.address.do_send(instances(&["a"]));
    circuit.deliver(1..=10);
    settle().await;
    let before = circuit.view().await;
    assert_eq!((before.recent_attempts, before.recent_failures), (10, 5));
    circuit.deliver(11..=20);
    let reason = "10 of 20 attempts in 60 s failed".to_owned();
    assert_eq!(only_change(&mut circuit).await, (Closed, Open, reason));
}

#[actix::test]
async fn a_forced_state_is_recorded_first_then_holds_then_is_answered() {
    let mut circuit = circuit(ScriptedTransport::new([]));
    circuit.address.do_send(instances(&["a"]));
    circuit.windows.drain().await;
    let mut answer = force(&circuit, Open, Some(Duration::from_secs(7)));
    let mut record = circuit.recorded.recv().await;
    assert_eq!(circuit.view().await.state, Closed);
    assert!(answer.try_recv().is_err());
    let Fact::Control(ControlFact::CircuitChanged(changed)) = record.facts.remove(0) else {
        panic!("no change of the circuit");
    };
    let expected = Forced {
        by: Some(service("boss")),
        reset_timeout_ms: Some(7000),
    };
    assert_eq!(changed.forced, Some(expected));
    record.reply.unwrap().send(()).unwrap();
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(
        (answer.state, answer.reason.as_deref()),
        (Open, Some("maintenance"))
    );
    assert_eq!(answer.reset_timeout, Duration::from_secs(7));
    let forced = answer.forced.unwrap();
    assert_eq!(
        (forced.by, forced.since),
        (Some(service("boss")), changed.at)
    );
    let until = changed.at.plus(Duration::from_secs(7));
    let open = Outlook::CircuitOpen { until };
    assert_eq!(circuit.latest_window().await, (0, open));
    tokio::time::advance(Duration::from_secs(8)).await;
    let over = (Open, HalfOpen, "reset_timeout is over".to_owned());
    assert_eq!(only_change(&mut circuit).await, over);
    assert_eq!(circuit.view().await.forced, None);
}

#[actix::test]
async fn a_circuit_that_is_forced_to_close_ramps() {
    let mut circuit = open_circuit().await;
    let answer = force(&circuit, Closed, None);
    circuit.facts().await;
    assert_eq!(answer.await.unwrap().unwrap().window, 1);
    assert_eq!(circuit.latest_window().await, (1, Outlook::Ready));
}

#[actix::test]
async fn the_last_word_in_the_journal_is_what_holds() {
    let mut circuit = circuit(ScriptedTransport::new((0..5).map(|_| status(503))));
    circuit.address.do_send(instances(&["a"]));
    let answer = force(&circuit, HalfOpen, None);
    let record = circuit.recorded.recv().await;
    circuit.deliver(1..=5);
    let by_itself = changes(&mut circuit).await;
    assert_eq!((by_itself[0].to, &by_itself[0].forced), (Open, &None));
    record.reply.unwrap().send(()).unwrap();
    assert_eq!(answer.await.unwrap().unwrap().state, HalfOpen);
    let again = changes(&mut circuit).await;
    assert_eq!((again[0].from, again[0].to), (Open, HalfOpen));
    assert!(again[0].forced.is_some());
}

/// A fresh breaker is in the state that was forced a minute ago.
async fn assert_begins_in(state: CircuitState) {
    let minute = Duration::from_secs(60);
    let mut circuit = resumed(state, minute);
    let view = circuit.view().await;
    assert_eq!(view.state, state);
    assert_eq!(view.reason.as_deref(), Some("maintenance"));
    let since = circuit.clock.now().minus(minute);
    assert_eq!(view.forced.unwrap().since, since.minus(CLOCK_SET_BY));
    let until = since.plus(10 * minute);
    assert_eq!(view.open_until, (state == Open).then_some(until));
    assert!(changes(&mut circuit).await.is_empty(), "the journal has it");
}

#[actix::test]
async fn a_fresh_breaker_stays_forced_open() {
    assert_begins_in(Open).await;
}

#[actix::test]
async fn a_fresh_breaker_stays_forced_half_open() {
    assert_begins_in(HalfOpen).await;
}

#[actix::test]
async fn a_fresh_breaker_stays_forced_closed() {
    assert_begins_in(Closed).await;
}

#[actix::test]
async fn a_forced_open_circuit_is_tried_if_its_time_passed_meanwhile() {
    let mut circuit = resumed(Open, Duration::from_secs(601));
    assert_eq!(circuit.latest_window().await, (1, Outlook::Trial));
    let over = (Open, HalfOpen, "reset_timeout is over".to_owned());
    assert_eq!(only_change(&mut circuit).await, over);
}

#[actix::test]
async fn only_a_fresh_breaker_heeds_what_was_forced_before() {
    let mut circuit = circuit(ScriptedTransport::new([]));
    circuit.address.do_send(instances(&["a"]));
    circuit.address.do_send(ServiceChanged {
        forced: Some(forced(&circuit, Open, Duration::ZERO)),
        ..instances(&["a"])
    });
    assert_eq!(circuit.view().await.state, Closed);
    assert_eq!(circuit.latest_window().await, (10, Outlook::Ready));
}

#[actix::test]
async fn an_instance_that_leaves_during_a_trial_makes_room_for_the_next() {
    let mut circuit = open_circuit().await;
    tokio::time::advance(AFTER_RESET).await;
    settle().await;
    circuit.transport.then(status(410));
    circuit.deliver([1]);
    settle().await;
    assert_eq!(circuit.view().await.state, HalfOpen);
    circuit.address.do_send(instances(&["b"]));
    circuit.facts().await;
    circuit.transport.then(status(200));
    circuit.deliver([2]);
    assert!(matches!(
        circuit.only_fact().await,
        Fact::Message(MessageFact::Delivered(_))
    ));
}
