//! What the socket is subscribed to, and how that changes.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::{AsyncContext, Handler, Message};
use ahash::AHashSet;

use super::super::super::answers::Slip;
use super::super::super::api::client::MOST_TYPES;
use super::super::super::frames::FeedRequest;
use super::super::super::texts;
use super::super::client::SocketClient;
use super::super::{Context, Session};
use super::Feed;
use super::named::{Named, deleted};
use crate::domain::event::Sequence;
use crate::domain::ids::{Label, ServiceName};
use crate::domain::pattern::Pattern;
use crate::domain::refusal::Refusal;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::hub::feeds::SocketFeed;
use crate::logic::event_window::EventWindow;
use crate::logic::feed_news::{Attached, FeedId};
use crate::logic::payload_head::PayloadDetail;

/// What a subscribe needed to know is known.
struct Subscribed {
    event_types: Arc<[Pattern]>,
    from_sequence: Option<Sequence>,
    manner: Manner,
    /// Its service and its name.
    named: Option<(ServiceName, Label, Attached)>,
    log: EventWindow,
}

/// How a client wants to be sent its events; `None`: as before.
#[derive(Clone, Copy)]
struct Manner {
    max_rate: Option<u32>,
    detail: Option<PayloadDetail>,
}

/// What the socket is subscribed to changes now: nothing of what was before is on its way any more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ChangeFeed {
    slip: Slip,
    to: Result<To, HubError>,
}

enum To {
    More(Subscribed),
    Less(Arc<[Pattern]>),
}

impl Feed {
    fn check(&self, subscribe: &FeedRequest) -> Result<Arc<[Pattern]>, HubError> {
        let wrong = |field: &str, problem: &str| {
            Err(HubError::invalid(Subject::Subscription, field, problem))
        };
        if self.has_begun && subscribe.from_sequence.is_some() {
            return wrong(
                "from_sequence",
                "only the first subscribe of a socket says where to begin",
            );
        }
        if let Some(named) = &self.named {
            named.admit(subscribe)?;
        } else if self.has_begun && subscribe.name.is_some() {
            return wrong(
                "subscription",
                "a socket has at most one, named by its first subscribe",
            );
        }
        self.check_rate(subscribe)?;
        let all = self.with(&subscribe.event_types);
        if all.len() > MOST_TYPES {
            return wrong("event_types", "a socket has at most 1000");
        }
        Ok(all.into())
    }

    /// Where a subscribe begins.
    fn start(&self, changed: &Subscribed) -> Result<Sequence, Refusal> {
        let (oldest, newest) = (changed.log.oldest, changed.log.newest);
        let next = self.follower.through() + 1;
        if let Some((.., named)) = &changed.named {
            return Ok(named.from.max(oldest).max(next));
        }
        if !self.event_types.is_empty() {
            return Ok(next);
        }
        match changed.from_sequence {
            Some(from) if from < oldest => Err(Refusal::EventsGone { oldest }),
            Some(from) => Ok(from),
            None => Ok((newest + 1).max(next)),
        }
    }
}

impl Session {
    pub(in crate::websocket::session) fn subscribe(
        &mut self,
        slip: Slip,
        subscribe: FeedRequest,
        ctx: &Context,
    ) {
        // Before the feed lets go of what it has.
        let principal = &self.client.principal;
        if let Err(error) = principal.may_act_for("service", &subscribe.service) {
            return self.refuse(&slip, &error);
        }
        let event_types = match self.feed.check(&subscribe) {
            Ok(event_types) => event_types,
            Err(error) => return self.refuse(&slip, &error),
        };
        self.begin_change();
        let present = self.feed.named.as_ref().map(|named| named.name.clone());
        let name = subscribe.name.or(present);
        let (hub, client, home) = (self.hub.clone(), self.client.clone(), ctx.address());
        let manner = Manner {
            max_rate: subscribe.max_rate,
            detail: subscribe.detail,
        };
        actix::spawn(async move {
            let wanted = SocketFeed {
                socket: FeedId(client.socket.0),
                service: subscribe.service,
                name,
                event_types,
                // The first event has the number 1.
                from_sequence: subscribe.from_sequence.map(|from| from.max(1)),
            };
            let to = prepare(&hub, &client, (wanted, manner)).await;
            home.do_send(ChangeFeed {
                slip,
                to: to.map(To::More),
            });
        });
    }

    /// `None`: from everything.
    pub(in crate::websocket::session) fn unsubscribe(
        &mut self,
        slip: Slip,
        less: Option<&[Pattern]>,
        ctx: &Context,
    ) {
        let left = self.feed.event_types.iter();
        let less: Option<AHashSet<&Pattern>> = less.map(|less| less.iter().collect());
        let left: Vec<Pattern> = left
            .filter(|pattern| less.as_ref().is_some_and(|less| !less.contains(pattern)))
            .cloned()
            .collect();
        self.begin_change();
        let (hub, home) = (self.hub.clone(), ctx.address());
        actix::spawn(async move {
            let seen = hub.event_window().await;
            home.do_send(ChangeFeed {
                slip,
                to: seen.map(|_| To::Less(left.into())),
            });
        });
    }

    /// The EventLog is asked something after this. Once it has answered, all that it sent before
    /// has come in.
    fn begin_change(&mut self) {
        let unfollow = self.feed.follower.end();
        self.unfollow(unfollow);
    }

    fn subscribed(&mut self, slip: &Slip, changed: Subscribed) -> Result<(), HubError> {
        if let Some((_, name, attached)) = &changed.named
            && self.feed.ended == Some(attached.id)
        {
            self.feed.deleted = Some(name.clone());
            return Err(deleted(name));
        }
        let from = self.feed.start(&changed)?;
        let feed = &mut self.feed;
        if !feed.has_begun {
            feed.sent = from - 1;
        }
        feed.has_begun = true;
        feed.follower.seek(from - 1);
        feed.event_types = changed.event_types;
        feed.set_rate(changed.manner.max_rate, self.hub.clock.now());
        feed.detail = changed.manner.detail.unwrap_or(feed.detail);
        if let Some((service, name, attached)) = changed.named {
            let known = feed.named.take();
            let mut dead_events = known.as_ref().map(|named| named.dead_events.clone());
            let dead_events = dead_events.take().unwrap_or_default();
            let known = known.map(|named| (named.acked, named.told));
            let (acked, told) = known.unwrap_or((from - 1, attached.from - 1));
            let mut owed = VecDeque::from(attached.dead_events);
            owed.retain(|dead_event| !dead_events.contains_key(&dead_event.event.sequence));
            feed.wait = attached.unsettled.wait;
            feed.named = Some(Named {
                service,
                name,
                id: attached.id,
                acked,
                told,
                losses: attached.unsettled.losses,
                owed,
                dead_events,
            });
        }
        let (reference, newest) = (slip.reference.as_ref(), changed.log.newest);
        let text = texts::subscribed(reference, &feed.event_types, newest);
        self.answers.give((slip.place, Some(text)));
        Ok(())
    }
}

async fn prepare(
    hub: &Hub,
    client: &SocketClient,
    (wanted, manner): (SocketFeed, Manner),
) -> Result<Subscribed, HubError> {
    let (event_types, from_sequence) = (wanted.event_types.clone(), wanted.from_sequence);
    let (service, name) = (wanted.service.clone(), wanted.name.clone());
    let context = client.context(hub.clock.wall());
    let subscribed = hub.subscribe_socket(&context, wanted).await?;
    let named = name.zip(subscribed.attached);
    Ok(Subscribed {
        event_types,
        from_sequence,
        manner,
        named: named.map(|(name, attached)| (service, name, attached)),
        log: subscribed.log,
    })
}

impl Handler<ChangeFeed> for Session {
    type Result = ();

    fn handle(&mut self, change: ChangeFeed, ctx: &mut Context) {
        // It may have been displaced meanwhile.
        self.stop_following();
        let slip = change.slip;
        let changed = match change.to {
            Ok(To::More(changed)) => self.subscribed(&slip, changed),
            Ok(To::Less(left)) => {
                self.feed.keep(&left);
                let text = texts::unsubscribed(slip.reference.as_ref(), &left);
                self.answers.give((slip.place, Some(text)));
                if left.is_empty() {
                    self.lose_events();
                    self.feed.sampler = None;
                    self.feed.detail = PayloadDetail::Full;
                    if let Some(named) = self.feed.named.take() {
                        let context = self.client.context(self.hub.clock.wall());
                        let whose = (&named.service, &named.name);
                        self.hub.left_subscription(&context, named.id, whose);
                    }
                }
                self.feed.event_types = left;
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = changed {
            self.refuse(&slip, &error);
        }
        if !self.feed.event_types.is_empty() {
            let wait = std::mem::take(&mut self.feed.wait);
            self.follow_after(wait, ctx);
        }
    }
}
