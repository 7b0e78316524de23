//! Feeds: events on their way to sockets, and the named subscriptions that sockets have.
//!
//! Whoever follows the events is fed as far as it has room; each call here has its place in line
//! when it returns, whether or not something is answered.

use std::sync::Arc;
use std::time::Duration;

use actix::Recipient;

use super::Hub;
use super::acts::Act;
use super::error::{HubError, Subject};
use super::request::RequestContext;
use crate::actors::messages::event_log::{Credit, Follow, Unfollow};
use crate::actors::messages::subscriptions::{
    AttachSocket, SettleEvents, SocketClosed, SocketOpened,
};
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::{Label, ServiceName};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{DeadEvent, SubscriptionId};
use crate::logic::event_window::EventWindow;
use crate::logic::feed_news::{AttachChange, Attached, FeedId, FeedNews, SocketNews, Unsettled};
use crate::logic::follower::FollowerAction;
use crate::logic::losses::Losses;
use crate::logic::subscription_registry::named::{Attachment, Holding};
use crate::logic::subscription_registry::settling::LostEvents;

/// The events that a socket wants.
pub struct SocketFeed {
    /// Which socket.
    pub socket: FeedId,
    /// For which service.
    pub service: ServiceName,
    /// That of a named subscription, which outlives the socket.
    pub name: Option<Label>,
    /// The events it wants from now on.
    pub event_types: Arc<[Pattern]>,
    /// Where it begins if it is new; `None`: with what is published from now on.
    pub from_sequence: Option<Sequence>,
}

/// What a socket has to know that subscribed.
pub struct SocketSubscribed {
    /// The named subscription, if it has one.
    pub attached: Option<Attached>,
    /// The events there are.
    pub log: EventWindow,
}

impl Hub {
    /// A socket is open; `to` is told when the hub stops, and what becomes of its subscription.
    pub fn socket_opened(&self, socket: FeedId, to: Recipient<SocketNews>) {
        self.clients.subscriptions.tell(SocketOpened { socket, to });
    }

    /// A socket is closed.
    pub fn socket_closed(&self, socket: FeedId) {
        self.clients.subscriptions.tell(SocketClosed { socket });
    }

    /// Does for a feed what its follower asks for; what is in the archive is
    /// [read](Hub::events_before_memory) by whoever follows, and returned from here.
    pub fn feed(
        &self,
        feed: FeedId,
        action: FollowerAction,
        (event_types, told): (&Arc<[Pattern]>, impl FnOnce() -> Recipient<FeedNews>),
    ) -> Option<(u64, Sequence)> {
        let event_log = &self.clients.event_log;
        match action {
            FollowerAction::Follow {
                round,
                from,
                credit,
            } => event_log.tell(Follow {
                feed,
                round,
                event_types: event_types.clone(),
                from,
                credit,
                to: told(),
            }),
            FollowerAction::Unfollow => event_log.tell(Unfollow { feed }),
            FollowerAction::Credit(bytes) => event_log.tell(Credit { feed, bytes }),
            FollowerAction::Read { round, from } => return Some((round, from)),
        }
        None
    }

    /// Sends a feed nothing more.
    pub fn unfollow(&self, feed: FeedId) {
        self.clients.event_log.tell(Unfollow { feed });
    }

    /// A socket subscribes to events. A named subscription is its own from now on, and made if there
    /// is none.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another; what is wrong with where it begins; GONE if events
    /// from the first on are gone, LIMIT_REACHED, STORAGE_FULL.
    pub async fn subscribe_socket(
        &self,
        context: &RequestContext<'_>,
        wanted: SocketFeed,
    ) -> Result<SocketSubscribed, HubError> {
        let principal = context.principal;
        principal.may_act_for("service", &wanted.service)?;
        if let Some(from) = wanted.from_sequence {
            check_reached(from, self.event_window().await?.newest)?;
        }
        let attached = match wanted.name {
            None => None,
            Some(name) => {
                let wanted = Attachment {
                    socket: wanted.socket,
                    service: wanted.service,
                    name,
                    event_types: wanted.event_types,
                    from_sequence: wanted.from_sequence,
                };
                Some(self.attach_socket(context, wanted).await?)
            }
        };
        let log = self.event_window().await?;
        Ok(SocketSubscribed { attached, log })
    }

    async fn attach_socket(
        &self,
        context: &RequestContext<'_>,
        wanted: Attachment,
    ) -> Result<Attached, HubError> {
        let whose = format!("{} of {}", wanted.name, wanted.service);
        let subscriptions = &self.clients.subscriptions;
        let attached = subscriptions.request(|reply| AttachSocket { wanted, reply });
        let attached = attached.await??;
        let action = match attached.change {
            AttachChange::Made => Some("subscribe"),
            AttachChange::Changed => Some("change_subscription"),
            AttachChange::None => None,
        };
        if let Some(action) = action {
            Act::new(action, "subscription", &attached.id)
                .with(&whose)
                .tell(context);
        }
        Ok(attached)
    }

    /// A socket has let go of a named subscription, which stays.
    pub fn left_subscription(
        &self,
        context: &RequestContext<'_>,
        id: SubscriptionId,
        (service, name): (&ServiceName, &Label),
    ) {
        let outcome = format!("{name} of {service}, which stays");
        Act::new("unsubscribe", "subscription", &id)
            .with(&outcome)
            .tell(context);
    }

    /// The client of a named subscription is done with everything up to here; `gone`: what is said
    /// if it was deleted in this very moment.
    pub fn ack_events(
        &self,
        held: Holding,
        through: Sequence,
        gone: HubError,
    ) -> impl Future<Output = Result<(), HubError>> + use<> {
        let subscriptions = &self.clients.subscriptions;
        let acked = subscriptions.request(|reply| SettleEvents::Ack {
            held,
            through,
            reply,
        });
        async move {
            let acked = acked.await?;
            acked.map_err(|refusal| HubError::refused(refusal, gone))
        }
    }

    /// Up to here there was nothing that the named subscription wants and is not done with.
    pub fn pass_events(&self, held: Holding, through: Sequence) {
        let passed = SettleEvents::Pass { held, through };
        self.clients.subscriptions.tell(passed);
    }

    /// A dead letter that was sent again arrived, or did not: then `error` says why.
    pub fn end_redelivery(&self, dead_event: Arc<DeadEvent>, error: Option<String>) {
        let end = SettleEvents::EndRedelivery { dead_event, error };
        self.clients.subscriptions.tell(end);
    }

    /// The next event of a named subscription becomes a dead letter, and the position passes it.
    pub fn give_up_event(&self, held: Holding, event: Arc<Event>, losses: Losses) {
        self.clients.subscriptions.tell(SettleEvents::GiveUp {
            held,
            event,
            losses,
        });
    }

    /// The client refused an event, and wants it again after `delay`.
    pub fn refuse_event(
        &self,
        lost: LostEvents,
        delay: Option<Duration>,
    ) -> impl Future<Output = Result<Unsettled, HubError>> + use<> {
        let subscriptions = &self.clients.subscriptions;
        let refused = subscriptions.request(|reply| SettleEvents::Lose {
            lost,
            delay,
            reply: Some(reply),
        });
        async move { Ok(refused.await??) }
    }

    /// The client is gone with what it had.
    pub fn lose_events(&self, lost: LostEvents) {
        self.clients.subscriptions.tell(SettleEvents::Lose {
            lost,
            delay: None,
            reply: None,
        });
    }
}

/// Whoever resumes begins with the next event at the latest.
fn check_reached(from: Sequence, newest: Sequence) -> Result<(), HubError> {
    if from > newest + 1 {
        let problem = format!("is beyond the newest event ({newest})");
        let subject = Subject::Subscription;
        return Err(HubError::invalid(subject, "from_sequence", problem));
    }
    Ok(())
}
