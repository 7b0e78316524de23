//! How far the client of a durable subscription is, and how it loses the subscription.

use std::sync::Arc;

use actix::AsyncContext;

use super::super::super::answers::Slip;
use super::super::requests::confirm;
use super::super::{Answered, Context, Session};
use super::named::{Named, deleted};
use crate::domain::event::Sequence;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;
use crate::hub::error::{HubError, Subject};

impl Session {
    /// Events that the subscription does not want are not kept for its sake.
    pub(in crate::websocket::session) fn tell_passed(&mut self) {
        let passed = self.feed.passed();
        if let (Some(through), Some(named)) = (passed, &mut self.feed.named) {
            named.told = through;
            let held = named.held_by(self.socket);
            self.hub.pass_events(held, through);
        }
    }

    pub(in crate::websocket::session) fn displaced(&mut self) {
        self.end_feed();
        let why = "subscription: another socket has taken it over";
        self.complain(&Refusal::Conflict(why).into());
    }

    /// Somebody deleted the subscription. If this socket is about to get it, it learns then.
    pub(in crate::websocket::session) fn ended(&mut self, id: SubscriptionId) {
        self.feed.ended = Some(id);
        let named = self.feed.named.take_if(|named| named.id == id);
        if let Some(Named { name, .. }) = named {
            self.end_feed();
            self.complain(&deleted(&name));
            self.feed.deleted = Some(name);
        }
    }

    fn end_feed(&mut self) {
        self.stop_following();
        self.feed.event_types = Arc::new([]);
        self.feed.keep(&[]);
        self.feed.named = None;
    }

    pub(in crate::websocket::session) fn ack_sequence(
        &mut self,
        slip: Slip,
        sequence: Sequence,
        ctx: &Context,
    ) {
        let wrong = |problem| HubError::invalid(Subject::Request, "sequence", problem);
        let done_with = self.feed.done_with();
        let Some(named) = &mut self.feed.named else {
            let error = self.feed.no_subscription();
            return self.refuse(&slip, &error);
        };
        if let Some(dead_event) = named.dead_events.remove(&sequence) {
            self.hub.end_redelivery(dead_event, None);
            return self.answers.give(confirm(&self.hub, &slip, Ok(())));
        }
        if sequence > done_with {
            return self.refuse(&slip, &wrong("was not sent yet"));
        }
        named.acked = named.acked.max(sequence);
        named.told = named.told.max(sequence);
        named.losses.acked(sequence);
        let gone = deleted(&named.name);
        let acked = self
            .hub
            .ack_events(named.held_by(self.socket), sequence, gone);
        let (hub, home) = (self.hub.clone(), ctx.address());
        actix::spawn(async move {
            let outcome = acked.await;
            home.do_send(Answered(vec![confirm(&hub, &slip, outcome)]));
        });
    }
}
