//! How well each service and callback takes what it is sent, and how to decide that oneself.

use std::time::Duration;

use super::Hub;
use super::access::Operation;
use super::acts::Act;
use super::error::HubError;
use super::request::RequestContext;
use crate::actors::messages::dispatcher::{ForceCircuit, InspectCircuits};
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::logic::circuit_view::CircuitView;

/// The state that somebody wants a circuit to have.
pub struct WantedCircuit {
    /// It has it until it leaves it as usual.
    pub state: CircuitState,
    /// As it is shown with the circuit, and in the log.
    pub reason: String,
    /// How long it stays open; `None`: as configured.
    pub reset_timeout: Option<Duration>,
}

impl Hub {
    /// Those of all services that are there, and those of callbacks.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not see them.
    pub async fn circuits(
        &self,
        context: &RequestContext<'_>,
    ) -> Result<Vec<CircuitView>, HubError> {
        context.principal.may(Operation::SeeCircuits)?;
        let mut circuits = self.circuits_of_services(None).await?;
        // A service that deregistered keeps its circuit for what waits for it.
        let there = self.names_there().await?;
        circuits.retain(|view| {
            let service = view.circuit.service();
            service.is_some_and(|service| there.contains(service))
        });
        circuits.extend(self.circuits_of_callbacks(None).await?);
        Ok(circuits)
    }

    /// One circuit.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not see it, NOT_FOUND if there is nothing that it is for.
    pub async fn circuit(
        &self,
        context: &RequestContext<'_>,
        name: &CircuitName,
    ) -> Result<CircuitView, HubError> {
        context.principal.may(Operation::SeeCircuits)?;
        self.circuit_must_be_there(name).await?;
        let one = Some(vec![name.clone()]);
        let circuits = match name {
            CircuitName::Service(_) => self.circuits_of_services(one).await?,
            CircuitName::Callback(_) => self.circuits_of_callbacks(one).await?,
        };
        circuits.into_iter().next().ok_or_else(|| unknown(name))
    }

    /// Gives a circuit a state, also over a restart. Attempts under way have no say any more.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not do it, NOT_FOUND if there is nothing that the circuit is for.
    pub async fn force_circuit(
        &self,
        context: &RequestContext<'_>,
        name: &CircuitName,
        wanted: WantedCircuit,
    ) -> Result<CircuitView, HubError> {
        context.principal.may(Operation::ForceCircuit)?;
        self.circuit_must_be_there(name).await?;
        let WantedCircuit {
            state,
            reason,
            reset_timeout,
        } = wanted;
        let why = reason.clone();
        let force = |reply| ForceCircuit {
            circuit: name.clone(),
            state,
            reason,
            reset_timeout,
            by: context.principal.name.clone(),
            reply,
        };
        let forced = match name {
            CircuitName::Service(_) => self.clients.dispatcher.request(force),
            CircuitName::Callback(_) => self.clients.subscriptions.request(force),
        };
        let forced = forced.await?;
        let circuit = forced.map_err(|refusal| HubError::refused(refusal, unknown(name)))?;
        Act::new("force_circuit", "circuit of", name)
            .with(&state.name())
            .because(&why)
            .tell(context);
        Ok(circuit)
    }

    pub(super) async fn circuits_of_services(
        &self,
        circuits: Option<Vec<CircuitName>>,
    ) -> Result<Vec<CircuitView>, HubError> {
        let inspect = |reply| InspectCircuits { circuits, reply };
        self.clients.dispatcher.request(inspect).await
    }

    async fn circuits_of_callbacks(
        &self,
        circuits: Option<Vec<CircuitName>>,
    ) -> Result<Vec<CircuitView>, HubError> {
        let inspect = |reply| InspectCircuits { circuits, reply };
        self.clients.subscriptions.request(inspect).await
    }

    /// The circuit of a callback is known where it is; one of a service only while that is there.
    async fn circuit_must_be_there(&self, name: &CircuitName) -> Result<(), HubError> {
        match name.service() {
            Some(service) if !self.is_there(service).await? => Err(unknown(name)),
            _ => Ok(()),
        }
    }
}

fn unknown(name: &CircuitName) -> HubError {
    HubError::NotFound {
        what: format!("circuit of {name}"),
    }
}
