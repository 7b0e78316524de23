//! How far a socket is from its end, and what it says there.
//!
//! ```text
//!          the client closes, its connection ends, or what it says is no WebSocket
//!   Open ──────────────────────────────> Leaving ──── all it said is done ────> Closed
//!     │                                     ^                                     ^
//!     └── the hub stops ──> Parting ────────┘ ──── or it says nothing in time ────┘
//! ```

use actix_web_actors::ws::{CloseCode, CloseReason};

pub(super) enum Stage {
    Open,
    /// The hub has said goodbye, and what the client said before it hears that is taken.
    Parting,
    /// The client says nothing more; what it said is being done.
    Leaving(Farewell),
    Closed,
}

/// What the hub says at the end.
#[derive(Clone)]
pub(super) enum Farewell {
    /// It has said it.
    Said,
    /// The client gave no reason.
    Answer,
    Because(CloseReason),
}

impl Farewell {
    pub(super) fn because((code, description): (CloseCode, impl Into<String>)) -> Self {
        let description = Some(description.into()).filter(|text| !text.is_empty());
        Self::Because(CloseReason { code, description })
    }

    /// The client's own code goes back to it (RFC 6455, section 5.5.1).
    pub(super) fn answering(said: Option<CloseReason>) -> Self {
        said.map_or(Self::Answer, |said| Self::because((said.code, "")))
    }
}
