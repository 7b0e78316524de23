//! Tells somebody when an actor is gone, be it by a panic.
//!
//! actix drops an actor whose handler panicked and tells nobody; `actix::Supervisor` does not
//! restart it. A field whose `Drop` sends a message is all it takes.

use actix::{Message, Recipient};

/// A field of the watched actor. Sends its message when the actor is dropped, for any reason:
/// the receiver knows which deaths it asked for.
pub struct DeathWatch(Option<Box<dyn FnOnce() + Send>>);

impl DeathWatch {
    pub fn new<M>(watcher: Recipient<M>, news: M) -> Self
    where
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Self(Some(Box::new(move || watcher.do_send(news))))
    }
}

impl Drop for DeathWatch {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::probe::probe;
    use actix::{Actor, Context, Handler};

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Gone(&'static str);

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Fail;

    struct Fragile {
        _watch: DeathWatch,
    }

    impl Actor for Fragile {
        type Context = Context<Self>;
    }

    impl Handler<Fail> for Fragile {
        type Result = ();

        fn handle(&mut self, _: Fail, _: &mut Context<Self>) {
            panic!("as asked");
        }
    }

    #[actix::test]
    async fn a_panic_is_told() {
        let (watcher, mut news) = probe::<Gone>();
        let watch = DeathWatch::new(watcher, Gone("fragile"));
        let fragile = Fragile { _watch: watch }.start();
        fragile.do_send(Fail);
        assert_eq!(news.recv().await.0, "fragile");
    }
}
