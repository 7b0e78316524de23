//! An address before its actor exists, so that a ring of actors can be wired by constructors.

use actix::dev::channel::{AddressReceiver, channel};
use actix::{Actor, Addr, Context};

/// A mailbox whose actor is still to come. What is sent meanwhile waits in it.
pub struct PendingMailbox<A: Actor<Context = Context<A>>> {
    address: Addr<A>,
    receiver: AddressReceiver<A>,
}

impl<A: Actor<Context = Context<A>>> PendingMailbox<A> {
    /// `capacity` is a hint to senders that ask; `do_send` is bounded by credits, not by it.
    pub fn new(capacity: usize) -> Self {
        let (sender, receiver) = channel(capacity);
        Self {
            address: Addr::new(sender),
            receiver,
        }
    }

    pub fn address(&self) -> Addr<A> {
        self.address.clone()
    }

    /// Starts `actor` on the arbiter this is called on, first message first.
    pub fn fill(self, actor: A) -> Addr<A> {
        Context::with_receiver(self.receiver).run(actor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::{Handler, Message};

    struct Adder(u64);

    #[derive(Message)]
    #[rtype(result = "u64")]
    struct Add(u64);

    impl Actor for Adder {
        type Context = Context<Self>;
    }

    impl Handler<Add> for Adder {
        type Result = u64;

        fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) -> u64 {
            self.0 += n;
            self.0
        }
    }

    #[actix::test]
    async fn keeps_messages_until_the_actor_comes() {
        let mailbox = PendingMailbox::new(8);
        let address = mailbox.address();
        address.do_send(Add(1));
        address.do_send(Add(2));
        mailbox.fill(Adder(10));
        assert_eq!(address.send(Add(0)).await.unwrap(), 13);
    }
}
