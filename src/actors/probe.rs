//! A next hop for tests: what it receives can be read.

use actix::dev::ToEnvelope;
use actix::{Actor, Context, Handler, Message, Recipient};
use tokio::sync::mpsc;

pub(super) struct Received<M>(mpsc::UnboundedReceiver<M>);

impl<M> Received<M> {
    /// The next message; fails the test if none comes within a minute of (paused) time.
    pub(super) async fn recv(&mut self) -> M {
        tokio::time::timeout(std::time::Duration::from_secs(60), self.0.recv())
            .await
            .expect("a message within a minute")
            .expect("the probe lives as long as its reader")
    }

    /// What has arrived by now, after everybody who can run has run.
    pub(super) async fn drain(&mut self) -> Vec<M> {
        settle().await;
        let mut all = Vec::new();
        while let Ok(message) = self.0.try_recv() {
            all.push(message);
        }
        all
    }
}

/// Lets every other task on this thread run until none has anything left to do.
pub(super) async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

pub(super) struct Probe<M>(mpsc::UnboundedSender<M>);

impl<M: 'static> Actor for Probe<M> {
    type Context = Context<Self>;
}

impl<M: Message<Result = ()> + 'static> Handler<M> for Probe<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Context<Self>) {
        let _ = self.0.send(message);
    }
}

/// A recipient of `M` and what it receives.
pub(super) fn probe<M>() -> (Recipient<M>, Received<M>)
where
    M: Message<Result = ()> + Send + 'static,
    Context<Probe<M>>: ToEnvelope<Probe<M>, M>,
{
    let (sender, receiver) = mpsc::unbounded_channel();
    (Probe(sender).start().recipient(), Received(receiver))
}
