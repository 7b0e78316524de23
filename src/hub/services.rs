//! Who is there, and whose turn it is.

use std::collections::BTreeSet;

use super::Hub;
use super::error::HubError;
use crate::actors::messages::dispatcher::PickInstance;
use crate::actors::messages::registry::InspectServices;
use crate::domain::ids::{MessageType, ServiceName};
use crate::domain::refusal::Refusal;
use crate::logic::service_view::PickedInstance;

impl Hub {
    /// The instance whose turn it is, chosen as for a message of this type. Nothing is sent, and
    /// the circuit is not asked.
    ///
    /// # Errors
    /// NOT_FOUND if the service is not there, SERVICE_UNAVAILABLE if no instance can take messages.
    pub async fn next_instance(
        &self,
        service: &ServiceName,
        message_type: Option<MessageType>,
    ) -> Result<PickedInstance, HubError> {
        let pick = |reply| PickInstance {
            service: service.clone(),
            message_type,
            reply,
        };
        match self.clients.dispatcher.request(pick).await? {
            Ok(picked) => Ok(picked),
            // A service that deregistered keeps its circuit for what waits for it.
            Err(refusal) if refusal != Refusal::NotFound && self.is_there(service).await? => {
                Err(refusal.into())
            }
            Err(_) => Err(HubError::NotFound {
                what: format!("service {service}"),
            }),
        }
    }

    /// Whether a service is there now: registered, or polling.
    pub(super) async fn is_there(&self, service: &ServiceName) -> Result<bool, HubError> {
        let one = InspectServices {
            service: Some(service.clone()),
        };
        Ok(!self.clients.registry.query(one).await?.is_empty())
    }

    /// All that are there now.
    pub(super) async fn names_there(&self) -> Result<BTreeSet<ServiceName>, HubError> {
        let all = InspectServices { service: None };
        let views = self.clients.registry.query(all).await?;
        Ok(views.into_iter().map(|view| view.service).collect())
    }
}
