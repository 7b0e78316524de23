//! What clients ask of the circuits of callbacks.

use actix::{Context, Handler};

use super::EventBus;
use crate::actors::messages::{ForceCircuit, InspectCircuit, InspectCircuits};
use crate::domain::circuit::{CircuitName, Origin};
use crate::domain::refusal::Refusal;

fn origin(name: &CircuitName) -> Option<&Origin> {
    match name {
        CircuitName::Callback(origin) => Some(origin),
        CircuitName::Service(_) => None,
    }
}

impl Handler<InspectCircuits> for EventBus {
    type Result = ();

    fn handle(&mut self, inspect: InspectCircuits, _: &mut Context<Self>) {
        let asked = inspect.circuit.as_ref();
        let circuits = self.children.circuits.iter();
        let circuits = circuits.filter(|(one, _)| {
            asked.is_none_or(|asked| origin(asked).is_some_and(|asked| asked == *one))
        });
        let addresses: Vec<_> = circuits.map(|(_, child)| child.address.clone()).collect();
        actix::spawn(async move {
            let mut views = Vec::with_capacity(addresses.len());
            for address in &addresses {
                views.extend(address.send(InspectCircuit).await);
            }
            // One that is asked for and died is there again in a moment: no answer says so.
            if inspect.circuit.is_none() || addresses.is_empty() || !views.is_empty() {
                let _ = inspect.reply.send(views);
            }
        });
    }
}

impl Handler<ForceCircuit> for EventBus {
    type Result = ();

    fn handle(&mut self, force: ForceCircuit, _: &mut Context<Self>) {
        let child = origin(&force.circuit).and_then(|origin| self.children.circuits.get(origin));
        match child {
            Some(child) => child.address.do_send(force),
            None => drop(force.reply.send(Err(Refusal::NotFound))),
        }
    }
}
