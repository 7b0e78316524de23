//! Ends the process when an actor that cannot be restarted in place has died.
//!
//! Owns nothing. Receives [`Fatal`] and [`CoreDied`]; calls the exit it was given. A crash and
//! the replay that follows *are* the restart: everything acknowledged is in the journal.
//! It exits even if nothing can be said any more.

use actix::{Actor, Context, Handler, Message};

use super::messages::warden::Fatal;

/// A core actor was dropped.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CoreDied {
    pub actor: &'static str,
}

/// Runtime → Warden: deaths from now on are intended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stopping;

pub struct Warden {
    exit: Box<dyn Fn()>,
    stopping: bool,
}

impl Warden {
    /// `exit` ends the process with code 70; tests give something milder.
    pub fn new(exit: impl Fn() + 'static) -> Self {
        Self {
            exit: Box::new(exit),
            stopping: false,
        }
    }
}

/// Exits when dropped: after what is said, and also if saying it panics.
struct Leaving<'a>(&'a dyn Fn());

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl Actor for Warden {
    type Context = Context<Self>;
}

impl Handler<Fatal> for Warden {
    type Result = ();

    fn handle(&mut self, fatal: Fatal, _: &mut Context<Self>) {
        let _leaving = Leaving(&*self.exit);
        tracing::error!(
            actor = fatal.actor,
            cause = fatal.cause,
            "the hub cannot go on; everything acknowledged is in the journal, start it again"
        );
    }
}

impl Handler<CoreDied> for Warden {
    type Result = ();

    fn handle(&mut self, died: CoreDied, _: &mut Context<Self>) {
        if self.stopping {
            return;
        }
        let _leaving = Leaving(&*self.exit);
        tracing::error!(
            actor = died.actor,
            "an actor died; everything acknowledged is in the journal, start the hub again"
        );
    }
}

impl Handler<Stopping> for Warden {
    type Result = ();

    fn handle(&mut self, _: Stopping, _: &mut Context<Self>) {
        self.stopping = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;
    use tracing::span::{Attributes, Id};
    use tracing::{Event, Metadata, Subscriber};

    fn warden() -> (actix::Addr<Warden>, Rc<Cell<u32>>) {
        let exits = Rc::new(Cell::new(0));
        let counted = exits.clone();
        (
            Warden::new(move || counted.set(counted.get() + 1)).start(),
            exits,
        )
    }

    #[actix::test]
    async fn exits_when_a_core_actor_dies() {
        let (warden, exits) = warden();
        warden.send(CoreDied { actor: "router" }).await.unwrap();
        assert_eq!(exits.get(), 1);
    }

    #[actix::test]
    async fn exits_when_told_that_all_is_lost() {
        let (warden, exits) = warden();
        let cause = "sync failed".to_owned();
        warden
            .send(Fatal {
                actor: "event_store",
                cause,
            })
            .await
            .unwrap();
        assert_eq!(exits.get(), 1);
    }

    /// A log that fails as one does whose stream failed, if it is not prepared for that.
    struct BrokenLog;

    impl Subscriber for BrokenLog {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            panic!("standard error cannot be written");
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[actix::test]
    async fn exits_even_if_nothing_can_be_said() {
        let (warden, exits) = warden();
        let _log = tracing::subscriber::set_default(BrokenLog);
        let cause = "sync failed".to_owned();
        let told = warden.send(Fatal {
            actor: "event_store",
            cause,
        });
        assert!(told.await.is_err());
        assert_eq!(exits.get(), 1);
    }

    #[actix::test]
    async fn deaths_during_a_stop_are_no_news() {
        let (warden, exits) = warden();
        warden.send(Stopping).await.unwrap();
        warden.send(CoreDied { actor: "router" }).await.unwrap();
        assert_eq!(exits.get(), 0);
    }
}
