//! How a socket follows the events that are in memory.

use actix::AsyncContext;

use super::super::{Context, Session};
use super::{CREDIT, Stage};
use crate::actors::messages::{Credit, Follow, Unfollow};

/// Credit is given back in portions of so many bytes.
const PORTION: usize = CREDIT / 4;

impl Session {
    pub(in crate::websocket::session) fn stop_following(&mut self) {
        let feed = self.socket;
        if matches!(self.feed.stage, Stage::Following | Stage::Behind { .. }) {
            self.hub.handles.unfollow.do_send(Unfollow { feed });
        }
        self.feed.readings += 1;
        self.feed.stage = Stage::Idle;
    }

    pub(super) fn follow(&mut self, ctx: &Context) {
        self.feed.stage = Stage::Following;
        self.feed.used = 0;
        self.hub.handles.follow.do_send(Follow {
            feed: self.socket,
            round: self.feed.readings,
            event_types: self.feed.event_types.clone(),
            from: self.feed.through + 1,
            credit: CREDIT.saturating_sub(self.feed.ready_bytes),
            to: ctx.address().recipient(),
        });
    }

    pub(in crate::websocket::session) fn give_credit(&mut self) {
        let feed = &mut self.feed;
        if feed.stage != Stage::Following {
            return;
        }
        if feed.used >= PORTION || (feed.used > 0 && feed.ready.is_empty()) {
            let bytes = std::mem::take(&mut feed.used);
            let feed = self.socket;
            self.hub.handles.credit.do_send(Credit { feed, bytes });
        }
    }
}
