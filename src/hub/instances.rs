//! Instances of services: they come, live and go.

use super::Hub;
use super::access::Operation;
use super::acts::Act;
use super::error::HubError;
use super::request::RequestContext;
use super::services::unknown;
use crate::actors::messages::registry::{DrainInstance, Heartbeat, Register};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::{Address, Registration};
use crate::domain::timestamp::Timestamp;
use crate::logic::service_view::{Alive, RegistrationOutcome};

impl Hub {
    /// Takes in an instance, or what it says of itself now.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another, LIMIT_REACHED, STORAGE_FULL.
    pub async fn register_instance(
        &self,
        context: &RequestContext<'_>,
        registration: Registration,
    ) -> Result<RegistrationOutcome, HubError> {
        let operation = Operation::RegisterInstance(&registration.service);
        context.principal.may(operation)?;
        let on = (
            registration.instance_id.clone(),
            registration.service.clone(),
        );
        let address = registration.address.clone();
        let register = |reply| Register {
            registration,
            reply,
        };
        let registered = self.clients.registry.request(register).await??;
        if let Some(outcome) = news(&registered, address.as_deref()) {
            let on = format!("{} of {}", on.0, on.1);
            Act::new("register_instance", "instance", &on)
                .with(&outcome)
                .tell(context);
        }
        Ok(registered)
    }

    /// An instance says that it lives.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another, NOT_FOUND if the instance is not there.
    pub async fn heartbeat(
        &self,
        context: &RequestContext<'_>,
        service: &ServiceName,
        instance: &InstanceId,
    ) -> Result<Alive, HubError> {
        let operation = Operation::ChangeInstance(service);
        context.principal.may(operation)?;
        let alive = self.clients.registry.request(|reply| Heartbeat {
            service: service.clone(),
            instance_id: instance.clone(),
            reply,
        });
        let alive = alive.await?;
        alive.map_err(|refusal| HubError::refused(refusal, unknown(service)))
    }

    /// An instance is sent nothing new; returns since when.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another, NOT_FOUND if the instance is not there.
    pub async fn drain_instance(
        &self,
        context: &RequestContext<'_>,
        service: &ServiceName,
        instance: &InstanceId,
    ) -> Result<Timestamp, HubError> {
        let operation = Operation::ChangeInstance(service);
        context.principal.may(operation)?;
        let since = self.clients.registry.request(|reply| DrainInstance {
            service: service.clone(),
            instance_id: instance.clone(),
            reply,
        });
        let since = since.await?;
        let since = since.map_err(|refusal| HubError::refused(refusal, unknown(service)))?;
        let on = format!("{instance} of {service}");
        Act::new("drain_instance", "instance", &on).tell(context);
        Ok(since)
    }
}

/// What a registration made different: nothing if the instance said the same again, as many do to
/// show that they live.
fn news(registered: &RegistrationOutcome, address: Option<&Address>) -> Option<String> {
    let mut news = Vec::new();
    let place = || match address {
        Some(address) => format!("sent its messages at {}", address.message_url()),
        None => "asks for its messages".to_owned(),
    };
    if !registered.replaced {
        news.extend(["new".to_owned(), place()]);
    }
    if !registered.changed.is_empty() {
        news.push(format!("changed: {}", registered.changed.join(", ")));
        let moved = |field: &&str| ["url", "message_endpoint"].contains(field);
        news.extend(registered.changed.iter().any(moved).then(place));
    }
    if registered.undid_drain {
        news.push("it was draining and takes messages again".to_owned());
    }
    (!news.is_empty()).then(|| news.join("; "))
}
