//! How a socket follows the events that are in memory.

use actix::AsyncContext;

use super::super::{Context, Session};
use super::{CREDIT, Feed, Stage};
use crate::actors::messages::{Credit, Follow, Unfollow};
use crate::logic::follower::FollowerAction;

/// Credit is given back in portions of so many bytes.
const PORTION: usize = CREDIT / 4;

impl Feed {
    pub(super) fn stop(&mut self) -> Option<FollowerAction> {
        let is_fed = matches!(self.stage, Stage::Following | Stage::Behind { .. });
        self.readings += 1;
        self.stage = Stage::Idle;
        is_fed.then_some(FollowerAction::Unfollow)
    }

    pub(super) fn follow(&mut self) -> FollowerAction {
        self.stage = Stage::Following;
        self.used = 0;
        FollowerAction::Follow {
            round: self.readings,
            from: self.through + 1,
            credit: CREDIT.saturating_sub(self.ready_bytes),
        }
    }

    pub(super) fn credit(&mut self) -> Option<FollowerAction> {
        let is_due = self.used >= PORTION || (self.used > 0 && self.ready.is_empty());
        if self.stage != Stage::Following || !is_due {
            return None;
        }
        Some(FollowerAction::Credit(std::mem::take(&mut self.used)))
    }
}

impl Session {
    pub(in crate::websocket::session) fn stop_following(&mut self) {
        let feed = self.socket;
        if self.feed.stop().is_some() {
            self.hub.clients.event_bus.tell(Unfollow { feed });
        }
    }

    pub(super) fn follow(&mut self, ctx: &Context) {
        let action = self.feed.follow();
        self.perform(action, ctx);
    }

    pub(in crate::websocket::session) fn give_credit(&mut self) {
        let feed = self.socket;
        if let Some(FollowerAction::Credit(bytes)) = self.feed.credit() {
            self.hub.clients.event_bus.tell(Credit { feed, bytes });
        }
    }

    /// What the feed asks for.
    pub(super) fn perform(&self, action: FollowerAction, ctx: &Context) {
        let (event_bus, feed) = (&self.hub.clients.event_bus, self.socket);
        match action {
            FollowerAction::Follow {
                round,
                from,
                credit,
            } => event_bus.tell(Follow {
                feed,
                round,
                event_types: self.feed.event_types.clone(),
                from,
                credit,
                to: ctx.address().recipient(),
            }),
            FollowerAction::Unfollow => event_bus.tell(Unfollow { feed }),
            FollowerAction::Credit(bytes) => event_bus.tell(Credit { feed, bytes }),
            FollowerAction::Read { round, from } => self.read_page(round, from, ctx),
        }
    }
}
