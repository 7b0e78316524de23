//! How a socket follows the events: what its follower asks for is asked of the EventLog, or of the
//! archive.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Handler, Message};

use super::super::{Context, Session};
use super::CREDIT;
use crate::domain::event::Sequence;
use crate::domain::refusal::Refusal;
use crate::hub::error::HubError;
use crate::logic::event_query::EventQuery;
use crate::logic::event_window::EventsRead;
use crate::logic::follower::{FollowerAction, PageOutcome};
use crate::logic::recent::Framed;

/// Events read at once, if they are small.
const PAGE: usize = 1000;
/// Until an archive that did not answer is asked again.
const ARCHIVE_PAUSE: Duration = Duration::from_secs(1);

/// A page from the archive.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ArchivePage {
    round: u64,
    read: Result<EventsRead, HubError>,
}

impl Session {
    pub(in crate::websocket::session) fn stop_following(&mut self) {
        let unfollow = self.feed.follower.stop();
        self.unfollow(unfollow);
    }

    /// Only this is asked for where a follower stops.
    pub(super) fn unfollow(&self, asked: Option<FollowerAction>) {
        if asked.is_some() {
            self.hub.unfollow(self.socket);
        }
    }

    pub(super) fn follow(&mut self, ctx: &Context) {
        let action = self.feed.follower.follow();
        self.perform(action, ctx);
    }

    /// Asks for what the feed needs.
    pub(in crate::websocket::session) fn feed_on(&mut self, ctx: &Context) {
        if self.has_said_goodbye() || self.is_draining {
            return;
        }
        let has_next = !self.feed.ready.is_empty();
        if let Some(action) = self.feed.follower.needs(has_next) {
            self.perform(action, ctx);
        }
    }

    fn perform(&self, action: FollowerAction, ctx: &Context) {
        let told = || ctx.address().recipient();
        let types = &self.feed.event_types;
        if let Some((round, from)) = self.hub.feed(self.socket, action, (types, told)) {
            self.read_page(round, from, ctx);
        }
    }

    fn read_page(&self, round: u64, from: Sequence, ctx: &Context) {
        let (hub, home) = (self.hub.clone(), ctx.address());
        let query = EventQuery {
            event_types: self.feed.event_types.to_vec(),
            from_sequence: Some(from),
            limit: PAGE,
            most_bytes: Some(CREDIT),
            ..EventQuery::default()
        };
        actix::spawn(async move {
            let read = hub.events_before_memory(query).await;
            home.do_send(ArchivePage { round, read });
        });
    }
}

impl Handler<ArchivePage> for Session {
    type Result = ();

    fn handle(&mut self, page: ArchivePage, ctx: &mut Context) {
        let round = page.round;
        if let Err(error) = &page.read {
            tracing::debug!(%error, "a socket waits for the archive");
        }
        match self.feed.follower.page(round, page.read.ok()) {
            PageOutcome::Stale => {}
            // Until then the client waits.
            PageOutcome::Later => {
                ctx.run_later(ARCHIVE_PAUSE, move |session, ctx| {
                    session.feed.follower.again(round);
                    session.feed_on(ctx);
                });
            }
            PageOutcome::Taken { events, gap } => {
                if let Some((_, last)) = gap {
                    self.complain(&Refusal::EventsGone { oldest: last + 1 }.into());
                }
                let framed = events.into_iter().map(|event| Arc::new(Framed::new(event)));
                self.feed.ready.extend(framed);
            }
        }
    }
}
