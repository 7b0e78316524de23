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

impl Hub {
    /// All that are in force.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not see them.
    pub async fn quotas(&self, context: &RequestContext<'_>) -> Result<Vec<QuotaView>, HubError> {
        context.principal.may(Operation::SeeQuotas)?;
        let all = InspectQuotas { service: None };
        self.clients.router.query(all).await
    }

    /// The one in force for a service.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not see it, NOT_FOUND for a service without one.
    pub async fn quota(
        &self,
        context: &RequestContext<'_>,
        service: ServiceName,
    ) -> Result<QuotaView, HubError> {
        context.principal.may(Operation::SeeQuotas)?;
        let missing = HubError::NotFound {
            what: format!("a quota of service {service}"),
        };
        let one = InspectQuotas {
            service: Some(service),
        };
        let found = self.clients.router.query(one).await?.pop();
        found.ok_or(missing)
    }

    /// Replaces the whole quota of a service, which need not be registered.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not set one, LIMIT_REACHED when as many are set as there may be.
    pub async fn set_quota(
        &self,
        context: &RequestContext<'_>,
        service: ServiceName,
        quota: Quota,
    ) -> Result<QuotaView, HubError> {
        context.principal.may(Operation::SetQuota)?;
        self.change_quota(service.clone(), Some(quota)).await??;
        Act::new("set_quota", "quota of", &service)
            .with(&in_words(&quota))
            .tell(context);
        Ok(QuotaView {
            service,
            quota,
            source: Source::Api,
        })
    }

    /// Takes back what was set; what is configured is in force again.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not set one, NOT_FOUND if none was set.
    pub async fn delete_quota(
        &self,
        context: &RequestContext<'_>,
        service: ServiceName,
    ) -> Result<(), HubError> {
        context.principal.may(Operation::SetQuota)?;
        let missing = HubError::NotFound {
            what: format!("a quota of service {service} that was set over the API"),
        };
        let changed = self.change_quota(service.clone(), None).await?;
        changed.map_err(|refusal| HubError::refused(refusal, missing))?;
        Act::new("delete_quota", "quota of", &service).tell(context);
        Ok(())
    }

    async fn change_quota(
        &self,
        service: ServiceName,
        quota: Option<Quota>,
    ) -> Result<Result<(), Refusal>, HubError> {
        let set = |reply| SetQuota {
            service,
            quota,
            reply,
        };
        self.clients.router.request(set).await
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
