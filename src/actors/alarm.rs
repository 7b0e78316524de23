//! The one sleep of an actor: until the next thing that is due.

use actix::{Actor, AsyncContext, Context, SpawnHandle};

use crate::domain::timestamp::Timestamp;

/// Goes off once, at the time it was set to last.
#[derive(Default)]
pub struct Alarm(Option<(Timestamp, SpawnHandle)>);

impl Alarm {
    /// Sleeps until `next` in place of what was arranged before, then calls `ring`, which has to
    /// begin with [`Alarm::rang`].
    pub fn set<A: Actor<Context = Context<A>>>(
        &mut self,
        next: Option<Timestamp>,
        now: Timestamp,
        ctx: &mut Context<A>,
        ring: impl FnOnce(&mut A, &mut Context<A>) + 'static,
    ) {
        if next == self.0.map(|(at, _)| at) {
            return;
        }
        if let Some((_, sleep)) = self.0.take() {
            ctx.cancel_future(sleep);
        }
        if let Some(at) = next {
            self.0 = Some((at, ctx.run_later(at.since(now), ring)));
        }
    }

    /// It has gone off.
    pub fn rang(&mut self) {
        self.0 = None;
    }
}
