//! Consumers: services of which a socket takes the messages as long as it is open.

use actix::Recipient;

use super::Hub;
use super::clients::Response;
use super::error::HubError;
use super::receive::ReceiveTerms;
use super::request::RequestContext;
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

/// As what a socket takes messages.
pub struct SocketInstance {
    /// Which socket.
    pub socket: FeedId,
    /// Whose messages.
    pub service: ServiceName,
    /// Which instance of that service it is.
    pub instance_id: InstanceId,
    /// How many messages it takes before some of them are settled.
    pub prefetch: u32,
}

impl Hub {
    /// For whoever may have to give messages back when the hub is not at hand.
    pub fn returns(&self) -> Returns {
        Returns {
            messages: self.clients.scheduler.recipient(),
            consumers: self.clients.registry.recipient(),
        }
    }

    /// A socket takes messages of a service from now on.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another; CONFLICT if the id is that of an instance with an
    /// address; LIMIT_REACHED, STORAGE_FULL.
    pub fn consume(
        &self,
        context: &RequestContext<'_>,
        consumer: SocketInstance,
    ) -> impl Future<Output = Result<(), HubError>> + use<> {
        let service = &consumer.service;
        let allowed = context.principal.may_act_for("service", service);
        let agreed = allowed.map(|()| {
            self.clients.registry.request(|reply| Listen {
                socket: consumer.socket,
                service: consumer.service,
                instance_id: consumer.instance_id,
                prefetch: consumer.prefetch,
                reply,
            })
        });
        async move { Ok(agreed?.await??) }
    }

    /// Asks for messages for a socket that [consumes](Hub::consume); without a lease they are its
    /// own as long as it is open.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another.
    pub fn receive_for_socket(
        &self,
        context: &RequestContext<'_>,
        service: ServiceName,
        terms: ReceiveTerms,
    ) -> Result<Response<Vec<Leased>>, HubError> {
        context.principal.may_act_for("service", &service)?;
        Ok(self.clients.scheduler.request(|reply| Receive {
            service,
            max: terms.max,
            wait: terms.wait,
            lease: terms.lease,
            is_socket: true,
            reply,
        }))
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
