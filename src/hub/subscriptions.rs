//! Subscriptions: who is sent which events, and how far it is.

use std::sync::Arc;

use super::Hub;
use super::access::Operation;
use super::acts::Act;
use super::error::HubError;
use super::request::RequestContext;
use crate::actors::messages::subscriptions::{
    ChangeSubscription, InspectSubscriptions, Subscribe, TestCallback, Unsubscribe,
};
use crate::domain::event::Sequence;
use crate::domain::ids::ServiceName;
use crate::domain::pattern::Pattern;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{Callback, PauseReason, SigningSecret, SubscriptionId};
use crate::domain::subscription_view::SubscriptionView;
use crate::logic::callback_tests::CallbackTest;
use crate::logic::subscription_registry::changes::{
    SubscriptionChange, WantedCallback, WantedChange,
};

/// A subscription of a callback that somebody wants.
#[derive(Debug)]
pub struct WantedSubscription {
    /// Whose it is.
    pub service: ServiceName,
    /// The events it wants.
    pub event_types: Arc<[Pattern]>,
    /// Where they go.
    pub callback: Callback,
    /// `None`: what is published from now on.
    pub from_sequence: Option<Sequence>,
    /// What of the callback was asked for.
    pub terms: CallbackTerms,
}

/// What of a callback somebody asked for; the rest is the hub's to choose.
#[derive(Debug)]
pub struct CallbackTerms {
    /// That it outlives a restart of the hub.
    pub durable: Option<bool>,
    /// What it is signed with.
    pub secret: Option<SigningSecret>,
    /// How many events are under way at once.
    pub max_in_flight: Option<u32>,
}

impl CallbackTerms {
    /// # Errors
    /// CONFLICT with the first field in which the callback there is differs from what was asked for.
    fn must_be_those_of(&self, callback: &Callback) -> Result<(), HubError> {
        let secret = self.secret.as_ref();
        let in_flight = self.max_in_flight;
        let field = if self.durable.is_some_and(|it| it != callback.durable) {
            "durable"
        } else if secret.is_some_and(|it| *it != callback.secret) {
            "secret"
        } else if in_flight.is_some_and(|it| it != callback.max_in_flight) {
            "max_in_flight"
        } else {
            return Ok(());
        };
        Err(HubError::Differs { field })
    }
}

impl Hub {
    /// Sends a callback the events it wants, or finds the subscription that does: the same service,
    /// types and address again are the same one. Returns it, and whether it is new.
    ///
    /// # Errors
    /// AUTH_FAILED for another service than the caller, CONFLICT if there is one that differs, GONE
    /// if events from the first on are gone, LIMIT_REACHED, STORAGE_FULL.
    pub async fn subscribe(
        &self,
        context: &RequestContext<'_>,
        wanted: WantedSubscription,
    ) -> Result<(SubscriptionView, bool), HubError> {
        context.principal.may_act_for("service", &wanted.service)?;
        let WantedSubscription {
            service,
            event_types,
            callback,
            from_sequence,
            terms,
        } = wanted;
        let wanted = WantedCallback {
            service,
            event_types,
            callback,
            from_sequence,
        };
        let subscriptions = &self.clients.subscriptions;
        let subscribed = subscriptions.request(|reply| Subscribe { wanted, reply });
        let (subscription, is_new) = subscribed.await??;
        if let Some(there_is) = subscription.callback().filter(|_| !is_new) {
            terms.must_be_those_of(there_is)?;
        }
        let id = subscription.id;
        let present = self.inspect_subscriptions(Some(id), None).await?.pop();
        // Whoever changes or ends it meanwhile changes nothing about what came of this.
        let view = match present {
            Some(present) => SubscriptionView {
                subscription: subscription.clone(),
                ..present
            },
            None => SubscriptionView::begun(subscription.clone()),
        };
        if is_new {
            let whose = format!("of {}", subscription.service);
            Act::new("subscribe", "subscription", &subscription.id)
                .with(&whose)
                .tell(context);
        }
        Ok((view, is_new))
    }

    /// Those of one service, or all that the principal may see.
    ///
    /// # Errors
    /// AUTH_FAILED if the service is another.
    pub async fn subscriptions(
        &self,
        context: &RequestContext<'_>,
        service: Option<ServiceName>,
    ) -> Result<Vec<SubscriptionView>, HubError> {
        if let Some(service) = &service {
            let operation = Operation::ListSubscriptions(service);
            context.principal.may(operation)?;
        }
        let service = service.or_else(|| context.principal.sees_only());
        self.inspect_subscriptions(None, service).await
    }

    /// One subscription.
    ///
    /// # Errors
    /// NOT_FOUND if there is none that is the principal's.
    pub async fn subscription(
        &self,
        context: &RequestContext<'_>,
        id: SubscriptionId,
    ) -> Result<SubscriptionView, HubError> {
        let owner = context.principal.sees_only();
        self.find_subscription(id, owner).await
    }

    /// `owner`: only one of this service.
    pub(super) async fn find_subscription(
        &self,
        id: SubscriptionId,
        owner: Option<ServiceName>,
    ) -> Result<SubscriptionView, HubError> {
        let found = self.inspect_subscriptions(Some(id), owner).await?.pop();
        found.ok_or_else(|| unknown(id))
    }

    /// One or all, of one service or of any.
    async fn inspect_subscriptions(
        &self,
        id: Option<SubscriptionId>,
        service: Option<ServiceName>,
    ) -> Result<Vec<SubscriptionView>, HubError> {
        let views = self
            .clients
            .subscriptions
            .request(|reply| InspectSubscriptions { id, service, reply });
        views.await
    }

    /// Changes a subscription of a callback; returns it as it is now.
    ///
    /// # Errors
    /// AUTH_FAILED if it is another's, NOT_FOUND, CONFLICT if it is one of sockets, or there is one
    /// like that already.
    pub async fn change_subscription(
        &self,
        context: &RequestContext<'_>,
        id: SubscriptionId,
        change: SubscriptionChange,
    ) -> Result<SubscriptionView, HubError> {
        let changes = change.in_words();
        let changed = self
            .clients
            .subscriptions
            .request(|reply| ChangeSubscription {
                id,
                owner: context.principal.acts_only_for(),
                change: WantedChange::Terms(change),
                reply,
            });
        changed.await?.map_err(|refusal| refused(refusal, id))?;
        Act::new("change_subscription", "subscription", &id)
            .with(&changes)
            .tell(context);
        self.subscription(context, id).await
    }

    /// Sends a callback nothing more for now, or goes on; returns the subscription as it is now.
    ///
    /// # Errors
    /// AUTH_FAILED if it is another's, NOT_FOUND, CONFLICT if it is one of sockets.
    pub async fn switch_subscription(
        &self,
        context: &RequestContext<'_>,
        id: SubscriptionId,
        paused: bool,
    ) -> Result<SubscriptionView, HubError> {
        let switched = self
            .clients
            .subscriptions
            .request(|reply| ChangeSubscription {
                id,
                owner: context.principal.acts_only_for(),
                change: WantedChange::Paused(paused.then_some(PauseReason::Asked)),
                reply,
            });
        switched.await?.map_err(|refusal| refused(refusal, id))?;
        let action = if paused {
            "pause_subscription"
        } else {
            "resume_subscription"
        };
        Act::new(action, "subscription", &id).tell(context);
        self.subscription(context, id).await
    }

    /// Calls a callback once, with an event that nobody published: past its circuit, and without a
    /// change of anything. Returns what it answered.
    ///
    /// # Errors
    /// AUTH_FAILED if it is another's, NOT_FOUND, CONFLICT if it is one of sockets or is tested now,
    /// RATE_LIMITED if it was a moment ago.
    pub async fn test_subscription(
        &self,
        context: &RequestContext<'_>,
        id: SubscriptionId,
    ) -> Result<CallbackTest, HubError> {
        let owner = context.principal.acts_only_for();
        let subscriptions = &self.clients.subscriptions;
        let tested = subscriptions.request(|reply| TestCallback { id, owner, reply });
        let test = tested.await?.map_err(|refusal| refused(refusal, id))?;
        let outcome = test.error.as_deref().unwrap_or("delivered");
        Act::new("test_subscription", "subscription", &id)
            .with(&outcome)
            .tell(context);
        Ok(test)
    }

    /// Ends a subscription. `action`: what the log calls that.
    ///
    /// # Errors
    /// AUTH_FAILED if it is another's, NOT_FOUND.
    pub async fn end_subscription(
        &self,
        context: &RequestContext<'_>,
        id: SubscriptionId,
        action: &'static str,
    ) -> Result<(), HubError> {
        let owner = context.principal.acts_only_for();
        let subscriptions = &self.clients.subscriptions;
        let ended = subscriptions.request(|reply| Unsubscribe { id, owner, reply });
        ended.await?.map_err(|refusal| refused(refusal, id))?;
        Act::new(action, "subscription", &id).tell(context);
        Ok(())
    }
}

fn refused(refusal: Refusal, id: SubscriptionId) -> HubError {
    HubError::refused(refusal, unknown(id))
}

pub(super) fn unknown(id: SubscriptionId) -> HubError {
    HubError::NotFound {
        what: format!("subscription {id}"),
    }
}
