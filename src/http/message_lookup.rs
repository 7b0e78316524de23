//! What is known of messages: by the queues while they are owed, by the archive from then on.

use super::flush::flush;
use super::message_view::MessageView;
use crate::actors::messages::Inspect;
use crate::domain::ids::MessageId;
use crate::hub::Hub;
use crate::hub::access::Principal;
use crate::hub::error::HubError;
use crate::logic::page::{self, Filling, Page};
use crate::ports::archive::MessageQuery;

/// Rows looked at together once a page turned out to be sparse.
const SCAN: usize = 1000;

/// The message, if there is one and the caller may see it.
pub(crate) async fn visible(
    hub: &Hub,
    id: MessageId,
    caller: &Principal,
) -> Result<MessageView, HubError> {
    let view = load(hub, id).await?;
    view.filter(|view| caller.may_see(&view.source, &view.destination))
        .ok_or_else(|| HubError::NotFound {
            what: format!("message {id}"),
        })
}

/// What is known of a message: from the queues while it is owed, then from the archive.
pub(crate) async fn load(hub: &Hub, id: MessageId) -> Result<Option<MessageView>, HubError> {
    let open = hub
        .clients
        .scheduler
        .look(Inspect { ids: vec![id] })
        .await?;
    if let Some(open) = open.into_iter().flatten().next() {
        return Ok(Some(MessageView::open(open)));
    }
    flush(hub).await?;
    Ok(hub.archive.message(id).await?.map(MessageView::archived))
}

/// A page of what the archive has, with what the queues know now. What the archive cannot tell
/// apart is left to `keep`.
pub(crate) async fn find(
    hub: &Hub,
    mut query: MessageQuery,
    limit: usize,
    keep: impl Fn(&MessageView) -> bool,
) -> Result<Page<MessageView>, HubError> {
    query.limit = limit;
    let mut filling = Filling::new(limit, page::MOST_BYTES);
    loop {
        let rows = hub.archive.messages(query.clone()).await?;
        let is_last = rows.is_last();
        let views = rows.into_known().map(MessageView::archived);
        let views = refresh(hub, views.collect()).await?;
        query.before = views.last().map(|view| view.position);
        for view in views.into_iter().filter(&keep) {
            let bytes = view.bytes();
            if !filling.add(view, bytes) {
                return Ok(filling.finish());
            }
        }
        if is_last {
            return Ok(filling.finish());
        }
        // Few of them are wanted, so look at more at once.
        query.limit = SCAN;
    }
}

/// Replaces what the archive says of open messages by what the queues know now.
pub(crate) async fn refresh(
    hub: &Hub,
    mut views: Vec<MessageView>,
) -> Result<Vec<MessageView>, HubError> {
    let is_open = |view: &&mut MessageView| !view.state.is_settled();
    let ids: Vec<_> = views
        .iter_mut()
        .filter(is_open)
        .map(|view| view.id)
        .collect();
    if ids.is_empty() {
        return Ok(views);
    }
    let mut live = hub
        .clients
        .scheduler
        .look(Inspect { ids })
        .await?
        .into_iter();
    for view in views.iter_mut().filter(is_open) {
        if let Some(Some(open)) = live.next() {
            let position = view.position;
            *view = MessageView::open(open);
            view.position = position;
        }
    }
    Ok(views)
}
