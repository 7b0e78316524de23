//! Has what an actor owns checked after each of its turns, in debug builds alone: so every test
//! that an actor takes part in is a test of its invariants.
//!
//! A turn is what an actor does from one time it is woken to the next: the messages it finds, and
//! what came due. Whatever it does it does in a turn, so one look at its end sees all of it, and no
//! handler has to think of it. A contradiction ends the process: the death of an actor alone would
//! be made good by its parent, or noticed by nobody.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll};

use actix::fut::ActorFuture;
use actix::{Actor, AsyncContext, Context};

/// So many things are looked at each turn. Whoever owns more is looked at whole all the same, but
/// only every so many turns, or tests with many messages would take many times as long.
const EACH_TURN: usize = 256;

/// An actor whose state can be told to be right by looking at it.
pub trait Invariants: Actor<Context = Context<Self>> {
    /// Looks at everything it owns; gives how many things these are.
    ///
    /// # Panics
    /// If they contradict each other.
    fn check(&self) -> usize;
}

/// From now on the actor is checked; does nothing in a release.
pub fn keep<A: Invariants>(ctx: &mut Context<A>) {
    if cfg!(debug_assertions) {
        ctx.spawn(Keeper { in_advance: 0 });
    }
}

struct Keeper {
    /// Things looked at that later turns have yet to pay for.
    in_advance: usize,
}

impl<A: Invariants> ActorFuture<A> for Keeper {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        actor: &mut A,
        ctx: &mut Context<A>,
        _: &mut task::Context<'_>,
    ) -> Poll<()> {
        self.in_advance = self.in_advance.saturating_sub(EACH_TURN);
        if self.in_advance == 0 {
            self.in_advance = look_at(actor).unwrap_or_else(|problem| end(&problem));
        }
        // Nobody can reach it any more: it would not end as long as this stays.
        if ctx.connected() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

/// How many things it looked at, or what is wrong.
fn look_at<A: Invariants>(actor: &A) -> Result<usize, String> {
    catch_unwind(AssertUnwindSafe(|| actor.check())).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        let actor = std::any::type_name::<A>();
        format!(
            "{actor}: {}",
            words.unwrap_or("its state contradicts itself")
        )
    })
}

/// A test shows what was printed only if it fails itself, so this goes past what it keeps.
fn end(problem: &str) -> ! {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a thread");
    let _ = writeln!(io::stderr(), "{name}: {problem}");
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use actix::clock::sleep;
    use actix::{Handler, Message};

    use super::*;

    struct Counter {
        owns: usize,
        checks: Arc<AtomicUsize>,
        ended: Arc<AtomicUsize>,
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Own(usize);

    impl Actor for Counter {
        type Context = Context<Self>;

        fn started(&mut self, ctx: &mut Context<Self>) {
            // As `keep` does, and in a release as well.
            ctx.spawn(Keeper { in_advance: 0 });
        }

        fn stopped(&mut self, _: &mut Context<Self>) {
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Handler<Own> for Counter {
        type Result = ();

        fn handle(&mut self, Own(count): Own, _: &mut Context<Self>) {
            self.owns = count;
        }
    }

    impl Invariants for Counter {
        fn check(&self) -> usize {
            assert!(self.owns != 13, "unlucky");
            self.checks.fetch_add(1, Ordering::Relaxed);
            self.owns
        }
    }

    fn counter() -> (Counter, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (checks, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counter = Counter {
            owns: 0,
            checks: checks.clone(),
            ended: ended.clone(),
        };
        (counter, checks, ended)
    }

    #[actix::test]
    async fn who_owns_little_is_checked_after_each_turn_and_who_owns_much_now_and_then() {
        let (counter, checks, _) = counter();
        let counter = counter.start();
        let turns = async |owns, turns| {
            for _ in 0..turns {
                counter.send(Own(owns)).await.unwrap();
            }
            checks.swap(0, Ordering::Relaxed)
        };
        assert!(turns(EACH_TURN, 12).await >= 11);
        let much = turns(4 * EACH_TURN, 12).await;
        assert!((3..=4).contains(&much), "{much}");
    }

    #[test]
    fn what_is_wrong_is_told_with_whose_it_is() {
        let (mut counter, ..) = counter();
        assert_eq!(look_at(&counter), Ok(0));
        counter.owns = 13;
        let problem = look_at(&counter).unwrap_err();
        assert!(problem.ends_with("::Counter: unlucky"), "{problem}");
    }

    #[actix::test]
    async fn it_keeps_nobody_alive() {
        let (counter, _, ended) = counter();
        drop(counter.start());
        while ended.load(Ordering::Relaxed) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
}
