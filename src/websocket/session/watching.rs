//! Once a second, what a client watches is looked at, as long as it takes what it is told.

use std::time::Duration;

use actix::AsyncContext;
use actix::fut::{ActorFutureExt, wrap_future};

use super::super::answers::Slip;
use super::super::frames::Watched;
use super::super::texts;
use super::watch::{Watch, at_once};
use super::{Context, Session};

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);

impl Session {
    /// From now on this is watched in place of what was.
    pub(super) fn watch(&mut self, slip: Slip, what: Watched, ctx: &mut Context) {
        self.end_watching(ctx);
        self.watching.watch = Some(Watch::new(what, &self.client));
        self.watching.ticking = Some(ctx.run_interval(PERIOD, Self::look));
        let text = texts::watching(slip.reference.as_ref());
        self.answers.give((slip.place, Some(text)));
        self.look(ctx);
    }

    pub(super) fn unwatch(&mut self, slip: &Slip, ctx: &mut Context) {
        self.end_watching(ctx);
        let text = slip.reference.as_ref().map(texts::ok);
        self.answers.give((slip.place, text));
    }

    fn end_watching(&mut self, ctx: &mut Context) {
        self.watching.number += 1;
        self.watching.watch = None;
        if let Some(ticking) = self.watching.ticking.take() {
            ctx.cancel_future(ticking);
        }
    }

    /// Who has not taken what it was told is told the next time what changed meanwhile.
    fn look(&mut self, ctx: &mut Context) {
        if self.answers.ready_bytes() > 0 || !self.send_buffer.is_left() || !self.is_open() {
            return;
        }
        let Some(mut watch) = self.watching.watch.take() else {
            return;
        };
        let (hub, client, number) = (self.hub.clone(), self.client.clone(), self.watching.number);
        let looked = wrap_future::<_, Self>(async move {
            let texts = watch.look(&hub, &client).await;
            (watch, texts)
        });
        let told = looked.map(move |(watch, texts), session, ctx| {
            if session.watching.number != number {
                return;
            }
            session.watching.watch = Some(watch);
            match texts {
                Ok(texts) => {
                    let text = at_once(&texts);
                    text.into_iter().for_each(|text| session.answers.say(text));
                }
                // It is going down, which this client is told anyway.
                Err(_) => session.end_watching(ctx),
            }
        });
        ctx.spawn(told);
    }
}
