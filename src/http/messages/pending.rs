//! Messages that the hub owes, listed from memory: that needs no archive.

use std::sync::Arc;

use crate::actors::messages::ListOpen;
use crate::domain::ids::Position;
use crate::domain::message::State;
use crate::http::message_view::MessageView;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::page::{self, Filling, Page};
use crate::logic::queues::listing::Wanted;
use crate::ports::archive::MessageQuery;

/// A page, newest first, as [`super::find`] would find it in the archive. Others get their turn
/// between its pieces.
pub(super) async fn find(
    hub: &Hub,
    wanted: Wanted,
    mut before: Option<Position>,
    limit: usize,
    keep: impl Fn(&MessageView) -> bool,
) -> Result<Page<MessageView>, HubError> {
    let wanted = Arc::new(wanted);
    let mut filling = Filling::new(limit, page::MOST_BYTES);
    loop {
        let asked = ListOpen {
            wanted: wanted.clone(),
            before,
        };
        let stretch = hub.clients.scheduler.look(asked).await?;
        let views = stretch.messages.into_iter().map(MessageView::open);
        for view in views.filter(&keep) {
            let bytes = view.bytes();
            if !filling.add(view, bytes) {
                return Ok(filling.finish());
            }
        }
        before = stretch.before;
        if before.is_none() {
            return Ok(filling.finish());
        }
    }
}

/// What the query asks for, of messages in one of these states.
pub(super) fn wanted(query: &MessageQuery, states: Vec<State>) -> Wanted {
    Wanted {
        source: query.source.clone(),
        destination: query.destination.clone(),
        party: query.party.clone(),
        correlation_id: query.correlation_id.clone(),
        states,
        since: query.since,
        until: query.until,
    }
}
