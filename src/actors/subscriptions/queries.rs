//! What clients ask about subscriptions, and what each service has of them.

use std::sync::Arc;

use actix::{Context, Handler, MessageResult};

use super::Subscriptions;
use crate::actors::messages::event_log::ShowLags;
use crate::actors::messages::subscriptions::{
    InspectSubscriptions, InspectUsage, Progress, ServiceUsage,
};
use crate::domain::moment::Moment;
use crate::domain::subscription::{Subscription, SubscriptionId};
use crate::domain::subscription_view::SubscriptionView;
use crate::domain::timestamp::Timestamp;
use crate::logic::feed_news::FeedId;

impl Subscriptions {
    /// By which feed it follows the events at present.
    fn feed_of(&self, id: SubscriptionId) -> Option<FeedId> {
        let callback = self.children.subscriptions.get(&id).map(|one| one.feed);
        callback.or_else(|| self.subscriptions.holder(id))
    }

    /// All but its lag, which the EventLog knows.
    fn view(&self, subscription: &Arc<Subscription>) -> SubscriptionView {
        let id = subscription.id;
        let subscriber = self.children.subscriptions.get(&id);
        let progress = subscriber
            .map(|one| one.progress.clone())
            .unwrap_or_default();
        let position = self.subscriptions.positions.of(id);
        let now = self.settings.clock.moment();
        let next_attempt = next_attempt(&progress, now);
        let previous = subscription.callback();
        let previous = previous.and_then(|callback| callback.previous_at(now.wall));
        SubscriptionView {
            subscription: subscription.clone(),
            previous_secret_until: previous.map(|previous| previous.until),
            position,
            lag: 0,
            in_flight: progress.in_flight,
            failures: progress.failures,
            last_error: progress.last_error,
            is_retrying: progress.is_retrying,
            next_attempt: next_attempt.filter(|_| subscription.paused.is_none()),
            is_circuit_open: progress.is_circuit_open,
            is_connected: self.subscriptions.holder(id).is_some(),
        }
    }
}

/// By the system's clock. `None`: nothing waits for a time, or nobody knows for which.
fn next_attempt(progress: &Progress, now: Moment) -> Option<Timestamp> {
    let next = if progress.is_circuit_open {
        let until = progress.circuit_open_until;
        // A failed event may have to wait for longer than the circuit.
        until.map(|until| until.max(progress.retry_at.unwrap_or(until)))
    } else {
        progress.retry_at
    };
    next.filter(|at| *at > now.hub).map(|at| now.wall_time(at))
}

impl Handler<InspectSubscriptions> for Subscriptions {
    type Result = ();

    fn handle(&mut self, asked: InspectSubscriptions, _: &mut Context<Self>) {
        let service = asked.service.as_ref();
        let is_meant = |one: &&Arc<Subscription>| service.is_none_or(|name| *name == one.service);
        let view = |one: &Arc<Subscription>| (self.view(one), self.feed_of(one.id));
        let views = match asked.id {
            Some(id) => {
                let one = self.subscriptions.present(id).into_iter();
                one.filter(is_meant).map(view).collect()
            }
            None => self
                .subscriptions
                .all()
                .filter(is_meant)
                .map(view)
                .collect(),
        };
        let reply = asked.reply;
        self.hops.show_lags.do_send(ShowLags { views, reply });
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
