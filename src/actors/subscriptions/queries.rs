//! What clients ask about subscriptions, and what each service has of them.

use actix::{Context, Handler, MessageResult};

use super::Subscriptions;
use crate::actors::messages::subscriptions::{InspectUsage, ServiceUsage};

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
