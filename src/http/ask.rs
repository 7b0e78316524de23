//! Asking an actor and waiting for its answer.

use actix::{Message, Recipient};
use tokio::sync::oneshot;

use crate::actors::messages::Reply;
use crate::hub::error::HubError;

/// Sends a request that carries its answer's channel. No answer means that the hub is going down
/// or that an actor died and is being replaced: whether the work was done is unknown, as with a
/// connection that breaks.
pub(crate) async fn ask<M, T>(
    recipient: &Recipient<M>,
    request: impl FnOnce(Reply<T>) -> M,
) -> Result<T, HubError>
where
    M: Message<Result = ()> + Send,
{
    let (reply, answer) = oneshot::channel();
    recipient.do_send(request(reply));
    answered(answer).await
}

/// Waits for the answer to a request that was sent already; as [`ask`].
pub(crate) async fn answered<T>(answer: oneshot::Receiver<T>) -> Result<T, HubError> {
    answer.await.map_err(|_| going_down())
}

/// Asks for a look at an actor's state. For reads only.
pub(crate) async fn look<M>(recipient: &Recipient<M>, request: M) -> Result<M::Result, HubError>
where
    M: Message + Send,
    M::Result: Send,
{
    recipient.send(request).await.map_err(|_| going_down())
}

pub(crate) fn going_down() -> HubError {
    HubError::NotReady("the hub is going down or restarts a part of itself; ask again in a moment")
}
