//! What is told to the EventStore: facts, and how far they are archived.

use actix::Message as ActixMessage;
use actix::Recipient;
use tokio::sync::oneshot;

use super::reply::Reply;
use crate::domain::fact::Fact;
use crate::domain::ids::Position;

/// Anyone → EventStore: write these facts, in this order. Facts that do not follow from what the
/// journal says (a second settlement, say) are left out; what the hub itself publishes about the
/// rest is added. Never refused for lack of space.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Record {
    pub facts: Vec<Fact>,
    pub reply: Option<Reply<()>>,
}

impl Record {
    pub fn unasked(facts: Vec<Fact>) -> Self {
        Self { facts, reply: None }
    }

    /// Has these facts written, and then does `then`; a journal that ends before answers nobody.
    pub fn and_then(
        event_store: &Recipient<Self>,
        facts: Vec<Fact>,
        then: impl FnOnce() + 'static,
    ) {
        let (reply, recorded) = oneshot::channel();
        event_store.do_send(Self {
            facts,
            reply: Some(reply),
        });
        actix::spawn(async move {
            if recorded.await.is_ok() {
                then();
            }
        });
    }
}

/// Archivist → EventStore: everything up to here is in the archive, durably.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Archived {
    pub through: Position,
}
