//! Sockets take named subscriptions, and leave them.

use std::sync::Arc;

use actix::{Context, Handler};
use rand::RngExt;

use super::Subscriptions;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::subscriptions::AttachSocket;
use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{Channel, Subscription, SubscriptionId};
use crate::logic::feed_news::{AttachChange, Attached, SocketNews};

impl Subscriptions {
    /// Events after the one returned are meant.
    ///
    /// # Errors
    /// [`Refusal::EventsGone`] if events from there on are gone.
    pub(super) fn begin_after(&self, from: Option<Sequence>) -> Result<Sequence, Refusal> {
        let oldest = self.log.oldest();
        match from {
            None => Ok(self.log.newest()),
            Some(from) if from < oldest => Err(Refusal::EventsGone { oldest }),
            Some(from) => Ok(from - 1),
        }
    }

    /// The subscription is no more.
    pub(super) fn detach(&mut self, id: SubscriptionId) {
        let socket = self.attached.forget(id);
        if let Some(socket) = socket.and_then(|socket| self.sockets.get(&socket)) {
            socket.do_send(SocketNews::Ended(id));
        }
    }

    /// The subscription of this name as it should be; `None` if it is so already.
    fn socket_subscription(
        &self,
        asked: &AttachSocket,
    ) -> Result<(SubscriptionId, Option<Subscription>), Refusal> {
        let now = self.settings.clock.wall();
        let Some(known) = self.subscriptions.named(&asked.service, &asked.name) else {
            self.may_subscribe(&asked.service, asked.event_types.len())?;
            let id = SubscriptionId::generate(now, rand::rng().random());
            let new = Subscription {
                id,
                service: asked.service.clone(),
                event_types: asked.event_types.clone(),
                created_at: now,
                changed_at: now,
                after: self.begin_after(asked.from_sequence)?,
                channel: Channel::Socket {
                    name: asked.name.clone(),
                },
                paused: None,
            };
            return Ok((id, Some(new)));
        };
        let is_other = known.event_types != asked.event_types;
        self.may_change(
            &asked.service,
            known.event_types.len(),
            asked.event_types.len(),
        )?;
        let changed = is_other.then(|| Subscription {
            event_types: asked.event_types.clone(),
            changed_at: now,
            ..Subscription::clone(known)
        });
        Ok((known.id, changed))
    }
}

impl Handler<AttachSocket> for Subscriptions {
    type Result = ();

    fn handle(&mut self, asked: AttachSocket, _: &mut Context<Self>) {
        if self.is_draining {
            return drop(asked.reply.send(Err(Refusal::Stopping)));
        }
        let is_known = self
            .subscriptions
            .named(&asked.service, &asked.name)
            .is_some();
        let (id, version) = match self.socket_subscription(&asked) {
            Ok(found) => found,
            Err(refusal) => return drop(asked.reply.send(Err(refusal))),
        };
        if let Some(before) = self.attached.take_over(id, asked.socket)
            && let Some(socket) = self.sockets.get(&before)
        {
            socket.do_send(SocketNews::Displaced);
        }
        let change = match (is_known, &version) {
            (false, _) => AttachChange::Made,
            (true, Some(_)) => AttachChange::Changed,
            (true, None) => AttachChange::None,
        };
        let mut facts = Vec::new();
        if let Some(version) = version.map(Arc::new) {
            self.subscriptions.positions.learn(id, version.after);
            self.subscriptions.intend(version.clone());
            facts.push(Fact::Subscription(SubscriptionFact::Subscribed(version)));
        }
        let from = self.subscriptions.positions.of(id) + 1;
        let unsettled = self.lost.of(id, self.settings.clock.now());
        let dead_events = self.subscriptions.dead_events_of(id);
        let reply = asked.reply;
        Record::and_then(&self.hops.event_store, facts, move || {
            let _ = reply.send(Ok(Attached {
                id,
                from,
                unsettled,
                change,
                dead_events,
            }));
        });
    }
}
