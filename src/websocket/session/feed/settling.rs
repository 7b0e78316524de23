//! Events of the named subscription that were not settled: those that the client refuses, those it
//! is lost with, and those that are sent once more as dead letters of it.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Handler, Message};
use bytestring::ByteString;

use super::super::super::answers::Slip;
use super::super::super::frames::Refused;
use super::super::super::texts;
use super::super::requests::confirm;
use super::super::stage;
use super::super::{Context, Session};
use super::Next;
use crate::domain::event::{Event, Sequence};
use crate::domain::subscription::DeadEvent;
use crate::hub::error::{HubError, Subject};
use crate::logic::feed_news::Unsettled;
use crate::logic::follower::FollowerAction;
use crate::logic::subscription_registry::settling::LostEvents;
use crate::phase::Phase;

/// What follows a refused event is known.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Rewound {
    slip: Slip,
    /// Of the feed when it was refused.
    round: u64,
    outcome: Result<Unsettled, HubError>,
}

impl Session {
    /// The next event, or dead letter, for the client.
    pub(in crate::websocket::session) fn next_event(&mut self) -> Option<ByteString> {
        if let Some(text) = self.next_dead_event() {
            return Some(text);
        }
        if let Some(text) = self.next_report() {
            return Some(text);
        }
        let (hub, limit) = (self.hub.clone(), self.hub.settings.delivery_limit);
        loop {
            match self.feed.pop(limit, || hub.clock.now())? {
                Next::Text(text) => return Some(text),
                Next::GivenUp(event) => self.give_up(event),
                Next::Skipped => {}
            }
        }
    }

    fn next_dead_event(&mut self) -> Option<ByteString> {
        let detail = self.feed.detail;
        let named = self.feed.named.as_mut()?;
        let dead_event = named.owed.pop_front()?;
        let attempt = dead_event.attempts.len() as u32 + 1;
        let text = texts::event(&dead_event.event, attempt, detail);
        named
            .dead_events
            .insert(dead_event.event.sequence, dead_event);
        Some(text)
    }

    fn give_up(&mut self, event: Arc<Event>) {
        if let Some(named) = &mut self.feed.named {
            let (held, losses) = (named.held_by(self.socket), named.losses.clone());
            self.hub.give_up_event(held, event, losses);
            named.losses.forget();
        }
    }

    /// An event is to be sent to the client once more.
    pub(in crate::websocket::session) fn owe(&mut self, dead_event: Arc<DeadEvent>) {
        let named = self.feed.named.as_mut();
        if let Some(named) = named.filter(|named| named.id == dead_event.subscription_id) {
            let is_known = named.owed.iter().any(|known| known.id == dead_event.id);
            if !is_known && !named.dead_events.contains_key(&dead_event.event.sequence) {
                named.owed.push_back(dead_event);
            }
        }
    }

    /// Follows the events when those that were not settled have waited long enough.
    pub(in crate::websocket::session) fn follow_after(
        &mut self,
        wait: Duration,
        ctx: &mut Context,
    ) {
        if wait.is_zero() {
            return self.follow(ctx);
        }
        let round = self.feed.follower.round();
        ctx.run_later(wait, move |session, ctx| {
            if session.feed.rests_since(round) {
                session.follow(ctx);
            }
        });
    }

    /// The client could not handle this event. Those before it it could, and those after it come
    /// again after it, so that their order stays.
    pub(in crate::websocket::session) fn nack_sequence(
        &mut self,
        slip: Slip,
        refused: Refused,
        ctx: &Context,
    ) {
        let sequence = refused.sequence;
        let wrong = |problem| HubError::invalid(Subject::Request, "sequence", problem);
        let sent = self.feed.sent;
        let Some(named) = &mut self.feed.named else {
            let error = self.feed.no_subscription();
            return self.refuse(&slip, &error);
        };
        let error = refused.reason.unwrap_or_else(|| "nack".to_owned());
        if let Some(dead_event) = named.dead_events.remove(&sequence) {
            self.hub.end_redelivery(dead_event, Some(error));
            return self.answers.give(confirm(&self.hub, &slip, Ok(())));
        }
        if sequence > sent {
            return self.refuse(&slip, &wrong("was not sent yet"));
        }
        if sequence <= named.acked {
            return self.refuse(&slip, &wrong("is acknowledged already"));
        }
        named.acked = sequence - 1;
        named.told = named.told.max(sequence - 1);
        let lost = LostEvents {
            held: named.held_by(self.socket),
            acked: sequence - 1,
            sent: sequence,
            error: Some(error),
        };
        let lost = self.hub.refuse_event(lost, refused.delay);
        let unfollow = self.feed.rewind(sequence);
        self.unfollow(unfollow);
        let (round, home) = (self.feed.follower.round(), ctx.address());
        actix::spawn(async move {
            let outcome = lost.await;
            home.do_send(Rewound {
                slip,
                round,
                outcome,
            });
        });
    }

    /// The client is gone with what it had, or has let go of it.
    pub(in crate::websocket::session) fn lose_events(&mut self) {
        let is_stopping = self.is_draining || self.hub.phase.get() != Phase::Open;
        let sent = self.feed.sent;
        let Some(named) = self.feed.named.as_mut().filter(|_| !is_stopping) else {
            return;
        };
        if named.acked < sent {
            self.hub.lose_events(LostEvents {
                held: named.held_by(self.socket),
                acked: named.acked,
                sent,
                error: None,
            });
        }
        for dead_event in std::mem::take(&mut named.dead_events).into_values() {
            let error = Some("the client left without having settled it".to_owned());
            self.hub.end_redelivery(dead_event, error);
        }
    }
}

impl super::Feed {
    /// This event is the next once more.
    fn rewind(&mut self, sequence: Sequence) -> Option<FollowerAction> {
        let bytes = self.follower.held();
        self.ready.clear();
        self.sent = sequence - 1;
        self.follower.rewind(sequence - 1, bytes)
    }

    /// Nothing is followed, and nothing was since this round of the follower.
    fn rests_since(&self, round: u64) -> bool {
        self.follower.is_idle() && self.follower.round() == round
    }
}

impl Handler<Rewound> for Session {
    type Result = ();

    fn handle(&mut self, rewound: Rewound, ctx: &mut Context) {
        let is_present = self.feed.rests_since(rewound.round);
        let outcome = rewound.outcome.map(|unsettled| {
            if let Some(named) = self.feed.named.as_mut().filter(|_| is_present) {
                named.losses = unsettled.losses;
                if matches!(self.stage, stage::Stage::Open) {
                    self.follow_after(unsettled.wait, ctx);
                }
            }
        });
        self.answers
            .give(confirm(&self.hub, &rewound.slip, outcome));
    }
}
