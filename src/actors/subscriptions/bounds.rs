//! How much each service may have of subscriptions, and each subscription of replays.

use actix::{Context, Handler, MessageResult};

use super::Subscriptions;
use crate::actors::messages::subscriptions::{InspectUsage, ServiceUsage};
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;
use crate::logic::limits::Limit;

impl Subscriptions {
    /// Whether a service may have one more subscription with so many patterns.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`]
    pub(super) fn may_subscribe(&self, service: &ServiceName, more: usize) -> Result<(), Refusal> {
        let usage = self.subscriptions.usage(service);
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
        let patterns = self.subscriptions.usage(service).patterns;
        self.within(Limit::PatternsPerService, patterns - before + more)
    }

    /// Whether a subscription may have one more replay.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`]
    pub(super) fn may_replay(&self, id: SubscriptionId) -> Result<(), Refusal> {
        let replays = self.subscriptions.count_replays(id);
        self.within(Limit::ReplaysPerSubscription, replays + 1)
    }

    fn within(&self, limit: Limit, count: usize) -> Result<(), Refusal> {
        let most = self.settings.limits.of(limit);
        match count as u64 > most {
            true => Err(Refusal::LimitReached {
                limit: limit.name(),
                most,
            }),
            false => Ok(()),
        }
    }
}

impl Handler<InspectUsage> for Subscriptions {
    type Result = MessageResult<InspectUsage>;

    fn handle(&mut self, asked: InspectUsage, _: &mut Context<Self>) -> Self::Result {
        let only = asked.service.as_ref();
        let usages = self.subscriptions.usages();
        let meant = usages.filter(|(service, _)| only.is_none_or(|only| only == *service));
        let mut usages: Vec<_> = meant
            .map(|(service, usage)| ServiceUsage {
                service: service.clone(),
                subscriptions: usage.subscriptions,
                patterns: usage.patterns,
                replays: 0,
            })
            .collect();
        for one in self.subscriptions.all() {
            let place = usages.binary_search_by(|usage| usage.service.cmp(&one.service));
            if let Ok(place) = place {
                let replays = self.subscriptions.count_replays(one.id);
                usages[place].replays = usages[place].replays.max(replays);
            }
        }
        MessageResult(usages)
    }
}
