//! Receiving: messages on their way to who asks for them, and what becomes of their leases.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use super::Hub;
use super::access::Operation;
use super::clients::{Response, SchedulerClient};
use super::error::HubError;
use super::request::RequestContext;
use crate::actors::messages::scheduler::{EndLeases, ExtendLeases, Inspect, Receive, ReturnLeases};
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

/// Messages on their way to who asked for them. Whoever is gone before they come gives them back:
/// else nobody had them until their leases end.
pub struct Receiving {
    leased: Response<Vec<Leased>>,
    scheduler: SchedulerClient,
}

impl Future for Receiving {
    type Output = Result<Vec<Leased>, HubError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.leased).poll(context)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let unread = self.leased.take_now().unwrap_or_default();
        if unread.is_empty() {
            return;
        }
        self.scheduler.tell(ReturnLeases {
            leases: unread.iter().map(|leased| leased.token).collect(),
            are_lost: false,
        });
    }
}

/// How many messages are asked for, and how long for.
#[derive(Clone, Copy)]
pub struct ReceiveTerms {
    /// At most so many.
    pub max: usize,
    /// How long to wait for the first.
    pub wait: Duration,
    /// Until when each has to be settled; `None`: as usual for who asks.
    pub lease: Option<Duration>,
}

impl Hub {
    /// Asks for messages of a service, for [`DEFAULT_LEASE`] if no other is given.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another.
    pub fn receive(
        &self,
        context: &RequestContext<'_>,
        service: ServiceName,
        terms: ReceiveTerms,
    ) -> Result<Receiving, HubError> {
        let operation = Operation::ReceiveMessages(&service);
        context.principal.may(operation)?;
        let scheduler = self.clients.scheduler.clone();
        let leased = scheduler.request(|reply| Receive {
            service,
            max: terms.max,
            wait: terms.wait,
            lease: Some(terms.lease.unwrap_or(DEFAULT_LEASE)),
            is_socket: false,
            reply,
        });
        Ok(Receiving { leased, scheduler })
    }

    /// What was there when it was asked for, but nothing that comes: who asked may be gone, and what
    /// comes would be leased to nobody.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn receive_no_more(&self, mut receiving: Receiving) -> Result<Vec<Leased>, HubError> {
        // What is asked now is answered after that.
        let nothing = Inspect { ids: Vec::new() };
        self.clients.scheduler.query(nothing).await?;
        // From here on the Scheduler takes back what it would hand out.
        Ok(receiving.leased.take_now().unwrap_or_default())
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
