//! How a socket ends: who said goodbye, and what is still done.
//!
//! ```text
//!          the client closes, its connection ends, or what it says is no WebSocket
//!   Open ──────────────────────────────> Leaving ──── all it said is done ────> Closed
//!     │                                     ^                                     ^
//!     └── the hub stops ──> Parting ────────┘ ──── or it says nothing in time ────┘
//! ```
//!
//! Whatever a client said before it closed counts, however quickly it left; so does what it said
//! before it heard that the hub is leaving.

use std::time::Duration;

use actix::{ActorContext, AsyncContext};
use actix_web_actors::ws::{CloseCode, CloseReason};

use super::{Context, Session};

/// How long a client may take to answer the hub's goodbye.
const PATIENCE: Duration = Duration::from_secs(1);

pub enum Stage {
    Open,
    /// The hub has said goodbye, and what the client said before it hears that is taken.
    Parting,
    /// The client says nothing more; what it said is being done.
    Leaving(Farewell),
    Closed,
}

/// What the hub says at the end.
#[derive(Clone)]
pub enum Farewell {
    /// It has said it.
    Said,
    /// The client gave no reason.
    Answer,
    Because(CloseReason),
}

impl Farewell {
    pub fn because((code, description): (CloseCode, impl Into<String>)) -> Self {
        let description = Some(description.into()).filter(|text| !text.is_empty());
        Self::Because(CloseReason { code, description })
    }

    /// The client's own code goes back to it (RFC 6455, section 5.5.1).
    pub fn answering(said: Option<CloseReason>) -> Self {
        said.map_or(Self::Answer, |said| Self::because((said.code, "")))
    }
}

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
