//! Who is there, how it is, and whose turn it is.

use std::collections::BTreeSet;

use super::Hub;
use super::access::Operation;
use super::acts::Act;
use super::error::HubError;
use super::request::RequestContext;
use crate::actors::messages::dispatcher::PickInstance;
use crate::actors::messages::registry::{
    ChooseStrategy, Deregister, InspectDependencies, InspectServices,
};
use crate::domain::circuit::CircuitName;
use crate::domain::ids::{InstanceId, MessageType, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::service::Dependency;
use crate::domain::strategy::Strategy;
use crate::logic::circuit_view::CircuitView;
use crate::logic::dependencies::DependencyReport;
use crate::logic::service_view::{PickedInstance, ServiceView};

impl Hub {
    /// All services that are there.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn services(&self) -> Result<Vec<ServiceView>, HubError> {
        let all = InspectServices { service: None };
        self.clients.registry.query(all).await
    }

    /// One service with its instances.
    ///
    /// # Errors
    /// NOT_FOUND if it is not there.
    pub async fn service(&self, service: &ServiceName) -> Result<ServiceView, HubError> {
        let found = self.find_service(service).await?;
        found.ok_or_else(|| unknown(service))
    }

    /// The circuits of these services, which have how many pushes are under way with each instance;
    /// `None`: of all. Nothing while a circuit is being replaced, which is no reason to tell nothing
    /// else.
    pub async fn pushes_under_way(&self, service: Option<&ServiceName>) -> Vec<CircuitView> {
        let circuits = service.map(|one| vec![CircuitName::Service(one.clone())]);
        let circuits = self.circuits_of_services(circuits).await;
        circuits.unwrap_or_default()
    }

    /// Decides how instances of a service are chosen; `None`: as configured for all.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another, NOT_FOUND if it is not there.
    pub async fn choose_strategy(
        &self,
        context: &RequestContext<'_>,
        service: &ServiceName,
        strategy: Option<Strategy>,
    ) -> Result<(), HubError> {
        let operation = Operation::ChooseStrategy(service);
        context.principal.may(operation)?;
        let chosen = self.clients.registry.request(|reply| ChooseStrategy {
            service: service.clone(),
            strategy,
            reply,
        });
        let chosen = chosen.await?;
        chosen.map_err(|refusal| HubError::refused(refusal, unknown(service)))?;
        let chosen = strategy.map_or("as configured for all", Strategy::name);
        Act::new("choose_strategy", "service", service)
            .with(&chosen)
            .tell(context);
        Ok(())
    }

    /// Ends a service, or one instance of it.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another, NOT_FOUND if it is not there.
    pub async fn deregister(
        &self,
        context: &RequestContext<'_>,
        service: &ServiceName,
        instance: Option<&InstanceId>,
    ) -> Result<(), HubError> {
        context.principal.may(match instance {
            None => Operation::DeregisterService(service),
            Some(_) => Operation::ChangeInstance(service),
        })?;
        let left = self.clients.registry.request(|reply| Deregister {
            service: service.clone(),
            instance_id: instance.cloned(),
            reply,
        });
        let left = left.await?;
        left.map_err(|refusal| HubError::refused(refusal, unknown(service)))?;
        match instance {
            None => Act::new("deregister_service", "service", service).tell(context),
            Some(instance) => {
                let on = format!("{instance} of {service}");
                Act::new("deregister_instance", "instance", &on).tell(context);
            }
        }
        Ok(())
    }

    /// Whether a service has what it needs: what its instances say, or what is given `instead`; then
    /// it need not be there.
    ///
    /// # Errors
    /// NOT_FOUND if it is not there.
    pub async fn dependencies(
        &self,
        service: &ServiceName,
        instead: Option<Vec<Dependency>>,
    ) -> Result<DependencyReport, HubError> {
        let inspect = InspectDependencies {
            service: service.clone(),
            instead,
        };
        let report = self.clients.registry.query(inspect).await?;
        report.ok_or_else(|| unknown(service))
    }

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
        Ok(self.find_service(service).await?.is_some())
    }

    /// All that are there now.
    pub(super) async fn names_there(&self) -> Result<BTreeSet<ServiceName>, HubError> {
        let views = self.services().await?;
        Ok(views.into_iter().map(|view| view.service).collect())
    }

    async fn find_service(&self, service: &ServiceName) -> Result<Option<ServiceView>, HubError> {
        let one = InspectServices {
            service: Some(service.clone()),
        };
        Ok(self.clients.registry.query(one).await?.pop())
    }
}

pub(super) fn unknown(service: &ServiceName) -> HubError {
    HubError::NotFound {
        what: format!("service {service}, or this instance of it"),
    }
}
