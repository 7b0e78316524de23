//! The actors as the application reaches them. This is the only place above the actors where
//! anybody waits for one: an actor that asked another could wait for one that waits for it.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use tokio::sync::oneshot;

use super::error::HubError;
use crate::actors::archivist::Archivist;
use crate::actors::dead_letters::DeadLetters;
use crate::actors::dispatcher::Dispatcher;
use crate::actors::event_log::EventLog;
use crate::actors::historian::Historian;
use crate::actors::messages::reply::{Reply, Unanswered};
use crate::actors::registry::Registry;
use crate::actors::router::Router;
use crate::actors::scheduler::Scheduler;
use crate::actors::subscriptions::Subscriptions;

/// A client of each actor that is asked something.
#[derive(Clone)]
pub struct Clients {
    /// Admits messages and events.
    pub router: Client<Router>,
    /// Has the messages the hub owes.
    pub scheduler: SchedulerClient,
    /// Has the services and their instances.
    pub registry: Client<Registry>,
    /// Has the circuits of destinations, and picks instances.
    pub dispatcher: Client<Dispatcher>,
    /// Sees to what is on its way into the archive.
    pub archivist: Client<Archivist>,
    /// Sends dead letters again and deletes them, and has the redrive jobs.
    pub dead_letters: Client<DeadLetters>,
    /// Builds the states of streams, and knows their versions.
    pub historian: Client<Historian>,
    /// Has the recent events, and feeds those who follow them.
    pub event_log: Client<EventLog>,
    /// Has the subscriptions, the sockets and the circuits of callbacks.
    pub subscriptions: Client<Subscriptions>,
}

/// The way to one actor.
pub struct Client<A: Actor>(Addr<A>);

/// The way to who has the messages the hub owes.
pub type SchedulerClient = Client<Scheduler>;

/// What an actor will say to a request that is in its mailbox already.
///
/// No response means that the hub is going down, or that an actor died and is being replaced:
/// whether the work was done is unknown, as with a connection that breaks.
pub struct Response<T>(oneshot::Receiver<T>);

impl<A: Actor> Clone for Client<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: Actor> From<Addr<A>> for Client<A> {
    fn from(address: Addr<A>) -> Self {
        Self(address)
    }
}

impl<A: Actor<Context = Context<A>>> Client<A> {
    /// Sends a request that carries the way back. It has its place in line when this returns.
    pub fn request<M, T>(&self, request: impl FnOnce(Reply<T>) -> M) -> Response<T>
    where
        A: Handler<M>,
        M: Message<Result = ()> + Send + 'static,
    {
        let (reply, response) = oneshot::channel();
        self.0.do_send(request(reply));
        Response(response)
    }

    /// Sends what needs no response.
    pub fn tell<M>(&self, message: M)
    where
        A: Handler<M>,
        M: Message<Result = ()> + Send + 'static,
    {
        self.0.do_send(message);
    }

    /// The way for messages of one type, for who tells the actor nothing else.
    pub fn recipient<M>(&self) -> Recipient<M>
    where
        A: Handler<M>,
        M: Message<Result = ()> + Send + 'static,
    {
        self.0.clone().recipient()
    }

    /// Looks at the actor's state. For reads only.
    ///
    /// # Errors
    /// As a [`Response`] that does not come.
    pub async fn query<M>(&self, query: M) -> Result<M::Result, HubError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.0.send(query).await.map_err(|_| going_down())
    }
}

impl<T> Response<T> {
    /// Takes what there is at this moment. From now on whoever would respond keeps what it has.
    pub fn take_now(&mut self) -> Option<T> {
        self.0.close();
        self.0.try_recv().ok()
    }
}

impl<T> Future for Response<T> {
    type Output = Result<T, HubError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let response = Pin::new(&mut self.0).poll(context);
        response.map(|response| response.map_err(|_| going_down()))
    }
}

fn going_down() -> HubError {
    Unanswered.into()
}

/// Clients of actors that never come, as long as their mailboxes are kept.
#[cfg(test)]
pub(crate) fn pending() -> (impl Sized, Clients) {
    use crate::actors::pending_mailbox::PendingMailbox;
    let (router, scheduler) = (PendingMailbox::new(1), PendingMailbox::new(1));
    let (registry, dispatcher) = (PendingMailbox::new(1), PendingMailbox::new(1));
    let (archivist, dead_letters) = (PendingMailbox::new(1), PendingMailbox::new(1));
    let (event_log, subscriptions) = (PendingMailbox::new(1), PendingMailbox::new(1));
    let historian = PendingMailbox::new(1);
    let clients = Clients {
        router: router.address().into(),
        scheduler: scheduler.address().into(),
        registry: registry.address().into(),
        dispatcher: dispatcher.address().into(),
        archivist: archivist.address().into(),
        dead_letters: dead_letters.address().into(),
        historian: historian.address().into(),
        event_log: event_log.address().into(),
        subscriptions: subscriptions.address().into(),
    };
    let mailboxes = (
        (router, scheduler, registry, dispatcher),
        (archivist, dead_letters, historian, event_log, subscriptions),
    );
    (mailboxes, clients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::error::ErrorCode;

    struct Doubler;

    struct Double(u64, Reply<u64>);

    impl Message for Double {
        type Result = ();
    }

    impl Actor for Doubler {
        type Context = Context<Self>;
    }

    impl Handler<Double> for Doubler {
        type Result = ();

        fn handle(&mut self, Double(number, reply): Double, _: &mut Context<Self>) {
            // Who asks for nothing is not answered, as by an actor that died.
            if number > 0 {
                let _ = reply.send(2 * number);
            }
        }
    }

    #[actix::test]
    async fn requests_keep_their_order_however_their_responses_are_awaited() {
        let client = Client::from(Doubler.start());
        let (mut first, second) = (
            client.request(|reply| Double(1, reply)),
            client.request(|reply| Double(2, reply)),
        );
        assert_eq!(second.await.unwrap(), 4);
        assert_eq!(first.take_now(), Some(2));
    }

    #[actix::test]
    async fn who_is_not_answered_is_told_that_it_is_unknown_what_was_done() {
        let client = Client::from(Doubler.start());
        let error = client.request(|reply| Double(0, reply)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::ServiceUnavailable);
    }
}
