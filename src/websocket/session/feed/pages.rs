//! Pages from the archive, for a socket that fell behind what is in memory.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Handler, Message};

use super::super::{Context, Session};
use super::{CREDIT, Stage};
use crate::actors::messages::{Framed, InspectLog};
use crate::domain::event::{Event, Sequence};
use crate::domain::refusal::Refusal;
use crate::http::ask::look;
use crate::http::flush::flush;
use crate::http::state::Hub;
use crate::hub::error::HubError;
use crate::ports::archive::EventQuery;

/// Events read at once, if they are small.
const PAGE: usize = 1000;
/// Until an archive that did not answer is asked again.
const ARCHIVE_PAUSE: Duration = Duration::from_secs(1);

/// A page from the archive.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Page {
    reading: u64,
    read: Result<PageRead, HubError>,
}

struct PageRead {
    events: Vec<Event>,
    /// Everything up to here was looked at.
    through: Sequence,
    /// Events before this one were deleted before the socket came to them.
    gone_before: Option<Sequence>,
    /// The rest is in memory.
    is_last: bool,
}

impl Session {
    /// Reads the next page, if the socket is behind and has room.
    pub(in crate::websocket::session) fn feed_on(&mut self, ctx: &Context) {
        let is_due = self.feed.stage == Stage::Behind { is_reading: false };
        if !is_due
            || self.has_said_goodbye()
            || self.is_draining
            || self.feed.ready_bytes > CREDIT / 2
        {
            return;
        }
        self.feed.stage = Stage::Behind { is_reading: true };
        let (hub, home) = (self.hub.clone(), ctx.address());
        let query = EventQuery {
            event_types: self.feed.event_types.to_vec(),
            from_sequence: Some(self.feed.through + 1),
            limit: PAGE,
            most_bytes: Some(CREDIT),
            ..EventQuery::default()
        };
        let reading = self.feed.readings;
        actix::spawn(async move {
            let read = read_page(&hub, query).await;
            if read.is_err() {
                tokio::time::sleep(ARCHIVE_PAUSE).await;
            }
            home.do_send(Page { reading, read });
        });
    }
}

async fn read_page(hub: &Hub, mut query: EventQuery) -> Result<PageRead, HubError> {
    let log = look(&hub.handles.inspect_log, InspectLog).await?;
    let asked = query.from_sequence.unwrap_or(1);
    let from = asked.max(log.oldest);
    let gone_before = (from > asked).then_some(log.oldest);
    if from >= log.in_memory {
        return Ok(PageRead {
            events: Vec::new(),
            through: from - 1,
            gone_before,
            is_last: true,
        });
    }
    query.from_sequence = Some(from);
    query.to_sequence = Some(log.newest);
    flush(hub).await?;
    let page = hub.archive.events(query).await?;
    let next = page.next.as_ref();
    Ok(PageRead {
        through: next.map_or(log.newest, |next| next.sequence - 1),
        gone_before,
        is_last: page.is_last(),
        events: page.items,
    })
}

impl Handler<Page> for Session {
    type Result = ();

    fn handle(&mut self, page: Page, ctx: &mut Context) {
        let is_awaited = self.feed.stage == Stage::Behind { is_reading: true };
        if !is_awaited || page.reading != self.feed.readings {
            return;
        }
        self.feed.stage = Stage::Behind { is_reading: false };
        let read = match page.read {
            Ok(read) => read,
            // The next try comes by itself; until then the client waits.
            Err(error) => return tracing::debug!(%error, "a socket waits for the archive"),
        };
        if let Some(oldest) = read.gone_before {
            self.complain(&Refusal::EventsGone { oldest }.into());
        }
        let framed = read.events.into_iter().map(Arc::new);
        let framed = framed.map(|event| Arc::new(Framed::new(event)));
        self.feed.extend(framed, read.through);
        if read.is_last {
            self.follow(ctx);
        }
    }
}
