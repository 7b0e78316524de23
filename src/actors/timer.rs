//! The one sleep of an actor: until the next thing that is due.

use actix::{Actor, AsyncContext, Context, SpawnHandle};

use crate::domain::timestamp::Timestamp;

/// Goes off once, at the time it was set to last.
#[derive(Default)]
pub struct Timer(Option<(Timestamp, SpawnHandle)>);

impl Timer {
    /// Sleeps until `next` in place of what was arranged before, then calls `fire`, which has to
    /// begin with [`Timer::fired`].
    pub fn set<A: Actor<Context = Context<A>>>(
        &mut self,
        next: Option<Timestamp>,
        now: Timestamp,
        ctx: &mut Context<A>,
        fire: impl FnOnce(&mut A, &mut Context<A>) + 'static,
    ) {
        if next == self.0.map(|(at, _)| at) {
            return;
        }
        if let Some((_, sleep)) = self.0.take() {
            ctx.cancel_future(sleep);
        }
        if let Some(at) = next {
            self.0 = Some((at, ctx.run_later(at.since(now), fire)));
        }
    }

    /// It has gone off.
    pub fn fired(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix::{Handler, Message, Recipient};

    use super::*;
    use crate::actors::probe::probe;
    use crate::clock::Clock;

    /// Tells when its timer went off, in seconds from the start.
    struct Sleeper {
        timer: Timer,
        clock: Clock,
        started_at: Timestamp,
        fired: Recipient<Fired>,
    }

    #[derive(Message, PartialEq, Debug)]
    #[rtype(result = "()")]
    struct Fired(u64);

    #[derive(Message)]
    #[rtype(result = "()")]
    struct WakeAt(Option<u64>);

    impl Actor for Sleeper {
        type Context = Context<Self>;
    }

    impl Handler<WakeAt> for Sleeper {
        type Result = ();

        fn handle(&mut self, WakeAt(seconds): WakeAt, ctx: &mut Context<Self>) {
            let (start, now) = (self.started_at, self.clock.now());
            let next = seconds.map(|seconds| start.plus(Duration::from_secs(seconds)));
            self.timer.set(next, now, ctx, |sleeper, _| {
                sleeper.timer.fired();
                let seconds = sleeper.clock.now().since(sleeper.started_at).as_secs();
                sleeper.fired.do_send(Fired(seconds));
            });
        }
    }

    #[actix::test]
    async fn goes_off_once_at_the_time_set_last() {
        tokio::time::pause();
        let (fired, mut received) = probe();
        let clock = Clock::start();
        let sleeper = Sleeper {
            timer: Timer::default(),
            clock,
            started_at: clock.now(),
            fired,
        };
        let sleeper = sleeper.start();
        for seconds in [Some(5), Some(9), None, Some(3), Some(7), Some(7)] {
            sleeper.do_send(WakeAt(seconds));
        }
        assert_eq!(received.recv().await, Fired(7));
        // The same time again is a new sleep once the timer has gone off.
        sleeper.do_send(WakeAt(Some(7)));
        assert_eq!(received.recv().await, Fired(7));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(received.drain().await, []);
    }
}
