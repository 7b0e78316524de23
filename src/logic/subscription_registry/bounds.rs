//! How much each service may have of subscriptions, and each subscription of replays; and from
//! which event on one may begin.

use super::SubscriptionRegistry;
use crate::domain::event::Sequence;
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;
use crate::logic::limits::Limit;

impl SubscriptionRegistry {
    /// Whether a service may have one more subscription with so many patterns.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`]
    pub(super) fn may_subscribe(&self, service: &ServiceName, more: usize) -> Result<(), Refusal> {
        let usage = self.usage(service);
        self.within(Limit::SubscriptionsPerService, usage.subscriptions + 1)?;
        self.within(Limit::PatternsPerService, usage.patterns + more)
    }

    /// Whether one of a service may have `more` patterns in place of those it has.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`]
    pub(super) fn may_change(
        &self,
        service: &ServiceName,
        before: usize,
        more: usize,
    ) -> Result<(), Refusal> {
        // Who has more than there may be now may still come down.
        if more <= before {
            return Ok(());
        }
        let patterns = self.usage(service).patterns;
        self.within(Limit::PatternsPerService, patterns - before + more)
    }

    /// Whether a subscription may have one more replay.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`]
    pub(super) fn may_replay(&self, id: SubscriptionId) -> Result<(), Refusal> {
        let replays = self.count_replays(id);
        self.within(Limit::ReplaysPerSubscription, replays + 1)
    }

    fn within(&self, limit: Limit, count: usize) -> Result<(), Refusal> {
        let most = self.limits.of(limit);
        match count as u64 > most {
            true => Err(Refusal::LimitReached {
                limit: limit.name(),
                most,
            }),
            false => Ok(()),
        }
    }

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

    /// As [`SubscriptionRegistry::begin_after`]; who names an event far off means something else.
    pub(super) fn begin_in_sight(&self, from: Option<Sequence>) -> Result<Sequence, Refusal> {
        let newest = self.log.newest();
        match from {
            Some(from) if from > newest + 1 => Err(Refusal::BeyondNewest { newest }),
            from => self.begin_after(from),
        }
    }
}
