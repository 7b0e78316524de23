//! Pages from the archive, for a socket that fell behind what is in memory.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Handler, Message};

use super::super::{Context, Session};
use super::{CREDIT, Feed, Stage};
use crate::actors::messages::{Framed, InspectLog};
use crate::domain::event::{Event, Sequence};
use crate::domain::refusal::Refusal;
use crate::http::flush::flush;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::follower::FollowerAction;
use crate::logic::page;
use crate::logic::retained_events::EventWindow;
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

pub(super) struct PageRead {
    events: Vec<Event>,
    /// Everything up to here was looked at.
    through: Sequence,
    /// Events before this one were deleted before the socket came to them.
    gone_before: Option<Sequence>,
    /// The rest is in memory.
    is_last: bool,
}

impl PageRead {
    /// `None`: what comes is in memory, as far as it is not gone.
    pub(super) fn of(asked: Sequence, log: &EventWindow, page: Option<page::Page<Event>>) -> Self {
        let from = asked.max(log.oldest);
        let gone_before = (from > asked).then_some(log.oldest);
        let Some(page) = page else {
            return Self {
                events: Vec::new(),
                through: from - 1,
                gone_before,
                is_last: true,
            };
        };
        let next = page.next.as_ref();
        Self {
            through: next.map_or(log.newest, |next| next.sequence - 1),
            gone_before,
            is_last: page.is_last(),
            events: page.items,
        }
    }
}

impl Feed {
    /// Asks for the next page, if the socket is behind and has room.
    pub(super) fn reads(&mut self) -> Option<FollowerAction> {
        let is_due = self.stage == Stage::Behind { is_reading: false };
        if !is_due || self.ready_bytes > CREDIT / 2 {
            return None;
        }
        self.stage = Stage::Behind { is_reading: true };
        Some(FollowerAction::Read {
            round: self.readings,
            from: self.through + 1,
        })
    }

    /// Whether this page was asked for by what the feed is now.
    pub(super) fn page_came(&mut self, reading: u64) -> bool {
        let is_awaited = self.stage == Stage::Behind { is_reading: true };
        if !is_awaited || reading != self.readings {
            return false;
        }
        self.stage = Stage::Behind { is_reading: false };
        true
    }

    /// What is told to the client, and what is asked for next.
    pub(super) fn page(&mut self, read: PageRead) -> (Option<Sequence>, Option<FollowerAction>) {
        let framed = read.events.into_iter().map(Arc::new);
        let framed = framed.map(|event| Arc::new(Framed::new(event)));
        self.extend(framed, read.through);
        let next = read.is_last.then(|| self.follow());
        (read.gone_before, next)
    }
}

impl Session {
    /// Reads the next page, if it is time.
    pub(in crate::websocket::session) fn feed_on(&mut self, ctx: &Context) {
        if self.has_said_goodbye() || self.is_draining {
            return;
        }
        if let Some(action) = self.feed.reads() {
            self.perform(action, ctx);
        }
    }

    pub(super) fn read_page(&self, reading: u64, from: Sequence, ctx: &Context) {
        let (hub, home) = (self.hub.clone(), ctx.address());
        let query = EventQuery {
            event_types: self.feed.event_types.to_vec(),
            from_sequence: Some(from),
            limit: PAGE,
            most_bytes: Some(CREDIT),
            ..EventQuery::default()
        };
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
    let log = hub.clients.event_bus.look(InspectLog).await?;
    let asked = query.from_sequence.unwrap_or(1);
    let from = asked.max(log.oldest);
    if from >= log.in_memory {
        return Ok(PageRead::of(asked, &log, None));
    }
    query.from_sequence = Some(from);
    query.to_sequence = Some(log.newest);
    flush(hub).await?;
    let page = hub.archive.events(query).await?;
    Ok(PageRead::of(asked, &log, Some(page)))
}

impl Handler<Page> for Session {
    type Result = ();

    fn handle(&mut self, page: Page, ctx: &mut Context) {
        if !self.feed.page_came(page.reading) {
            return;
        }
        let read = match page.read {
            Ok(read) => read,
            // The next try comes by itself; until then the client waits.
            Err(error) => return tracing::debug!(%error, "a socket waits for the archive"),
        };
        let (gone_before, next) = self.feed.page(read);
        if let Some(oldest) = gone_before {
            self.complain(&Refusal::EventsGone { oldest }.into());
        }
        if let Some(action) = next {
            self.perform(action, ctx);
        }
    }
}
