//! Receiving: messages on their way to who asks for them, and what becomes of their leases.

use std::time::Duration;

use super::Hub;
use super::access::Operation;
use super::clients::Response;
use super::error::HubError;
use super::request::RequestContext;
use crate::actors::messages::scheduler::{EndLeases, ExtendLeases, Inspect, Receive};
use crate::domain::ids::{LeaseToken, ServiceName};
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::lease::LeaseEnd;
use crate::logic::queues::leases::Leased;

/// How long a message stays with who asked for it and says nothing else.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);
/// Twelve hours: what takes longer should extend its lease on the way.
pub const LONGEST_LEASE: Duration = Duration::from_secs(12 * 3600);
/// So many leases are settled at once.
pub const MOST_LEASES: usize = 10_000;

impl Hub {
    /// Asks for up to `max` messages of a service, waiting up to `wait` for the first.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another.
    pub fn receive(
        &self,
        context: &RequestContext<'_>,
        service: ServiceName,
        max: usize,
        (wait, lease): (Duration, Option<Duration>),
    ) -> Result<Response<Vec<Leased>>, HubError> {
        let operation = Operation::ReceiveMessages(&service);
        context.principal.may(operation)?;
        Ok(self.clients.scheduler.request(|reply| Receive {
            service,
            max,
            wait,
            lease: Some(lease.unwrap_or(DEFAULT_LEASE)),
            is_socket: false,
            reply,
        }))
    }

    /// What was there when it was asked for, but nothing that comes: who asked may be gone, and what
    /// comes would be leased to nobody.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn receive_no_more(
        &self,
        mut leased: Response<Vec<Leased>>,
    ) -> Result<Vec<Leased>, HubError> {
        // What is asked now is answered after that.
        let nothing = Inspect { ids: Vec::new() };
        self.clients.scheduler.query(nothing).await?;
        // From here on the Scheduler takes back what it would hand out.
        Ok(leased.take_now().unwrap_or_default())
    }

    /// Ends leases, all or none. Only a principal's own are valid. They are on their way when this
    /// returns.
    ///
    /// # Errors
    /// CONFLICT with those that ran out, were settled, or are another's.
    pub fn end_leases(
        &self,
        context: &RequestContext<'_>,
        leases: Vec<LeaseToken>,
        end: LeaseEnd,
    ) -> impl Future<Output = Result<(), HubError>> + use<> {
        let owner = context.principal.acts_only_for();
        let ended = self.clients.scheduler.request(|reply| EndLeases {
            leases,
            owner,
            end,
            reply,
        });
        async move { Ok(ended.await??) }
    }

    /// Gives more time for messages, all or none; returns until when.
    ///
    /// # Errors
    /// As [`Hub::end_leases`].
    pub async fn extend_leases(
        &self,
        context: &RequestContext<'_>,
        leases: Vec<LeaseToken>,
        lease: Option<Duration>,
    ) -> Result<Timestamp, HubError> {
        let owner = context.principal.acts_only_for();
        let extended = self.clients.scheduler.request(|reply| ExtendLeases {
            leases,
            owner,
            lease: lease.unwrap_or(DEFAULT_LEASE),
            reply,
        });
        Ok(extended.await??)
    }
}
