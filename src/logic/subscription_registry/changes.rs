//! What clients want of the subscriptions of callbacks: whether it may be, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use super::SubscriptionRegistry;
use crate::domain::circuit::Origin;
use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::ServiceName;
use crate::domain::pattern::Pattern;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{
    Callback, Channel, PauseReason, Paused, SigningSecret, Subscription, SubscriptionId,
    Unsubscribed,
};
use crate::domain::timestamp::Timestamp;

/// Of many types the log names the first.
const MOST_TOLD: usize = 10;

/// A callback that is to be sent events.
#[derive(Debug)]
pub struct WantedCallback {
    /// Whose it is.
    pub service: ServiceName,
    /// The events it wants.
    pub event_types: Arc<[Pattern]>,
    /// Where they go.
    pub callback: Callback,
    /// `None`: what is published from now on.
    pub from_sequence: Option<Sequence>,
}

/// What is to become of a subscription of a callback.
#[derive(Debug)]
pub enum WantedChange {
    /// It is another from now on.
    Terms(SubscriptionChange),
    /// It is paused for this reason, or goes on.
    Paused(Option<PauseReason>),
}

/// What should be different about a subscription of a callback; `None` stays as it is.
#[derive(Debug)]
pub struct SubscriptionChange {
    /// The events it wants.
    pub event_types: Option<Arc<[Pattern]>>,
    /// Where they go.
    pub callback_url: Option<String>,
    /// What they are signed with.
    pub secret: Option<SigningSecret>,
    /// How many are under way at once.
    pub max_in_flight: Option<u32>,
}

/// What ends with a subscription.
#[derive(Debug)]
pub struct EndedSubscription {
    /// What the journal has to have.
    pub facts: Vec<Fact>,
    /// That the subscription ended, if it was not to outlive a restart: nobody writes that down, it
    /// holds at once.
    pub volatile: Option<Fact>,
}

impl SubscriptionChange {
    /// For the log: the secret is not told, and of the address only where it leads.
    pub fn in_words(&self) -> String {
        // Taken apart, so that no field is forgotten.
        let Self {
            event_types,
            callback_url,
            secret,
            max_in_flight,
        } = self;
        let types = event_types.as_ref().map(|types| {
            let shown: Vec<_> = types.iter().take(MOST_TOLD).map(Pattern::as_str).collect();
            let more = if types.len() > MOST_TOLD { ", …" } else { "" };
            format!("event_types {}{more}", shown.join(", "))
        });
        let url = callback_url.as_ref();
        let changes = [
            types,
            url.map(|url| format!("callback_url at {}", Origin::of(url).as_str())),
            secret.as_ref().map(|_| "secret".to_owned()),
            max_in_flight.map(|most| format!("max_in_flight {most}")),
        ];
        let changes: Vec<_> = changes.into_iter().flatten().collect();
        match changes.is_empty() {
            true => "nothing".to_owned(),
            false => changes.join("; "),
        }
    }
}

impl SubscriptionRegistry {
    /// The subscription of a callback that `owner` may change; `None`: anybody may.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::NotTheirs`], or [`Refusal::Conflict`] if sockets have it.
    pub fn callback_of(
        &self,
        id: SubscriptionId,
        owner: Option<&ServiceName>,
    ) -> Result<&Arc<Subscription>, Refusal> {
        let subscription = self.owned(id, owner)?;
        if subscription.callback().is_none() {
            let problem = "a subscription of sockets; it is what its sockets make of it";
            return Err(Refusal::Conflict(problem));
        }
        Ok(subscription)
    }

    fn owned(
        &self,
        id: SubscriptionId,
        owner: Option<&ServiceName>,
    ) -> Result<&Arc<Subscription>, Refusal> {
        let found = self.wanted(id).ok_or(Refusal::NotFound)?;
        match owner.is_some_and(|owner| *owner != found.service) {
            true => Err(Refusal::NotTheirs { id }),
            false => Ok(found),
        }
    }

    /// The subscription that there is to be. `random` is for its id.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`], [`Refusal::EventsGone`], or [`Refusal::BeyondNewest`].
    pub fn new_callback(
        &self,
        wanted: &WantedCallback,
        at: Timestamp,
        random: [u8; 10],
    ) -> Result<Subscription, Refusal> {
        self.may_subscribe(&wanted.service, wanted.event_types.len())?;
        Ok(Subscription {
            id: SubscriptionId::generate(at, random),
            service: wanted.service.clone(),
            event_types: wanted.event_types.clone(),
            created_at: at,
            changed_at: at,
            after: self.begin_in_sight(wanted.from_sequence)?,
            channel: Channel::Callback(wanted.callback.clone()),
            paused: None,
        })
    }

    /// The subscription as it is to be. For so long after a change of its secret events are signed
    /// with the one before, too.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`], or [`Refusal::Conflict`] if another one would be just the same.
    pub fn changed(
        &self,
        before: &Subscription,
        change: &WantedChange,
        at: Timestamp,
        secret_overlap: Duration,
    ) -> Result<Subscription, Refusal> {
        let mut after = before.clone();
        after.changed_at = at;
        match change {
            WantedChange::Terms(change) => {
                self.change_terms(&mut after, change, at.plus(secret_overlap))?;
            }
            WantedChange::Paused(why) => after.paused = why.map(|why| Paused { at, why }),
        }
        Ok(after)
    }

    fn change_terms(
        &self,
        after: &mut Subscription,
        change: &SubscriptionChange,
        overlap_until: Timestamp,
    ) -> Result<(), Refusal> {
        if let Some(types) = &change.event_types {
            self.may_change(&after.service, after.event_types.len(), types.len())?;
            after.event_types = types.clone();
        }
        let Channel::Callback(callback) = &mut after.channel else {
            return Err(Refusal::NotFound);
        };
        if let Some(url) = &change.callback_url {
            callback.url.clone_from(url);
        }
        if let Some(secret) = &change.secret {
            callback.change_secret(secret.clone(), after.changed_at, overlap_until);
        }
        callback.max_in_flight = change.max_in_flight.unwrap_or(callback.max_in_flight);
        if change.event_types.is_some() || change.callback_url.is_some() {
            self.must_be_alone(after)?;
        }
        Ok(())
    }

    /// No other may ask for just the same, as each would get every event.
    fn must_be_alone(&self, subscription: &Subscription) -> Result<(), Refusal> {
        let (but, service) = (Some(subscription.id), &subscription.service);
        let types = &subscription.event_types;
        let url = subscription.callback().map(|callback| &callback.url);
        match url.and_then(|url| self.same_callback(but, service, types, url)) {
            None => Ok(()),
            Some(_) => Err(Refusal::Conflict(
                "another subscription of the service has these event_types and this callback_url; end one of the two",
            )),
        }
    }

    /// The subscription is to be no more, and neither is what it is owed.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or [`Refusal::NotTheirs`].
    pub fn end(
        &mut self,
        id: SubscriptionId,
        owner: Option<&ServiceName>,
        at: Timestamp,
    ) -> Result<EndedSubscription, Refusal> {
        let is_durable = self.owned(id, owner)?.is_durable();
        let mut facts = self.intend_end(id, at);
        let end = Fact::Subscription(SubscriptionFact::Unsubscribed(Unsubscribed { id, at }));
        let volatile = if is_durable {
            facts.push(end);
            None
        } else {
            Some(end)
        };
        Ok(EndedSubscription { facts, volatile })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;
    use crate::logic::webhook::parse_secret;

    const OVERLAP: Duration = Duration::from_secs(60);

    fn at() -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000)
    }

    fn registry() -> (SubscriptionRegistry, Arc<Subscription>) {
        let mut registry = SubscriptionRegistry::default();
        let subscribed = samples::subscribed(1);
        registry.learn(&subscribed);
        let Fact::Subscription(SubscriptionFact::Subscribed(subscription)) = subscribed else {
            panic!("a sample of something else");
        };
        (registry, subscription)
    }

    fn nothing() -> SubscriptionChange {
        SubscriptionChange {
            event_types: None,
            callback_url: None,
            secret: None,
            max_in_flight: None,
        }
    }

    #[test]
    fn what_is_changed_is_told_without_what_is_secret() {
        assert_eq!(nothing().in_words(), "nothing");
        let types = ["a.*", "b"].map(|text| Pattern::parse(text).unwrap());
        let secret = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let all = SubscriptionChange {
            event_types: Some(types.into()),
            callback_url: Some("http://shop:1/in?token=hush".to_owned()),
            secret: Some(secret.unwrap()),
            max_in_flight: Some(7),
        };
        assert_eq!(
            all.in_words(),
            "event_types a.*, b; callback_url at http://shop:1; secret; max_in_flight 7"
        );
    }

    #[test]
    fn only_what_is_named_changes_and_nothing_becomes_what_another_is() {
        let (mut registry, before) = registry();
        let change = |registry: &SubscriptionRegistry, change| {
            registry.changed(&before, &WantedChange::Terms(change), at(), OVERLAP)
        };
        let more = SubscriptionChange {
            max_in_flight: Some(7),
            ..nothing()
        };
        let after = change(&registry, more).unwrap();
        assert_eq!(after.callback().unwrap().max_in_flight, 7);
        assert_eq!(after.changed_at, at());
        let mut same = after;
        same.channel = before.channel.clone();
        same.changed_at = before.changed_at;
        assert_eq!(same, *before);
        let url = "http://elsewhere/events".to_owned();
        let mut other = Subscription {
            id: SubscriptionId::generate(at(), [7; 10]),
            ..Subscription::clone(&before)
        };
        if let Channel::Callback(callback) = &mut other.channel {
            callback.url.clone_from(&url);
        }
        registry.intend(Arc::new(other));
        let like_the_other = SubscriptionChange {
            callback_url: Some(url),
            ..nothing()
        };
        let refused = change(&registry, like_the_other);
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
        assert!(change(&registry, nothing()).is_ok());
    }

    #[test]
    fn a_subscription_is_paused_and_goes_on_by_whoever_owns_it() {
        let (registry, before) = registry();
        let stranger = ServiceName::parse("stranger").unwrap();
        let id = before.id;
        let refused = registry.callback_of(id, Some(&stranger)).unwrap_err();
        assert_eq!(refused, Refusal::NotTheirs { id });
        assert!(registry.callback_of(id, Some(&before.service)).is_ok());
        let pause = WantedChange::Paused(Some(PauseReason::Asked));
        let paused = registry.changed(&before, &pause, at(), OVERLAP).unwrap();
        assert_eq!(paused.paused.as_ref().map(|paused| paused.at), Some(at()));
        let resume = WantedChange::Paused(None);
        let resumed = registry.changed(&paused, &resume, at(), OVERLAP);
        assert_eq!(resumed.unwrap().paused, None);
    }

    #[test]
    fn whoever_does_not_outlive_a_restart_ends_without_a_record() {
        for durable in [true, false] {
            let (mut registry, before) = registry();
            let mut version = Subscription::clone(&before);
            if let Channel::Callback(callback) = &mut version.channel {
                callback.durable = durable;
            }
            let id = version.id;
            registry.learn(&Fact::Subscription(SubscriptionFact::Subscribed(Arc::new(
                version,
            ))));
            let ended = registry.end(id, None, at()).unwrap();
            assert_eq!(ended.facts.len(), usize::from(durable));
            assert_eq!(ended.volatile.is_none(), durable);
            assert_eq!(registry.end(id, None, at()).unwrap_err(), Refusal::NotFound);
        }
    }
}
