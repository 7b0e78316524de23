//! Consumers: services of which a socket takes the messages as long as it is open.

use std::time::Duration;

use actix::Recipient;

use super::Hub;
use super::clients::Response;
use super::error::HubError;
use crate::actors::messages::registry::{Listen, StopListening};
use crate::actors::messages::scheduler::{Receive, ReturnLeases};
use crate::domain::ids::{InstanceId, LeaseToken, ServiceName};
use crate::logic::feed_news::FeedId;
use crate::logic::queues::leases::Leased;

/// Where goes what a socket cannot take any more. Clones are the same.
#[derive(Clone)]
pub struct Returns {
    messages: Recipient<ReturnLeases>,
    consumers: Recipient<StopListening>,
}

impl Returns {
    /// Messages that had reached nobody; no attempt is spent.
    pub fn give_back(&self, leases: Vec<LeaseToken>) {
        self.send_back(leases, false);
    }

    /// Messages that had reached a client, which is gone.
    pub fn lose(&self, leases: Vec<LeaseToken>) {
        self.send_back(leases, true);
    }

    fn send_back(&self, leases: Vec<LeaseToken>, are_lost: bool) {
        if !leases.is_empty() {
            self.messages.do_send(ReturnLeases { leases, are_lost });
        }
    }

    /// The socket takes no more messages of the service.
    pub fn stop_consuming(&self, socket: FeedId, service: ServiceName) {
        self.consumers.do_send(StopListening { socket, service });
    }
}

impl Hub {
    /// For whoever may have to give messages back when the hub is not at hand.
    pub fn returns(&self) -> Returns {
        Returns {
            messages: self.clients.scheduler.recipient(),
            consumers: self.clients.registry.recipient(),
        }
    }

    /// A socket takes messages of a service from now on, as this instance of it, `prefetch` at a
    /// time.
    ///
    /// # Errors
    /// CONFLICT if the id is that of an instance with an address; LIMIT_REACHED, STORAGE_FULL.
    pub fn consume(
        &self,
        socket: FeedId,
        service: ServiceName,
        (instance_id, prefetch): (InstanceId, u32),
    ) -> impl Future<Output = Result<(), HubError>> + use<> {
        let agreed = self.clients.registry.request(|reply| Listen {
            socket,
            service,
            instance_id,
            prefetch,
            reply,
        });
        async move { Ok(agreed.await??) }
    }

    /// Asks for up to `max` messages for a socket that [consumes](Hub::consume), waiting up to `wait`
    /// for the first. `lease`: `None`: as long as the socket is open.
    pub fn receive_for_socket(
        &self,
        service: ServiceName,
        max: usize,
        (wait, lease): (Duration, Option<Duration>),
    ) -> Response<Vec<Leased>> {
        self.clients.scheduler.request(|reply| Receive {
            service,
            max,
            wait,
            lease,
            is_socket: true,
            reply,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use actix::{Actor, Context, Handler};
    use tokio::sync::mpsc;

    use super::*;

    /// Tells what is given back, and whether it counts.
    struct Desk(mpsc::UnboundedSender<(Vec<LeaseToken>, bool)>);

    impl Actor for Desk {
        type Context = Context<Self>;
    }

    impl Handler<ReturnLeases> for Desk {
        type Result = ();

        fn handle(&mut self, back: ReturnLeases, _: &mut Context<Self>) {
            self.0.send((back.leases, back.are_lost)).unwrap();
        }
    }

    impl Handler<StopListening> for Desk {
        type Result = ();

        fn handle(&mut self, _: StopListening, _: &mut Context<Self>) {}
    }

    /// Returns, and what comes back by them: which leases, and whether they are lost.
    pub(crate) fn returns() -> (Returns, mpsc::UnboundedReceiver<(Vec<LeaseToken>, bool)>) {
        let (sender, came) = mpsc::unbounded_channel();
        let desk = Desk(sender).start();
        let returns = Returns {
            messages: desk.clone().recipient(),
            consumers: desk.recipient(),
        };
        (returns, came)
    }
}
