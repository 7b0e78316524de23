//! How much each service may send and is sent.

use super::Hub;
use super::access::Operation;
use super::acts::Act;
use super::error::HubError;
use super::request::RequestContext;
use crate::actors::messages::router::{InspectQuotas, SetQuota};
use crate::domain::ids::ServiceName;
use crate::domain::quota::Quota;
use crate::domain::refusal::Refusal;
use crate::logic::quotas::{QuotaView, Source};

/// The quotas in force, for who may see them.
pub struct QuotaReader<'a>(&'a Hub);

/// The quotas that are set, for who may set them.
pub struct QuotaWriter<'a> {
    hub: &'a Hub,
    context: RequestContext<'a>,
}

impl Hub {
    /// The way to see quotas.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not see them.
    pub fn quota_reader(&self, context: &RequestContext<'_>) -> Result<QuotaReader<'_>, HubError> {
        context.principal.may(Operation::SeeQuotas)?;
        Ok(QuotaReader(self))
    }

    /// The way to set quotas.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not set one.
    pub fn quota_writer<'a>(
        &'a self,
        context: &RequestContext<'a>,
    ) -> Result<QuotaWriter<'a>, HubError> {
        context.principal.may(Operation::SetQuota)?;
        Ok(QuotaWriter {
            hub: self,
            context: *context,
        })
    }
}

impl QuotaReader<'_> {
    /// All that are in force.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn all(&self) -> Result<Vec<QuotaView>, HubError> {
        let all = InspectQuotas { service: None };
        self.0.clients.router.query(all).await
    }

    /// The one in force for a service.
    ///
    /// # Errors
    /// NOT_FOUND for a service without one.
    pub async fn one(&self, service: ServiceName) -> Result<QuotaView, HubError> {
        let missing = HubError::NotFound {
            what: format!("a quota of service {service}"),
        };
        let one = InspectQuotas {
            service: Some(service),
        };
        let found = self.0.clients.router.query(one).await?.pop();
        found.ok_or(missing)
    }
}

impl QuotaWriter<'_> {
    /// Replaces the whole quota of a service, which need not be registered.
    ///
    /// # Errors
    /// LIMIT_REACHED when as many are set as there may be.
    pub async fn set(&self, service: ServiceName, quota: Quota) -> Result<QuotaView, HubError> {
        self.change(service.clone(), Some(quota)).await??;
        Act::new("set_quota", "quota of", &service)
            .with(&in_words(&quota))
            .tell(&self.context);
        Ok(QuotaView {
            service,
            quota,
            source: Source::Api,
        })
    }

    /// Takes back what was set; what is configured is in force again.
    ///
    /// # Errors
    /// NOT_FOUND if none was set.
    pub async fn delete(&self, service: ServiceName) -> Result<(), HubError> {
        let missing = HubError::NotFound {
            what: format!("a quota of service {service} that was set over the API"),
        };
        let changed = self.change(service.clone(), None).await?;
        changed.map_err(|refusal| HubError::refused(refusal, missing))?;
        Act::new("delete_quota", "quota of", &service).tell(&self.context);
        Ok(())
    }

    async fn change(
        &self,
        service: ServiceName,
        quota: Option<Quota>,
    ) -> Result<Result<(), Refusal>, HubError> {
        let set = |reply| SetQuota {
            service,
            quota,
            reply,
        };
        self.hub.clients.router.request(set).await
    }
}

/// For the log.
fn in_words(quota: &Quota) -> String {
    // Taken apart, so that no limit is forgotten.
    let Quota {
        send_rate,
        send_burst,
        deliver_rate,
        max_in_flight,
        max_waiting_bytes,
        request_rate,
        request_burst,
    } = *quota;
    let whole = |count: Option<u32>| count.map(f64::from);
    let limits = [
        ("send_rate", send_rate),
        ("send_burst", whole(send_burst)),
        ("deliver_rate", deliver_rate),
        ("max_in_flight", whole(max_in_flight)),
        (
            "max_waiting_bytes",
            max_waiting_bytes.map(|most| most as f64),
        ),
        ("request_rate", request_rate),
        ("request_burst", whole(request_burst)),
    ];
    let given = limits
        .into_iter()
        .filter_map(|(name, limit)| limit.map(|limit| format!("{name} {limit}")));
    given.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_told() {
        let quota = Quota {
            send_rate: Some(0.5),
            send_burst: Some(3),
            deliver_rate: Some(4.0),
            max_in_flight: Some(5),
            max_waiting_bytes: Some(1_048_576),
            request_rate: Some(7.0),
            request_burst: Some(8),
        };
        assert_eq!(
            in_words(&quota),
            "send_rate 0.5, send_burst 3, deliver_rate 4, max_in_flight 5, \
             max_waiting_bytes 1048576, request_rate 7, request_burst 8"
        );
    }
}
