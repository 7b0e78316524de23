//! How a socket ends: who said goodbye, and what is still done; see [`super::stage`].
//!
//! Whatever a client said before it closed counts, however quickly it left; so does what it said
//! before it heard that the hub is leaving.

use std::time::Duration;

use actix::{ActorContext, AsyncContext};
use actix_web_actors::ws::CloseCode;

use super::stage::{Farewell, Stage};
use super::{Context, Session};

/// How long a client may take to answer the hub's goodbye.
const PATIENCE: Duration = Duration::from_secs(1);

impl Session {
    /// The hub may not say anything more (RFC 6455, section 5.5.1).
    pub(super) fn has_said_goodbye(&self) -> bool {
        matches!(
            self.stage,
            Stage::Parting | Stage::Leaving(Farewell::Said) | Stage::Closed
        )
    }

    /// Nothing more comes from the client.
    pub(super) fn leave(&mut self, farewell: Farewell) {
        self.stage = match self.stage {
            Stage::Open => Stage::Leaving(farewell),
            Stage::Parting => Stage::Leaving(Farewell::Said),
            // Who has closed may end the connection, too.
            Stage::Leaving(_) | Stage::Closed => return,
        };
    }

    /// Goes on to the next stage, if it is time.
    pub(super) fn part(&mut self, ctx: &mut Context) {
        if !self.is_idle() {
            return;
        }
        match &self.stage {
            Stage::Open if self.is_draining => {
                let reason = (CloseCode::Away, self.feed.close_reason());
                say(Farewell::because(reason), ctx);
                self.stage = Stage::Parting;
                self.gate.set_open(true);
                ctx.run_later(PATIENCE, |session, ctx| {
                    session.close(Farewell::Said, ctx);
                });
            }
            Stage::Leaving(farewell) => {
                let farewell = farewell.clone();
                self.close(farewell, ctx);
            }
            Stage::Open | Stage::Parting | Stage::Closed => {}
        }
    }

    pub(super) fn close(&mut self, farewell: Farewell, ctx: &mut Context) {
        if !self.has_said_goodbye() {
            say(farewell, ctx);
        }
        self.stage = Stage::Closed;
        ctx.stop();
    }

    fn is_idle(&self) -> bool {
        self.texts.is_empty() && self.answers.requests() == 0 && self.answers.ready_bytes() == 0
    }
}

fn say(farewell: Farewell, ctx: &mut Context) {
    match farewell {
        Farewell::Said => {}
        Farewell::Answer => ctx.close(None),
        Farewell::Because(reason) => ctx.close(Some(reason)),
    }
}
