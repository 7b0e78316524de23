//! The circuits of callbacks, and when they go.

use super::*;
use crate::actors::messages::dispatcher::{ForceCircuit, InspectCircuits};
use crate::domain::circuit::{CircuitName, CircuitState, Origin};
use crate::domain::fact::control::ControlFact;
use crate::logic::circuit_view::CircuitView;

fn origin() -> CircuitName {
    CircuitName::Callback(Origin::of("http://127.0.0.1:9"))
}

impl House {
    pub(super) async fn circuits(&self) -> Vec<CircuitView> {
        let (reply, circuits) = tokio::sync::oneshot::channel();
        let all = InspectCircuits {
            circuits: None,
            reply,
        };
        self.address.do_send(all);
        circuits.await.unwrap()
    }

    /// How many circuits there are, those that nobody knows any more counted.
    async fn living(&self) -> usize {
        settle().await;
        // The parent and this house have it, too.
        Rc::strong_count(&self.transport) - 2
    }

    async fn force_open(&mut self) {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.address.do_send(ForceCircuit {
            circuit: origin(),
            state: CircuitState::Open,
            reason: "maintenance".to_owned(),
            reset_timeout: Some(Duration::from_secs(3600)),
            by: None,
            reply,
        });
        self.turn().await;
        assert_eq!(answer.await.unwrap().unwrap().state, CircuitState::Open);
    }
}

#[actix::test]
async fn a_circuit_goes_with_the_last_callback_and_so_does_what_somebody_wished_of_it() {
    let mut house = house([]);
    for number in [1, 3] {
        house.commit(samples::subscribed(number)).await;
    }
    house.force_open().await;
    house.commit(samples::unsubscribed(1)).await;
    assert!(house.turn().await.is_empty());
    assert_eq!((house.circuits().await.len(), house.living().await), (1, 1));
    house.commit(samples::unsubscribed(3)).await;
    assert_eq!((house.circuits().await.len(), house.living().await), (0, 0));
    let written = house.turn().await;
    let [Fact::Control(ControlFact::CircuitChanged(over))] = &written[..] else {
        panic!("{written:?}");
    };
    assert_eq!((over.to, &over.forced), (CircuitState::Closed, &None));
    house.commit(samples::subscribed(5)).await;
    assert_eq!(house.circuits().await[0].state, CircuitState::Closed);
}

#[actix::test]
async fn who_subscribes_before_that_is_written_begins_anew() {
    let mut house = house([]);
    house.commit(samples::subscribed(1)).await;
    house.force_open().await;
    house.commit(samples::unsubscribed(1)).await;
    house.commit(samples::subscribed(3)).await;
    house.turn().await;
    let circuits = house.circuits().await;
    assert_eq!((circuits.len(), house.living().await), (1, 1));
    assert_eq!(circuits[0].state, CircuitState::Closed);
    assert!(circuits[0].forced.is_none());
}
